"""Products that end with an activation, in sizes that a library computes in one pass."""

from __future__ import annotations

import numpy as np
import pytest
from samples.product import activated

import taeda

BOUNDS = {taeda.float32: 2e-5, taeda.float64: 1e-12, taeda.bfloat16: 2e-2}


def numbers(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("dtype", BOUNDS, ids=str)
@pytest.mark.parametrize("use_gelu", [False, True])
@pytest.mark.parametrize("shape", [(64, 96, 80), (40, 2500, 33), (1, 300, 700), (5, 0, 3)], ids=str)
def test_values(dtype: taeda.dtype, use_gelu: bool, shape: tuple[int, int, int]):
    m, k, n = shape
    arrays = numbers(n, seed=0), numbers(m, k, seed=1) / max(1, k) ** 0.5, numbers(k, n, seed=2)
    bias, a, b = (taeda.tensor(array).to(dtype) for array in arrays)
    wide_bias, wide_a, wide_b = (t.double().numpy() for t in (bias, a, b))
    wanted = activated(wide_bias + wide_a @ wide_b, use_gelu)
    for left, right in [(a, b), (a.t().contiguous().t(), b.t().contiguous().t())]:
        found = taeda._addmm_activation(bias, left, right, use_gelu=use_gelu)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.double().numpy(), wanted, rtol=BOUNDS[dtype], atol=BOUNDS[dtype])


@pytest.mark.parametrize("use_gelu", [False, True])
def test_gradients_are_those_of_the_parts(use_gelu: bool):
    arrays = numbers(50, seed=0), numbers(40, 60, seed=1), numbers(60, 50, seed=2)
    leaves = [taeda.tensor(array).requires_grad_() for array in arrays]
    grad = numbers(40, 50, seed=3)
    taeda._addmm_activation(*leaves, use_gelu=use_gelu).backward(taeda.tensor(grad))
    z = arrays[0] + arrays[1] @ arrays[2]
    step = 1e-6
    slope = (activated(z + step, use_gelu) - activated(z - step, use_gelu)) / (2 * step)
    for leaf, wanted in zip(
        leaves, ((grad * slope).sum(0), grad * slope @ arrays[2].T, arrays[1].T @ (grad * slope))
    ):
        np.testing.assert_allclose(leaf.grad.numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_relu_keeps_nan():
    a = taeda.ones(64, 64)
    a[3] = float("nan")
    found = taeda._addmm_activation(taeda.zeros(64), a, taeda.ones(64, 64))
    assert found[3].isnan().all()
    assert not found[4].isnan().any()


def test_what_cannot_be_multiplied_is_named():
    with pytest.raises(
        RuntimeError, match=r"_addmm_activation: mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\)"
    ):
        taeda._addmm_activation(taeda.zeros(5), taeda.zeros(2, 3), taeda.zeros(4, 5))
