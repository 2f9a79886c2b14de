"""Random numbers are the CPU's, bit for bit where no function of the device's mathematics takes part."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
import taeda.nn.functional as F

FLOATS = [taeda.float32, taeda.float64, taeda.float16, taeda.bfloat16]
# A part of a group, whole groups, and an end within one.
SIZES = [1, 31, 64, 65, 1000]


def both(make):
    """What `make(device)` gives on the CPU and on the GPU for one seed."""
    results = []
    for device in ("cpu", "cuda"):
        taeda.manual_seed(11)
        results.append(make(device).cpu().to(taeda.float64).numpy())
    return results


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_uniform_numbers_are_equal(dtype, size):
    cpu, cuda = both(lambda device: taeda.empty(size, dtype=dtype, device=device).uniform_(-2, 3))
    np.testing.assert_array_equal(cpu, cuda)


@pytest.mark.parametrize(
    ("dtype", "bound"), list(zip(FLOATS, [4e-6, 1e-14, 4e-3, 4e-2], strict=True)), ids=str
)
@pytest.mark.parametrize("size", SIZES)
def test_normal_numbers_agree(dtype, bound, size):
    cpu, cuda = both(lambda device: taeda.empty(size, dtype=dtype, device=device).normal_(1, 2))
    np.testing.assert_allclose(cpu, cuda, rtol=bound, atol=bound)


@pytest.mark.parametrize("size", SIZES)
def test_integers_are_equal(size):
    cpu, cuda = both(lambda device: taeda.randint(-5, 1000, (size,), device=device))
    np.testing.assert_array_equal(cpu, cuda)
    cpu, cuda = both(lambda device: taeda.empty(size, dtype=taeda.int64, device=device).random_())
    np.testing.assert_array_equal(cpu, cuda)


def test_poisson_numbers_are_equal():
    rates = np.concatenate([[0.0], np.random.default_rng(0).gamma(1, 20, 300), [1700.0, 1e20]])
    cpu, cuda = both(lambda device: taeda.poisson(taeda.tensor(rates).to(device)))
    np.testing.assert_array_equal(cpu, cuda)


def test_dropout_keeps_the_same_elements_and_its_gradient_follows_them():
    kept = []
    for device in ("cpu", "cuda"):
        taeda.manual_seed(3)
        x = taeda.ones(777, device=device, requires_grad=True)
        y = F.dropout(x, 0.25)
        y.sum().backward()
        np.testing.assert_array_equal(y.detach().cpu().numpy(), x.grad.cpu().numpy())
        kept.append(y.detach().cpu().numpy())
    np.testing.assert_array_equal(kept[0], kept[1])
    assert set(np.unique(kept[0])) == {np.float32(0), np.float32(1 / 0.75)}
