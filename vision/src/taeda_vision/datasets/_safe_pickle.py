"""Reads pickles of dictionaries, lists, text and NumPy arrays without calling anything that they name."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["read_plain_pickle"]


class _ArrayRecipe:
    """What a pickle says about an array: filled by its state, turned into the array afterwards."""

    def __init__(self, *_: Any) -> None:
        self.array: np.ndarray[Any, Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, data = state
        if not isinstance(dtype, _TypeRecipe) or not isinstance(data, bytes):
            raise pickle.UnpicklingError("an array holds objects instead of numbers")
        flat = np.frombuffer(data, dtype.dtype)
        self.array = flat.reshape(shape, order="F" if is_fortran else "C")


class _TypeRecipe:
    """A dtype named in a pickle; only plain numbers and bools."""

    def __init__(self, name: Any, *_: Any) -> None:
        name = name.decode("ascii") if isinstance(name, bytes) else name
        dtype = np.dtype(str(name))
        if dtype.kind not in "biuf":
            raise pickle.UnpicklingError(f"arrays of {dtype} are not read, only numbers and bools")
        self.dtype = dtype

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else state[1]
        if order in ("<", ">"):
            self.dtype = self.dtype.newbyteorder("<" if order == "<" else ">")


def _encode(text: str, codec: Any) -> bytes:
    if codec not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"codec {codec!r} is not permitted")
    return text.encode("latin1")


_PERMITTED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _ArrayRecipe,
    ("numpy", "dtype"): _TypeRecipe,
    ("numpy.core.multiarray", "_reconstruct"): _ArrayRecipe,
    ("numpy._core.multiarray", "_reconstruct"): _ArrayRecipe,
    ("_codecs", "encode"): _encode,
}


class _PlainUnpickler(pickle.Unpickler):
    """Looks names up in a fixed table of inert stand-ins; nothing is imported."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _PERMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not permitted")
        return _PERMITTED[(module, name)]


def read_plain_pickle(path: Path) -> Any:
    """Content of a pickle of plain values; text of Python 2 comes back as ``str``.

    Raises:
        ValueError: the pickle asks for anything else, is cut short, or is not a pickle.
    """
    try:
        return _resolve(_PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load())
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        AttributeError,
    ) as error:
        raise ValueError(
            f"'{path}' was not read: {error}; it should hold plain values and arrays only"
        ) from error


def _resolve(value: Any) -> Any:
    if isinstance(value, _ArrayRecipe):
        return value.array
    if isinstance(value, dict):
        return {_text(key): _resolve(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolve(item) for item in value]
    return _text(value)


def _text(value: Any) -> Any:
    return value.decode("latin1") if isinstance(value, bytes) else value
