"""Numbers of torchaudio 2.11, function by function."""

import numpy as np
import pytest
import torch
import torchaudio.functional as reference

import taeda
from taeda_audio import functional

RNG = np.random.default_rng(0)
WAVE = RNG.standard_normal((2, 3, 2000)).astype(np.float32) * 0.3
SPECGRAM = np.abs(RNG.standard_normal((2, 3, 17, 40))).astype(np.float32)


def ours(array):
    return taeda.from_numpy(np.ascontiguousarray(array))


def theirs(array):
    return torch.from_numpy(np.ascontiguousarray(array))


def close(actual, expected, atol=1e-5, rtol=1e-5):
    np.testing.assert_allclose(actual.detach().numpy(), expected.detach().numpy(), atol=atol, rtol=rtol)


@pytest.mark.parametrize("power", [None, 1.0, 2.0, 0.5])
@pytest.mark.parametrize("normalized", [False, True, "frame_length"])
def test_spectrogram(power, normalized):
    window = np.hanning(120).astype(np.float32)
    sizes = {"pad": 5, "n_fft": 128, "hop_length": 50, "win_length": 120}
    actual = functional.spectrogram(
        ours(WAVE), window=ours(window), power=power, normalized=normalized, **sizes
    )
    expected = reference.spectrogram(
        theirs(WAVE), window=theirs(window), power=power, normalized=normalized, **sizes
    )
    close(actual, expected, atol=1e-4)


@pytest.mark.parametrize("length", [None, 1990])
@pytest.mark.parametrize("normalized", [False, True, "frame_length"])
def test_inverse_spectrogram(length, normalized):
    window = np.hanning(128).astype(np.float32)
    sizes = {"n_fft": 128, "hop_length": 32, "win_length": 128, "pad": 0}
    spectrum = reference.spectrogram(
        theirs(WAVE), window=theirs(window), power=None, normalized=normalized, **sizes
    )
    actual = functional.inverse_spectrogram(
        ours(spectrum.numpy()), length, window=ours(window), normalized=normalized, **sizes
    )
    expected = reference.inverse_spectrogram(
        spectrum, length, window=theirs(window), normalized=normalized, **sizes
    )
    close(actual, expected)


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffinlim(momentum):
    window = np.hanning(32).astype(np.float32)
    arguments = (32, 16, 32, 2.0, 8, momentum, None, False)
    actual = functional.griffinlim(ours(SPECGRAM), ours(window), *arguments)
    close(actual, reference.griffinlim(theirs(SPECGRAM), theirs(window), *arguments), atol=1e-3)


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.3])
def test_phase_vocoder(rate):
    spectrum = (SPECGRAM * np.exp(1j * RNG.uniform(-3, 3, SPECGRAM.shape))).astype(np.complex64)
    advance = np.linspace(0, np.pi * 16, 17, dtype=np.float32)[:, None]
    actual = functional.phase_vocoder(ours(spectrum), rate, ours(advance))
    close(actual, reference.phase_vocoder(theirs(spectrum), rate, theirs(advance)), atol=1e-3)


def test_spectral_centroid():
    window = np.hanning(128).astype(np.float32)
    arguments = (128, 64, 128)
    actual = functional.spectral_centroid(ours(WAVE), 16000, 0, ours(window), *arguments)
    close(actual, reference.spectral_centroid(theirs(WAVE), 16000, 0, theirs(window), *arguments), atol=0.1)


@pytest.mark.filterwarnings("ignore:.*filter")
@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize("mel_scale", ["htk", "slaney"])
@pytest.mark.parametrize(
    ("n_freqs", "n_mels", "rate"), [(201, 40, 16000), (513, 128, 22050), (129, 23, 8000)]
)
def test_melscale_fbanks(norm, mel_scale, n_freqs, n_mels, rate):
    arguments = (n_freqs, 20.0, rate / 2, n_mels, rate, norm, mel_scale)
    close(functional.melscale_fbanks(*arguments), reference.melscale_fbanks(*arguments), atol=5e-5)


def test_linear_fbanks():
    close(
        functional.linear_fbanks(201, 0.0, 8000.0, 40, 16000),
        reference.linear_fbanks(201, 0.0, 8000.0, 40, 16000),
    )


@pytest.mark.parametrize("norm", [None, "ortho"])
def test_create_dct(norm):
    close(functional.create_dct(13, 40, norm), reference.create_dct(13, 40, norm))


@pytest.mark.parametrize(
    ("orig", "new"), [(16000, 8000), (8000, 16000), (44100, 16000), (16000, 22050), (48000, 44100), (3, 2)]
)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resampling_method": "sinc_interp_kaiser"},
        {
            "resampling_method": "sinc_interp_kaiser",
            "beta": 8.0,
            "lowpass_filter_width": 16,
            "rolloff": 0.9475,
        },
        {"lowpass_filter_width": 64},
    ],
)
def test_resample(orig, new, options):
    actual = functional.resample(ours(WAVE), orig, new, **options)
    close(actual, reference.resample(theirs(WAVE), orig, new, **options), atol=2e-5)


def test_speed():
    actual, lengths = functional.speed(ours(WAVE), 16000, 1.1, ours(np.full((2, 3), 1900)))
    expected, expected_lengths = reference.speed(theirs(WAVE), 16000, 1.1, theirs(np.full((2, 3), 1900)))
    close(actual, expected, atol=2e-5)
    assert lengths.tolist() == expected_lengths.tolist()


@pytest.mark.parametrize("top_db", [None, 30.0])
@pytest.mark.parametrize("shape", [(17, 40), (3, 17, 40), (2, 3, 17, 40)])
def test_amplitude_to_db(top_db, shape):
    x = SPECGRAM[(0,) * (4 - len(shape))] ** 6
    close(
        functional.amplitude_to_DB(ours(x), 10.0, 1e-10, 0.5, top_db),
        reference.amplitude_to_DB(theirs(x), 10.0, 1e-10, 0.5, top_db),
        atol=1e-4,
    )


def test_levels():
    close(functional.DB_to_amplitude(ours(WAVE), 2.0, 0.5), reference.DB_to_amplitude(theirs(WAVE), 2.0, 0.5))
    close(functional.gain(ours(WAVE), 3.0), reference.gain(theirs(WAVE), 3.0))
    close(functional.preemphasis(ours(WAVE)), reference.preemphasis(theirs(WAVE)))


@pytest.mark.parametrize("channels", [256, 17])
def test_mu_law(channels):
    x = np.clip(WAVE, -1, 1)
    encoded = reference.mu_law_encoding(theirs(x), channels)
    assert functional.mu_law_encoding(ours(x), channels).tolist() == encoded.tolist()
    close(
        functional.mu_law_decoding(ours(encoded.numpy()), channels),
        reference.mu_law_decoding(encoded, channels),
    )


@pytest.mark.parametrize("lengths", [None, [[1500, 2000, 800], [2000, 1, 1999]]])
def test_add_noise(lengths):
    noise = RNG.standard_normal(WAVE.shape).astype(np.float32)
    snr = np.array([[0.0, 10.0, -5.0], [3.0, 20.0, 1.0]], dtype=np.float32)
    actual = functional.add_noise(ours(WAVE), ours(noise), ours(snr), lengths and taeda.tensor(lengths))
    expected = reference.add_noise(
        theirs(WAVE), theirs(noise), theirs(snr), lengths and torch.tensor(lengths)
    )
    close(actual, expected)


@pytest.mark.parametrize("win_length", [3, 5, 8])
def test_compute_deltas(win_length):
    close(
        functional.compute_deltas(ours(SPECGRAM), win_length),
        reference.compute_deltas(theirs(SPECGRAM), win_length),
    )


@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("norm_vars", [False, True])
@pytest.mark.parametrize(("window", "least"), [(10, 5), (600, 100), (5, 60), (7, 7)])
def test_sliding_window_cmn(center, norm_vars, window, least):
    x = np.ascontiguousarray(SPECGRAM[0].swapaxes(-1, -2))
    actual = functional.sliding_window_cmn(ours(x), window, least, center, norm_vars)
    expected = reference.sliding_window_cmn(theirs(x), window, least, center, norm_vars)
    close(actual, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("n", "m"), [(50, 7), (7, 50), (20, 20)])
def test_convolve(mode, n, m):
    x, y = WAVE[..., :n], WAVE[:1, ..., -m:]
    expected = reference.convolve(theirs(x), theirs(y), mode)
    close(functional.convolve(ours(x), ours(y), mode), expected)
    close(functional.fftconvolve(ours(x), ours(y), mode), expected)


def test_edit_distance():
    pairs = [("", "abc"), ("kitten", "sitting"), (["a", "b"], ["b", "a", "c"]), ("same", "same")]
    assert [functional.edit_distance(*pair) for pair in pairs] == [
        reference.edit_distance(*pair) for pair in pairs
    ]


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize("length", [1, 255, 256, 257, 2000])
def test_lfilter(clamp, length):
    a = np.array([[1.0, -1.2, 0.5, 0.05], [2.0, 0.3, 0.0, 0.4], [0.5, 0.1, -0.2, 0.1]], dtype=np.float32)
    b = RNG.standard_normal((3, 4)).astype(np.float32)
    x = WAVE[..., :length]
    for batching in (True, False):
        actual = functional.lfilter(ours(x), ours(a), ours(b), clamp, batching)
        close(actual, reference.lfilter(theirs(x), theirs(a), theirs(b), clamp, batching))
    close(
        functional.lfilter(ours(x), ours(a[0]), ours(b[0]), clamp),
        reference.lfilter(theirs(x), theirs(a[0]), theirs(b[0]), clamp),
    )
    if length > 1:
        actual = functional.filtfilt(ours(x), ours(a[0]), ours(b[0]), clamp)
        close(actual, reference.filtfilt(theirs(x), theirs(a[0]), theirs(b[0]), clamp))


BIQUADS = [
    ("lowpass_biquad", (16000, 1200.0)),
    ("highpass_biquad", (16000, 1200.0, 1.5)),
    ("allpass_biquad", (16000, 1200.0)),
    ("bandpass_biquad", (16000, 1200.0)),
    ("bandpass_biquad", (16000, 1200.0, 2.0, True)),
    ("bandreject_biquad", (16000, 1200.0)),
    ("band_biquad", (16000, 1200.0)),
    ("band_biquad", (16000, 1200.0, 3.0, True)),
    ("equalizer_biquad", (16000, 1200.0, -6.0)),
    ("treble_biquad", (16000, 8.0)),
    ("bass_biquad", (16000, -8.0, 400.0)),
    ("deemph_biquad", (44100,)),
    ("deemph_biquad", (48000,)),
    ("deemphasis", (0.9,)),
]


@pytest.mark.parametrize(("name", "arguments"), BIQUADS)
def test_biquads(name, arguments):
    actual = getattr(functional, name)(ours(WAVE), *arguments)
    close(actual, getattr(reference, name)(theirs(WAVE), *arguments))


def test_loudness():
    x = RNG.standard_normal((3, 2, 16000)).astype(np.float32) * np.array([0.2, 0.01, 1e-6])[:, None, None]
    x = x.astype(np.float32)
    x[0, :, 8000:] *= 0.01
    actual, expected = functional.loudness(ours(x[:2]), 8000), reference.loudness(theirs(x[:2]), 8000)
    close(actual, expected, atol=1e-3)
