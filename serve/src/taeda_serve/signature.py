"""Checks of arrays against the signature in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taeda_serve.errors import RequestError
from taeda_serve.manifest import Manifest, TensorSpec

__all__ = ["NUMPY_DTYPES", "check_row", "check_tensors", "datatype_of", "example_rows"]

NUMPY_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype("bool"),
    **{f"UINT{bits}": np.dtype(f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": np.dtype(f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": np.dtype(f"<f{bits // 8}") for bits in (16, 32, 64)},
}
"""Datatype names of the Open Inference Protocol and the NumPy dtypes that they stand for."""


def datatype_of(dtype: np.dtype[Any]) -> str:
    """Return the protocol's name of a NumPy dtype.

    >>> datatype_of(np.dtype("float32"))
    'FP32'
    """
    for name, known in NUMPY_DTYPES.items():
        if known == dtype:
            return name
    raise ValueError(f"dtype {dtype}: expected one of {', '.join(NUMPY_DTYPES)}, got another; cast the array")


def check_tensors(inputs: Mapping[str, NDArray[Any]], manifest: Manifest) -> dict[str, NDArray[Any]]:
    """Check named arrays (batch first) against the manifest's inputs and return them in its order.

    Raises:
        RequestError: 400 for missing or unknown inputs, 422 for a wrong dtype or shape.
    """
    names = [spec.name for spec in manifest.inputs]
    if set(inputs) != set(names):
        raise RequestError.about(
            400,
            f"inputs of model {manifest.name!r}",
            expected=f"exactly {names}",
            got=str(sorted(inputs)),
            fix="name every input once",
        )
    arrays = {}
    rows: int | None = None
    for spec in manifest.inputs:
        array = inputs[spec.name]
        where = f"input {spec.name!r}"
        if array.dtype != NUMPY_DTYPES.get(spec.datatype):
            raise RequestError.about(
                422,
                where,
                expected=f"datatype {spec.datatype}",
                got=str(array.dtype),
                fix="cast it before sending",
            )
        check_row(tuple(array.shape[1:]), spec, where, full=tuple(array.shape))
        rows = array.shape[0] if rows is None else rows
        if array.shape[0] != rows or rows == 0:
            raise RequestError.about(
                422,
                where,
                expected="the same batch size, at least 1, in every input",
                got=f"shape {tuple(array.shape)}",
                fix="send one row per example in every input",
            )
        arrays[spec.name] = array
    return arrays


def check_row(
    row: tuple[int, ...], spec: TensorSpec, where: str, full: tuple[int, ...] | None = None
) -> None:
    """Check the shape of one row against an input's shape without its batch dimension.

    Raises:
        RequestError: 422 if the rank or a fixed size differs.
    """
    expected = spec.shape[1:]
    got = row if full is None else full
    if (
        full == ()
        or len(row) != len(expected)
        or any(a not in (-1, b) for a, b in zip(expected, row, strict=True))
    ):
        raise RequestError.about(
            422,
            where,
            expected=f"shape {list(spec.shape)} (-1 is free, the first is the batch)"
            if full is not None
            else f"shape {list(expected)} after preprocessing",
            got=str(list(got)),
            fix="reshape the data"
            if full is not None
            else "package the model with a Resize that fixes the size",
        )


def example_rows(manifest: Manifest, free: int = 8) -> dict[str, NDArray[Any]]:
    """Return one row of zeros for every input; free dimensions get the size `free`."""
    rows = {}
    for spec in manifest.inputs:
        shape = (1, *(free if size == -1 else size for size in spec.shape[1:]))
        rows[spec.name] = np.zeros(shape, NUMPY_DTYPES[spec.datatype])
    return rows
