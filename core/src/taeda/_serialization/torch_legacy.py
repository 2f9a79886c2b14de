"""The form of `.pt` files that torch wrote before 1.6: five pickles, then the bytes of all storages."""

from __future__ import annotations

import pickle
from typing import IO, Any

from taeda._serialization.pickle_globals import StorageKind, find_global
from taeda._serialization.pickle_reader import PickleReader
from taeda._serialization.storage import (
    FileStorage,
    Placement,
    byte_order_differs,
    copy_bytes,
    new_bytes,
    swap_byte_order,
)
from taeda._serialization.torch_zip import checked_identifier, fill

__all__ = ["read_legacy"]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001


def read_legacy(file: IO[bytes], placement: Placement, encoding: str = "utf-8") -> Any:
    """Reads the object.

    Args:
        file: seekable, positioned at the beginning.
        placement: where storages go.
        encoding: of Python 2 byte strings.

    Raises:
        RuntimeError: the file is damaged.
        pickle.UnpicklingError: it holds something else than data, or is a pickle of another program.
    """
    return _LegacyReader(file, placement, encoding).read()


class _LegacyReader:
    """Builds the object on storages that are still empty, then fills them."""

    def __init__(self, file: IO[bytes], placement: Placement, encoding: str) -> None:
        self._file = file
        self._placement = placement
        self._encoding = encoding
        self._storages: dict[str, _PendingStorage] = {}
        position = file.tell()
        self._size = file.seek(0, 2)
        file.seek(position)

    def _pickle(self) -> Any:
        return PickleReader(self._file, find_global, self._persistent, self._encoding).load()

    def read(self) -> Any:
        if self._pickle() != MAGIC_NUMBER:
            raise pickle.UnpicklingError(
                "load: Invalid magic number; corrupt file? The file is a pickle, but was not written by "
                "torch.save; "
                "taeda.load reads checkpoints only (and never runs pickles)"
            )
        version = self._pickle()
        if version != PROTOCOL_VERSION:
            raise RuntimeError(f"load: Invalid protocol version: {version!r}; expected {PROTOCOL_VERSION}")
        system = self._pickle()
        if type(system) is not dict or type(system.get("little_endian")) is not bool:
            raise RuntimeError(
                "load: the file does not say in which byte order it was written; it is corrupt"
            )
        is_swapped = byte_order_differs("little" if system["little_endian"] else "big")
        value = self._pickle()
        keys = self._pickle()
        if type(keys) is not list or sorted(map(str, keys)) != sorted(self._storages):
            raise RuntimeError("load: the file's list of storages does not match its tensors; it is corrupt")
        for key in keys:
            self._storages[key].fill(self._file, is_swapped)
        return value

    def _persistent(self, identifier: Any) -> Any:
        if type(identifier) is tuple and identifier[:1] == ("module",):
            # ("module", class, source file, source text): only the class counts, and only known ones exist.
            return identifier[1]
        kind, key, location, count = checked_identifier(identifier)
        if key not in self._storages:
            nbytes = count * kind.dtype.itemsize
            promised = sum(storage.nbytes for storage in self._storages.values())
            if nbytes + promised > self._size:
                raise RuntimeError(
                    f"load: storage '{key}' should have {nbytes} bytes, but the whole file has only "
                    f"{self._size}; "
                    "it is truncated or corrupt"
                )
            self._storages[key] = _PendingStorage(key, kind, nbytes, self._placement, location)
        storage = self._storages[key]
        view = identifier[5] if len(identifier) > 5 else None
        if view is not None:
            raise RuntimeError(
                "load: the file has storages that are views of others, as torch 0.1 wrote; "
                "load and save it once with torch >= 0.4"
            )
        return FileStorage(storage.untyped, kind.dtype, storage.nbytes, storage.is_meta)


class _PendingStorage:
    """A storage whose bytes come at the end of the file."""

    def __init__(self, key: str, kind: StorageKind, nbytes: int, placement: Placement, location: str) -> None:
        self._key = key
        self._kind = kind
        self.nbytes = nbytes
        self.is_meta = placement.is_meta(location)
        host, self._content = new_bytes(0 if self.is_meta else nbytes)
        self._host = host
        self.untyped = placement.place(host, location) if not self.is_meta else host

    def fill(self, file: IO[bytes], is_swapped: bool) -> None:
        """Reads the element count and the bytes."""
        what = f"storage '{self._key}'"
        header = bytearray(8)
        fill(file, memoryview(header), what)
        count = int.from_bytes(header, "big" if is_swapped else "little", signed=True)
        if count * self._kind.dtype.itemsize != self.nbytes:
            raise RuntimeError(
                f"load: {what} has {count} elements in the file's data, but the tensors expect "
                f"{self.nbytes // self._kind.dtype.itemsize}; the file is corrupt"
            )
        if self.is_meta:
            file.seek(self.nbytes, 1)
            return
        fill(file, self._content, what)
        if is_swapped:
            swap_byte_order(self._content, self._kind.dtype)
        if self.untyped is not self._host:
            copy_bytes(self.untyped, self._host)
