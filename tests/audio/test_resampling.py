"""Resampling beside the sinc sum, and what it does to sines."""

import math

import numpy as np
import pytest

import taeda
from taeda_audio import functional as F
from taeda_audio import transforms


def _sinc_sum(x, orig, new, width=6, rolloff=0.99, beta=None):
    """The interpolation sum, one output sample after the other, from its definition."""
    cutoff = min(orig, new) * rolloff
    result = []
    for n in range(math.ceil(len(x) * new / orig)):
        time = n / new
        arguments = np.clip((time - np.arange(len(x)) / orig) * cutoff, -width, width)
        if beta is None:
            window = np.cos(np.pi * arguments / width / 2) ** 2
        else:
            window = np.i0(beta * np.sqrt(1 - (arguments / width) ** 2)) / np.i0(beta)
            window[np.abs(arguments) == width] = 0 if beta > 10 else window[np.abs(arguments) == width]
        result.append((x * np.sinc(arguments) * window).sum() * cutoff / orig)
    return np.array(result)


@pytest.mark.parametrize(("orig", "new"), [(8000, 4000), (4000, 8000), (8000, 11025), (441, 160), (3, 7)])
def test_hann_window(orig, new):
    x = np.random.default_rng(0).standard_normal(150)
    actual = F.resample(taeda.from_numpy(x), orig, new).numpy()
    np.testing.assert_allclose(actual, _sinc_sum(x, orig, new), atol=1e-10)


def test_kaiser_window():
    x = np.random.default_rng(0).standard_normal(150)
    actual = F.resample(taeda.from_numpy(x), 5, 4, resampling_method="sinc_interp_kaiser").numpy()
    np.testing.assert_allclose(actual, _sinc_sum(x, 5, 4, beta=14.769656459379492), atol=1e-6)


@pytest.mark.parametrize("method", ["sinc_interp_hann", "sinc_interp_kaiser"])
@pytest.mark.parametrize(("orig", "new"), [(16000, 8000), (8000, 16000), (44100, 16000), (16000, 44100)])
def test_a_sine_stays_a_sine(method, orig, new):
    seconds, frequency = 0.1, 700
    before = np.sin(2 * np.pi * frequency * np.arange(int(orig * seconds)) / orig).astype(np.float32)
    after = np.sin(2 * np.pi * frequency * np.arange(int(new * seconds)) / new)
    actual = F.resample(taeda.from_numpy(before), orig, new, 64, resampling_method=method).numpy()
    assert len(actual) == len(after)
    edge = len(after) // 5
    np.testing.assert_allclose(actual[edge:-edge], after[edge:-edge], atol=1e-3)


def test_no_aliases():
    high = np.sin(2 * np.pi * 7000 * np.arange(1600) / 16000).astype(np.float32)
    actual = F.resample(taeda.from_numpy(high), 16000, 8000, 64).numpy()
    assert np.abs(actual[100:-100]).max() < 1e-3


def test_shapes_and_dtypes():
    x = taeda.zeros(2, 3, 101, dtype=taeda.float64)
    y = F.resample(x, 16000, 8000)
    assert (tuple(y.shape), y.dtype) == ((2, 3, 51), taeda.float64)
    assert F.resample(x, 8000, 8000) is x
    assert tuple(transforms.Resample(3, 2)(taeda.zeros(10)).shape) == (7,)


def test_gradient():
    x = taeda.zeros(1, 60, dtype=taeda.float64, requires_grad=True)
    assert taeda.autograd.gradcheck(lambda x: F.resample(x, 3, 2), (x,))


def test_speed():
    x = np.random.default_rng(0).standard_normal((2, 330)).astype(np.float32)
    faster, lengths = F.speed(taeda.from_numpy(x), 1000, 1.1, taeda.tensor([330, 100]))
    assert tuple(faster.shape) == (2, 300)
    assert lengths.tolist() == [300, 91]
    assert F.speed(taeda.from_numpy(x), 1000, 1.0)[1] is None


def test_errors():
    x = taeda.zeros(10)
    for rate in (0, -1, 5512.5):
        with pytest.raises(
            ValueError,
            match=rf"resample: expected new_freq to be a positive whole number of Hz, got {rate}; scale both",
        ):
            F.resample(x, 44100, rate)
    with pytest.raises(
        ValueError, match=r"unknown resampling_method 'linear'; expected one of \('sinc_interp_hann'"
    ):
        F.resample(x, 2, 1, resampling_method="linear")
    with pytest.raises(ValueError, match=r"Resample: unknown resampling_method 'linear'"):
        transforms.Resample(2, 1, "linear")
    with pytest.raises(ValueError, match=r"expected lowpass_filter_width > 0, got 0"):
        F.resample(x, 2, 1, lowpass_filter_width=0)
    with pytest.raises(ValueError, match=r"expected 0 < rolloff <= 1, got 2"):
        F.resample(x, 2, 1, rolloff=2)
    with pytest.raises(
        TypeError, match=r"expected floating-point samples, got .*int16; load with normalize=True"
    ):
        F.resample(x.to(taeda.int16), 2, 1)
    with pytest.raises(ValueError, match=r"speed: expected factor > 0, got 0"):
        F.speed(x, 8000, 0)
