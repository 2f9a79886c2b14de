"""Activations, by their formulas."""

from __future__ import annotations

import numpy as np
from scipy import special

from samples import Sample, operator, values
from samples.pointwise import several, unary

_X = values(2, 4)


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + special.erf(x / np.sqrt(2)))


def _gelu_tanh(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _elu(x: np.ndarray, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> np.ndarray:
    return scale * np.where(x > 0, x, alpha * np.expm1(x * input_scale))


def _glu(x: np.ndarray, dim: int = -1) -> np.ndarray:
    first, second = np.split(x, 2, axis=dim)
    return first * special.expit(second)


unary("relu", lambda x: np.maximum(x, 0), dtypes="fdi")
unary("silu", lambda x: x / (1 + np.exp(-x)), dtypes="fdc")
unary("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))), dtypes="fd")
unary("selu", lambda x: _elu(x, 1.6732632423543772, 1.0507009873554805), dtypes="fd")
unary("log_sigmoid", lambda x: np.log(special.expit(x)), dtypes="fd", scale=5)
unary("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), -5, 5, "fd")
unary("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, -5, 5, "fd")
several("gelu", lambda x, approximate="none": _gelu_tanh(x) if approximate == "tanh" else _gelu(x), Sample(_X),
        Sample(_X, approximate="tanh"), scale=5)  # fmt: skip
several("elu", _elu, Sample(_X), Sample(_X, 0.5), Sample(_X, 0.5, 2.0, 3.0))
several(
    "celu",
    lambda x, alpha=1.0: np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(x / alpha)),
    Sample(_X),
    Sample(_X, 2.0),
)
several("leaky_relu", lambda x, slope=0.01: np.where(x > 0, x, slope * x), Sample(_X), Sample(_X, 0.2))
several("threshold", lambda x, threshold, value: np.where(x > threshold, x, value), Sample(_X, 0.1, 5.0))
several("softplus", lambda x, beta=1, threshold=20: np.where(x * beta > threshold, x, np.log1p(np.exp(beta * x)) / beta),
        Sample(_X), Sample(_X, 2, 4), scale=5)  # fmt: skip
several("hardtanh", lambda x, low=-1, high=1: np.clip(x, low, high), Sample(_X), Sample(_X, -0.5, 2.2))
several("hardshrink", lambda x, lambd=0.5: np.where(np.abs(x) <= lambd, 0, x), Sample(_X), Sample(_X, 1.0))
several(
    "softshrink",
    lambda x, lambd=0.5: np.sign(x) * np.maximum(np.abs(x) - lambd, 0),
    Sample(_X),
    Sample(_X, 1.0),
)
several(
    "prelu",
    lambda x, w: np.where(x > 0, x, w * x),
    Sample(_X, np.array([0.25])),
    Sample(_X, values(4, low=0.1, high=0.5)),
)
several("glu", _glu, Sample(_X), Sample(_X, 0))
several(
    "softmax",
    lambda x, dim: special.softmax(x, axis=dim),
    Sample(_X, 0),
    Sample(_X, -1),
    Sample(values(2, 3, 2), 1),
)
several(
    "log_softmax",
    lambda x, dim: special.log_softmax(x, axis=dim),
    Sample(_X, 0),
    Sample(_X, -1),
    Sample(values(2, 3, 2), 1),
)
several("softmin", lambda x, dim: special.softmax(-x, axis=dim), Sample(_X, 1))
operator(
    "rrelu", lambda x, low, high: np.where(x > 0, x, x * (low + high) / 2), Sample(_X, 0.1, 0.3), grad=True
)
