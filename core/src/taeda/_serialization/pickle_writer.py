"""A writer for pickles of plain data and tensors, in the form that torch's restricted reader accepts."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import taeda
from taeda._serialization.pickle_globals import STORAGE_DTYPES

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = ["PickleWriter"]

_STORAGE_OF_DTYPE = {dtype: storage for storage, dtype in STORAGE_DTYPES.items()}


class PickleWriter:
    """Writes one object.

    Args:
        add_storage: called for every tensor with (storage, bytes per element); returns the storage's key.
        operation: named in errors.

    Raises:
        TypeError: the object holds something that is neither plain data nor a tensor.
    """

    def __init__(self, add_storage: Callable[[Any, int], str], operation: str = "save") -> None:
        self._add_storage = add_storage
        self._operation = operation
        self._parts: list[bytes] = []
        self._memo: dict[int, int] = {}
        self._names: dict[str, int] = {}
        self._alive: list[Any] = []
        self._path: list[str] = []

    def dumps(self, value: Any) -> bytes:
        """The pickle, protocol 2."""
        self._parts = [b"\x80\x02"]
        try:
            self._write(value)
        except RecursionError:
            raise ValueError(
                f"{self._operation}: the object is nested too deeply, or a tuple contains itself, "
                f"below {''.join(self._path[:8])}"
            ) from None
        self._parts.append(b".")
        return b"".join(self._parts)

    def _write(self, value: Any) -> None:
        index = self._memo.get(id(value))
        if index is not None:
            self._parts.append(_get(index))
            return
        writer = _WRITERS.get(type(value))
        if writer is not None:
            writer(self, value)
        elif isinstance(value, taeda.Tensor):
            self._write_tensor(value)
        else:
            self._write_other(value)

    def _write_other(self, value: Any) -> None:
        if isinstance(value, taeda.Size):
            self._write_call("torch Size", (tuple(value),))
        elif isinstance(value, taeda.dtype):
            self._write_name(f"torch {_dtype_name(value)}")
        elif isinstance(value, taeda.device):
            arguments = (value.type,) if value.index is None else (value.type, value.index)
            self._write_call("torch device", arguments)
        else:
            raise TypeError(
                f"{self._operation}: cannot store an object of type {type(value).__module__}."
                f"{type(value).__qualname__} at {self._where()}; {_advice(value)}"
            )

    def _where(self) -> str:
        return "".join(self._path) or "the top level"

    def _remember(self, value: Any) -> None:
        self._memo[id(value)] = index = len(self._memo) + len(self._names)
        self._alive.append(value)
        self._parts.append(_put(index))

    def _write_name(self, name: str) -> None:
        """A global, "module name"."""
        if name in self._names:
            self._parts.append(_get(self._names[name]))
            return
        self._names[name] = index = len(self._memo) + len(self._names)
        self._parts.append(b"c" + name.replace(" ", "\n").encode() + b"\n" + _put(index))

    def _write_call(self, name: str, arguments: tuple[Any, ...]) -> None:
        self._write_name(name)
        self._write_plain_tuple(arguments)
        self._parts.append(b"R")

    def _write_plain_tuple(self, items: tuple[Any, ...]) -> None:
        self._parts.append(b"(")
        for item in items:
            self._write(item)
        self._parts.append(b"t")

    # -- containers
    # --------------------------------------------------------------------------------------------

    def _write_list(self, value: list[Any]) -> None:
        self._parts.append(b"]")
        self._remember(value)
        if value:
            self._parts.append(b"(")
            self._write_items(value)
            self._parts.append(b"e")

    def _write_tuple(self, value: tuple[Any, ...]) -> None:
        if not value:
            self._parts.append(b")")
            return
        self._parts.append(b"(")
        self._write_items(value)
        self._parts.append(b"t")
        self._remember(value)

    def _write_items(self, items: list[Any] | tuple[Any, ...]) -> None:
        for position, item in enumerate(items):
            self._path.append(f"[{position}]")
            self._write(item)
            self._path.pop()

    def _write_dict(self, value: dict[Any, Any]) -> None:
        self._parts.append(b"}")
        self._remember(value)
        self._write_pairs(value)

    def _write_pairs(self, value: dict[Any, Any]) -> None:
        if not value:
            return
        self._parts.append(b"(")
        for key, item in value.items():
            self._path.append(f"[{key!r}]")
            self._write(key)
            self._write(item)
            self._path.pop()
        self._parts.append(b"u")

    def _write_ordered_dict(self, value: OrderedDict[Any, Any]) -> None:
        self._write_call("collections OrderedDict", ())
        self._remember(value)
        self._write_pairs(value)
        if value.__dict__:
            self._write(dict(value.__dict__))
            self._parts.append(b"b")

    def _write_set(self, value: set[Any]) -> None:
        # Sorted where possible, so that equal sets make equal files.
        try:
            items = sorted(value)
        except TypeError:
            items = list(value)
        self._write_call("builtins set", (items,))
        self._remember(value)

    # -- leaves
    # ------------------------------------------------------------------------------------------------

    def _write_none(self, value: None) -> None:
        self._parts.append(b"N")

    def _write_bool(self, value: bool) -> None:
        self._parts.append(b"\x88" if value else b"\x89")

    def _write_int(self, value: int) -> None:
        if 0 <= value < 256:
            self._parts.append(b"K" + bytes([value]))
        elif -(2**31) <= value < 2**31:
            self._parts.append(b"J" + struct.pack("<i", value))
        else:
            encoded = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            if len(encoded) > 255:
                raise ValueError(
                    f"{self._operation}: the integer at {self._where()} has {len(encoded)} bytes"
                )
            self._parts.append(b"\x8a" + bytes([len(encoded)]) + encoded)

    def _write_float(self, value: float) -> None:
        self._parts.append(b"G" + struct.pack(">d", value))

    def _write_complex(self, value: complex) -> None:
        self._write_call("builtins complex", (value.real, value.imag))

    def _write_text(self, value: str) -> None:
        encoded = value.encode("utf-8", "surrogatepass")
        self._parts.append(b"X" + struct.pack("<I", len(encoded)) + encoded)
        self._remember(value)

    def _write_bytes(self, value: bytes) -> None:
        self._write_call("_codecs encode", (value.decode("latin1"), "latin1"))
        self._remember(value)

    def _write_bytearray(self, value: bytearray) -> None:
        self._write_call("builtins bytearray", (bytes(value),))
        self._remember(value)

    # -- tensors
    # -----------------------------------------------------------------------------------------------

    def _write_tensor(self, value: Tensor) -> None:
        kind = type(value)
        is_parameter = kind is not taeda.Tensor and kind is taeda.nn.Parameter
        if kind is not taeda.Tensor and not is_parameter:
            raise TypeError(
                f"{self._operation}: cannot store the tensor subclass {kind.__qualname__} at "
                f"{self._where()}; "
                "convert it with .as_subclass(taeda.Tensor)"
            )
        if not is_parameter:
            self._write_plain_tensor(value)
            self._remember(value)
            return
        self._write_name("torch._utils _rebuild_parameter")
        self._parts.append(b"(")
        self._write_plain_tensor(value.detach())
        self._write(value.requires_grad)
        self._write_call("collections OrderedDict", ())
        self._parts.append(b"tR")
        self._remember(value)

    def _write_plain_tensor(self, value: Tensor) -> None:
        if value.device.type == "meta":
            arguments = (value.dtype, tuple(value.shape), tuple(value.stride()), value.requires_grad)
            self._write_call("torch._utils _rebuild_meta_tensor_no_storage", arguments)
            return
        dtype = _dtype_name(value.dtype)
        is_typed = dtype in _STORAGE_OF_DTYPE
        self._write_name("torch._utils _rebuild_tensor_v2" if is_typed else "torch._utils _rebuild_tensor_v3")
        self._parts.append(b"(")
        self._write_storage(value, _STORAGE_OF_DTYPE.get(dtype))
        self._write(value.storage_offset())
        self._write_plain_tuple(tuple(value.shape))
        self._write_plain_tuple(tuple(value.stride()))
        self._write(value.requires_grad)
        self._write_call("collections OrderedDict", ())
        if not is_typed:
            self._write(value.dtype)
        self._parts.append(b"tR")

    def _write_storage(self, value: Tensor, kind: str | None) -> None:
        """The persistent id ("storage", class, key, device, number of elements)."""
        storage = value.untyped_storage()
        self._parts.append(b"(")
        self._write("storage")
        self._write_name(f"torch {kind}" if kind is not None else "torch.storage UntypedStorage")
        self._write(self._add_storage(storage, value.dtype.itemsize))
        self._write(str(value.device))
        self._write(storage.nbytes() // value.dtype.itemsize if kind is not None else storage.nbytes())
        self._parts.append(b"tQ")


def _get(index: int) -> bytes:
    return b"h" + bytes([index]) if index < 256 else b"j" + struct.pack("<I", index)


def _put(index: int) -> bytes:
    return b"q" + bytes([index]) if index < 256 else b"r" + struct.pack("<I", index)


def _dtype_name(dtype: taeda.dtype) -> str:
    return str(dtype).rpartition(".")[2]


def _advice(value: Any) -> str:
    """How to store something like `value` after all."""
    module = type(value).__module__
    if module == "numpy" or module.startswith("numpy."):
        return "store taeda.from_numpy(array) or scalar.item() instead"
    if hasattr(value, "state_dict"):
        return "store its state_dict() instead"
    if isinstance(value, tuple):
        return "store tuple(value) or value._asdict() instead"
    return "only tensors, numbers, texts, bytes, None, lists, tuples, dicts and sets can be stored"


_WRITERS: dict[type, Callable[[PickleWriter, Any], None]] = {
    type(None): PickleWriter._write_none,
    bool: PickleWriter._write_bool,
    int: PickleWriter._write_int,
    float: PickleWriter._write_float,
    complex: PickleWriter._write_complex,
    str: PickleWriter._write_text,
    bytes: PickleWriter._write_bytes,
    bytearray: PickleWriter._write_bytearray,
    list: PickleWriter._write_list,
    tuple: PickleWriter._write_tuple,
    dict: PickleWriter._write_dict,
    OrderedDict: PickleWriter._write_ordered_dict,
    set: PickleWriter._write_set,
}
