"""Reading and writing by index, sorting, searching and counting."""

from __future__ import annotations

from typing import Any

import numpy as np

from samples import Sample, operator, values

_X = values(3, 4)
_ROWS = np.array([2, 0, 2])
_GRID = np.array([[0, 2, 1, 0], [1, 0, 2, 2]])
_MASK = np.array([[True, False, True, True], [False, False, True, False], [True, True, False, False]])
_NEW = values(2, 4, seed=5)
_ALL = {"dtypes": "fdi", "grad": True, "gradgrad": True}


def _written(x: np.ndarray, dim: int, index: np.ndarray, source: Any, how: Any) -> np.ndarray:
    """how(element, source element) at every position of an index along dim, one after the other."""
    result = np.array(x)
    for place in np.ndindex(index.shape):
        target = list(place)
        target[dim] = index[place]
        new = source[place] if np.ndim(source) else source
        result[tuple(target)] = how(result[tuple(target)], new)
    return result


def _slices(x: np.ndarray, dim: int, index: np.ndarray, source: np.ndarray | float, how: Any) -> np.ndarray:
    result = np.moveaxis(np.array(x), dim, 0)
    parts = np.moveaxis(source, dim, 0) if np.ndim(source) else [source] * len(index)
    for row, part in zip(index, parts):
        result[row] = how(result[row], part)
    return np.moveaxis(result, 0, dim)


def _put_flat(x: np.ndarray, index: np.ndarray, source: np.ndarray, accumulate: bool = False) -> np.ndarray:
    result = np.array(x).reshape(-1)
    if accumulate:
        np.add.at(result, index, source)
    else:
        result[index] = source
    return result.reshape(x.shape)


def _index_put(
    x: np.ndarray, indices: list[np.ndarray], new: np.ndarray, accumulate: bool = False
) -> np.ndarray:
    result = np.array(x)
    if accumulate:
        np.add.at(result, tuple(indices), new)
    else:
        result[tuple(indices)] = new
    return result


def _masked_scatter(x: np.ndarray, mask: np.ndarray, source: np.ndarray) -> np.ndarray:
    result = np.array(x)
    result[mask] = source.reshape(-1)[: mask.sum()]
    return result


def _replace(old: Any, new: Any) -> Any:
    return new


def _sorted(x: np.ndarray, dim: int = -1, descending: bool = False) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(-x if descending else x, axis=dim, kind="stable")
    return np.take_along_axis(x, order, axis=dim), order


def _topk(x: np.ndarray, k: int, dim: int = -1, largest: bool = True) -> tuple[np.ndarray, np.ndarray]:
    best, order = _sorted(x, dim, largest)
    return np.take(best, range(k), axis=dim), np.take(order, range(k), axis=dim)


def _kthvalue(x: np.ndarray, k: int, dim: int = -1) -> tuple[np.ndarray, np.ndarray]:
    best, order = _sorted(x, dim)
    return np.take(best, k - 1, axis=dim), np.take(order, k - 1, axis=dim)


operator("index", lambda x, indices: x[tuple(slice(None) if i is None else i for i in indices)], Sample(_X, [_ROWS]),
         Sample(_X, [None, _ROWS]), Sample(_X, [_ROWS, np.array([1, 3, 0])]), Sample(_X, [_GRID[:, :2], np.array([1, 3])]), **_ALL)  # fmt: skip
operator(
    "index_put",
    _index_put,
    Sample(_X, [np.array([2, 0])], _NEW),
    Sample(_X, [_ROWS, np.array([1, 3, 1])], values(3), True),
    **_ALL,
)
operator(
    "nonzero",
    lambda x: np.stack(np.nonzero(x), -1),
    Sample(_MASK),
    Sample(np.round(_X / 2)),
    dtypes="fdi",
    meta=False,
)
operator("argwhere", np.argwhere, Sample(np.round(_X / 2)), dtypes="fdi", meta=False)
operator("gather", lambda x, dim, index: np.take_along_axis(x[: len(index)] if dim else x, index, dim), Sample(_X, 0, _GRID),
         Sample(_X, 1, _GRID), **_ALL)  # fmt: skip
operator("take_along_dim", lambda x, i, dim=None: np.take_along_axis(x, i, dim) if dim is not None else np.take(x, i), Sample(_X, _GRID, 0),
         Sample(_X, _ROWS), **_ALL)  # fmt: skip
operator("take", np.take, Sample(_X, np.array([[0, 11], [5, 5]])), **_ALL)
operator(
    "put",
    _put_flat,
    Sample(_X, np.array([0, 11, 5]), values(3)),
    Sample(_X, np.array([0, 5, 5]), values(3), True),
    **_ALL,
)
operator("scatter", lambda x, dim, index, new: _written(x, dim, index, new, _replace), Sample(_X, 0, _GRID, _NEW), Sample(_X, 0, _GRID, 5),
         Sample(_X, 1, np.array([[3, 0], [1, 2]]), _NEW), **_ALL)  # fmt: skip
operator("scatter_add", lambda x, dim, index, new: _written(x, dim, index, new, np.add), Sample(_X, 0, _GRID, _NEW),
         Sample(_X, 1, _GRID, _NEW), **_ALL)  # fmt: skip
operator("scatter_reduce", lambda x, dim, index, new, reduce: _written(x, dim, index, new, {"sum": np.add, "prod": np.multiply,
         "amax": np.maximum, "amin": np.minimum}[reduce]), *(Sample(_X, 1, _GRID, _NEW, how) for how in ("sum", "prod", "amax", "amin")),
         dtypes="fdi", grad=True)  # fmt: skip
operator(
    "index_select",
    lambda x, dim, index: np.take(x, index, dim),
    Sample(_X, 0, _ROWS),
    Sample(_X, 1, _ROWS),
    **_ALL,
)
operator("index_add", lambda x, dim, index, new, alpha=1: _slices(x, dim, index, alpha * new, np.add), Sample(_X, 0, np.array([2, 2]), _NEW),
         Sample(_X, 0, np.array([2, 0]), _NEW, alpha=2), **_ALL)  # fmt: skip
operator(
    "index_copy",
    lambda x, dim, index, new: _slices(x, dim, index, new, _replace),
    Sample(_X, 0, np.array([2, 0]), _NEW),
    **_ALL,
)
operator("index_fill", lambda x, dim, index, new: _slices(x, dim, index, new, _replace), Sample(_X, 0, np.array([2, 0]), 7),
         Sample(_X, 1, _ROWS, -1), **_ALL)  # fmt: skip
operator(
    "masked_fill",
    lambda x, mask, new: np.where(mask, new, x),
    Sample(_X, _MASK, 3),
    Sample(_X, _MASK[0], -1),
    **_ALL,
)
operator(
    "masked_select",
    lambda x, mask: x[np.broadcast_to(mask, x.shape)],
    Sample(_X, _MASK),
    Sample(_X, _MASK[0]),
    meta=False,
    **_ALL,
)
operator("masked_scatter", _masked_scatter, Sample(_X, _MASK, values(8)), **_ALL)
operator(
    "one_hot",
    lambda x, n=-1: np.eye(n if n > 0 else x.max() + 1, dtype=np.int64)[x],
    Sample(_ROWS, 4),
    Sample(_GRID),
    dtypes="i",
    meta=False,
)

operator("sort", _sorted, Sample(_X), Sample(_X, 0), Sample(_X, 1, True), **_ALL)
operator(
    "argsort",
    lambda x, dim=-1, descending=False: _sorted(x, dim, descending)[1],
    Sample(_X),
    Sample(_X, 0, True),
    dtypes="fd",
)
operator("msort", lambda x: np.sort(x, 0), Sample(_X), **_ALL)
operator("topk", _topk, Sample(_X, 2), Sample(_X, 2, 0), Sample(_X, 3, 1, False), grad=True, gradgrad=True)
operator("kthvalue", _kthvalue, Sample(_X, 2), Sample(_X, 3, 0), grad=True, gradgrad=True)
operator("searchsorted", lambda edges, x, right=False: np.searchsorted(edges, x, "right" if right else "left"),
         Sample(np.array([-2.0, -1.0, 0.0, 2.0]), _X), Sample(np.array([-2.0, -1.0, 0.0, 2.0]), np.array([0.0, -1.0]), right=True), dtypes="fdi")  # fmt: skip
operator("bucketize", lambda x, edges, right=False: np.searchsorted(edges, x, "right" if right else "left"),
         Sample(_X, np.array([-2.0, -1.0, 0.0, 2.0])), dtypes="fdi")  # fmt: skip
operator(
    "bincount",
    lambda x, weights=None, minlength=0: np.bincount(x, weights, minlength),
    Sample(_ROWS),
    Sample(_ROWS, None, 6),
    dtypes="i",
    meta=False,
)
operator(
    "histc",
    lambda x, bins, low, high: np.histogram(x, bins, (low, high))[0].astype(x.dtype),
    Sample(_X, 4, -3, 3),
    Sample(_X, 5, -1, 2),
)


def _index_reduced(x: np.ndarray, dim: int, index: np.ndarray, source: np.ndarray, how: str) -> np.ndarray:
    combine = {"prod": np.multiply, "amax": np.maximum, "amin": np.minimum, "mean": np.add}[how]
    result = _slices(x, dim, index, source, combine)
    if how != "mean":
        return result
    counts = 1 + np.bincount(index, minlength=x.shape[dim])
    return result / counts.reshape([-1 if d == dim else 1 for d in range(x.ndim)])


operator(
    "index_reduce",
    _index_reduced,
    *(Sample(_X, 0, _ROWS, values(3, 4, seed=3), how) for how in ("prod", "amax", "amin", "mean")),
    Sample(_X, 1, np.array([1, 1]), values(3, 2, seed=4), "prod"),
    dtypes="fd",
    grad=True,
)
