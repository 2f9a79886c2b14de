"""Pooling against windows cut out with NumPy."""

import itertools

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn import functional as F

rng = np.random.default_rng(0)
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
# shape, kernel, stride, padding, dilation, ceil_mode
CASES = [
    ((2, 3, 20), (3,), (2,), (1,), (1,), False),
    ((2, 3, 9, 8), (2, 3), (2, 1), (1, 0), (1, 1), False),
    ((1, 2, 9, 40), (3, 3), (2, 2), (1, 1), (2, 1), True),
    ((1, 2, 5, 6, 7), (2, 3, 2), (1, 2, 2), (1, 1, 0), (1, 1, 2), True),
]


def windows(x, kernel, stride, padding, dilation, out):
    """(position, elements inside, their positions in the plane, elements of the window with its padding)."""
    sizes = x.shape[2:]
    for at in itertools.product(*map(range, out)):
        axes, padded = [], 1
        for o, k, s, p, d, n in zip(at, kernel, stride, padding, dilation, sizes, strict=True):
            start = o * s - p
            axes.append([start + i * d for i in range(k) if 0 <= start + i * d < n])
            padded *= min(start + k, n + p) - start
        flat = np.ravel_multi_index(np.meshgrid(*axes, indexing="ij"), sizes).ravel()
        yield at, x.reshape(*x.shape[:2], -1)[..., flat], flat, padded


@pytest.mark.parametrize("case", CASES)
def test_largest_elements_and_where_they_are(case):
    shape, kernel, stride, padding, dilation, ceil_mode = case
    x = rng.standard_normal(shape)
    x[0, 0].flat[3] = np.nan
    x[0, 1] = -np.inf
    values, indices = MAX[len(kernel)](taeda.tensor(x), kernel, stride, padding, dilation, ceil_mode, True)
    for at, inside, flat, _ in windows(x, kernel, stride, padding, dilation, values.shape[2:]):
        place = (slice(None), slice(None), *at)
        np.testing.assert_array_equal(values.numpy()[place], inside.max(-1))
        np.testing.assert_array_equal(indices.numpy()[place], flat[inside.argmax(-1)])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_integers(case, dtype):
    """The first of equal maxima; means are rounded toward zero."""
    shape, kernel, stride, padding, dilation, ceil_mode = case
    x = rng.integers(0 if dtype is np.uint8 else -100, 100, shape).astype(dtype)
    values, indices = MAX[len(kernel)](taeda.tensor(x), kernel, stride, padding, dilation, ceil_mode, True)
    alone = MAX[len(kernel)](taeda.tensor(x), kernel, stride, padding, dilation, ceil_mode)
    for at, inside, flat, _ in windows(x, kernel, stride, padding, dilation, values.shape[2:]):
        place = (slice(None), slice(None), *at)
        np.testing.assert_array_equal(values.numpy()[place], inside.max(-1))
        np.testing.assert_array_equal(alone.numpy()[place], inside.max(-1))
        np.testing.assert_array_equal(indices.numpy()[place], flat[inside.argmax(-1)])
    out = AVG[len(kernel)](taeda.tensor(x), kernel, stride, padding, ceil_mode).numpy()
    assert out.dtype == dtype
    for at, inside, _, padded in windows(x, kernel, stride, padding, (1,) * len(kernel), out.shape[2:]):
        place = (slice(None), slice(None), *at)
        np.testing.assert_array_equal(out[place], np.fix(inside.astype(np.int64).sum(-1) / padded))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("count_padding", [True, False])
def test_means(case, count_padding):
    shape, kernel, stride, padding, _, ceil_mode = case
    x = rng.standard_normal(shape)
    out = AVG[len(kernel)](taeda.tensor(x), kernel, stride, padding, ceil_mode, count_padding).numpy()
    for at, inside, _, padded in windows(x, kernel, stride, padding, (1,) * len(kernel), out.shape[2:]):
        divisor = padded if count_padding else inside.shape[-1]
        place = (slice(None), slice(None), *at)
        np.testing.assert_allclose(out[place], inside.sum(-1) / divisor, atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 7, 9])
def test_adaptive(size):
    x = rng.standard_normal((2, 3, 9, 5))
    mean = F.adaptive_avg_pool2d(taeda.tensor(x), (size, 2)).numpy()
    largest = F.adaptive_max_pool2d(taeda.tensor(x), (size, 2)).numpy()
    for i, j in itertools.product(range(size), range(2)):
        part = x[:, :, i * 9 // size : -(-(i + 1) * 9 // size), j * 5 // 2 : -(-(j + 1) * 5 // 2)]
        np.testing.assert_allclose(mean[:, :, i, j], part.mean((2, 3)), atol=1e-12)
        np.testing.assert_array_equal(largest[:, :, i, j], part.max((2, 3)))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.max_pool2d(x, 3, 2, 1),
        lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
        lambda x: F.adaptive_avg_pool2d(x, 3),
        lambda x: F.adaptive_max_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 2, divisor_override=3),
    ],
)
def test_gradients(function):
    x = taeda.tensor(rng.permutation(2 * 2 * 5 * 6).reshape(2, 2, 5, 6) / 10.0).requires_grad_()
    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: F.max_pool2d(taeda.zeros(3), 2),
            r"max_pool2d: expected input of shape \(N, C, H, W\) or \(C, H, W\), got shape \[3\]",
        ),
        (
            lambda: F.max_pool2d(taeda.zeros(1, 3, 4, 4), 2, 2, 2),
            "pad should be at most half of effective kernel size.*got pad=2, kernel_size=2",
        ),
        (
            lambda: F.avg_pool2d(taeda.zeros(1, 1, 2, 2), 5),
            r"avg_pool2d: the window \(kernel_size \[5, 5\].*does not fit into an input of shape",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(RuntimeError, match=text):
        call()
