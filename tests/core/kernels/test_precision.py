"""Pointwise functions stay within the error that their catalogue record states, for every lane, layout and thread."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

import taeda

sys.path.insert(0, str(Path(__file__).parents[3] / "core"))
from catalogue import load

Array = NDArray[np.floating]
RECORDS = {op.name: op for op in load() if op.pointwise}

# name -> (the same function from NumPy or SciPy, the range that is sampled)
FUNCTIONS: dict[str, tuple[Callable[[Array], Array], float, float]] = {
    "exp": (np.exp, -87, 88),
    "exp2": (np.exp2, -126, 127),
    "expm1": (np.expm1, -20, 80),
    "log": (np.log, 1e-6, 100),
    "log2": (np.log2, 1e-6, 100),
    "log10": (np.log10, 1e-6, 100),
    "log1p": (np.log1p, -0.999, 100),
    "sin": (np.sin, -1000, 1000),
    "cos": (np.cos, -1000, 1000),
    "tan": (np.tan, -100, 100),
    "asin": (np.arcsin, -1, 1),
    "acos": (np.arccos, -1, 1),
    "atan": (np.arctan, -20, 20),
    "sinh": (np.sinh, -80, 80),
    "cosh": (np.cosh, -80, 80),
    "tanh": (np.tanh, -9, 9),
    "asinh": (np.arcsinh, -100, 100),
    "acosh": (np.arccosh, 1, 100),
    "atanh": (np.arctanh, -0.999, 0.999),
    "sqrt": (np.sqrt, 0, 1e6),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 1e-6, 1e6),
    "reciprocal": (lambda x: 1 / x, 0.01, 1e4),
    "erf": (special.erf, -4, 4),
    "erfc": (special.erfc, -3, 8),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -80, 80),
    "lgamma": (special.gammaln, 3, 100),
    "digamma": (special.digamma, 2, 100),
    "erfinv": (special.erfinv, -0.999, 0.999),
    "i0": (special.i0, -20, 20),
}
# Where NumPy computes in 80 bits, doubles can be judged as well.
IN_LONG_DOUBLE = set(FUNCTIONS) - {
    "erf",
    "erfc",
    "lgamma",
    "digamma",
    "erfinv",
    "i0",
    "sigmoid",
    "rsqrt",
    "reciprocal",
}
DOUBLE_BOUND = 3.5


def _samples(low: float, high: float, count: int = 20_000) -> Array:
    uniform = np.random.uniform(low, high, count)
    small = np.sign(uniform) * np.exp(np.random.uniform(-20, np.log(max(abs(low), abs(high))), count))
    return np.concatenate([uniform, small[(small >= low) & (small <= high)]])


def _ulps(got: Array, want: Array) -> Array:
    nearest = want.astype(got.dtype)
    spacing = np.spacing(np.abs(nearest)).astype(want.dtype)
    return np.abs(got.astype(want.dtype) - want) / spacing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32_error_is_within_the_records_bound(name: str) -> None:
    function, low, high = FUNCTIONS[name]
    x = _samples(low, high).astype(np.float32)
    got = getattr(taeda, name)(taeda.from_numpy(x)).numpy()
    how = RECORDS[name].pointwise
    assert how is not None
    bound = max(how.ulp, 1.0) + 0.5
    assert _ulps(got, function(x.astype(np.float64))).max() <= bound


@pytest.mark.parametrize("name", sorted(IN_LONG_DOUBLE))
def test_float64_error_is_within_a_few_places(name: str) -> None:
    function, low, high = FUNCTIONS[name]
    x = _samples(low, high)
    got = getattr(taeda, name)(taeda.from_numpy(x)).numpy()
    assert _ulps(got, function(x.astype(np.longdouble))).max() <= DOUBLE_BOUND


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(IN_LONG_DOUBLE))
def test_special_values_are_numpys(name: str, dtype: type) -> None:
    tiny = np.finfo(dtype).tiny / 4
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1, -1, tiny, -tiny, 1e30, -1e30, 2], dtype)
    got = getattr(taeda, name)(taeda.from_numpy(x)).numpy()
    with np.errstate(all="ignore"):
        want = FUNCTIONS[name][0](x.astype(np.float64)).astype(dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    zeros = want == 0
    np.testing.assert_array_equal(np.signbit(got[zeros]), np.signbit(want[zeros]))


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0, 17.3, -2.5, 0.0, np.inf, -np.inf, np.nan])
def test_powers_follow_ieee(exponent: float) -> None:
    x = np.concatenate(
        [np.random.uniform(-30, 30, 5000), [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 1e-40, -1e-40]]
    )
    x = x.astype(np.float32)
    y = np.full_like(x, exponent)
    got = (taeda.from_numpy(x) ** taeda.from_numpy(y)).numpy()
    with np.errstate(all="ignore"):
        want = np.power(x.astype(np.float64), y.astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(got, want, rtol=2e-7)


@pytest.mark.parametrize("name", ["exp", "tanh", "sin", "erf", "log1p", "lgamma"])
def test_a_result_does_not_depend_on_position_length_layout_or_threads(name: str) -> None:
    function = getattr(taeda, name)
    x = taeda.from_numpy(np.random.uniform(0.01, 3, 70_000).astype(np.float32))
    whole = function(x)
    for start, stop in [(0, 1), (1, 18), (3, 70), (5, 1029), (69_990, 70_000)]:
        assert taeda.equal(function(x[start:stop]), whole[start:stop])
    assert taeda.equal(function(x[::3]), whole[::3])
    matrix = x[:69_696].view(264, 264)
    assert taeda.equal(function(matrix.t()), function(matrix).t())
    taeda.set_num_threads(1)
    assert taeda.equal(function(x), whole)


def test_bfloat16_and_half_round_to_nearest_even() -> None:
    x = np.concatenate([np.random.normal(size=4000), [1 + 2**-8, 1 + 3 * 2**-8, 1e-40, -1e-39, 65520, 1e-7]])
    x = x.astype(np.float32)
    bits = x.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(taeda.from_numpy(x).bfloat16().float().numpy(), rounded)
    with np.errstate(over="ignore"):
        want = x.astype(np.float16)
    np.testing.assert_array_equal(taeda.from_numpy(x).half().numpy(), want)


def test_products_are_not_contracted() -> None:
    z = np.random.normal(size=100) + 1j * np.random.normal(size=100)
    t = taeda.from_numpy(z)
    assert not (t * t.conj()).imag.numpy().any()
