"""Convolutions and pooling on the GPU: values and gradients as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
import taeda.nn.functional as F

CONVOLUTIONS = {
    "strided": (lambda x, w, b: F.conv2d(x, w, b, 2, 1), (2, 4, 9, 9), (6, 4, 3, 3), 6),
    "grouped": (lambda x, w, b: F.conv2d(x, w, b, 1, (2, 0), (2, 1), 2), (2, 4, 9, 8), (6, 2, 3, 2), 6),
    "depthwise": (lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4), (2, 4, 6, 6), (4, 1, 3, 3), 4),
    "one dimension": (lambda x, w, b: F.conv1d(x, w, b, 2, 1), (2, 4, 9), (6, 4, 3), 6),
    "three dimensions": (lambda x, w, b: F.conv3d(x, w, b, 1, 1), (1, 2, 4, 5, 6), (3, 2, 3, 3, 2), 3),
    "transposed": (lambda x, w, b: F.conv_transpose2d(x, w, b, 2, 1, 1), (2, 4, 5, 5), (4, 3, 3, 3), 3),
}
POOLINGS = {
    "max": (lambda x: F.max_pool2d(x, 3, 2, 1, return_indices=True), (2, 3, 11, 12)),
    "max, dilated": (lambda x: F.max_pool2d(x, 3, 2, 1, 2, True, return_indices=True), (2, 3, 11, 12)),
    "max, 1d": (lambda x: F.max_pool1d(x, 3, 1, 1), (2, 3, 50)),
    "max, 3d": (lambda x: F.max_pool3d(x, 2, 2, return_indices=True), (2, 3, 6, 7, 8)),
    "average": (lambda x: F.avg_pool2d(x, 3, 2, 1), (2, 3, 11, 12)),
    "average, ceil": (lambda x: F.avg_pool2d(x, 3, 2, 1, True, False), (2, 3, 11, 12)),
    "average, divisor": (lambda x: F.avg_pool3d(x, 2, 1, 1, divisor_override=3), (2, 3, 5, 6, 7)),
    "adaptive average": (lambda x: F.adaptive_avg_pool2d(x, (3, 5)), (2, 3, 11, 12)),
    "global average": (lambda x: F.adaptive_avg_pool2d(x, 1), (2, 3, 11, 12)),
    "adaptive, enlarging": (lambda x: F.adaptive_avg_pool2d(x, (9, 9)), (2, 3, 4, 5)),
    "adaptive max": (lambda x: F.adaptive_max_pool2d(x, (3, 5), return_indices=True), (2, 3, 11, 12)),
}


def values_and_gradients(function, shapes, dtype, device):
    rng = np.random.default_rng(5)
    inputs = [taeda.tensor(rng.standard_normal(s)).to(dtype).to(device).requires_grad_() for s in shapes]
    outputs = function(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    outputs[0].backward(taeda.tensor(rng.standard_normal(outputs[0].shape)).to(dtype).to(device))
    return [t.detach().cpu().to(taeda.float64).numpy() for t in (*outputs, *(i.grad for i in inputs))]


def assert_same_on_both(function, shapes, dtype, bound):
    expected = values_and_gradients(function, shapes, dtype, "cpu")
    for one, other in zip(expected, values_and_gradients(function, shapes, dtype, "cuda"), strict=True):
        np.testing.assert_allclose(one, other, rtol=bound, atol=bound)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(taeda.float32, 1e-4), (taeda.bfloat16, 0.1), (taeda.float64, 1e-11)]
)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name, dtype, bound):
    function, x, w, bias = CONVOLUTIONS[name]
    assert_same_on_both(function, [x, w, (bias,)], dtype, bound)


@pytest.mark.parametrize(
    ("dtype", "bound"), [(taeda.float32, 1e-5), (taeda.bfloat16, 2e-2), (taeda.float64, 1e-12)]
)
@pytest.mark.parametrize("name", POOLINGS)
def test_poolings(name, dtype, bound):
    function, x = POOLINGS[name]
    assert_same_on_both(function, [x], dtype, bound)


def test_max_pool_takes_nan_and_knows_places_among_infinities():
    nan, low = float("nan"), -float("inf")
    x = taeda.tensor([[[[1.0, nan, 2, 3], [0, 1, low, low]]]]).cuda()
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    np.testing.assert_array_equal(values.cpu().numpy(), [[[[nan, 3.0]]]])
    np.testing.assert_array_equal(indices.cpu().numpy(), [[[[1, 3]]]])
    _, indices = F.max_pool2d(taeda.full((1, 1, 2, 2), low).cuda(), 2, return_indices=True)
    assert indices.item() == 0
