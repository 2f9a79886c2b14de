"""What several functions of this package need: reductions and sizes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from taeda import _C, Tensor

__all__ = ["legacy_reduction", "ops", "reduced", "reduction_code", "sizes"]

ops = _C.ops

_CODES = {"none": 0, "mean": 1, "elementwise_mean": 1, "sum": 2}


def reduction_code(reduction: str) -> int:
    """The number by which native losses know a reduction.

    Raises:
        ValueError: it is none of 'none', 'mean' and 'sum'.
    """
    if reduction not in _CODES:
        raise ValueError(f"{reduction} is not a valid value for reduction; expected 'none', 'mean' or 'sum'")
    return _CODES[reduction]


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the deprecated arguments size_average and reduce mean; else `reduction`."""
    if size_average is None and reduce is None:
        return reduction
    if reduce is False:
        meant = "none"
    else:
        meant = "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{meant}' instead.",
        stacklevel=4,
    )
    return meant


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or all elements of a loss."""
    code = reduction_code(reduction)
    return loss if code == 0 else loss.mean() if code == 1 else loss.sum()


def sizes(value: Any, count: int) -> tuple[Any, ...]:
    """A number repeated for each dimension, or the numbers given for them."""
    if isinstance(value, Iterable):
        found = tuple(value)
        return found * count if len(found) == 1 else found
    return (value,) * count
