"""Recursive filters beside SciPy, biquads by their frequency response, loudness by the standard."""

import math

import numpy as np
import pytest
import scipy.signal

import taeda
from taeda_audio import functional as F


@pytest.mark.parametrize("order", [0, 1, 2, 5, 70])
@pytest.mark.parametrize("length", [1, 2, 63, 64, 65, 700])
def test_lfilter_is_scipys(rng, order, length):
    # Poles inside the unit circle, so that the filter is stable.
    angle = rng.uniform(0, math.pi, order // 2)
    poles = np.concatenate([np.exp(1j * angle), np.exp(-1j * angle), [1.0] * (order % 2)])
    a = 2.0 * np.real(np.poly(poles)) * 0.7 ** np.arange(order + 1)
    b = rng.standard_normal(order + 1)
    x = rng.standard_normal((3, length))
    actual = F.lfilter(*map(taeda.from_numpy, (x, a, b)), clamp=False).numpy()
    expected = scipy.signal.lfilter(b, a, x)
    np.testing.assert_allclose(actual, expected, atol=1e-9 * np.abs(expected).max())


def test_a_filter_for_each_channel(rng):
    x, b = rng.standard_normal((4, 2, 300)), rng.standard_normal((2, 3))
    a = np.array([[1.0, -0.9, 0.2], [1.0, 0.3, -0.4]])
    tensors = [taeda.from_numpy(array) for array in (x, a, b)]
    actual = F.lfilter(*tensors, clamp=False).numpy()
    for channel in range(2):
        expected = scipy.signal.lfilter(b[channel], a[channel], x[:, channel])
        np.testing.assert_allclose(actual[:, channel], expected, atol=1e-10)
    fanned = F.lfilter(tensors[0][:, 0], *tensors[1:], clamp=False, batching=False).numpy()
    assert fanned.shape == (4, 2, 300)
    np.testing.assert_allclose(fanned[:, 1], scipy.signal.lfilter(b[1], a[1], x[:, 0]), atol=1e-10)


def test_clamping(rng):
    x, a, b = 5 * rng.standard_normal(100), np.array([1.0, -0.5]), np.array([1.0, 0.0])
    expected = scipy.signal.lfilter(b, a, x)
    actual = F.lfilter(*map(taeda.from_numpy, (x, a, b))).numpy()
    np.testing.assert_allclose(actual, np.clip(expected, -1, 1), atol=1e-10)


def test_float32_does_not_drift():
    # A resonance at 20 Hz of 48 kHz, where a float32 recursion adds up its rounding errors.
    b, a = (array.astype(np.float32) for array in scipy.signal.iirpeak(20, 30, fs=48000))
    x = np.random.default_rng(0).standard_normal(48000).astype(np.float32)
    expected = scipy.signal.lfilter(b.astype(np.float64), a.astype(np.float64), x.astype(np.float64))
    actual = F.lfilter(*map(taeda.from_numpy, (x, a, b)), clamp=False).numpy()
    assert np.abs(actual - expected).max() < 1e-5 * np.abs(expected).max()


def test_gradients():
    x = taeda.randn(2, 70, dtype=taeda.float64, requires_grad=True)
    a = taeda.tensor([1.5, -0.6, 0.3], dtype=taeda.float64, requires_grad=True)
    b = taeda.tensor([0.4, 0.1, -0.2], dtype=taeda.float64, requires_grad=True)

    def filtered(x, a, b):
        return F.lfilter(x, a, b, clamp=False)

    assert taeda.autograd.gradcheck(filtered, (x, a, b))
    assert taeda.autograd.gradgradcheck(filtered, (x[:, :8].detach().requires_grad_(), a, b))


def test_filtfilt_has_no_delay(rng):
    b, a = scipy.signal.butter(2, 0.2)
    x = np.zeros(201)
    x[100] = 1
    actual = F.filtfilt(*map(taeda.from_numpy, (x, a, b)), clamp=False).numpy()
    np.testing.assert_allclose(actual, actual[::-1], atol=1e-10)
    expected = scipy.signal.lfilter(b, a, scipy.signal.lfilter(b, a, x)[::-1])[::-1]
    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_deemphasis_undoes_preemphasis(stereo):
    x = taeda.from_numpy(stereo)
    np.testing.assert_allclose(F.deemphasis(F.preemphasis(x, 0.9), 0.9).numpy(), stereo, atol=1e-5)


def _gain_db(function, frequency, *arguments, **options):
    """Amplification of a filter at a frequency, from its impulse response."""
    impulse = np.zeros(20000)
    impulse[0] = 1e-3
    response = 1e3 * function(taeda.from_numpy(impulse), 16000, *arguments, **options).numpy()
    turn = np.exp(-2j * np.pi * frequency / 16000 * np.arange(len(response)))
    return 20 * np.log10(max(abs((response * turn).sum()), 1e-12))


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        # Butterworth: half the power at the cut-off, falling by 12 dB an octave.
        ("lowpass_biquad", (1000.0,), {0: 0.0, 1000: 20 * math.log10(0.707), 8000: -240}),
        ("highpass_biquad", (1000.0,), {0: -240, 1000: 20 * math.log10(0.707), 8000: 0.0}),
        ("bandpass_biquad", (1000.0,), {0: -240, 1000: 0.0, 8000: -240}),
        ("bandpass_biquad", (1000.0, 4.0, True), {1000: 20 * math.log10(4.0)}),
        ("bandreject_biquad", (1000.0,), {0: 0.0, 1000: -240, 8000: 0.0}),
        ("allpass_biquad", (1000.0,), {0: 0.0, 300: 0.0, 1000: 0.0, 5000: 0.0}),
        ("equalizer_biquad", (1000.0, 6.0), {0: 0.0, 1000: 6.0, 8000: 0.0}),
        ("treble_biquad", (6.0, 1000.0), {0: 0.0, 1000: 3.0, 8000: 6.0}),
        ("bass_biquad", (6.0, 1000.0), {0: 6.0, 1000: 3.0, 8000: 0.0}),
        ("band_biquad", (1000.0, 20.0), {1000: 0.0}),
    ],
)
def test_frequency_responses(name, arguments, expected):
    for frequency, decibels in expected.items():
        gain = _gain_db(getattr(F, name), frequency, *arguments)
        if decibels == -240:
            assert gain < -120
        else:
            assert gain == pytest.approx(decibels, abs=0.05)


def test_noise_band_has_power_one():
    impulse = np.zeros(20000)
    impulse[0] = 1e-3
    response = 1e3 * F.band_biquad(taeda.from_numpy(impulse), 16000, 1000.0, 5.0, noise=True).numpy()
    assert (response**2).sum() == pytest.approx(1.0, rel=1e-3)


def test_compact_disc_deemphasis():
    # IEC 60908: a zero at 15 us and a pole at 50 us; the biquad follows that to 0.2 dB up to 10 kHz.
    impulse = np.zeros(4000)
    impulse[0] = 0.1
    response = 10 * F.deemph_biquad(taeda.from_numpy(impulse), 44100).numpy()
    for frequency in (100, 1000, 3000, 6000, 10000):
        s = 2j * math.pi * frequency
        expected = 20 * math.log10(abs((1 + s * 15e-6) / (1 + s * 50e-6)))
        turn = np.exp(-2j * np.pi * frequency / 44100 * np.arange(4000))
        assert 20 * math.log10(abs((response * turn).sum())) == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(("channels", "expected"), [(1, -23.0), (2, -20.0)])
def test_loudness_of_the_standards_sine(channels, expected):
    # BS.1770: 997 Hz at full scale is -3.01 LKFS in one channel; both channels add 3.01.
    amplitude = 10 ** ((-23.0 + 3.01) / 20)
    wave = amplitude * np.sin(2 * np.pi * 997 * np.arange(2 * 48000) / 48000)
    x = taeda.from_numpy(np.tile(wave, (channels, 1)))
    assert F.loudness(x, 48000).item() == pytest.approx(expected, abs=0.1)


def test_silence_does_not_count():
    wave = 0.1 * np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    quiet = np.concatenate([wave, np.zeros(48000 * 3)])
    alone, padded = (F.loudness(taeda.from_numpy(x[None]), 48000).item() for x in (wave, quiet))
    # Three of four seconds are silent, 6 dB of the mean energy; only the blocks across the edge still count.
    assert alone - 1.0 < padded <= alone


def test_errors():
    x, one = taeda.zeros(3, 10), taeda.ones(2)
    with pytest.raises(
        ValueError, match=r"a_coeffs has shape \(2,\) and b_coeffs \(3,\); .* fill the shorter with zeros"
    ):
        F.lfilter(x, one, taeda.ones(3))
    with pytest.raises(
        ValueError, match=r"2 filters do not fit a waveform of shape \(3, 10\); .* or batching=False"
    ):
        F.lfilter(x, taeda.ones(2, 2), taeda.ones(2, 2))
    with pytest.raises(
        ValueError, match=r"lfilter: a_coeffs\[0\] is 0; divide by the first coefficient that is not"
    ):
        F.lfilter(x, taeda.zeros(2), one)
    with pytest.raises(TypeError, match=r"lfilter: expected floating-point samples, got .*int16"):
        F.lfilter(x.to(taeda.int16), one, one)
    with pytest.raises(
        ValueError, match=r"expected a sample rate of 44100 or 48000 Hz, got 16000; resample first"
    ):
        F.deemph_biquad(x, 16000)
    with pytest.raises(
        ValueError, match=r"lowpass_biquad: expected sample_rate > 0 and Q > 0, got 0 and 0.707"
    ):
        F.lowpass_biquad(x, 0, 100.0)
    with pytest.raises(
        ValueError, match=r"expected at most 5 channels and at least 3200 samples \(400 ms\), got shape"
    ):
        F.loudness(x, 8000)
