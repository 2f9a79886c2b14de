"""Reductions and normalisations of the elements that a mask leaves: `mask` is True where an element counts.

A slice of which nothing counts gives the operation's identity (sum 0, product 1, largest -inf), or NaN where there is
none.

Example:
    >>> import taeda
    >>> x = taeda.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> mask = taeda.tensor([[True, False, True], [False, False, False]])
    >>> taeda.masked.sum(x, 1, mask=mask), taeda.masked.mean(x, 1, mask=mask)
    (tensor([4., 0.]), tensor([ 2., nan]))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]

_Dims = int | Sequence[int] | None
_INF = float("inf")


def _dims(input: Tensor, dim: _Dims) -> list[int]:
    """The dimensions to reduce; None and () mean all.

    Raises:
        IndexError: a dimension is out of range.
        RuntimeError: a dimension appears twice.
    """
    if dim is None:
        return list(range(input.dim()))
    found: list[int] = []
    count = max(input.dim(), 1)
    for d in (dim,) if isinstance(dim, int) else dim:
        if not -count <= d < count:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-count}, {count - 1}], but got {d})"
            )
        if d % count in found:
            raise RuntimeError(f"dim={d % count} appears multiple times in the list of dims")
        found.append(d % count)
    return found or list(range(input.dim()))


def _mask_like(input: Tensor, mask: Tensor | None) -> Tensor | None:
    """The mask in the input's shape.

    Raises:
        ValueError: it does not broadcast to it.
    """
    if mask is None or mask.shape == input.shape:
        return mask
    try:
        return mask.bool().expand(input.shape)
    except RuntimeError:
        raise ValueError(
            f"masked: the mask of shape {tuple(mask.shape)} does not broadcast to the input's {tuple(input.shape)}"
        ) from None


def _filled(input: Tensor, mask: Tensor | None, value: Any, dtype: Any = None) -> Tensor:
    """The input with `value` where it does not count."""
    x = input if dtype is None else input.to(dtype)
    used = _mask_like(x, mask)
    return x if used is None else taeda.where(used, x, taeda.full((), value, dtype=x.dtype, device=x.device))


def _limit(dtype: Any, lowest: bool) -> Any:
    if dtype.is_floating_point:
        return -_INF if lowest else _INF
    if dtype == taeda.bool:
        return not lowest
    return taeda.iinfo(dtype).min if lowest else taeda.iinfo(dtype).max


def sum(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Sums of the elements that count.

    Args:
        input: any shape.
        dim: dimensions to reduce; None for all.
        keepdim: keep them with size 1.
        dtype: of the result.
        mask: bool, broadcast to the input; None counts everything.
    """
    return _filled(input, mask, 0).sum(_dims(input, dim), keepdim, dtype=dtype)


def prod(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Products of the elements that count; arguments as in `sum`."""
    result = _filled(input, mask, 1)
    if input.dim() == 0:
        return result.prod(dtype=dtype)
    for d in sorted(_dims(input, dim), reverse=True):
        result = result.prod(d, True, dtype=dtype)
    return result if keepdim else result.squeeze(_dims(input, dim))


def cumsum(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Running sums along dim of the elements that count."""
    return _filled(input, mask, 0).cumsum(dim, dtype=dtype)


def cumprod(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """Running products along dim of the elements that count."""
    return _filled(input, mask, 1).cumprod(dim, dtype=dtype)


def amax(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Largest elements that count; arguments as in `sum`."""
    dtype = dtype or input.dtype
    return _filled(input, mask, _limit(dtype, True), dtype).amax(_dims(input, dim), keepdim)


def amin(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Smallest elements that count; arguments as in `sum`."""
    dtype = dtype or input.dtype
    return _filled(input, mask, _limit(dtype, False), dtype).amin(_dims(input, dim), keepdim)


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the largest element that counts is, as a number of `dtype`: the input's, as in torch, unless given."""
    dtype = dtype or input.dtype
    return _filled(input, mask, _limit(dtype, True), dtype).argmax(dim, keepdim).to(dtype)


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the smallest element that counts is; dtype as in `argmax`."""
    dtype = dtype or input.dtype
    return _filled(input, mask, _limit(dtype, False), dtype).argmin(dim, keepdim).to(dtype)


def _floating(input: Tensor, dtype: Any) -> Any:
    if dtype is not None:
        return dtype
    is_real = input.is_floating_point() or input.is_complex()
    return input.dtype if is_real else taeda.get_default_dtype()


def _count(input: Tensor, dims: list[int], mask: Tensor | None) -> Tensor:
    """How many elements count, in keepdim form."""
    used = _mask_like(input, mask)
    ones = taeda.ones_like(input, dtype=taeda.int64) if used is None else used.to(taeda.int64)
    return ones.sum(dims, True)


def _shaped(result: Tensor, dims: list[int], keepdim: bool) -> Tensor:
    return result if keepdim else result.squeeze(dims)


def mean(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Means of the elements that count, NaN of none; arguments as in `sum`."""
    dims, dtype = _dims(input, dim), _floating(input, dtype)
    return _shaped(_filled(input, mask, 0, dtype).sum(dims, True) / _count(input, dims, mask), dims, keepdim)


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """Medians along dim of the elements that count, NaN of none; the lower of two middle ones."""
    dtype = _floating(input, dtype)
    if mask is None:
        return input.to(dtype).median(dim, keepdim).values
    return _filled(input, mask, float("nan"), dtype).nanmedian(dim, keepdim).values


def norm(
    input: Tensor, ord: float | None = 2.0, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Vector norms of the elements that count; arguments as in `sum`."""
    order = 2.0 if ord is None else ord
    filled = _filled(input, mask, _INF if order < 0 else 0, _floating(input, dtype))
    return taeda.linalg.vector_norm(filled, order, _dims(input, dim), keepdim)


def _spread(
    input: Tensor, dim: _Dims, unbiased: bool | None, correction: float | None, keepdim: bool, dtype: Any,
    mask: Tensor | None,
) -> Tensor:  # fmt: skip
    if unbiased is not None and correction is not None:
        raise ValueError("masked: give unbiased or correction, not both")
    dims, dtype = _dims(input, dim), _floating(input, dtype)
    x, count = input.to(dtype), _count(input, dims, mask)
    centred = _filled(x - _filled(x, mask, 0).sum(dims, True) / count, mask, 0)
    squares = (centred * centred.conj()).real if dtype.is_complex else centred * centred
    less = (1 if unbiased is None or unbiased else 0) if correction is None else correction
    return _shaped(squares.sum(dims, True) / (count - less).clamp(min=0), dims, keepdim).to(dtype)


def var(
    input: Tensor, dim: _Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Variances of the elements that count, divided by their number - correction (1); arguments as in `sum`."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor, dim: _Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Standard deviations of the elements that count; arguments as in `var`."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask).sqrt()


def softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """exp(x) over the sum along dim of those that count; 0 for the others, NaN where none counts."""
    return _filled(input, mask, -_INF, _floating(input, dtype)).softmax(dim)


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of `softmax`."""
    return _filled(input, mask, -_INF, _floating(input, dtype)).log_softmax(dim)


def softmin(input: Tensor, dim: int, *, dtype: Any = None, mask: Tensor | None = None) -> Tensor:
    """`softmax` of -input."""
    return (-_filled(input, mask, _INF, _floating(input, dtype))).softmax(dim)


def normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """The elements that count over their norm along dim (at least eps); 0 for the others."""
    dtype = _floating(input, dtype)
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask).clamp(min=eps)
    return _filled(input, mask, 0, dtype) / length


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: Any = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """log(exp(input) + exp(other)), each where it counts; -inf where neither does."""
    dtype = _floating(input, dtype)
    return taeda.logaddexp(
        _filled(input, input_mask, -_INF, dtype), _filled(other, other_mask, -_INF, _floating(other, dtype))
    )


def logsumexp(
    input: Tensor, dim: _Dims = None, *, keepdim: bool = False, dtype: Any = None, mask: Tensor | None = None
) -> Tensor:
    """log of the sum of exp over dim of the elements that count, -inf of none; arguments as in `sum`."""
    return _filled(input, mask, -_INF, _floating(input, dtype)).logsumexp(_dims(input, dim), keepdim)
