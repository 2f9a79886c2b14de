"""Numbers of torchaudio 2.11, transform by transform."""

import numpy as np
import pytest
import torch
import torchaudio.transforms as reference

import taeda
from taeda_audio import transforms

RNG = np.random.default_rng(1)
WAVE = RNG.standard_normal((2, 4000)).astype(np.float32) * 0.3

CASES = [
    ("Spectrogram", {}),
    ("Spectrogram", {"n_fft": 256, "win_length": 200, "hop_length": 80, "pad": 10, "normalized": True}),
    ("Spectrogram", {"n_fft": 255, "center": False, "onesided": False, "power": 1.0}),
    ("Spectrogram", {"pad_mode": "constant", "window_fn": "hamming_window", "wkwargs": {"periodic": False}}),
    ("MelSpectrogram", {"n_mels": 40}),
    (
        "MelSpectrogram",
        {"sample_rate": 8000, "n_fft": 512, "n_mels": 30, "norm": "slaney", "mel_scale": "slaney"},
    ),
    ("MFCC", {"n_mfcc": 13, "melkwargs": {"n_mels": 40}}),
    ("MFCC", {"n_mfcc": 13, "log_mels": True, "norm": None, "melkwargs": {"n_mels": 40}}),
    ("LFCC", {"n_lfcc": 13, "n_filter": 40}),
    ("LFCC", {"n_lfcc": 13, "n_filter": 40, "log_lf": True, "f_max": 4000.0}),
    ("SpectralCentroid", {"sample_rate": 16000}),
    ("Resample", {"orig_freq": 16000, "new_freq": 11025}),
    ("Resample", {"orig_freq": 8000, "new_freq": 16000, "resampling_method": "sinc_interp_kaiser"}),
    ("Preemphasis", {"coeff": 0.9}),
    ("Vol", {"gain": 2.5}),
    ("Vol", {"gain": 2.5, "gain_type": "power"}),
    ("Vol", {"gain": -2.5, "gain_type": "db"}),
    ("Fade", {"fade_in_len": 300, "fade_out_len": 700}),
    ("Fade", {"fade_in_len": 300, "fade_out_len": 700, "fade_shape": "exponential"}),
    ("Fade", {"fade_in_len": 300, "fade_out_len": 700, "fade_shape": "logarithmic"}),
    ("Fade", {"fade_in_len": 300, "fade_out_len": 700, "fade_shape": "quarter_sine"}),
    ("Fade", {"fade_in_len": 300, "fade_out_len": 700, "fade_shape": "half_sine"}),
    ("ComputeDeltas", {"win_length": 7}),
    ("MuLawEncoding", {}),
]


def _module(library, transforms_, name, options):
    options = dict(options)
    if "window_fn" in options:
        options["window_fn"] = getattr(library, options["window_fn"])
    return getattr(transforms_, name)(**options)


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_values_and_state_dict(name, options):
    mine = _module(taeda, transforms, name, options)
    his = _module(torch, reference, name, options)
    actual = mine(taeda.from_numpy(WAVE)).numpy()
    expected = his(torch.from_numpy(WAVE)).numpy()
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, atol=2e-5 * scale, rtol=1e-4)
    if name != "Resample":
        assert set(mine.state_dict()) == set(his.state_dict())


def test_mel_scale_and_inverse():
    specgram = np.abs(RNG.standard_normal((2, 101, 30))).astype(np.float32)
    mel = transforms.MelScale(40, n_stft=101)(taeda.from_numpy(specgram))
    expected = reference.MelScale(40, n_stft=101)(torch.from_numpy(specgram))
    np.testing.assert_allclose(mel.numpy(), expected.numpy(), atol=1e-4, rtol=1e-4)
    back = transforms.InverseMelScale(101, 40)(taeda.from_numpy(expected.numpy()))
    # Some filters coincide here, where torchaudio's default driver "gels" breaks down.
    his = reference.InverseMelScale(101, 40, driver="gelsd")(expected)
    np.testing.assert_allclose(back.numpy(), his.numpy(), atol=1e-3, rtol=1e-3)


def test_inverse_spectrogram_and_time_stretch():
    spectrum = reference.Spectrogram(power=None)(torch.from_numpy(WAVE))
    ours = taeda.from_numpy(spectrum.numpy())
    np.testing.assert_allclose(
        transforms.InverseSpectrogram()(ours).numpy(),
        reference.InverseSpectrogram()(spectrum).numpy(),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        transforms.TimeStretch(fixed_rate=1.2)(ours).numpy(),
        reference.TimeStretch(fixed_rate=1.2)(spectrum).numpy(),
        atol=2e-3,
    )


def test_griffin_lim():
    specgram = reference.Spectrogram()(torch.from_numpy(WAVE))
    options = {"n_iter": 5, "rand_init": False, "length": 4000}
    actual = transforms.GriffinLim(**options)(taeda.from_numpy(specgram.numpy()))
    np.testing.assert_allclose(actual.numpy(), reference.GriffinLim(**options)(specgram).numpy(), atol=1e-3)
