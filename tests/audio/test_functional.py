"""The other functions: levels, masks, deltas, convolution, edit distance."""

import numpy as np
import pytest
import scipy.signal

import taeda
from taeda_audio import functional as F


def test_decibels():
    x = np.array([[1e-12, 1.0, 100.0]], dtype=np.float32)
    np.testing.assert_allclose(
        F.amplitude_to_DB(taeda.from_numpy(x), 10.0, 1e-10, 0.0).numpy(), [[-100, 0, 20]]
    )
    np.testing.assert_allclose(
        F.amplitude_to_DB(taeda.from_numpy(x), 20.0, 1e-10, 1.0).numpy(), [[-220, -20, 20]]
    )
    back = F.DB_to_amplitude(taeda.tensor([-20.0, 0.0, 6.0]), 2.0, 0.5).numpy()
    np.testing.assert_allclose(back, 2 * 10 ** (np.array([-20.0, 0.0, 6.0]) / 20), rtol=1e-5)


def test_top_db_is_per_spectrogram():
    x = taeda.tensor([[[[1.0, 1e-9]]], [[[1e6, 1.0]]]])
    decibels = F.amplitude_to_DB(x, 10.0, 1e-10, 0.0, top_db=40.0)
    np.testing.assert_allclose(decibels.numpy().reshape(2, 2), [[0, -40], [60, 20]], atol=1e-5)


def test_mu_law_of_g711():
    levels = taeda.arange(256)
    assert F.mu_law_encoding(F.mu_law_decoding(levels, 256), 256).tolist() == levels.tolist()
    x = np.linspace(-1, 1, 41)
    companded = np.sign(x) * np.log(1 + 255 * np.abs(x)) / np.log(256)
    expected = np.floor((companded + 1) / 2 * 255 + 0.5).astype(int)
    assert F.mu_law_encoding(taeda.from_numpy(x), 256).tolist() == expected.tolist()
    with pytest.raises(
        TypeError, match=r"mu_law_encoding: expected floating-point samples in -1 .. 1, got .*int64"
    ):
        F.mu_law_encoding(taeda.tensor([1]), 256)


def test_preemphasis_is_a_filter(stereo):
    expected = scipy.signal.lfilter([1, -0.97], [1], stereo, axis=-1)
    np.testing.assert_allclose(F.preemphasis(taeda.from_numpy(stereo)).numpy(), expected, atol=1e-6)


def test_gain():
    np.testing.assert_allclose(F.gain(taeda.tensor([1.0]), -6.0).numpy(), [10 ** (-0.3)], rtol=1e-6)


def test_noise_has_the_ratio(rng):
    wave, noise = rng.standard_normal((3, 500)), rng.standard_normal((3, 500)) * 7
    snr = np.array([-5.0, 0.0, 20.0])
    mixed = F.add_noise(*map(taeda.from_numpy, (wave, noise, snr))).numpy()
    added = mixed - wave
    np.testing.assert_allclose(10 * np.log10((wave**2).sum(-1) / (added**2).sum(-1)), snr, atol=1e-6)


def test_noise_of_padded_waveforms(rng):
    wave, noise = rng.standard_normal((1, 500)), rng.standard_normal((1, 500))
    wave[:, 300:] = 0
    mixed = F.add_noise(
        *map(taeda.from_numpy, (wave, noise, np.array([3.0]))), lengths=taeda.tensor([300])
    ).numpy()
    added = (mixed - wave)[:, :300]
    ratio = 10 * np.log10((wave[:, :300] ** 2).sum() / (added**2).sum())
    assert ratio == pytest.approx(3.0)


def test_noise_errors():
    with pytest.raises(
        ValueError, match=r"noise has shape \(2, 4\); expected that of the waveform, \(2, 5\)"
    ):
        F.add_noise(taeda.zeros(2, 5), taeda.zeros(2, 4), taeda.zeros(2))
    with pytest.raises(
        ValueError, match=r"snr has shape \(3,\); expected the waveform's without time, \(2,\)"
    ):
        F.add_noise(taeda.zeros(2, 5), taeda.zeros(2, 5), taeda.zeros(3))


@pytest.mark.parametrize("win_length", [3, 5, 9])
def test_deltas_are_savitzky_golay(rng, win_length):
    x = rng.standard_normal((2, 4, 30))
    actual = F.compute_deltas(taeda.from_numpy(x), win_length).numpy()
    expected = scipy.signal.savgol_filter(x, win_length, 1, deriv=1, mode="nearest")
    np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_deltas_error():
    with pytest.raises(ValueError, match=r"compute_deltas: expected win_length >= 3, got 2"):
        F.compute_deltas(taeda.zeros(3, 4), 2)


@pytest.mark.parametrize("norm_vars", [False, True])
def test_cmn_in_a_centred_window(rng, norm_vars):
    x = rng.standard_normal((20, 3))
    actual = F.sliding_window_cmn(taeda.from_numpy(x), 6, 100, True, norm_vars).numpy()
    for t in range(20):
        start = min(max(t - 3, 0), 14)
        part = x[start : start + 6]
        expected = x[t] - part.mean(0)
        np.testing.assert_allclose(actual[t], expected / part.std(0) if norm_vars else expected, atol=1e-8)


def test_cmn_of_the_past(rng):
    x = rng.standard_normal((12, 3))
    actual = F.sliding_window_cmn(taeda.from_numpy(x), 4, 3).numpy()
    for t in range(12):
        part = x[max(t - 4, 0) : max(t + 1, 3)]
        np.testing.assert_allclose(actual[t], x[t] - part.mean(0), atol=1e-8)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "m"), [(20, 5), (5, 20), (8, 8)])
def test_convolution(rng, mode, n, m):
    x, y = rng.standard_normal((2, n)), rng.standard_normal((2, m))
    full = np.stack([np.convolve(a, b) for a, b in zip(x, y)])
    length = {"full": n + m - 1, "same": n, "valid": max(n, m) - min(n, m) + 1}[mode]
    start = (full.shape[-1] - length) // 2
    for function in (F.convolve, F.fftconvolve):
        actual = function(taeda.from_numpy(x), taeda.from_numpy(y), mode).numpy()
        np.testing.assert_allclose(actual, full[:, start : start + length], atol=1e-10)


def test_convolution_broadcasts(rng):
    x, y = rng.standard_normal((3, 1, 10)), rng.standard_normal((1, 2, 4))
    expected = np.array([[np.convolve(x[i, 0], y[0, j]) for j in range(2)] for i in range(3)])
    for function in (F.convolve, F.fftconvolve):
        actual = function(taeda.from_numpy(x), taeda.from_numpy(y)).numpy()
        np.testing.assert_allclose(actual, expected, atol=1e-10)


def test_convolution_errors():
    with pytest.raises(
        ValueError, match=r"convolve: unknown mode 'half'; expected one of \('full', 'valid', 'same'\)"
    ):
        F.convolve(taeda.zeros(3), taeda.zeros(3), "half")
    with pytest.raises(
        ValueError, match=r"fftconvolve: leading dims of \(2, 5\) and \(3, 5\) do not broadcast"
    ):
        F.fftconvolve(taeda.zeros(2, 5), taeda.zeros(3, 5))


def test_edit_distance():
    assert F.edit_distance("sunday", "saturday") == 3
    assert F.edit_distance([], ["a", "b"]) == 2
    assert F.edit_distance(["the", "cat", "sat"], ["the", "cat", "sat"]) == 0


@pytest.mark.parametrize("axis", [1, 2])
def test_one_band_for_all(axis):
    taeda.manual_seed(0)
    x = taeda.ones(3, 40, 50)
    widths = []
    for _ in range(200):
        masked = F.mask_along_axis(x, 10, 0.5, axis).numpy()
        line = masked.swapaxes(1, axis)[0, :, 0]
        assert (masked.swapaxes(1, axis) == line[None, :, None]).all()
        hit = np.flatnonzero(line == 0.5)
        assert len(hit) == 0 or hit[-1] - hit[0] + 1 == len(hit)
        widths.append(len(hit))
    # Uniform over 0 .. 9, mean 4.5: five standard errors are 1.0.
    assert set(widths) == set(range(10))
    assert abs(np.mean(widths) - 4.5) < 1.0


@pytest.mark.parametrize("axis", [2, 3])
@pytest.mark.parametrize("value", [0.25, taeda.tensor(0.25)], ids=["number", "tensor"])
def test_a_band_for_each(axis, value):
    taeda.manual_seed(0)
    masked = F.mask_along_axis_iid(taeda.ones(30, 2, 40, 50), 20, value, axis).numpy()
    lines = masked.swapaxes(2, axis)[..., 0].reshape(60, -1)
    starts = {int(np.flatnonzero(line == 0.25)[0]) for line in lines if (line == 0.25).any()}
    assert len(starts) > 10
    assert set(np.unique(masked)) == {0.25, 1.0}


def test_share_bounds_the_band():
    taeda.manual_seed(0)
    x = taeda.ones(1, 4, 10)
    for _ in range(50):
        assert int((F.mask_along_axis(x, 8, 0.0, 2, p=0.2) == 0).sum()) <= 4 * 2
    assert F.mask_along_axis(x, 8, 0.0, 2, p=0.05) is x


def test_mask_errors():
    with pytest.raises(ValueError, match=r"expected a spectrogram of at least 2 dims .* got shape \(4,\)"):
        F.mask_along_axis(taeda.zeros(4), 2, 0.0, 0)
    with pytest.raises(ValueError, match=r"expected axis 1 \(frequency\) or 2 \(time\), got 0"):
        F.mask_along_axis_iid(taeda.zeros(2, 3, 4), 2, 0.0, 0)
    with pytest.raises(ValueError, match=r"expected 0 <= p <= 1, got 1.5"):
        F.mask_along_axis(taeda.zeros(3, 4), 2, 0.0, 1, p=1.5)
