"""Spectrograms beside SciPy and NumPy."""

import numpy as np
import pytest
import scipy.signal

import taeda
from taeda_audio import functional as F


def _frames(x, window, n_fft, hop):
    """Windowed frames, centred with reflection, and their transforms: the definition, in NumPy."""
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(n_fft // 2, n_fft // 2)], mode="reflect")
    full = np.zeros(n_fft)
    left = (n_fft - len(window)) // 2
    full[left : left + len(window)] = window
    count = 1 + (padded.shape[-1] - n_fft) // hop
    frames = np.stack([padded[..., i * hop : i * hop + n_fft] * full for i in range(count)], axis=-1)
    return np.fft.rfft(frames, axis=-2)


@pytest.mark.parametrize(("n_fft", "hop", "win"), [(64, 16, 64), (64, 20, 48), (50, 25, 50), (33, 8, 20)])
@pytest.mark.parametrize("power", [None, 1.0, 2.0])
def test_definition(stereo, n_fft, hop, win, power):
    window = scipy.signal.get_window("hann", win)
    spectrum = _frames(stereo[:, :500].astype(np.float64), window, n_fft, hop)
    expected = spectrum if power is None else np.abs(spectrum) ** power
    actual = F.spectrogram(
        taeda.from_numpy(stereo[:, :500].copy()),
        0,
        taeda.hann_window(win),
        n_fft,
        hop,
        win,
        power,
        normalized=False,
    )
    assert tuple(actual.shape) == (2, n_fft // 2 + 1, 1 + 500 // hop)
    np.testing.assert_allclose(actual.numpy(), expected, atol=2e-3)


def test_scipy_stft(stereo):
    stft = scipy.signal.ShortTimeFFT(np.hanning(64), hop=16, fs=8000)
    expected = np.abs(stft.stft(stereo[0].astype(np.float64)))
    # SciPy pads with zeros; interior frames know nothing of the padding.
    actual = F.spectrogram(
        taeda.from_numpy(stereo[:1]),
        0,
        taeda.from_numpy(np.hanning(64).astype(np.float32)),
        64,
        16,
        64,
        1.0,
        False,
    )[0].numpy()
    first = -stft.p_min
    np.testing.assert_allclose(actual[:, 4:200], expected[:, first + 4 : first + 200], atol=1e-3)


def test_parseval():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, 64)).astype(np.float32)
    spectrum = F.spectrogram(
        taeda.from_numpy(x), 0, taeda.ones(64), 64, 64, 64, 2.0, "frame_length", center=False, onesided=False
    )
    assert spectrum.sum().item() == pytest.approx(float((x**2).sum()), rel=1e-5)


def test_window_norm_divides_by_its_energy(stereo):
    x, window = taeda.from_numpy(stereo), taeda.hann_window(64)
    plain = F.spectrogram(x, 0, window, 64, 32, 64, 1.0, False).numpy()
    scaled = F.spectrogram(x, 0, window, 64, 32, 64, 1.0, True).numpy()
    np.testing.assert_allclose(
        scaled, plain / np.sqrt((scipy.signal.get_window("hann", 64) ** 2).sum()), rtol=1e-4
    )


@pytest.mark.parametrize("normalized", [False, True, "frame_length"])
@pytest.mark.parametrize("pad", [0, 7])
def test_inverse_gives_the_waveform_back(stereo, normalized, pad):
    x, window = taeda.from_numpy(stereo), taeda.hann_window(128)
    spectrum = F.spectrogram(x, pad, window, 128, 32, 128, None, normalized)
    back = F.inverse_spectrogram(spectrum, 4000, pad, window, 128, 32, 128, normalized)
    np.testing.assert_allclose(back.numpy(), stereo, atol=1e-5)


def test_griffinlim_finds_the_magnitudes(stereo):
    window = taeda.hann_window(128)
    x = taeda.from_numpy(stereo)
    magnitude = F.spectrogram(x, 0, window, 128, 32, 128, 2.0, False)
    taeda.manual_seed(0)
    back = F.griffinlim(magnitude, window, 128, 32, 128, 2.0, 60, 0.99, 4000, True)
    again = F.spectrogram(back, 0, window, 128, 32, 128, 1.0, False).numpy()
    target = magnitude.sqrt().numpy()
    assert tuple(back.shape) == (2, 4000)
    assert np.linalg.norm(again - target) / np.linalg.norm(target) < 0.1


def test_centroid_of_a_sine():
    time = np.arange(8000) / 8000
    x = taeda.from_numpy(np.sin(2 * np.pi * 1000 * time).astype(np.float32)[None])
    centroid = F.spectral_centroid(x, 8000, 0, taeda.hann_window(256), 256, 128, 256).numpy()
    np.testing.assert_allclose(centroid[0, 2:-2], 1000, atol=5)


def test_phase_vocoder_keeps_the_pitch():
    rate, n_fft, hop = 1.5, 256, 64
    time = np.arange(8000) / 8000
    x = taeda.from_numpy(np.sin(2 * np.pi * 1000 * time).astype(np.float32)[None])
    window = taeda.hann_window(n_fft)
    spectrum = F.spectrogram(x, 0, window, n_fft, hop, n_fft, None, False)
    advance = taeda.linspace(0, np.pi * hop, n_fft // 2 + 1)[:, None]
    faster = F.phase_vocoder(spectrum, rate, advance)
    assert faster.shape[-1] == int(np.ceil(spectrum.shape[-1] / rate))
    sound = F.inverse_spectrogram(faster, None, 0, window, n_fft, hop, n_fft, False).numpy()[0]
    middle = sound[1000:4000]
    crossings = np.count_nonzero(np.diff(np.signbit(middle)))
    assert crossings / 2 / (len(middle) / 8000) == pytest.approx(1000, rel=0.01)
    np.testing.assert_array_equal(F.phase_vocoder(spectrum, 1.0, advance).numpy(), spectrum.numpy())


def test_gradient_reaches_the_waveform(stereo):
    x = taeda.from_numpy(stereo[:, :200].copy()).requires_grad_()
    F.spectrogram(x, 0, taeda.hann_window(64), 64, 32, 64, 2.0, False).sum().backward()
    assert x.grad.shape == x.shape
    assert float(x.grad.abs().sum()) > 0


def test_errors():
    window = taeda.ones(64)
    with pytest.raises(
        ValueError, match=r"32 samples are too few to reflect n_fft // 2 = 32 of them at each end"
    ):
        F.spectrogram(taeda.zeros(1, 32), 0, window, 64, 32, 64, 2.0, False)
    with pytest.raises(
        TypeError, match=r"expected floating-point samples, got .*int16; load with normalize=True"
    ):
        F.spectrogram(taeda.zeros(1, 99, dtype=taeda.int16), 0, window, 64, 32, 64, 2.0, False)
    with pytest.raises(
        ValueError, match=r"unknown normalized='max'; expected True, False, 'window' or 'frame_length'"
    ):
        F.spectrogram(taeda.zeros(1, 99), 0, window, 64, 32, 64, 2.0, "max")
    with pytest.raises(TypeError, match=r"normalized must be a bool or a str, got int"):
        F.spectrogram(taeda.zeros(1, 99), 0, window, 64, 32, 64, 2.0, 3)
    with pytest.raises(
        ValueError, match=r"expected a complex spectrogram, got .*float32; make it with power=None"
    ):
        F.inverse_spectrogram(taeda.zeros(1, 33, 4), None, 0, window, 64, 32, 64, False)
    with pytest.raises(ValueError, match=r"griffinlim: expected 0 <= momentum < 1, got 1"):
        F.griffinlim(taeda.zeros(1, 33, 4), window, 64, 32, 64, 2.0, 1, 1.0, None, False)
    with pytest.raises(ValueError, match=r"phase_vocoder: expected rate > 0, got 0"):
        F.phase_vocoder(taeda.zeros(1, 33, 4), 0, taeda.zeros(33, 1))
