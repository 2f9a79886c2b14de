"""What is said of names that `taeda` does not have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["missing_attribute"]

_SPARSE = "sparse tensors are not there yet; use a dense tensor"
_GRAPHS = "graph capture is not there yet; call the function or the model itself"
_QUANTIZED = "quantization is not there yet; use float16 or bfloat16 for smaller models"

# Names of torch that people look for, and what to do without them.
_ADVICE = {
    "chalf": "there are no complex numbers of half precision; use complex64",
    "complex32": "there are no complex numbers of half precision; use complex64",
    "hash_tensor": "its result is of dtype uint64, which is not there; compare tensors with taeda.equal",
    "uint16": "there are int8, int16, int32, int64 and uint8; use int32",
    "uint32": "there are int8, int16, int32, int64 and uint8; use int64",
    "uint64": "there are int8, int16, int32, int64 and uint8; use int64",
    "float8_e4m3fn": "the smallest floating-point dtypes are float16 and bfloat16",
    "float8_e5m2": "the smallest floating-point dtypes are float16 and bfloat16",
    "compile": _GRAPHS,
    "jit": _GRAPHS,
    "export": _GRAPHS,
    "fx": _GRAPHS,
    "onnx": _GRAPHS,
    "func": "function transforms are not there yet; write the batch dimension out",
    "vmap": "function transforms are not there yet; write the batch dimension out",
    "distributed": "training on several machines is not there yet; train on one",
    "sparse": _SPARSE,
    "sparse_coo_tensor": _SPARSE,
    "sparse_csr_tensor": _SPARSE,
    "sparse_compressed_tensor": _SPARSE,
    "quantize_per_tensor": _QUANTIZED,
    "quantize_per_channel": _QUANTIZED,
    "qint8": _QUANTIZED,
    "quint8": _QUANTIZED,
}


def missing_attribute(name: str, known: Iterable[str]) -> AttributeError:
    """The error for `taeda.name`: with advice for names of torch, and the likely name for misspelt ones."""
    advice = ""
    if name in _ADVICE:
        advice = f": {_ADVICE[name]}"
    elif name and name[0] != "_":
        # Misspelt names mostly begin as they should, and hasattr() must stay quick.
        near = difflib.get_close_matches(
            name, [other for other in known if other[0] == name[0]], n=1, cutoff=0.75
        )
        advice = f"; did you mean {near[0]!r}?" if near else ""
    return AttributeError(f"module 'taeda' has no attribute {name!r}{advice}")
