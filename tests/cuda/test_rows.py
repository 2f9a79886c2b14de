"""Softmax, scans and normalisation: rows that fit a warp, rows that take a block, and slices along other dimensions."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F

RANDOM = np.random.default_rng(4)
SLICES = [
    ((5, 7), 1),
    ((5, 64), 1),
    ((3, 1030), 1),
    ((2, 5000), 1),
    ((1, 20000), 1),
    ((70, 5), 0),
    ((2, 300, 3), 1),
]


def array(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "dim"), SLICES, ids=str)
def test_softmax(shape: tuple[int, ...], dim: int, dtype: type):
    x = (3 * array(*shape)).astype(dtype)
    e = np.exp(x.astype(np.float64) - x.max(dim, keepdims=True))
    wanted = e / e.sum(dim, keepdims=True)
    on_gpu = taeda.tensor(x).cuda().requires_grad_()
    result = taeda.softmax(on_gpu, dim)
    np.testing.assert_allclose(result.detach().cpu().numpy(), wanted, rtol=2e-5)
    logs = taeda.log_softmax(on_gpu, dim)
    np.testing.assert_allclose(logs.detach().cpu().numpy(), np.log(wanted), rtol=2e-5, atol=2e-5)
    grad = array(*shape)
    result.backward(taeda.tensor(grad.astype(dtype)).cuda())
    np.testing.assert_allclose(
        on_gpu.grad.cpu().numpy(),
        wanted * (grad - (grad * wanted).sum(dim, keepdims=True)),
        rtol=1e-4,
        atol=1e-6,
    )
    on_gpu.grad.zero_()
    logs.backward(taeda.tensor(grad.astype(dtype)).cuda())
    np.testing.assert_allclose(
        on_gpu.grad.cpu().numpy(), grad - wanted * grad.sum(dim, keepdims=True), rtol=1e-4, atol=1e-4
    )


def test_softmax_of_infinities():
    x = taeda.tensor([[-np.inf, -np.inf], [-np.inf, 0], [np.inf, 0], [np.nan, 0]]).cuda()
    result = taeda.softmax(x, 1).cpu().numpy()
    assert np.isnan(result[[0, 2, 3]]).all()
    assert result[1].tolist() == [0, 1]


@pytest.mark.parametrize(("shape", "dim"), [*SLICES, ((2, 9000), 1), ((4097,), 0), ((17000, 3), 1)], ids=str)
def test_scans(shape: tuple[int, ...], dim: int):
    x = array(*shape).astype(np.float32)
    on_gpu = taeda.tensor(x).cuda()
    wide = x.astype(np.float64)
    np.testing.assert_allclose(on_gpu.cumsum(dim).cpu().numpy(), wide.cumsum(dim), rtol=1e-5, atol=1e-4)
    near_one = 1 + on_gpu / 100
    np.testing.assert_allclose(
        near_one.cumprod(dim).cpu().numpy(), near_one.cpu().numpy().astype(np.float64).cumprod(dim), rtol=1e-4
    )
    np.testing.assert_allclose(
        on_gpu.logcumsumexp(dim).cpu().numpy(), np.log(np.exp(wide).cumsum(dim)), rtol=1e-5, atol=1e-5
    )
    whole = np.rint(x * 2)
    values, indices = taeda.tensor(whole).cuda().cummax(dim)
    np.testing.assert_array_equal(values.cpu().numpy(), np.maximum.accumulate(whole, dim))
    np.testing.assert_array_equal(np.take_along_axis(whole, indices.cpu().numpy(), dim), values.cpu().numpy())
    for one, other in zip(taeda.tensor(whole).cummin(dim), taeda.tensor(whole).cuda().cummin(dim)):
        np.testing.assert_array_equal(other.cpu().numpy(), one.numpy())


def test_scans_of_integers_and_complex_numbers():
    x = RANDOM.integers(-3, 4, (3, 5000))
    np.testing.assert_array_equal(taeda.tensor(x).cuda().cumsum(1).cpu().numpy(), x.cumsum(1))
    z = array(3, 40) + 1j * array(3, 40)
    np.testing.assert_allclose(taeda.tensor(z).cuda().cumsum(1).cpu().numpy(), z.cumsum(1), rtol=1e-10)
    nans = taeda.tensor([1.0, np.nan, 3, np.nan, 2]).cuda().cummax(0)
    assert nans[1].tolist() == [0, 1, 1, 3, 3]


@pytest.mark.parametrize("width", [5, 64, 513, 4096, 20001])
def test_layer_norm(width: int):
    x, weight, bias, grad = array(6, width), array(width), array(width), array(6, width)
    leaves = [taeda.tensor(a).cuda().requires_grad_() for a in (x, weight, bias)]
    result = F.layer_norm(leaves[0], (width,), leaves[1], leaves[2])
    normal = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(result.detach().cpu().numpy(), normal * weight + bias, rtol=1e-9, atol=1e-9)
    result.backward(taeda.tensor(grad).cuda())
    g = grad * weight
    slope = g.mean(1, keepdims=True) + normal * (g * normal).mean(1, keepdims=True)
    wanted = [(g - slope) / np.sqrt(x.var(1, keepdims=True) + 1e-5), (grad * normal).sum(0), grad.sum(0)]
    for leaf, gradient in zip(leaves, wanted):
        np.testing.assert_allclose(leaf.grad.cpu().numpy(), gradient, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("shape", [(70, 6), (4, 6, 7), (3, 8, 8, 8), (2, 6, 40, 40)], ids=str)
def test_batch_and_group_norm(shape: tuple[int, ...]):
    channels = shape[1]
    arrays = array(*shape), array(channels), array(channels)
    grad = array(*shape)

    def run(device: str) -> list[np.ndarray]:
        x, weight, bias = (taeda.tensor(a).to(device).requires_grad_() for a in arrays)
        mean, var = taeda.zeros(channels, dtype=taeda.float64, device=device), taeda.ones_like(bias).detach()
        found = [mean, var]
        results = [
            F.batch_norm(x, mean, var, weight, bias, training=True),
            F.group_norm(x, 2, weight, bias),
            F.batch_norm(x, mean, var, weight, bias),
        ]
        for result in results:
            x.grad = weight.grad = bias.grad = None
            result.backward(taeda.tensor(grad).to(device))
            found += [result.detach(), x.grad, weight.grad, bias.grad]
        return [t.cpu().numpy() for t in found]

    for one, other in zip(run("cuda"), run("cpu"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("dtype", [taeda.float16, taeda.bfloat16], ids=str)
def test_narrow_floats(dtype: taeda.dtype):
    x = taeda.tensor(array(9, 96)).to(dtype)
    rtol = 2e-3 if dtype == taeda.float16 else 2e-2
    for function in (
        lambda t: taeda.softmax(t, 1),
        lambda t: taeda.log_softmax(t, 0),
        lambda t: F.layer_norm(t, (96,)),
        lambda t: F.group_norm(t, 4),
        lambda t: t.cumsum(1),
        lambda t: F.rms_norm(t, (96,)),
    ):
        np.testing.assert_allclose(
            function(x.cuda()).cpu().double().numpy(), function(x).double().numpy(), rtol=rtol, atol=rtol
        )
