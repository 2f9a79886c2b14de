"""The safetensors format: a JSON header with names, dtypes, shapes and offsets, then the bytes of all
tensors.

https://github.com/huggingface/safetensors describes it. Reading maps or reads the bytes straight into
storages.
"""

from __future__ import annotations

import json
import mmap
import sys
from collections.abc import Mapping
from typing import IO, Any

import taeda
from taeda._serialization.file_kind import LARGEST_SAFETENSORS_HEADER
from taeda._serialization.storage import (
    FileStorage,
    Placement,
    new_bytes,
    rebuild_tensor,
    storage_of_bytes,
    storage_view,
    swap_byte_order,
)
from taeda._serialization.torch_zip import fill

__all__ = ["read_metadata", "read_safetensors", "write_safetensors"]

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "BOOL": "bool",
    "C64": "complex64",
    "C128": "complex128",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
_CODES = {name: code for code, name in _DTYPES.items()}
_METADATA = "__metadata__"


def read_safetensors(file: IO[bytes], placement: Placement, use_mmap: bool) -> dict[str, Any]:
    """Reads all tensors.

    Args:
        file: seekable, positioned at the beginning; with `use_mmap` a real file.
        placement: where the tensors go.
        use_mmap: map the file's memory (copy on write) instead of reading it.

    Raises:
        RuntimeError: the file is damaged; the message names the tensor.
    """
    header, start = _read_header(file)
    header.pop(_METADATA, None)
    size = file.seek(0, 2)
    entries = _checked_entries(header, size - start)
    mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if use_mmap else None
    tensors = {}
    for name, dtype, shape, begin, end in entries:
        if placement.is_meta("cpu"):
            tensors[name] = taeda.empty(shape, dtype=dtype, device="meta")
            continue
        if mapping is not None and (start + begin) % dtype.itemsize == 0:
            untyped = storage_of_bytes(memoryview(mapping)[start + begin : start + end])
        else:
            untyped, content = new_bytes(end - begin)
            file.seek(start + begin)
            fill(file, content, f"the tensor '{name}'")
        if sys.byteorder == "big":
            swap_byte_order(storage_view(untyped), dtype)
        storage = FileStorage(placement.place(untyped, "cpu"), dtype, end - begin)
        tensors[name] = rebuild_tensor(storage, dtype, 0, shape, _contiguous_stride(shape), False)
    return tensors


def read_metadata(file: IO[bytes]) -> dict[str, str]:
    """The texts that the file's writer attached."""
    header, _ = _read_header(file)
    return dict(header.get(_METADATA, {}))


def _read_header(file: IO[bytes]) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors' bytes begin."""
    length_field = file.read(8)
    length = int.from_bytes(length_field, "little")
    position = file.tell()
    available = file.seek(0, 2) - position
    file.seek(position)
    if len(length_field) < 8 or length > min(available, LARGEST_SAFETENSORS_HEADER):
        raise RuntimeError(
            f"load: the safetensors header should have {length} bytes, but only {available} follow; "
            "the file is truncated or corrupt"
        )
    try:
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise RuntimeError(f"load: the safetensors header is damaged: {error}") from error
    metadata = header.get(_METADATA, {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise RuntimeError("load: the safetensors header is not a JSON object with texts as metadata")
    return header, 8 + length


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice")
    return result


def _checked_entries(header: dict[str, Any], nbytes: int) -> list[tuple[str, Any, tuple[int, ...], int, int]]:
    """(name, dtype, shape, begin, end) by position; the tensors must fill the file without gaps."""
    entries = [_checked_entry(name, entry) for name, entry in header.items()]
    entries.sort(key=lambda entry: entry[3:])
    expected = 0
    for name, _, _, begin, end in entries:
        if begin != expected:
            raise RuntimeError(
                f"load: the tensor '{name}' begins at byte {begin} of the data, expected {expected}: "
                "tensors overlap "
                "or leave a gap; the safetensors file is corrupt"
            )
        expected = end
    if expected != nbytes:
        raise RuntimeError(
            f"load: the safetensors file should have {expected} bytes of tensors and has {nbytes}; "
            "it is truncated or corrupt, copy or download it again"
        )
    return entries


def _checked_entry(name: str, entry: Any) -> tuple[str, Any, tuple[int, ...], int, int]:
    try:
        code, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise RuntimeError(
            f"load: the entry of tensor '{name}' must have dtype, shape and data_offsets ({error!r} is wrong)"
        ) from error
    if not all(type(number) is int and 0 <= number < 2**62 for number in (*shape, begin, end)):
        raise RuntimeError(
            f"load: the entry of tensor '{name}' has numbers that are no sizes: {shape}, {begin}, {end}"
        )
    dtype = getattr(taeda, _DTYPES.get(code, ""), None) if isinstance(code, str) else None
    if dtype is None:
        raise RuntimeError(f"load: the tensor '{name}' has the dtype {code!r}, which is not supported")
    count = 1
    for size in shape:
        count *= size
    if end - begin != count * dtype.itemsize:
        raise RuntimeError(
            f"load: the tensor '{name}' of shape {shape} and dtype {code} needs {count * dtype.itemsize} "
            "bytes, "
            f"the file gives it {end - begin}; it is corrupt"
        )
    return name, dtype, shape, begin, end


def _contiguous_stride(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def write_safetensors(tensors: Any, file: IO[bytes], metadata: Mapping[str, str] | None) -> None:
    """Writes a dict of tensors. Tensors that share memory are written one by one; they load as separate ones.

    Raises:
        TypeError: not a dict from names to tensors, or metadata that are not texts.
    """
    if not isinstance(tensors, Mapping):
        raise TypeError(
            f"save: a .safetensors file holds a dict from names to tensors, got {type(tensors).__name__}; "
            "pass model.state_dict(), or save as .pt"
        )
    header: dict[str, Any] = {}
    if metadata:
        if not all(isinstance(part, str) for item in metadata.items() for part in item):
            raise TypeError(
                "save: metadata of a .safetensors file must be texts only; json.dumps other values"
            )
        header[_METADATA] = dict(metadata)
    position = 0
    order = sorted(tensors, key=lambda name: _sort_key(name, tensors[name]))
    for name in order:
        tensor = tensors[name]
        nbytes = tensor.numel() * tensor.dtype.itemsize
        entry = {"dtype": _CODES[_dtype_name(tensor)], "shape": list(tensor.shape)}
        header[name] = {**entry, "data_offsets": [position, position + nbytes]}
        position += nbytes
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    encoded += b" " * (-len(encoded) % 8)
    file.write(len(encoded).to_bytes(8, "little") + encoded)
    for name in order:
        file.write(_element_bytes(tensors[name]))


def _sort_key(name: Any, tensor: Any) -> tuple[int, str]:
    """Wide dtypes first, which keeps every tensor aligned; then by name."""
    if not isinstance(name, str) or not isinstance(tensor, taeda.Tensor):
        raise TypeError(
            f"save: a .safetensors file holds tensors under text names only, got {type(tensor).__name__} "
            f"under {name!r}; save as .pt, or keep texts in metadata="
        )
    if name == _METADATA or _dtype_name(tensor) not in _CODES:
        raise TypeError(
            f"save: a .safetensors file cannot hold {name!r} of dtype {tensor.dtype}; save as .pt"
        )
    return -tensor.dtype.itemsize, name


def _dtype_name(tensor: Any) -> str:
    return str(tensor.dtype).rpartition(".")[2]


def _element_bytes(tensor: Any) -> memoryview:
    """The elements in order, in little-endian bytes."""
    plain = tensor.detach().cpu().contiguous()
    nbytes = plain.numel() * plain.dtype.itemsize
    begin = plain.storage_offset() * plain.dtype.itemsize
    content = storage_view(plain.untyped_storage())[begin : begin + nbytes]
    if sys.byteorder == "big":
        content = memoryview(bytearray(content))
        swap_byte_order(content, plain.dtype)
    return content
