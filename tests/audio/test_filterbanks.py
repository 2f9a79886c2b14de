"""Filter banks and the cosine transform beside their definitions and SciPy."""

import numpy as np
import pytest
import scipy.fft

from taeda_audio import functional as F


def _reference(n_freqs, f_min, f_max, n_mels, rate, norm, scale):
    """Triangles by interpolation, with the mel scales as the papers give them."""
    if scale == "htk":
        to_mel = lambda f: 2595 * np.log10(1 + f / 700)  # noqa: E731
        to_hz = lambda m: 700 * (10 ** (m / 2595) - 1)  # noqa: E731
    else:
        table_hz = np.concatenate([np.arange(0, 1000, 200 / 3), 1000 * 6.4 ** (np.arange(60) / 27)])
        to_mel = lambda f: np.interp(f, table_hz, np.arange(len(table_hz)))  # noqa: E731
        to_hz = lambda m: np.where(m < 15, m * 200 / 3, 1000 * 6.4 ** ((m - 15) / 27))  # noqa: E731
    corners = to_hz(np.linspace(to_mel(f_min), to_mel(f_max), n_mels + 2))
    frequencies = np.linspace(0, rate // 2, n_freqs)
    columns = []
    for left, top, right in zip(corners, corners[1:], corners[2:]):
        column = np.interp(frequencies, [left, top, right], [0, 1, 0], left=0, right=0)
        columns.append(column * (2 / (right - left) if norm == "slaney" else 1))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("norm", [None, "slaney"])
def test_htk_filters(norm):
    actual = F.melscale_fbanks(257, 0.0, 8000.0, 40, 16000, norm=norm).numpy()
    np.testing.assert_allclose(actual, _reference(257, 0.0, 8000.0, 40, 16000, norm, "htk"), atol=1e-4)


def test_slaney_filters():
    # The corners 0 and 2840.02 Hz lie on whole mels (0 and 30), where the reference's table is exact.
    high = 1000 * 6.4 ** (15 / 27)
    actual = F.melscale_fbanks(257, 0.0, high, 29, 16000, norm="slaney", mel_scale="slaney").numpy()
    np.testing.assert_allclose(actual, _reference(257, 0.0, high, 29, 16000, "slaney", "slaney"), atol=1e-5)


def test_linear_filters_add_up_to_one_between_the_outer_tops():
    filters = F.linear_fbanks(101, 0.0, 100.0, 9, 200).numpy()
    np.testing.assert_allclose(filters[10:91].sum(1), 1.0, atol=1e-5)
    assert filters[:, 0].argmax() == 10


@pytest.mark.parametrize("norm", [None, "ortho"])
def test_dct_is_scipys(norm):
    x = np.random.default_rng(0).standard_normal((3, 20)).astype(np.float32)
    actual = x @ F.create_dct(13, 20, norm).numpy()
    np.testing.assert_allclose(actual, scipy.fft.dct(x, type=2, norm=norm)[:, :13], atol=1e-4)


def test_too_many_filters():
    with pytest.warns(
        UserWarning, match=r"\d+ of 128 filters cover none of the 65 frequencies and give 0; use fewer"
    ):
        F.melscale_fbanks(65, 0.0, 8000.0, 128, 16000)


def test_errors():
    with pytest.raises(ValueError, match=r"melscale_fbanks: unknown norm 'l2'; expected None or 'slaney'"):
        F.melscale_fbanks(9, 0.0, 10.0, 3, 20, norm="l2")
    with pytest.raises(ValueError, match=r"unknown mel_scale 'bark'; expected 'htk' or 'slaney'"):
        F.melscale_fbanks(9, 0.0, 10.0, 3, 20, mel_scale="bark")
    with pytest.raises(ValueError, match=r"create_dct: unknown norm 'l2'; expected None or 'ortho'"):
        F.create_dct(3, 4, "l2")
