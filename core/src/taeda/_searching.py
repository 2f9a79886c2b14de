"""Coordinates of elements and sets of unique ones: thin argument handling over native operators."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, overload

from taeda._C import Tensor, ops

__all__ = ["nonzero", "unique", "unique_consecutive", "unravel_index"]


@overload
def nonzero(input: Tensor, *, out: Tensor | None = ..., as_tuple: Literal[False] = ...) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, out: Tensor | None = ..., as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
@overload
def nonzero(input: Tensor, *, out: Tensor | None = ..., as_tuple: bool) -> Any: ...
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The coordinates of all elements that are not zero.

    Args:
        input: any shape and dtype.
        out: where the coordinates are written (not with as_tuple).
        as_tuple: one index tensor per dimension, ready for indexing, instead of one (count, dims) tensor.

    Example:
        >>> import taeda
        >>> taeda.nonzero(taeda.tensor([0, 3, 0, 4]))
        tensor([[1],
                [3]])
    """
    if not as_tuple:
        return ops.nonzero(input) if out is None else ops.nonzero(input, out=out)
    if input.dim() == 0:
        return ops.unbind(ops.nonzero(input.unsqueeze(0)), 1)
    return ops.unbind(ops.nonzero(input), 1)


def _chosen(found: tuple[Tensor, ...], with_inverse: bool, with_counts: bool) -> Any:
    values, inverse, counts = found
    results = [values, *([inverse] if with_inverse else []), *([counts] if with_counts else [])]
    return results[0] if len(results) == 1 else tuple(results)


@overload
def unique(
    input: Tensor,
    sorted: bool = ...,
    return_inverse: Literal[False] = ...,
    return_counts: Literal[False] = ...,
    dim: int | None = ...,
) -> Tensor: ...
@overload
def unique(
    input: Tensor,
    sorted: bool = ...,
    return_inverse: bool = ...,
    return_counts: bool = ...,
    dim: int | None = ...,
) -> Any: ...
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The unique elements, or the unique slices along dim, sorted.

    Args:
        input: real tensor.
        sorted: the result is always sorted; accepted for torch's signature.
        return_inverse: also where each element of the input went.
        return_counts: also how often each occurs.
        dim: compare whole slices along this dimension.

    Example:
        >>> import taeda
        >>> taeda.unique(taeda.tensor([3, 1, 3]), return_counts=True)
        (tensor([1, 3]), tensor([1, 2]))
    """
    found = ops.raw_unique(input) if dim is None else ops.raw_unique_dim(input, dim, False)
    return _chosen(found, return_inverse, return_counts)


@overload
def unique_consecutive(
    input: Tensor,
    return_inverse: Literal[False] = ...,
    return_counts: Literal[False] = ...,
    dim: int | None = ...,
) -> Tensor: ...
@overload
def unique_consecutive(
    input: Tensor, return_inverse: bool = ..., return_counts: bool = ..., dim: int | None = ...
) -> Any: ...
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The input without elements (or slices along dim) that equal the one before.

    Example:
        >>> import taeda
        >>> taeda.unique_consecutive(taeda.tensor([1, 1, 2, 1]))
        tensor([1, 2, 1])
    """
    found = ops.raw_unique_consecutive(input) if dim is None else ops.raw_unique_dim(input, dim, True)
    return _chosen(found, return_inverse, return_counts)


def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Positions in the flattened tensor as one index for each dimension.

    Args:
        indices: integers from 0 to the product of `shape`, any shape; negative ones count from the end.
        shape: of the tensor.

    Raises:
        TypeError: the indices are no integers.
        ValueError: an index or a size is out of range.

    Example:
        >>> import taeda
        >>> taeda.unravel_index(taeda.tensor([1, 5]), (2, 3))
        (tensor([0, 1]), tensor([1, 2]))
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if indices.is_floating_point() or indices.is_complex() or str(indices.dtype) == "taeda.bool":
        raise TypeError(f"unravel_index: expected 'indices' to be of an integer dtype, got {indices.dtype}")
    if any(size < 0 for size in sizes):
        raise ValueError(f"unravel_index: 'shape' cannot have negative values, but got {sizes}")
    total = math.prod(sizes)
    if indices.numel() and not (-total <= int(indices.min()) and int(indices.max()) < total):
        raise ValueError(f"unravel_index: indices must lie in [{-total}, {total}) for shape {sizes}")
    rest = ops.where(indices < 0, indices + total, indices)
    found = []
    for size in reversed(sizes):
        found.append(rest % size)
        rest = rest // size
    return tuple(reversed(found))
