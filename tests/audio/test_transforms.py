"""Transforms: that each does its function's work, and what they refuse."""

import numpy as np
import pytest
import scipy.fft

import taeda
from taeda_audio import functional as F
from taeda_audio import transforms as T

MEL = {"n_mels": 40}


def test_mfcc_step_by_step(stereo):
    """Power spectrum, HTK mel filters, decibels, DCT: in NumPy from the spectrogram on."""
    x = taeda.from_numpy(stereo)
    power = T.Spectrogram(n_fft=256)(x).numpy().astype(np.float64)
    filters = F.melscale_fbanks(129, 0.0, 4000.0, 30, 8000).numpy().astype(np.float64)
    mel = np.einsum("cft,fm->cmt", power, filters)
    decibels = 10 * np.log10(np.maximum(mel, 1e-10))
    # Both channels of the two-channel input share one floor, as in torchaudio.
    decibels = np.maximum(decibels, decibels.max() - 80)
    expected = scipy.fft.dct(decibels, axis=1, norm="ortho")[:, :13]
    actual = T.MFCC(8000, n_mfcc=13, melkwargs={"n_fft": 256, "n_mels": 30})(x).numpy()
    np.testing.assert_allclose(actual, expected, atol=2e-3)


def test_log_mels(stereo):
    x = taeda.from_numpy(stereo)
    options = {"n_fft": 256, "n_mels": 30}
    mel = T.MelSpectrogram(8000, **options)(x).numpy().astype(np.float64)
    expected = scipy.fft.dct(np.log(mel + 1e-6), axis=1, norm="ortho")[:, :13]
    np.testing.assert_allclose(
        T.MFCC(8000, 13, log_mels=True, melkwargs=options)(x).numpy(), expected, atol=1e-3
    )


def test_lfcc(stereo):
    x = taeda.from_numpy(stereo)
    power = T.Spectrogram(n_fft=256)(x).numpy().astype(np.float64)
    filters = F.linear_fbanks(129, 0.0, 4000.0, 30, 8000).numpy()
    energies = np.einsum("cft,fm->cmt", power, filters)
    expected = scipy.fft.dct(np.log(energies + 1e-6), axis=1, norm="ortho")[:, :20]
    actual = T.LFCC(8000, 30, n_lfcc=20, log_lf=True, speckwargs={"n_fft": 256})(x).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_state_travels_with_the_module():
    names = set(T.MFCC(8000, n_mfcc=13, melkwargs={"n_fft": 256, "n_mels": 30}).state_dict())
    assert names == {"dct_mat", "MelSpectrogram.spectrogram.window", "MelSpectrogram.mel_scale.fb"}


def test_inverse_mel_gives_back_what_mel_scale_keeps():
    rng = np.random.default_rng(0)
    forward, inverse = T.MelScale(30, 8000, n_stft=129), T.InverseMelScale(129, 30, 8000)
    mel = forward(taeda.from_numpy(np.abs(rng.standard_normal((2, 129, 5))).astype(np.float32)))
    back = inverse(mel)
    assert float(back.min()) >= 0
    again = forward(back).numpy()
    assert np.linalg.norm(again - mel.numpy()) / np.linalg.norm(mel.numpy()) < 0.15


def test_batches_of_any_depth(stereo):
    x = taeda.from_numpy(np.stack([stereo, stereo * 0.5]))
    deep = T.MelSpectrogram(8000, n_fft=256, n_mels=30)(x)
    flat = T.MelSpectrogram(8000, n_fft=256, n_mels=30)(x[1, 0])
    assert tuple(deep.shape) == (2, 2, 30, 32)
    np.testing.assert_allclose(deep[1, 0].numpy(), flat.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", T.Fade.shapes)
def test_fades_rise_and_fall(shape):
    faded = T.Fade(50, 30, shape)(taeda.ones(2, 200)).numpy()
    assert (np.diff(faded[0, :50]) >= 0).all()
    assert (faded[:, 50:170] == 1).all()
    assert (np.diff(faded[0, 170:]) <= 0).all()
    assert faded[0, 0] == pytest.approx(0, abs=1e-6)
    assert faded[0, -1] == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(
        T.Fade(30, 30, shape)(taeda.ones(60)).numpy()[::-1],
        T.Fade(30, 30, shape)(taeda.ones(60)).numpy(),
        atol=1e-6,
    )


def test_volume():
    x = taeda.tensor([0.1, -0.9])
    np.testing.assert_allclose(T.Vol(4.0, "power")(x).numpy(), [0.2, -1.0], rtol=1e-6)
    np.testing.assert_allclose(T.Vol(20.0, "db")(x).numpy(), [1.0, -1.0], rtol=1e-6)


def test_spec_augment_counts_masks():
    taeda.manual_seed(1)
    x = taeda.ones(4, 20, 60)
    masked = T.SpecAugment(2, 10, 2, 5, zero_masking=True)(x).numpy()
    assert tuple(masked.shape) == (4, 20, 60)
    for picture in masked:
        columns, rows = (picture == 0).all(0).sum(), (picture == 0).all(1).sum()
        assert columns <= 18
        assert rows <= 8
    unchanged = T.SpecAugment(0, 10, 0, 5)(x)
    assert unchanged is x
    mean = T.SpecAugment(1, 50, 0, 5)(x * 3).numpy()
    assert set(np.unique(mean)) == {3.0}


def test_masking_transforms():
    taeda.manual_seed(0)
    x = taeda.ones(2, 30, 40)
    rows = T.FrequencyMasking(29)(x).numpy()
    assert ((rows == 0).all(2) | (rows == 1).all(2)).all()
    columns = T.TimeMasking(39, iid_masks=True)(x, 7.0).numpy()
    assert ((columns == 7).all(1) | (columns == 1).all(1)).all()


def test_speed_perturbation_draws_all_factors():
    taeda.manual_seed(0)
    perturb = T.SpeedPerturbation(100, [0.5, 1.0, 2.0])
    lengths = {perturb(taeda.zeros(1, 100))[0].shape[-1] for _ in range(40)}
    assert lengths == {50, 100, 200}


def test_thin_modules_are_their_functions(stereo):
    x, y = taeda.from_numpy(stereo), taeda.from_numpy(stereo[:, :20].copy())
    snr = taeda.tensor([3.0, 4.0])
    pairs = [
        (T.Preemphasis(0.5)(x), F.preemphasis(x, 0.5)),
        (T.Convolve("same")(x, y), F.convolve(x, y, "same")),
        (T.FFTConvolve("valid")(x, y), F.fftconvolve(x, y, "valid")),
        (T.AddNoise()(x, x, snr), F.add_noise(x, x, snr)),
        (T.MuLawEncoding(16)(x), F.mu_law_encoding(x, 16)),
        (T.MuLawDecoding(16)(F.mu_law_encoding(x, 16)), F.mu_law_decoding(F.mu_law_encoding(x, 16), 16)),
        (T.ComputeDeltas(3)(x), F.compute_deltas(x, 3)),
        (T.SlidingWindowCmn(5, 3)(x[..., :50]), F.sliding_window_cmn(x[..., :50], 5, 3)),
        (T.Speed(100, 2.0)(x)[0], F.speed(x, 100, 2.0)[0]),
    ]
    for actual, expected in pairs:
        np.testing.assert_array_equal(actual.numpy(), expected.numpy())


def test_griffin_lim_and_inverse(stereo):
    x = taeda.from_numpy(stereo)
    back = T.InverseSpectrogram(n_fft=256)(T.Spectrogram(n_fft=256, power=None)(x), 4000)
    np.testing.assert_allclose(back.numpy(), stereo, atol=1e-5)
    assert tuple(T.GriffinLim(n_fft=256, n_iter=2, length=4000)(T.Spectrogram(n_fft=256)(x)).shape) == (
        2,
        4000,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.Spectrogram(n_fft=64, win_length=65), r"Spectrogram: expected 0 < win_length <= n_fft=64"),
        (lambda: T.Spectrogram(n_fft=64, hop_length=0), r"Spectrogram: expected hop_length >= 1, got 0"),
        (lambda: T.MelScale(f_min=9000.0), r"MelScale: expected f_min <= f_max, got 9000.0 > 8000.0 Hz"),
        (lambda: T.MFCC(n_mfcc=41, melkwargs=MEL), r"MFCC: cannot take 41 coefficients of 40 filters"),
        (lambda: T.MFCC(dct_type=3, melkwargs=MEL), r"MFCC: expected dct_type 2, .* got 3"),
        (lambda: T.AmplitudeToDB("watt"), r"unknown stype 'watt'; expected 'power' or 'magnitude'"),
        (lambda: T.AmplitudeToDB(top_db=-1), r"expected top_db >= 0 or None, got -1"),
        (lambda: T.InverseMelScale(201, 40, driver="qr"), r"unknown driver 'qr'; expected one of \('gels'"),
        (lambda: T.GriffinLim(momentum=1.0), r"GriffinLim: expected 0 <= momentum < 1, got 1.0"),
        (lambda: T.Vol(-1.0), r"Vol: expected gain >= 0 for gain_type 'amplitude', got -1.0"),
        (lambda: T.Vol(1.0, "loud"), r"unknown gain_type 'loud'; expected 'amplitude', 'power' or 'db'"),
        (lambda: T.Fade(fade_shape="round"), r"unknown fade_shape 'round'; expected one of"),
        (lambda: T.TimeMasking(5, p=-0.1), r"TimeMasking: expected 0 <= p <= 1, got -0.1"),
        (lambda: T.SpeedPerturbation(100, []), r"expected at least one factor"),
        (lambda: T.Fade(3, 5)(taeda.ones(4)), r"fades of 3 and 5 samples exceed the 4 samples there are"),
        (lambda: T.MelScale(20, n_stft=65)(taeda.ones(1, 60, 3)), r"expected 65 frequencies in dim -2"),
        (lambda: T.InverseMelScale(65, 20)(taeda.ones(1, 21, 3)), r"expected 20 mel bins in dim -2"),
        (lambda: T.TimeStretch()(taeda.ones(1, 201, 3)), r"TimeStretch: no rate; pass fixed_rate="),
        (lambda: T.TimeStretch(fixed_rate=2.0)(taeda.ones(1, 201, 3)), r"expected a complex spectrogram"),
    ],
)  # fmt: skip
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
