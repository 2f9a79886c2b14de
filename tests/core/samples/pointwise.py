"""Operators that work element by element: one line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from samples import Sample, operator, values

Function = Callable[..., Any]


def unary(name: str, reference: Function, low: float = -3.0, high: float = 3.0, dtypes: str = "fdi", *, grad: bool = True,
          **options: Any) -> None:  # fmt: skip
    """An operator of one tensor, on numbers of [low, high]."""
    samples = [Sample(values(*shape, low=low, high=high)) for shape in ((), (5,), (2, 3), (2, 1, 4))]
    operator(name, reference, *samples, dtypes=dtypes, grad=grad, gradgrad=grad, elementwise=True, **options)


def binary(name: str, reference: Function, low: float = -3.0, high: float = 3.0, dtypes: str = "fdi", *, grad: bool = True,
           other: tuple[float, float] | None = None, **options: Any) -> None:  # fmt: skip
    """An operator of two tensors, on all ways to broadcast."""
    below, above = other or (low, high)
    shapes = (((2, 3), (2, 3)), ((2, 3), (3,)), ((3, 1), (2, 1, 2)), ((), (4,)), ((2, 2), ()))
    samples = [
        Sample(values(*first, low=low, high=high), values(*second, low=below + 0.01, high=above, seed=1))
        for first, second in shapes
    ]
    operator(name, reference, *samples, dtypes=dtypes, grad=grad, gradgrad=grad, elementwise=True, **options)


def _sgn(x: np.ndarray) -> np.ndarray:
    return np.where(x == 0, 0, x / np.where(x == 0, 1, np.abs(x))) if np.iscomplexobj(x) else np.sign(x)


def _trunc_towards_zero(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.trunc(x / y).astype(x.dtype)


# -- of one tensor -----------------------------------------------------------------------------------------------------

unary("neg", np.negative, dtypes="fdic")
unary("abs", np.abs, dtypes="fdic")
unary("positive", np.positive, dtypes="fdi")
unary("sign", np.sign, dtypes="fdi")
unary("sgn", _sgn, dtypes="fdic")
unary("reciprocal", np.reciprocal, 0.5, 4, "fdc")
unary("sqrt", np.sqrt, 0.2, 9, "fdic")
unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.2, 9, "fd")
unary("square", np.square, dtypes="fdic")
unary("exp", np.exp, dtypes="fdic")
unary("exp2", np.exp2)
unary("expm1", np.expm1)
unary("log", np.log, 0.2, 9, "fdic")
unary("log2", np.log2, 0.2, 9)
unary("log10", np.log10, 0.2, 9)
unary("log1p", np.log1p, -0.9, 9, "fd")
unary("sin", np.sin, dtypes="fdic")
unary("cos", np.cos, dtypes="fdic")
unary("tan", np.tan, -1.4, 1.4, scale=4)
unary("asin", np.arcsin, -0.9, 0.9, "fd")
unary("acos", np.arccos, -0.9, 0.9, "fd")
unary("atan", np.arctan)
unary("sinh", np.sinh, dtypes="fdic")
unary("cosh", np.cosh, dtypes="fdic")
unary("tanh", np.tanh, dtypes="fdic")
unary("asinh", np.arcsinh)
unary("acosh", np.arccosh, 1.2, 9, "fd")
unary("atanh", np.arctanh, -0.9, 0.9, "fd")
unary("sinc", np.sinc, scale=10)
unary("deg2rad", np.deg2rad, -180, 180)
unary("rad2deg", np.rad2deg)
unary("erf", special.erf)
unary("erfc", special.erfc, scale=5)
unary("erfinv", special.erfinv, -0.9, 0.9, "fd", scale=10)
unary("lgamma", special.gammaln, 0.3, 6, "fd", scale=10)
unary("digamma", special.digamma, 0.3, 6, "fd", scale=20)
unary("sigmoid", special.expit, dtypes="fdi")
unary("logit", special.logit, 0.1, 0.9, "fd", scale=5)
unary("i0", special.i0, scale=10)
unary("special_i0e", special.i0e, scale=10)
unary("special_i1", special.i1, scale=10)
unary("special_i1e", special.i1e, scale=10)
unary("special_entr", special.entr, 0.1, 3, "fd")
unary("floor", np.floor, dtypes="fd")
unary("ceil", np.ceil, dtypes="fd")
unary("trunc", np.trunc, dtypes="fd")
unary("frac", lambda x: x - np.trunc(x), dtypes="fd")
unary("round", np.round, dtypes="fd")
unary("angle", np.angle, dtypes="fdcib")
unary("conj", np.conj, dtypes="fdc")
unary("nan_to_num", np.nan_to_num, dtypes="fd")
unary("isnan", np.isnan, dtypes="fdic", grad=False)
unary("isinf", np.isinf, dtypes="fdi", grad=False)
unary("isfinite", np.isfinite, dtypes="fdi", grad=False)
unary("isposinf", np.isposinf, dtypes="fdi", grad=False)
unary("isneginf", np.isneginf, dtypes="fdi", grad=False)
unary("isreal", np.isreal, dtypes="fdic", grad=False)
unary("signbit", np.signbit, dtypes="fd", grad=False)
unary("logical_not", np.logical_not, dtypes="fdib", grad=False)
unary("bitwise_not", np.invert, dtypes="ib", grad=False)

# -- of two tensors ----------------------------------------------------------------------------------------------------

binary("add", np.add, dtypes="fdibc")
binary("sub", np.subtract, dtypes="fdic")
binary("mul", np.multiply, dtypes="fdibc")
binary("div", np.true_divide, dtypes="fdic", other=(0.5, 4))
binary("true_divide", np.true_divide, dtypes="fdic", other=(0.5, 4))
binary("rsub", lambda x, y: y - x, dtypes="fdic")
binary("floor_divide", np.floor_divide, other=(0.9, 3.1), grad=False)
binary("div_trunc", _trunc_towards_zero, other=(0.9, 3.1), grad=False)
binary("remainder", np.mod, -4, 4, other=(1.1, 2.9), scale=10)
binary("fmod", np.fmod, -4, 4, other=(1.1, 2.9), scale=10)
binary("pow", np.power, 0.6, 3, "fd", scale=4)
binary("float_power", lambda x, y: np.float_power(x, y), 0.6, 3, "d")
binary("atan2", np.arctan2, 0.3, 3)
binary("hypot", np.hypot, 0.3, 3, "fd")
binary("logaddexp", np.logaddexp, dtypes="fd")
binary("logaddexp2", np.logaddexp2, dtypes="fd")
binary("xlogy", special.xlogy, 0.2, 3)
binary("special_xlog1py", special.xlog1py, 0.2, 3)
binary("copysign", np.copysign, dtypes="fd")
binary("nextafter", np.nextafter, dtypes="d")
binary("gcd", np.gcd, -12, 12, "i", grad=False)
binary("lcm", np.lcm, 1, 12, "i", grad=False)
binary("heaviside", np.heaviside, dtypes="fd", grad=False)
binary("maximum", np.maximum, dtypes="fdib")
binary("minimum", np.minimum, dtypes="fdib")
binary("fmax", np.fmax)
binary("fmin", np.fmin)
binary("eq", np.equal, dtypes="fdibc", grad=False)
binary("ne", np.not_equal, dtypes="fdibc", grad=False)
binary("lt", np.less, dtypes="fdib", grad=False)
binary("le", np.less_equal, dtypes="fdib", grad=False)
binary("gt", np.greater, dtypes="fdib", grad=False)
binary("ge", np.greater_equal, dtypes="fdib", grad=False)
binary("logical_and", np.logical_and, dtypes="fdibc", grad=False)
binary("logical_or", np.logical_or, dtypes="fdibc", grad=False)
binary("logical_xor", np.logical_xor, dtypes="fdibc", grad=False)
binary("bitwise_and", np.bitwise_and, dtypes="ib", grad=False)
binary("bitwise_or", np.bitwise_or, dtypes="ib", grad=False)
binary("bitwise_xor", np.bitwise_xor, dtypes="ib", grad=False)
binary("bitwise_left_shift", np.left_shift, 0, 9, "i", other=(0, 5), grad=False)
binary("bitwise_right_shift", np.right_shift, 0, 99, "i", other=(0, 5), grad=False)
binary("isclose", lambda x, y: np.isclose(x, y), dtypes="fdi", grad=False)

_ROWS = values(2, 3)
_OTHER = values(2, 3, seed=2)
_POSITIVE = values(2, 3, low=0.5, high=3, seed=3)


def several(
    name: str, reference: Function, *samples: Sample, dtypes: str = "fd", grad: bool = True, **options: Any
) -> None:
    """An element-wise operator with options or more tensors."""
    operator(name, reference, *samples, dtypes=dtypes, grad=grad, gradgrad=grad, **options)


several("polygamma", special.polygamma, Sample(1, _POSITIVE), Sample(2, _POSITIVE), scale=50)
several("addcmul", lambda x, y, z, value=1: x + value * y * z, Sample(_ROWS, _OTHER, _POSITIVE),
        Sample(_ROWS, _OTHER[0], _POSITIVE[:, :1], value=2), dtypes="fdi")  # fmt: skip
several("addcdiv", lambda x, y, z, value=1: x + value * y / z, Sample(_ROWS, _OTHER, _POSITIVE),
        Sample(_ROWS, _OTHER[0], _POSITIVE[:, :1], value=0.5))  # fmt: skip
several("lerp", lambda x, y, w: x + w * (y - x), Sample(_ROWS, _OTHER, 0.3), Sample(_ROWS, _OTHER, _POSITIVE))
several(
    "where",
    np.where,
    Sample(_ROWS > 0, _ROWS, _OTHER),
    Sample(_ROWS[0] > 0, _ROWS, _OTHER[:, :1]),
    dtypes="fdi",
)
several("clamp", lambda x, min=None, max=None: np.clip(x, min, max), Sample(_ROWS, -1, 1.2), Sample(_ROWS, min=0.1),
        Sample(_ROWS, max=0.1), Sample(_ROWS, _OTHER - 2, _OTHER + 1))  # fmt: skip
several("clamp_min", np.maximum, Sample(_ROWS, 0.2))
several("clamp_max", np.minimum, Sample(_ROWS, 0.2))
several("ldexp", lambda x, n: x * 2.0**n, Sample(_ROWS, np.array([[0, 1, -2], [3, 0, 1]])))
several("nan_to_num", lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
        Sample(np.array([1.0, np.nan, np.inf, -np.inf]), 0.5, 7.0, -7.0), grad=False)  # fmt: skip
several("round", lambda x, decimals: np.round(x, decimals), Sample(_ROWS, decimals=2), grad=False)
several("complex", lambda x, y: x + 1j * y, Sample(_ROWS, _OTHER))
several("polar", lambda r, phi: r * np.exp(1j * phi), Sample(_POSITIVE, _OTHER), grad=False)
several(
    "equal",
    np.array_equal,
    Sample(_ROWS, _ROWS),
    Sample(_ROWS, _OTHER),
    Sample(_ROWS, _ROWS[0]),
    grad=False,
    meta=False,
)
several("allclose", np.allclose, Sample(_ROWS, _ROWS + 1e-9), Sample(_ROWS, _OTHER), grad=False, meta=False)
several("isin", np.isin, Sample(np.arange(6), np.array([1, 4, 9])), dtypes="i", grad=False)
