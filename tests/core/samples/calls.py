"""How tests call operators on samples, on any device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import taeda
from samples import Operator, load

__all__ = ["cast", "each", "mapped", "spread", "with_dtypes"]

NUMPY = {"f": np.float32, "d": np.float64, "i": np.int64, "b": np.bool_, "c": np.complex64}


def cast(value: Any, dtype: str) -> Any:
    """A sample's argument in the dtype under test; indices and masks stay."""
    if isinstance(value, list):
        return [cast(v, dtype) for v in value]
    if not isinstance(value, np.ndarray) or value.dtype != np.float64:
        return value
    if dtype == "b":
        return np.asarray(value > 0.3)
    if dtype == "c":
        value = value + 0.5j * np.roll(value, 1)
    return np.asarray(np.rint(value) if dtype == "i" else value, NUMPY[dtype])


def mapped(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """`change` of every array in an argument."""
    if isinstance(value, list):
        return [mapped(v, change) for v in value]
    return change(value) if isinstance(value, np.ndarray) else value


def spread(array: np.ndarray, device: str = "cpu") -> taeda.Tensor:
    """The same elements with gaps between them, dimensions stored in reverse order."""
    room = np.zeros((*array.shape[::-1], 2), array.dtype)
    room[..., 0] = array.T
    return taeda.from_numpy(room).to(device)[..., 0].permute(tuple(range(array.ndim - 1, -1, -1)))


def with_dtypes() -> list[Any]:
    """Parameters of a test: every operator that has samples, in each of its dtypes."""
    return [
        pytest.param(operator, dtype, id=f"{operator.name}-{dtype}")
        for operator in load()
        for dtype in operator.dtypes
    ]


def each(condition: Callable[[Operator], bool] = lambda operator: True) -> Any:
    """A test's mark: once for every operator of which the condition holds."""
    chosen = [operator for operator in load() if condition(operator)]
    return pytest.mark.parametrize("operator", chosen, ids=lambda operator: operator.name)
