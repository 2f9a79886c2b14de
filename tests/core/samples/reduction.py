"""Reductions and running reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples import Sample, operator, values

_X = values(2, 3, 4, low=0.3, high=3)
_SIGNED = values(2, 3, 4)
_GAPS = np.where(_SIGNED > 2, np.nan, _SIGNED)


def reduction(name: str, reference: Callable[..., Any], x: np.ndarray = _SIGNED, *, several: bool = True, everything: bool = True,
              dtypes: str = "fdi", grad: bool = True, **options: Any) -> None:  # fmt: skip
    """An operator called as name(x), name(x, dim, keepdim), with one or several dimensions."""
    samples = [Sample(x, 1), Sample(x, -1, True)]
    if several:
        samples += [Sample(x, (0, 2)), Sample(x, (1,), True)]
    if everything:
        samples += [Sample(x)]

    def reduce(x: np.ndarray, dim: Any = None, keepdim: bool = False) -> Any:
        return reference(x, axis=dim, keepdims=keepdim)

    operator(name, reduce, *samples, dtypes=dtypes, grad=grad, gradgrad=grad, **options)


def _norm(x: np.ndarray, p: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
    size = np.abs(x)
    if p == float("inf"):
        return size.max(axis=dim, keepdims=keepdim)
    return (size**p).sum(axis=dim, keepdims=keepdim) ** (1 / p)


def _extreme(pick: Callable[..., Any], where: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: np.ndarray, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is None:
            return pick(x)
        return pick(x, axis=dim, keepdims=keepdim), where(x, axis=dim, keepdims=keepdim)

    return reduce


def _cumulative_extreme(accumulate: np.ufunc, first: Callable[..., Any]) -> Callable[..., Any]:
    def scan(x: np.ndarray, dim: int) -> Any:
        best = accumulate.accumulate(x, axis=dim)
        positions = np.stack(
            [first(np.take(x, range(i + 1), axis=dim), axis=dim) for i in range(x.shape[dim])], axis=dim
        )
        return best, positions

    return scan


def _median(x: np.ndarray, dim: int | None = None, keepdim: bool = False) -> Any:
    if dim is None:
        return np.sort(x, axis=None)[(x.size - 1) // 2]
    order, middle = np.argsort(x, axis=dim), (x.shape[dim] - 1) // 2
    where = np.take(order, [middle], axis=dim)
    best = np.take_along_axis(x, where, axis=dim)
    return (best, where) if keepdim else (best.squeeze(dim), where.squeeze(dim))


reduction("sum", np.sum, dtypes="fdibc")
reduction("mean", np.mean, dtypes="fdc")
reduction("nansum", np.nansum, _GAPS, dtypes="fd", grad=False)
reduction("nanmean", np.nanmean, _GAPS, dtypes="fd", grad=False)
reduction("prod", np.prod, _X, several=False)
reduction("amax", np.max)
reduction("amin", np.min)
reduction("any", np.any, np.where(_SIGNED > 2, _SIGNED, 0.0), grad=False, dtypes="fdib")
reduction("all", np.all, np.where(_SIGNED > -2, _SIGNED, 0.0), grad=False, dtypes="fdib")
reduction("argmax", np.argmax, several=False, dtypes="fd", grad=False)
reduction("argmin", np.argmin, several=False, dtypes="fd", grad=False)
for _name, _pick, _where in (("max", np.max, np.argmax), ("min", np.min, np.argmin)):
    operator(
        _name,
        _extreme(_pick, _where),
        Sample(_SIGNED),
        Sample(_SIGNED, 1),
        Sample(_SIGNED, -1, True),
        grad=True,
        gradgrad=True,
    )
operator("aminmax", lambda x, dim=None, keepdim=False: (x.min(axis=dim, keepdims=keepdim), x.max(axis=dim, keepdims=keepdim)),
         Sample(_SIGNED), Sample(_SIGNED, dim=1), Sample(_SIGNED, dim=0, keepdim=True), dtypes="fdi", grad=True)  # fmt: skip
operator("count_nonzero", lambda x, dim=None: np.count_nonzero(x, axis=dim), Sample(np.round(_SIGNED)), Sample(np.round(_SIGNED), 1),
         dtypes="fdib")  # fmt: skip
for _name, _reference in (("var", np.var), ("std", np.std)):
    operator(
        _name,
        lambda x, dim=None, correction=1, keepdim=False, f=_reference: f(x, axis=dim, ddof=correction, keepdims=keepdim),
        Sample(_SIGNED), Sample(_SIGNED, 1), Sample(_SIGNED, (0, 2), correction=0, keepdim=True), grad=True, gradgrad=True,
    )  # fmt: skip
    operator(
        f"{_name}_mean",
        lambda x, dim=None, correction=1, f=_reference: (f(x, axis=dim, ddof=correction), np.mean(x, axis=dim)),
        Sample(_SIGNED), Sample(_SIGNED, 1), Sample(_SIGNED, (0, 2), correction=0), grad=True, gradgrad=True,
    )  # fmt: skip
operator("logsumexp", lambda x, dim, keepdim=False: special.logsumexp(x, axis=dim, keepdims=keepdim), Sample(_SIGNED, 1),
         Sample(_SIGNED, (0, 2), True), grad=True, gradgrad=True)  # fmt: skip
operator("norm", _norm, Sample(_SIGNED), Sample(_SIGNED, 3), Sample(_SIGNED, 1, 1), Sample(_SIGNED, 2, (0, 2), True),
         Sample(_SIGNED, float("inf"), 1), grad=True, gradgrad=True)  # fmt: skip
operator(
    "linalg_vector_norm",
    _norm,
    Sample(_SIGNED, 2, (1,)),
    Sample(_SIGNED, 3, (0, 2), True),
    grad=True,
    gradgrad=True,
)
operator(
    "trace", np.trace, Sample(values(3, 3)), Sample(values(2, 4)), dtypes="fdi", grad=True, gradgrad=True
)

operator(
    "cumsum",
    lambda x, dim: np.cumsum(x, axis=dim),
    Sample(_SIGNED, 0),
    Sample(_SIGNED, -1),
    dtypes="fdi",
    grad=True,
    gradgrad=True,
)
operator("cumprod", lambda x, dim: np.cumprod(x, axis=dim), Sample(_X, 1), Sample(_X, -1), dtypes="fdi", grad=True, gradgrad=True,
         scale=5)  # fmt: skip
operator(
    "logcumsumexp",
    lambda x, dim: np.logaddexp.accumulate(x, axis=dim),
    Sample(_SIGNED, 1),
    Sample(_SIGNED, 0),
    grad=True,
    scale=5,
)
operator(
    "cummax", _cumulative_extreme(np.maximum, np.argmax), Sample(_SIGNED, 1), Sample(_SIGNED, 0), grad=True
)
operator(
    "cummin", _cumulative_extreme(np.minimum, np.argmin), Sample(_SIGNED, 1), Sample(_SIGNED, 0), grad=True
)

operator("median", _median, Sample(_SIGNED), Sample(_SIGNED, 1), Sample(_SIGNED, 2, True), grad=True)
operator("nanmedian", _median, Sample(_SIGNED), Sample(_SIGNED, 1), Sample(_SIGNED, 2, True), grad=True)
operator("quantile", lambda x, q, dim=None, keepdim=False: np.quantile(x, q, axis=dim, keepdims=keepdim), Sample(_SIGNED, 0.3),
         Sample(_SIGNED, 0.75, 1), Sample(_SIGNED, np.array([0.25, 0.5]), 2, True), grad=False)  # fmt: skip
operator(
    "nanquantile",
    lambda x, q, dim=None: np.nanquantile(x, q, axis=dim),
    Sample(_GAPS, 0.3),
    Sample(_GAPS, 0.75, 1),
)
