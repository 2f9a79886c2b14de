"""Storages on their way between files and tensors."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import taeda

if TYPE_CHECKING:
    from taeda import Tensor, UntypedStorage

__all__ = [
    "FileStorage",
    "MapLocation",
    "Placement",
    "byte_order_differs",
    "copy_bytes",
    "new_bytes",
    "rebuild_tensor",
    "storage_of_bytes",
    "storage_view",
    "swap_byte_order",
]

MapLocation: TypeAlias = Callable[[Any, str], Any] | taeda.device | str | Mapping[str, str] | None


@dataclass
class FileStorage:
    """A storage read from a file, with the element type that the file gives it."""

    untyped: UntypedStorage
    dtype: taeda.dtype
    nbytes: int
    is_meta: bool = False


def storage_view(storage: UntypedStorage) -> memoryview:
    """The bytes of a CPU storage, writable."""
    nbytes = storage.nbytes()
    if nbytes == 0:
        return memoryview(bytearray())
    flat = taeda._C._tensor_from_storage(storage, taeda.uint8, 0, (nbytes,), (1,))
    return flat.numpy().data


def new_bytes(nbytes: int) -> tuple[UntypedStorage, memoryview]:
    """A new CPU storage and a writable view of its bytes."""
    storage = taeda.empty(nbytes, dtype=taeda.uint8).untyped_storage()
    return storage, storage_view(storage)


def storage_of_bytes(buffer: Any) -> UntypedStorage:
    """A storage that shares the memory of a writable buffer."""
    if len(buffer) == 0:
        return taeda.empty(0, dtype=taeda.uint8).untyped_storage()
    return taeda.frombuffer(buffer, dtype=taeda.uint8).untyped_storage()


def swap_byte_order(content: memoryview, dtype: taeda.dtype) -> None:
    """Turns elements written on a machine of the other byte order into this machine's, in place."""
    import numpy as np

    width = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
    if width > 1:
        np.frombuffer(content, dtype=f"u{width}").byteswap(inplace=True)


def copy_bytes(target: UntypedStorage, source: UntypedStorage) -> None:
    """Copies one storage into another of the same size, on whatever devices they are."""
    target_bytes, source_bytes = (
        taeda._C._tensor_from_storage(storage, taeda.uint8, 0, (storage.nbytes(),), (1,))
        for storage in (target, source)
    )
    target_bytes.copy_(source_bytes)


def byte_order_differs(recorded: str) -> bool:
    """Was a file that says `recorded` ("little" or "big") written with the other byte order?"""
    return recorded != sys.byteorder


def rebuild_tensor(
    storage: FileStorage,
    dtype: taeda.dtype,
    offset: int,
    size: Sequence[int],
    stride: Sequence[int],
    requires_grad: bool,
) -> Tensor:
    """A tensor on a storage from a file, after checking that it stays inside.

    Args:
        storage: the memory.
        dtype: element type.
        offset: first element, counted in elements.
        size: sizes.
        stride: strides, in elements.
        requires_grad: as for any tensor.

    Raises:
        RuntimeError: the geometry is malformed or reaches outside the storage.
    """
    numbers = [offset, *size, *stride]
    if len(size) != len(stride) or not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
        raise RuntimeError(
            f"load: the file has a tensor with storage_offset={offset}, size={tuple(size)}, "
            f"stride={tuple(stride)}; expected non-negative integers and as many strides as sizes"
        )
    last = offset + sum((extent - 1) * step for extent, step in zip(size, stride))
    available = storage.nbytes // dtype.itemsize
    if 0 not in size and last >= available:
        raise RuntimeError(
            f"load: the file has a tensor of size {tuple(size)}, stride {tuple(stride)} and storage_offset "
            f"{offset} "
            f"that reaches element {last} of a storage of {available} elements; the file is corrupt"
        )
    if storage.is_meta:
        tensor = taeda.empty_strided(tuple(size), tuple(stride), dtype=dtype, device="meta")
    else:
        tensor = taeda._C._tensor_from_storage(storage.untyped, dtype, offset, tuple(size), tuple(stride))
    return tensor.requires_grad_() if requires_grad else tensor


class Placement:
    """Decides on which device a file's storages go.

    Args:
        map_location: as `taeda.load` takes it.
    """

    def __init__(self, map_location: MapLocation) -> None:
        self._function: Callable[[Any, str], Any] | None = None
        self._names: Mapping[str, str] = {}
        self._device: str | None = None
        if map_location is None:
            return
        if isinstance(map_location, (str, taeda.device)):
            self._device = str(map_location)
        elif isinstance(map_location, Mapping):
            self._names = map_location
        elif callable(map_location):
            self._function = map_location
        else:
            raise TypeError(
                "load: map_location must be a device, its name, a dict of names or a function, "
                f"got {type(map_location).__name__}"
            )

    def is_meta(self, location: str) -> bool:
        """Do storages of that location need no memory?"""
        return self._function is None and self._target(location) == "meta"

    def place(self, storage: UntypedStorage, location: str) -> UntypedStorage:
        """Moves a storage, loaded into host memory, to where it belongs.

        Raises:
            RuntimeError: that device does not exist here.
        """
        if self._function is not None:
            moved: UntypedStorage | None = self._function(storage, location)
            if moved is not None:
                return moved
        target = self._target(location)
        if target == "cpu":
            return storage
        if not _is_available(target):
            raise RuntimeError(
                f"load: Attempting to deserialize a storage of device '{location}', but device '{target}' "
                "is not "
                "available here; pass map_location='cpu' to load onto the CPU"
            )
        nbytes = storage.nbytes()
        flat = taeda._C._tensor_from_storage(storage, taeda.uint8, 0, (nbytes,), (1,))
        return flat.to(target).untyped_storage()

    def _target(self, location: str) -> str:
        return self._device or self._names.get(location, location)


def _is_available(target: str) -> bool:
    kind = target.partition(":")[0]
    if kind != "cuda":
        return kind == "cpu"
    return bool(taeda.cuda.is_available())
