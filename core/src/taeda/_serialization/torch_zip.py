"""The zip form of `.pt` files: one pickle, and every storage as an uncompressed, aligned record beside it."""

from __future__ import annotations

import mmap
import struct
import sys
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import taeda
from taeda._serialization.pickle_globals import StorageKind, find_global
from taeda._serialization.pickle_reader import PickleReader
from taeda._serialization.pickle_writer import PickleWriter
from taeda._serialization.storage import (
    FileStorage,
    Placement,
    byte_order_differs,
    new_bytes,
    storage_of_bytes,
    storage_view,
    swap_byte_order,
)

if TYPE_CHECKING:
    from taeda import UntypedStorage

__all__ = ["read_zip", "write_zip"]

ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_LOCAL_SIGNATURE = b"PK\x03\x04"
_ZIP64_LIMIT = 2**31 - 1
_FOLDER = "archive"


def read_zip(
    file: IO[bytes], placement: Placement, use_mmap: bool, check_crc: bool, encoding: str = "utf-8"
) -> Any:
    """Reads the object.

    Args:
        file: seekable; with `use_mmap` a real file.
        placement: where storages go.
        use_mmap: map the file's memory instead of reading it (copy on write).
        check_crc: compare checksums (not with `use_mmap`, which reads pages when they are used).
        encoding: of Python 2 byte strings.

    Raises:
        RuntimeError: the archive is damaged, or of another kind.
        pickle.UnpicklingError: its pickle holds something else than data.
    """
    archive = _Archive(file, use_mmap, check_crc)
    return _ZipReader(archive, placement, encoding).read()


@dataclass(frozen=True)
class _Record:
    """Where a file of the archive lies."""

    offset: int
    size: int
    crc: int


class _Archive:
    """The directory of a zip archive, checked: uncompressed records that do not overlap and lie in the
    file."""

    def __init__(self, file: IO[bytes], use_mmap: bool, check_crc: bool) -> None:
        self._file = file
        self._check_crc = check_crc
        self._size = file.seek(0, 2)
        file.seek(0)
        try:
            entries = zipfile.ZipFile(file).infolist()
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, struct.error) as error:
            raise RuntimeError(
                f"load: PytorchStreamReader failed reading zip archive: {error}; the file is truncated or "
                "corrupt, "
                "copy or download it again"
            ) from error
        self.records = self._checked_records(entries)
        self._mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if use_mmap else None
        self.folder = self._find_folder()

    def _checked_records(self, entries: list[zipfile.ZipInfo]) -> dict[str, _Record]:
        records: dict[str, _Record] = {}
        end_of_last = 0
        for entry in sorted(entries, key=lambda entry: entry.header_offset):
            name = entry.filename
            if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
                raise RuntimeError(
                    f"load: the record '{name}' is compressed; .pt files are never compressed, "
                    "so this zip archive is of another kind (unpack it first if the model is inside)"
                )
            if entry.flag_bits & 1:
                raise RuntimeError(f"load: the record '{name}' is encrypted; .pt files are never encrypted")
            offset = self._data_offset(entry)
            end = offset + entry.file_size
            if entry.header_offset < end_of_last or end > self._size or name in records:
                raise RuntimeError(
                    f"load: the record '{name}' (bytes {offset} to {end}) overlaps another one, repeats a "
                    "name, or "
                    f"reaches beyond the end of the file ({self._size} bytes); the file is truncated or "
                    "corrupt"
                )
            end_of_last = end
            records[name] = _Record(offset, entry.file_size, entry.CRC)
        return records

    def _data_offset(self, entry: zipfile.ZipInfo) -> int:
        header = b""
        if 0 <= entry.header_offset < self._size:
            self._file.seek(entry.header_offset)
            header = self._file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or header[:4] != _LOCAL_SIGNATURE:
            raise RuntimeError(
                f"load: the record '{entry.filename}' has no header; the file is truncated or corrupt"
            )
        name_length, extra_length = _LOCAL_HEADER.unpack(header)[-2:]
        return entry.header_offset + _LOCAL_HEADER.size + int(name_length) + int(extra_length)

    def _find_folder(self) -> str:
        pickles = [name for name in self.records if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(pickles) != 1:
            raise RuntimeError(
                f"load: the zip archive has no single FOLDER/data.pkl, so it is no checkpoint; it holds "
                f"{_some_names(self.records)}{_zip_advice(self.records)}"
            )
        folder = pickles[0].removesuffix("data.pkl")
        if folder + "constants.pkl" in self.records:
            raise RuntimeError(
                "load: the file is a TorchScript program (it has constants.pkl), not a checkpoint; in "
                "torch, save "
                "torch.jit.load(path).state_dict() and load that file"
            )
        return folder

    def find(self, name: str) -> _Record | None:
        """The record of that name inside the archive's folder."""
        return self.records.get(self.folder + name)

    def read(self, name: str) -> bytes | None:
        """A small record's content; None when there is none."""
        record = self.find(name)
        if record is None:
            return None
        content = bytearray(record.size)
        self._fill(record, name, memoryview(content))
        return bytes(content)

    def read_storage(self, record: _Record, name: str) -> UntypedStorage:
        """A record's content as a storage: mapped, or read and checked."""
        if self._mapping is not None:
            return storage_of_bytes(memoryview(self._mapping)[record.offset : record.offset + record.size])
        storage, content = new_bytes(record.size)
        self._fill(record, name, content)
        return storage

    def _fill(self, record: _Record, name: str, content: memoryview) -> None:
        self._file.seek(record.offset)
        fill(self._file, content, f"the record '{name}'")
        if self._check_crc and zlib.crc32(content) != record.crc:
            raise RuntimeError(
                f"load: the checksum of the record '{name}' is wrong: the file says {record.crc:#010x}, "
                "its bytes "
                f"give {zlib.crc32(content):#010x}; the file is corrupt, copy or download it again (a file "
                "written "
                "without checksums loads after taeda.serialization.set_crc32_options(False))"
            )


def fill(file: IO[bytes], content: memoryview, what: str) -> None:
    """Reads exactly `len(content)` bytes.

    Raises:
        RuntimeError: the file ends before.
    """
    done = 0
    while done < len(content):
        if hasattr(file, "readinto"):
            count = file.readinto(content[done:])
        else:
            part = file.read(len(content) - done)
            count = len(part)
            content[done : done + count] = part
        if not count:
            raise RuntimeError(
                f"load: {what} ends after {done} of {len(content)} bytes; the file is truncated, "
                "copy or download it again"
            )
        done += count


def _some_names(records: dict[str, _Record]) -> str:
    names = sorted(records)[:5]
    return (
        ", ".join(repr(name) for name in names) + (", ..." if len(records) > 5 else "")
        if names
        else "nothing"
    )


def _zip_advice(records: dict[str, _Record]) -> str:
    if all(name.endswith(".npy") for name in records) and records:
        return " (NumPy arrays: read it with numpy.load)"
    if any(name.endswith((".pt", ".pth", ".ckpt", ".safetensors")) for name in records):
        return " (a checkpoint lies inside: unpack the archive first)"
    return ""


class _ZipReader:
    """Reads the pickle of an archive, fetching storages when it asks for them."""

    def __init__(self, archive: _Archive, placement: Placement, encoding: str) -> None:
        self._archive = archive
        self._placement = placement
        self._encoding = encoding
        self._storages: dict[str, FileStorage] = {}
        order = archive.read("byteorder")
        recorded = "little" if order is None else order.decode("ascii", "replace").strip()
        if recorded not in ("little", "big"):
            raise RuntimeError(f"load: unknown endianness type: {recorded!r}; expected 'little' or 'big'")
        self._is_swapped = byte_order_differs(recorded)

    def read(self) -> Any:
        import io

        content = self._archive.read("data.pkl")
        assert content is not None
        return PickleReader(io.BytesIO(content), find_global, self._persistent, self._encoding).load()

    def _persistent(self, identifier: Any) -> FileStorage:
        kind, key, location, count = checked_identifier(identifier)
        if key not in self._storages:
            self._storages[key] = self._load(kind, key, location, count)
        storage = self._storages[key]
        if storage.nbytes < count * kind.dtype.itemsize:
            raise RuntimeError(
                f"load: the file names storage '{key}' with {storage.nbytes} bytes and with "
                f"{count * kind.dtype.itemsize} bytes; the file is corrupt"
            )
        return FileStorage(storage.untyped, kind.dtype, storage.nbytes, storage.is_meta)

    def _load(self, kind: StorageKind, key: str, location: str, count: int) -> FileStorage:
        name, nbytes = f"data/{key}", count * kind.dtype.itemsize
        record = self._archive.find(name)
        if record is None or record.size != nbytes:
            found = "no such record" if record is None else f"a record of {record.size} bytes"
            raise RuntimeError(
                f"load: storage '{key}' should have {nbytes} bytes in the record '{name}', but the archive "
                f"has {found}; "
                "the file is corrupt"
            )
        if self._placement.is_meta(location):
            return FileStorage(new_bytes(0)[0], kind.dtype, nbytes, is_meta=True)
        storage = self._archive.read_storage(record, name)
        if self._is_swapped:
            swap_byte_order(storage_view(storage), kind.dtype)
        return FileStorage(self._placement.place(storage, location), kind.dtype, nbytes)


def checked_identifier(identifier: Any) -> tuple[StorageKind, str, str, int]:
    """(storage class, key, device, number of elements) of a persistent id.

    Raises:
        RuntimeError: the id is malformed.
    """
    if type(identifier) is tuple and len(identifier) >= 5 and identifier[0] == "storage":
        kind, key, location, count = identifier[1:5]
        is_sound = isinstance(kind, StorageKind) and type(key) is str and type(location) is str
        if is_sound and type(count) is int and 0 <= count < 2**60:
            return kind, key, location, count
    raise RuntimeError("load: the file refers to a storage in a way that is not known; the file is corrupt")


def write_zip(value: Any, file: IO[bytes]) -> None:
    """Writes an object to a seekable file.

    Raises:
        TypeError: it holds something that is neither plain data nor a tensor.
    """
    storages: list[Any] = []
    keys: dict[int, str] = {}

    def add_storage(storage: Any, itemsize: int) -> str:
        # Storages without memory all have the same address, so they are told apart by number.
        address = storage.data_ptr() if storage.nbytes() else -len(storages) - 1
        if address not in keys:
            keys[address] = str(len(storages))
            storages.append(storage)
        return keys[address]

    content = PickleWriter(add_storage).dumps(value)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _write_record(archive, "data.pkl", content)
        _write_record(archive, ".format_version", b"1")
        _write_record(archive, ".storage_alignment", str(ALIGNMENT).encode())
        _write_record(archive, "byteorder", sys.byteorder.encode())
        for key, storage in enumerate(storages):
            _write_record(archive, f"data/{key}", host_bytes(storage))
        _write_record(archive, "version", b"3\n")


def host_bytes(storage: Any) -> memoryview:
    """The bytes of a storage of any device."""
    nbytes = storage.nbytes()
    if nbytes == 0:
        return memoryview(b"")
    return taeda._C._tensor_from_storage(storage, taeda.uint8, 0, (nbytes,), (1,)).cpu().numpy().data


def _write_record(archive: zipfile.ZipFile, name: str, content: bytes | memoryview) -> None:
    """Appends a record whose content begins at a multiple of `ALIGNMENT`, so that it can be mapped."""
    info = zipfile.ZipInfo(f"{_FOLDER}/{name}")
    info.file_size = len(content)
    start = archive.start_dir + _LOCAL_HEADER.size + len(info.filename) + 4
    if info.file_size * 1.05 > _ZIP64_LIMIT:
        start += 20  # zipfile adds this field for large files
    padding = -start % ALIGNMENT
    info.extra = b"FB" + struct.pack("<H", padding) + bytes(padding)
    with archive.open(info, "w") as record:
        record.write(content)
