"""Fourier transforms on the GPU against NumPy: lengths, directions, and dimensions that lie apart."""

from __future__ import annotations

import numpy as np
import pytest

import taeda

RNG = np.random.default_rng(4)


def complex_numbers(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


def assert_close(result, expected):
    assert result.device.type == "cuda"
    np.testing.assert_allclose(result.cpu().numpy(), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("n", [1, 2, 7, 16, 33])
def test_lengths(n):
    z, x = complex_numbers(3, n), RNG.standard_normal((3, n))
    assert_close(taeda.fft.fft(taeda.tensor(z).cuda()), np.fft.fft(z))
    assert_close(taeda.fft.ifft(taeda.tensor(z).cuda(), norm="ortho"), np.fft.ifft(z, norm="ortho"))
    assert_close(taeda.fft.rfft(taeda.tensor(x).cuda()), np.fft.rfft(x))
    half = np.fft.rfft(x)
    half[:, 0] += 5j  # does not count
    assert_close(taeda.fft.irfft(taeda.tensor(half).cuda(), n), x)


@pytest.mark.parametrize("shape", [(3, 8, 9), (20, 4, 5)], ids=str)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_dimensions(shape, dim):
    z = complex_numbers(*shape)
    assert_close(taeda.fft.fft(taeda.tensor(z).cuda(), dim=dim), np.fft.fft(z, axis=dim))


def test_several_dimensions():
    z, x = complex_numbers(3, 8, 9), RNG.standard_normal((2, 6, 8))
    assert_close(taeda.fft.fftn(taeda.tensor(z).cuda()), np.fft.fftn(z))
    assert_close(taeda.fft.irfft2(taeda.tensor(np.fft.rfft2(x)).cuda()), x)


def test_float32():
    x = RNG.standard_normal((4, 50)).astype(np.float32)
    result = taeda.fft.rfft(taeda.tensor(x).cuda())
    assert result.dtype == taeda.complex64
    np.testing.assert_allclose(result.cpu().numpy(), np.fft.rfft(x), rtol=1e-4, atol=1e-4)
