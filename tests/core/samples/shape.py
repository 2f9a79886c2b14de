"""Views, joining and rearranging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from samples import Sample, operator, values

_X = values(2, 3, 4)
_ROWS = values(2, 3)
_SQUARE = values(3, 3)
_LINE = values(6)


def rearranging(name: str, reference: Callable[..., Any], *samples: Sample, **options: Any) -> None:
    """An operator that moves elements: exact for every dtype."""
    operator(name, reference, *samples, **{"dtypes": "fdib", "grad": True, "gradgrad": True, **options})


def _diagonal(x: np.ndarray, offset: int = 0, dim1: int = 0, dim2: int = 1) -> np.ndarray:
    return np.diagonal(x, offset, dim1, dim2)


def _diag_embed(x: np.ndarray) -> np.ndarray:
    result = np.zeros((*x.shape, x.shape[-1]), x.dtype)
    for i in range(x.shape[-1]):
        result[..., i, i] = x[..., i]
    return result


def _unfold(x: np.ndarray, dim: int, size: int, step: int) -> np.ndarray:
    return np.lib.stride_tricks.sliding_window_view(x, size, axis=dim)[
        (slice(None),) * dim + (slice(None, None, step),)
    ]


def _split(x: np.ndarray, size: Any, dim: int = 0) -> list[np.ndarray]:
    ends = np.cumsum(size) if isinstance(size, tuple) else np.arange(size, x.shape[dim] + size, size)
    return np.split(x, ends[:-1], axis=dim)


def _chunk(x: np.ndarray, chunks: int, dim: int = 0) -> list[np.ndarray]:
    return _split(x, -(-x.shape[dim] // chunks), dim)


def _unbind(x: np.ndarray, dim: int = 0) -> list[np.ndarray]:
    return list(np.moveaxis(x, dim, 0))


rearranging("select", lambda x, dim, i: np.take(x, i, axis=dim), Sample(_X, 1, 2), Sample(_X, -1, -2))
rearranging("slice", lambda x, dim, start, end, step: x[(slice(None),) * dim + (slice(start, end, step),)], Sample(_X, 2, 1, 4, 2),
            Sample(_X, 0, -1, None, 1))  # fmt: skip
rearranging(
    "narrow",
    lambda x, dim, start, n: np.take(x, range(start, start + n), axis=dim),
    Sample(_X, 2, 1, 2),
    Sample(_X, 0, 0, 1),
)
rearranging(
    "narrow_copy", lambda x, dim, start, n: np.take(x, range(start, start + n), axis=dim), Sample(_X, 2, 1, 2)
)
rearranging("unsqueeze", np.expand_dims, Sample(_X, 0), Sample(_X, -1), Sample(_X, 2))
rearranging(
    "squeeze",
    lambda x, dim=None: np.squeeze(x, dim),
    Sample(_X[:1, :, :1]),
    Sample(_X[:1], 0),
    Sample(_X[:1, :, :1], (0, 2)),
)
rearranging("permute", np.transpose, Sample(_X, (2, 0, 1)), Sample(_X, (0, 2, 1)))
rearranging("transpose", np.swapaxes, Sample(_X, 0, 2), Sample(_X, -1, -2))
rearranging("t", np.transpose, Sample(_ROWS), Sample(_LINE))
rearranging("adjoint", lambda x: np.conj(np.swapaxes(x, -1, -2)), Sample(_X), dtypes="fdc")
rearranging("movedim", np.moveaxis, Sample(_X, 0, 2), Sample(_X, (0, 1), (2, 0)))
rearranging("expand", np.broadcast_to, Sample(_ROWS[:, :1], (2, 4)), Sample(_ROWS, (2, 2, 3)))
rearranging(
    "expand_as",
    lambda x, other: np.broadcast_to(x, other.shape),
    Sample(_ROWS[:, :1], _ROWS),
    gradgrad=False,
    grad=False,
)
rearranging("broadcast_to", np.broadcast_to, Sample(_ROWS[:1], (4, 3)))
rearranging("broadcast_tensors", lambda parts: np.broadcast_arrays(*parts), Sample([_ROWS[:1], _ROWS[:, :1]]))
rearranging("view", np.reshape, Sample(_X, (6, 4)), Sample(_X, (3, -1)))
rearranging("reshape", np.reshape, Sample(_X, (6, 4)), Sample(_X, (-1,)), Sample(_X, (2, 2, -1)))
rearranging(
    "view_as", lambda x, other: x.reshape(other.shape), Sample(_LINE, _ROWS), grad=False, gradgrad=False
)
rearranging(
    "reshape_as", lambda x, other: x.reshape(other.shape), Sample(_LINE, _ROWS), grad=False, gradgrad=False
)
rearranging(
    "flatten",
    lambda x, a=0, b=-1: x.reshape(*x.shape[:a], -1, *x.shape[b % x.ndim + 1 :]),
    Sample(_X),
    Sample(_X, 1),
    Sample(_X, 0, 1),
)
rearranging(
    "unflatten",
    lambda x, dim, sizes: x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :]),
    Sample(_X, 2, (2, 2)),
    Sample(_LINE, 0, (3, 2)),
)
rearranging("ravel", np.ravel, Sample(_X))
rearranging("diagonal", _diagonal, Sample(_SQUARE), Sample(_SQUARE, 1), Sample(_X, 0, 1, 2))
rearranging("diag", np.diag, Sample(_SQUARE), Sample(_LINE[:3], 1), Sample(_ROWS, -1))
rearranging("diag_embed", _diag_embed, Sample(_ROWS))
rearranging("diagflat", np.diagflat, Sample(_ROWS), Sample(_LINE[:2], 1))
rearranging("unfold", _unfold, Sample(_X, 2, 2, 1), Sample(_X, 1, 2, 1), Sample(_LINE, 0, 3, 2))
rearranging("unbind", _unbind, Sample(_X), Sample(_X, 1))
rearranging("split", _split, Sample(_X, 2, 1), Sample(_X, (1, 3), 2))
rearranging("split_with_sizes", _split, Sample(_X, (1, 3), 2))
rearranging("chunk", _chunk, Sample(_X, 2, 2), Sample(_X, 2, 1))
rearranging("tensor_split", np.array_split, Sample(_LINE, 4), Sample(_X, (1, 2), 1))
rearranging(
    "view_as_real",
    lambda x: np.stack([x.real, x.imag], -1),
    Sample(_ROWS),
    dtypes="c",
    grad=False,
    gradgrad=False,
)
rearranging("view_as_complex", lambda x: x[..., 0] + 1j * x[..., 1], Sample(values(3, 2)), dtypes="fd")
rearranging("real", np.real, Sample(_ROWS), dtypes="fdc")
rearranging("imag", np.imag, Sample(_ROWS), dtypes="c", grad=False, gradgrad=False)
rearranging("contiguous", lambda x: x, Sample(_X))
rearranging("clone", lambda x: x, Sample(_X))
rearranging("detach", lambda x: x, Sample(_X), grad=False, gradgrad=False)
rearranging("rot90", np.rot90, Sample(_ROWS), Sample(_X, 2), Sample(_X, 3, (1, 2)))
rearranging("repeat", np.tile, Sample(_ROWS, (2, 1)), Sample(_ROWS, (2, 1, 3)))
rearranging("tile", np.tile, Sample(_ROWS, (2,)), Sample(_ROWS, (2, 1, 3)))
rearranging("sum_to_size", lambda x, size: x.sum(axis=0, keepdims=True), Sample(_ROWS, (1, 3)), dtypes="fdi")

rearranging(
    "cat",
    lambda parts, dim=0: np.concatenate(parts, dim),
    Sample([_ROWS, _ROWS + 7]),
    Sample([_ROWS, _ROWS[:, :1]], 1),
)
rearranging(
    "stack",
    lambda parts, dim=0: np.stack(parts, dim),
    Sample([_ROWS, _ROWS + 7]),
    Sample([_ROWS, _ROWS + 7], -1),
)
rearranging("hstack", np.hstack, Sample([_ROWS, _ROWS[:, :1]]), Sample([_LINE, _LINE[:2]]))
rearranging("vstack", np.vstack, Sample([_ROWS, _ROWS[:1]]), Sample([_LINE, _LINE]))
rearranging("dstack", np.dstack, Sample([_ROWS, _ROWS]), Sample([_LINE, _LINE]))
rearranging("column_stack", np.column_stack, Sample([_LINE, _LINE]), Sample([_ROWS, _ROWS]))
rearranging("flip", np.flip, Sample(_X, (0,)), Sample(_X, (0, 2)))
rearranging("fliplr", np.fliplr, Sample(_ROWS))
rearranging("flipud", np.flipud, Sample(_ROWS))
rearranging(
    "roll", lambda x, shifts, dims=None: np.roll(x, shifts, dims), Sample(_X, 5), Sample(_X, (1, -1), (0, 2))
)
rearranging("tril", np.tril, Sample(_X), Sample(_SQUARE, 1), Sample(_SQUARE, -1))
rearranging("triu", np.triu, Sample(_X), Sample(_SQUARE, 1), Sample(_SQUARE, -1))
rearranging("repeat_interleave", lambda x, n, dim=None: np.repeat(x, n, dim), Sample(_ROWS, 2), Sample(_ROWS, 2, 1),
            Sample(_ROWS, np.array([1, 0, 2]), 1), meta=False)  # fmt: skip
rearranging("constant_pad_nd", lambda x, pad, value=0: np.pad(x, ((0, 0), pad), constant_values=value), Sample(_ROWS, (1, 2)),
            Sample(_ROWS, (0, 1), 5), dtypes="fdi")  # fmt: skip
rearranging("pad", lambda x, pad, mode="constant": np.pad(x, ((0, 0), pad), mode={"constant": "constant", "reflect": "reflect",
            "replicate": "edge", "circular": "wrap"}[mode]), Sample(_ROWS, (1, 2)), *(Sample(_ROWS, (1, 2), mode) for mode in
            ("reflect", "replicate", "circular")), dtypes="fd")  # fmt: skip
