"""Pooling, normalisation, losses, embeddings and attention, by their definitions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples import Sample, operator, values

_FLOAT: dict[str, Any] = {"dtypes": "fd", "grad": True, "scale": 5}
_TWICE = {**_FLOAT, "gradgrad": True}


# -- pooling -----------------------------------------------------------------------------------------------------------


def _windows(
    x: np.ndarray, n: int, size: Any, stride: Any, padding: Any, fill: float
) -> tuple[list[int], Callable[..., np.ndarray]]:
    """Output sizes, and the window of each output position, flattened."""
    size, padding = ((v,) * n if isinstance(v, int) else v for v in (size, padding))
    stride = size if stride is None else (stride,) * n if isinstance(stride, int) else stride
    padded = np.pad(x, [(0, 0)] * (x.ndim - n) + [(p, p) for p in padding], constant_values=fill)
    counts = [(padded.shape[d - n] - size[d]) // stride[d] + 1 for d in range(n)]

    def window(place: tuple[int, ...]) -> np.ndarray:
        cut = (..., *(slice(place[d] * stride[d], place[d] * stride[d] + size[d]) for d in range(n)))
        return padded[cut].reshape(*x.shape[: x.ndim - n], -1)

    return counts, window


def _pool(n: int, how: Callable[..., np.ndarray], fill: float) -> Callable[..., np.ndarray]:
    def pool(x: np.ndarray, size: Any, stride: Any = None, padding: Any = 0) -> np.ndarray:
        counts, window = _windows(x, n, size, stride, padding, fill)
        result = np.zeros((*x.shape[: x.ndim - n], *counts), x.dtype)
        for place in itertools.product(*map(range, counts)):
            at = (..., *place)
            result[at] = how(window(place), axis=-1)
        return result

    return pool


def _adaptive(n: int, how: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    def pool(x: np.ndarray, sizes: Any) -> np.ndarray:
        sizes = (sizes,) * n if isinstance(sizes, int) else sizes
        result = np.zeros((*x.shape[: x.ndim - n], *sizes), x.dtype)
        for place in itertools.product(*map(range, sizes)):
            cut = (
                ...,
                *(
                    slice(
                        place[d] * x.shape[d - n] // sizes[d], -(-(place[d] + 1) * x.shape[d - n] // sizes[d])
                    )
                    for d in range(n)
                ),
            )
            at = (..., *place)
            result[at] = how(x[cut].reshape(*x.shape[: x.ndim - n], -1), axis=-1)
        return result

    return pool


_INPUTS = {1: values(2, 2, 7), 2: values(1, 2, 5, 4), 3: values(1, 2, 3, 4, 3)}
for _n, _x in _INPUTS.items():
    operator(
        f"max_pool{_n}d",
        _pool(_n, np.max, -np.inf),
        Sample(_x, 2),
        Sample(_x, 3, 2, 1),
        Sample(_x[0], 2, 1),
        **_TWICE,
    )
    operator(
        f"avg_pool{_n}d",
        _pool(_n, np.mean, 0.0),
        Sample(_x, 2),
        Sample(_x, 3, 2, 1),
        Sample(_x[0], 2, 1),
        **_TWICE,
    )
    operator(
        f"adaptive_avg_pool{_n}d",
        _adaptive(_n, np.mean),
        Sample(_x, 1),
        Sample(_x, 2),
        Sample(_x, (3, 2, 3)[-_n:]),
        **_TWICE,
    )
del _n, _x


# -- normalisation -------------------------------------------------------------------------------------------------------


def _standardised(x: np.ndarray, axes: tuple[int, ...], eps: float) -> np.ndarray:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def _channels(v: np.ndarray | None, x: np.ndarray, absent: float) -> Any:
    return absent if v is None else v.reshape(1, -1, *[1] * (x.ndim - 2))


def _batch_norm(
    x: Any, w: Any, b: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float
) -> np.ndarray:
    if training:
        normal = _standardised(x, (0, *range(2, x.ndim)), eps)
    else:
        normal = (x - _channels(mean, x, 0)) / np.sqrt(_channels(var, x, 1) + eps)
    return normal * _channels(w, x, 1) + _channels(b, x, 0)


def _layer_norm(x: np.ndarray, shape: Any, w: Any = None, b: Any = None, eps: float = 1e-5) -> np.ndarray:
    axes = tuple(range(-len(shape), 0))
    return _standardised(x, axes, eps) * (1 if w is None else w) + (0 if b is None else b)


def _rms_norm(x: np.ndarray, shape: Any, w: Any = None, eps: float = 0.0) -> np.ndarray:
    axes = tuple(range(-len(shape), 0))
    return x / np.sqrt((x * x).mean(axes, keepdims=True) + eps) * (1 if w is None else w)


def _group_norm(x: np.ndarray, groups: int, w: Any = None, b: Any = None, eps: float = 1e-5) -> np.ndarray:
    grouped = x.reshape(len(x), groups, -1)
    return _standardised(grouped, (2,), eps).reshape(x.shape) * _channels(w, x, 1) + _channels(b, x, 0)


_C = values(3, low=0.5, high=2)
_BATCH = values(2, 3, 4)
operator("batch_norm", _batch_norm, Sample(_BATCH, _C, _C + 1, None, None, True, 0.1, 1e-5),
         Sample(_BATCH, None, None, _C - 1, _C, False, 0.1, 1e-5), Sample(_BATCH[:, :, 0], _C, _C, None, None, True, 0.1, 1e-3),
         **{**_TWICE, "grad": (0, 1, 2)})  # fmt: skip
operator("instance_norm", lambda x, w, b, m, v, own, momentum, eps: _standardised(x, (2,), eps) * _channels(w, x, 1) + _channels(b, x, 0),
         Sample(_BATCH, _C, _C + 1, None, None, True, 0.1, 1e-5), **_TWICE)  # fmt: skip
operator(
    "layer_norm",
    _layer_norm,
    Sample(_BATCH, (4,)),
    Sample(_BATCH, (3, 4), values(3, 4, seed=2), values(3, 4, seed=3)),
    **_TWICE,
)
operator(
    "rms_norm",
    _rms_norm,
    Sample(_BATCH, (4,), None, 1e-6),
    Sample(_BATCH, (3, 4), values(3, 4, seed=2), 1e-3),
    **_TWICE,
)
operator(
    "group_norm",
    _group_norm,
    Sample(values(2, 4, 3), 2),
    Sample(values(2, 4, 3), 2, values(4), values(4, seed=2)),
    **_TWICE,
)


# -- losses --------------------------------------------------------------------------------------------------------------


def _reduced(elements: Callable[..., np.ndarray]) -> Callable[..., Any]:
    def loss(x: np.ndarray, y: np.ndarray, reduction: int = 1, *options: float) -> Any:
        found = elements(x, y, *options)
        return (found, found.mean(), found.sum())[reduction]

    return loss


def _huber(x: np.ndarray, y: np.ndarray, delta: float = 1.0) -> np.ndarray:
    far = np.abs(x - y)
    return np.where(far < delta, 0.5 * far**2, delta * (far - 0.5 * delta))


def _cross_entropy(x: np.ndarray, y: np.ndarray, weight: Any = None, reduction: int = 1, ignore: int = -100, smoothing: float = 0.0,
                   log: bool = True) -> Any:  # fmt: skip
    scores = special.log_softmax(x, axis=1) if log else x
    weight = np.ones(x.shape[1]) if weight is None else weight
    kept = y != ignore
    target = np.where(kept, y, 0)
    picked = -np.take_along_axis(scores, target[:, None], 1)[:, 0] * weight[target]
    shape = (1, -1, *[1] * (x.ndim - 2))
    smooth = -(scores * weight.reshape(shape)).sum(1) / x.shape[1]
    each = np.where(kept, (1 - smoothing) * picked + smoothing * smooth, 0)
    return (each, each.sum() / (weight[target] * kept).sum(), each.sum())[reduction]


def _binary(x: np.ndarray, y: np.ndarray, weight: Any = None, reduction: int = 1) -> Any:
    each = -(y * np.log(x) + (1 - y) * np.log(1 - x)) * (1 if weight is None else weight)
    return (each, each.mean(), each.sum())[reduction]


def _binary_logits(
    x: np.ndarray, y: np.ndarray, weight: Any = None, positive: Any = None, reduction: int = 1
) -> Any:
    p = special.expit(x)
    each = -((1 if positive is None else positive) * y * np.log(p) + (1 - y) * np.log(1 - p)) * (
        1 if weight is None else weight
    )
    return (each, each.mean(), each.sum())[reduction]


_P, _T = values(2, 3), values(2, 3, seed=3)
_UNIT, _TARGET = values(2, 3, low=0.1, high=0.9), values(2, 3, low=0.05, high=0.95, seed=1)
for _name, _elements in (("mse_loss", lambda x, y: (x - y) ** 2), ("l1_loss", lambda x, y: np.abs(x - y)), ("huber_loss", _huber),
                         ("smooth_l1_loss", lambda x, y, beta=1.0: _huber(x, y, beta) / beta)):  # fmt: skip
    _more = [Sample(_P, _T, 2, 0.5)] if _name in ("huber_loss", "smooth_l1_loss") else []
    operator(
        _name, _reduced(_elements), Sample(_P, _T), Sample(_P, _T, 0), Sample(_P, _T, 2), *_more, **_TWICE
    )
operator(
    "binary_cross_entropy",
    _binary,
    Sample(_UNIT, _TARGET),
    Sample(_UNIT, _TARGET, _C, 0),
    Sample(_UNIT, _TARGET, None, 2),
    **_TWICE,
)
operator("binary_cross_entropy_with_logits", _binary_logits, Sample(_P, _TARGET), Sample(_P, _TARGET, _C, None, 0),
         Sample(_P, _TARGET, None, _C, 2), **_TWICE)  # fmt: skip
operator("kl_div", lambda x, y, reduction=1, log_target=False: (lambda each: (each, each.mean(), each.sum())[reduction])(
         np.exp(y) * (y - x) if log_target else special.xlogy(y, y) - y * x), Sample(_P, _TARGET), Sample(_P, _TARGET, 2),
         Sample(_P, _T, 0, log_target=True), **_TWICE)  # fmt: skip
_CLASSES = np.array([2, 0, 1, 2])
_LOGITS = values(4, 3)
for _name, _log in (("cross_entropy_loss", True), ("nll_loss", False)):
    operator(
        _name, lambda *args, log=_log: _cross_entropy(*args, log=log), Sample(_LOGITS, _CLASSES), Sample(_LOGITS, _CLASSES, _C, 1),
        Sample(_LOGITS, _CLASSES, _C, 0), Sample(_LOGITS, _CLASSES, None, 2, 1),
        Sample(values(2, 3, 2), np.array([[0, 2], [1, 0]])), **{**_TWICE, "grad": (0,)},
    )  # fmt: skip
operator("cross_entropy_loss", _cross_entropy, Sample(_LOGITS, _CLASSES, None, 1, -100, 0.1), Sample(_LOGITS, _CLASSES, _C, 2, 2, 0.2),
         **{**_TWICE, "grad": (0,)})  # fmt: skip

# -- tables, attention, cells ----------------------------------------------------------------------------------------------

operator(
    "embedding",
    lambda w, index: w[index],
    Sample(values(4, 3), np.array([[0, 3], [1, 3]])),
    Sample(values(4, 3), np.array(2)),
    **_TWICE,
)


def _bagged(
    table: np.ndarray,
    index: np.ndarray,
    offsets: np.ndarray,
    ends: bool,
    padding: int,
    weights: Any,
    mode: int,
    _: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Bag after bag; for maxima also the rows that they came from."""
    stops = [*offsets[1:], *([] if ends else [len(index)])]
    out, chosen = np.zeros((len(stops), table.shape[1])), np.full((len(stops), table.shape[1]), -1)
    for bag, (start, stop) in enumerate(zip(offsets, stops)):
        entries = [i for i in range(start, stop) if index[i] != padding]
        if not entries:
            continue
        rows = table[index[entries]]
        if mode == 2:
            out[bag], chosen[bag] = rows.max(0), index[entries][rows.argmax(0)]
        else:
            rows = rows if weights is None else rows * weights[entries, None]
            out[bag] = rows.mean(0) if mode == 1 else rows.sum(0)
    return out, chosen if mode == 2 else np.zeros(0, np.int64)


_TABLE, _ENTRIES, _STARTS = values(5, 3), np.array([4, 1, 1, 0, 2, 4]), np.array([0, 2, 2, 5])
operator(
    "embedding_bag_forward",
    _bagged,
    Sample(_TABLE, _ENTRIES, _STARTS, False, -1, None, 1, False),
    Sample(_TABLE, _ENTRIES, _STARTS, True, 1, None, 1, False),
    Sample(_TABLE, _ENTRIES, _STARTS, False, 4, None, 2, False),
    Sample(_TABLE, _ENTRIES, _STARTS, False, 2, values(6), 0, False),
    **{**_TWICE, "grad": (0, 5)},
)


def _attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: Any = None, p: float = 0.0, causal: bool = False
) -> np.ndarray:
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if causal:
        scores = np.where(np.tri(*scores.shape[-2:], dtype=bool), scores, -np.inf)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    return special.softmax(scores, axis=-1) @ v


_Q, _K, _V = values(1, 2, 3, 4), values(1, 2, 5, 4, seed=1), values(1, 2, 5, 4, seed=2)
_SEEN = np.array([[True, False, True, True, False]] * 3)
operator("scaled_dot_product_attention", _attention, Sample(_Q, _K, _V), Sample(_Q, _K, _V, _SEEN), Sample(_Q, _K, _V, values(3, 5)),
         Sample(_Q, _Q, _Q, None, 0.0, True), Sample(_Q[0, 0], _K[0, 0], _V[0, 0]), **_FLOAT)  # fmt: skip


def _lstm_cell(
    x: np.ndarray, state: list[np.ndarray], w: np.ndarray, u: np.ndarray, b: Any = 0.0, c: Any = 0.0
) -> Any:
    i, f, g, o = np.split(x @ w.T + state[0] @ u.T + b + c, 4, axis=1)
    cell = special.expit(f) * state[1] + special.expit(i) * np.tanh(g)
    return special.expit(o) * np.tanh(cell), cell


def _gru_cell(
    x: np.ndarray, h: np.ndarray, w: np.ndarray, u: np.ndarray, b: Any = 0.0, c: Any = 0.0
) -> np.ndarray:
    (r, z, n), (hr, hz, hn) = np.split(x @ w.T + b, 3, axis=1), np.split(h @ u.T + c, 3, axis=1)
    update = special.expit(z + hz)
    return (1 - update) * np.tanh(n + special.expit(r + hr) * hn) + update * h


_STEP, _H, _H2 = (
    values(2, 3, low=-1, high=1),
    values(2, 2, low=-1, high=1),
    values(2, 2, low=-1, high=1, seed=1),
)


def _weights(gates: int) -> tuple[np.ndarray, ...]:
    n = 2 * gates
    return tuple(
        values(*shape, low=-1, high=1, seed=i) for i, shape in enumerate(((n, 3), (n, 2), (n,), (n,)))
    )


operator("lstm_cell", _lstm_cell, Sample(_STEP, [_H, _H2], *_weights(4)), **_FLOAT)
operator("gru_cell", _gru_cell, Sample(_STEP, _H, *_weights(3)), **_FLOAT)
operator(
    "rnn_tanh_cell",
    lambda x, h, w, u, b, c: np.tanh(x @ w.T + h @ u.T + b + c),
    Sample(_STEP, _H, *_weights(1)),
    **_FLOAT,
)
operator(
    "rnn_relu_cell",
    lambda x, h, w, u, b, c: np.maximum(x @ w.T + h @ u.T + b + c, 0),
    Sample(_STEP, _H, *_weights(1)),
    **_FLOAT,
)
