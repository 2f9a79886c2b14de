"""State dicts to and from safetensors bytes.

bfloat16 is widened to float32, which holds every bfloat16 value; loading casts to the module's own dtype.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

import taeda
from taeda_serve.errors import ArchiveError

__all__ = ["StateDict", "read_checkpoint", "state_from_bytes", "state_to_bytes"]

StateDict = dict[str, taeda.Tensor]

_NUMPY_DTYPES = {
    **{"BOOL": "bool", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4"},
    **{"U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"},
}


def state_to_bytes(state: Mapping[str, taeda.Tensor]) -> bytes:
    """Serialize a state dict; equal states give equal bytes."""
    arrays = {}
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        if tensor.dtype == taeda.bfloat16:
            tensor = tensor.to(taeda.float32)
        arrays[name] = np.ascontiguousarray(tensor.numpy()).reshape(tuple(tensor.shape))
    return safetensors.numpy.save(arrays)


def state_from_bytes(data: bytes, where: str) -> StateDict:
    """Read safetensors bytes.

    Raises:
        ArchiveError: if the bytes are not valid safetensors or hold a dtype that NumPy lacks (float8).
    """
    try:
        entries = safetensors.deserialize(data)  # type: ignore[no-untyped-call]
    except safetensors.SafetensorError as error:
        raise ArchiveError.about(
            where,
            expected="safetensors data",
            got=f"bytes that fail with '{error}'",
            fix="export the weights again",
        ) from None
    return {name: taeda.from_numpy(_to_array(entry, f"{where}:{name}")) for name, entry in entries}


def _to_array(entry: Mapping[str, object], where: str) -> NDArray[Any]:
    data, shape, dtype = entry["data"], entry["shape"], str(entry["dtype"])
    if dtype == "BF16":
        halves = np.frombuffer(data, "<u2").astype("<u4")  # type: ignore[call-overload]
        return np.left_shift(halves, 16).view("<f4").reshape(shape)  # type: ignore[no-any-return]
    if dtype not in _NUMPY_DTYPES:
        known = ", ".join([*_NUMPY_DTYPES, "BF16"])
        raise ArchiveError.about(
            where, expected=f"a dtype among {known}", got=dtype, fix="convert the tensor before packaging"
        )
    return np.frombuffer(data, _NUMPY_DTYPES[dtype]).reshape(shape).copy()  # type: ignore[call-overload, no-any-return]


def read_checkpoint(path: Path, prefix: str = "") -> StateDict:
    """Read the weights of a model from a `.safetensors`, `.pt`, `.pth` or `.ckpt` file.

    Args:
        path: the file. A dict with the key `state_dict` (a Trainer's checkpoint) stands for that entry.
        prefix: keep only keys that start with it, and remove it (`"model."` for a wrapped module).

    Raises:
        FileNotFoundError: if there is no such file.
        ArchiveError: if the file holds something else than a state dict.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected a checkpoint file, got nothing there; check the path")
    if path.suffix == ".safetensors":
        state: object = state_from_bytes(path.read_bytes(), str(path))
    else:
        state = taeda.load(str(path), map_location="cpu")
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(isinstance(value, taeda.Tensor) for value in state.values()):
        raise ArchiveError.about(
            str(path),
            expected="a state dict (names to tensors), or a checkpoint with the key 'state_dict'",
            got=f"a {type(state).__name__}",
            fix="save `model.state_dict()`",
        )
    chosen = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
    if not chosen:
        some = ", ".join(list(state)[:3]) or "none"
        raise ArchiveError.about(
            str(path),
            expected=f"keys that start with {prefix!r}",
            got=f"the keys {some}, ...",
            fix="pass their prefix",
        )
    return chosen
