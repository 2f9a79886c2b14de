"""Joins, flips, borders, masks, running sums and counts at sizes that reach every path, beside NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "int64", "complex128"])
@pytest.mark.parametrize(
    ("shapes", "axis"),
    [
        ([(3, 700, 5), (4, 700, 5)], 0),
        ([(40, 33), (40, 1), (40, 500)], 1),
        ([(70, 2, 3), (70, 0, 3), (70, 5, 3)], 1),
        ([(5000, 1)] * 3, 1),
    ],
)
def test_joins(dtype: str, shapes: list[tuple[int, ...]], axis: int) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 100, shape).astype(dtype) for shape in shapes]
    got = taeda.cat([taeda.from_numpy(part) for part in parts], axis)
    np.testing.assert_array_equal(got.numpy(), np.concatenate(parts, axis))


def test_joins_of_other_dtypes_and_strides() -> None:
    a, b = np.arange(12.0).reshape(3, 4), np.arange(8, dtype=np.int64).reshape(4, 2)
    got = taeda.cat([taeda.from_numpy(a).t(), taeda.from_numpy(b)], 1)
    np.testing.assert_array_equal(got.numpy(), np.concatenate([a.T, b], 1))


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("permuted", [False, True])
def test_flips(axes: tuple[int, ...], permuted: bool) -> None:
    x = np.random.default_rng(0).standard_normal((4, 30, 50))
    t = taeda.from_numpy(x)
    if permuted:
        x, t = x.transpose(2, 0, 1), t.permute(2, 0, 1)
    np.testing.assert_array_equal(t.flip(axes).numpy(), np.flip(x, axes))


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_gradients_of_borders(mode: str) -> None:
    x = taeda.from_numpy(np.random.default_rng(0).standard_normal((2, 4, 5))).requires_grad_()
    assert taeda.autograd.gradcheck(lambda t: F.pad(t, [2, 1], mode), (x,))
    y = x.detach()[None].requires_grad_()
    assert taeda.autograd.gradgradcheck(lambda t: F.pad(t * t, [2, 1, 0, 3], mode), (y,))


@pytest.mark.parametrize("shape", [(9000,), (70, 300), (5, 40, 60), (3, 5000, 1)])
def test_masks_of_the_tensors_own_shape(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    x, mask = rng.standard_normal(shape), rng.random(shape) < 0.4
    t, m = taeda.from_numpy(x.copy()), taeda.from_numpy(mask)
    np.testing.assert_array_equal(t[m].numpy(), x[mask])
    np.testing.assert_array_equal(m.nonzero().numpy(), np.argwhere(mask))
    t[m] = 3
    np.testing.assert_array_equal(t.numpy(), np.where(mask, 3, x))
    whole = taeda.from_numpy((10 * x).astype(np.int32))
    whole[m] = 2.9
    np.testing.assert_array_equal(whole.numpy(), np.where(mask, 2, (10 * x).astype(np.int32)))


def test_gradient_of_a_mask() -> None:
    x = taeda.arange(6.0).view(2, 3).requires_grad_()
    (x[x > 2] * taeda.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]


@pytest.mark.parametrize("n", [1, 7, 8, 15, 16, 17, 1000, 70_003])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_running_sums(n: int, dtype: str) -> None:
    x = np.random.default_rng(0).standard_normal((3, n)).astype(dtype) / 8
    want = np.cumsum(x.astype(np.longdouble), 1).astype(np.float64)
    tolerance = {"float32": 1e-7, "float64": 1e-12, "float16": 1e-3}[dtype]  # 70,003 roundings
    got = taeda.from_numpy(x).cumsum(-1)
    np.testing.assert_allclose(got.numpy().astype(np.float64), want, rtol=tolerance, atol=tolerance)


def test_running_sums_of_infinities() -> None:
    x = taeda.ones(20)
    x[3], x[12] = float("inf"), -float("inf")
    want = [1.0, 2.0, 3.0] + [float("inf")] * 9
    assert x.cumsum(0)[:12].tolist() == want
    assert x.cumsum(0)[12:].isnan().all()


@pytest.mark.parametrize("scale", [1, 10**12])
@pytest.mark.parametrize("dtype", ["int64", "int16", "uint8"])
def test_unique_of_short_and_long_ranges(scale: int, dtype: str) -> None:
    x = np.random.default_rng(0).integers(-50 if dtype != "uint8" else 0, 90, (40, 50)).astype(dtype)
    if dtype == "int64":
        x *= scale
    values, inverse, counts = taeda.unique(taeda.from_numpy(x), return_inverse=True, return_counts=True)
    want = np.unique(x, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), want[0])
    np.testing.assert_array_equal(inverse.numpy(), want[1].reshape(x.shape))
    np.testing.assert_array_equal(counts.numpy(), want[2])


def test_unique_of_the_whole_range() -> None:
    x = taeda.tensor([2**63 - 1, -(2**63), 0, 2**63 - 1])
    assert taeda.unique(x).tolist() == [-(2**63), 0, 2**63 - 1]


@pytest.mark.parametrize("weight", [None, "float32", "float64", "int64"])
def test_counts(weight: str | None) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 30, 1000)
    weights = None if weight is None else rng.integers(1, 5, 1000).astype(weight)
    got = taeda.bincount(
        taeda.from_numpy(x), None if weights is None else taeda.from_numpy(weights), minlength=40
    )
    np.testing.assert_allclose(got.numpy(), np.bincount(x, weights, 40))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((40, 300), (300,)),
        ((40, 300), (40, 1)),
        ((40, 1), (1, 300)),
        ((3, 20, 130), (20, 1)),
        ((4, 5, 10, 200), (4, 1, 10, 1)),
    ],
)
def test_rows_with_repeated_operands(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for dtype in ("float32", "float64", "int32"):
        x, y = (rng.integers(-9, 9, shape).astype(dtype) for shape in (first, second))
        t, u = taeda.from_numpy(x), taeda.from_numpy(y)
        np.testing.assert_array_equal((t - u).numpy(), x - y)
        np.testing.assert_array_equal((t > u).numpy(), x > y)
        want = np.where(x > 0, x, y)
        np.testing.assert_array_equal(taeda.where(t > 0, t, u).numpy(), want)


@pytest.mark.parametrize("shape", [(1000, 70), (7, 5, 200)])
@pytest.mark.parametrize("dim", [0, 1])
def test_softmax_across_rows(shape: tuple[int, ...], dim: int) -> None:
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    e = np.exp(x.astype(np.float64))
    want = e / e.sum(dim, keepdims=True)
    np.testing.assert_allclose(taeda.from_numpy(x).softmax(dim).numpy(), want, rtol=2e-6)
    np.testing.assert_allclose(taeda.from_numpy(x).log_softmax(dim).numpy(), np.log(want), atol=2e-6)
