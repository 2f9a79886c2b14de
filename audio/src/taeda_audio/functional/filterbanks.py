"""Filter banks and the cosine transform that make mel spectrograms and cepstra."""

from __future__ import annotations

import math
import warnings

import taeda
from taeda import Tensor

__all__ = ["create_dct", "linear_fbanks", "melscale_fbanks"]

# Slaney's scale (Auditory Toolbox, 1998): linear up to 1000 Hz, then 27 logarithmic steps a factor of 6.4.
SLANEY_HZ_PER_MEL = 200.0 / 3
SLANEY_BREAK_HZ = 1000.0
SLANEY_BREAK_MEL = SLANEY_BREAK_HZ / SLANEY_HZ_PER_MEL
SLANEY_LOG_STEP = math.log(6.4) / 27.0


def _check_scale(mel_scale: str) -> None:
    if mel_scale not in ("htk", "slaney"):
        raise ValueError(f"melscale_fbanks: unknown mel_scale {mel_scale!r}; expected 'htk' or 'slaney'")


def _hz_to_mel(frequency: float, mel_scale: str) -> float:
    if mel_scale == "htk":
        return 2595.0 * math.log10(1.0 + frequency / 700.0)
    if frequency < SLANEY_BREAK_HZ:
        return frequency / SLANEY_HZ_PER_MEL
    return SLANEY_BREAK_MEL + math.log(frequency / SLANEY_BREAK_HZ) / SLANEY_LOG_STEP


def _mel_to_hz(mels: Tensor, mel_scale: str) -> Tensor:
    if mel_scale == "htk":
        return 700.0 * (taeda.pow(10.0, mels / 2595.0) - 1.0)
    logarithmic = SLANEY_BREAK_HZ * taeda.exp(SLANEY_LOG_STEP * (mels - SLANEY_BREAK_MEL))
    return taeda.where(mels >= SLANEY_BREAK_MEL, logarithmic, SLANEY_HZ_PER_MEL * mels)


def _triangles(frequencies: Tensor, corners: Tensor) -> Tensor:
    """Triangles of height 1 over neighbouring corners, sampled at the frequencies: (n_freqs, n_filter)."""
    widths = corners[1:] - corners[:-1]
    distance = corners.unsqueeze(0) - frequencies.unsqueeze(1)
    rising = -distance[:, :-2] / widths[:-1]
    falling = distance[:, 2:] / widths[1:]
    return taeda.minimum(rising, falling).clamp(min=0.0)


def melscale_fbanks(
    n_freqs: int,
    f_min: float,
    f_max: float,
    n_mels: int,
    sample_rate: int,
    norm: str | None = None,
    mel_scale: str = "htk",
) -> Tensor:
    """Triangular filters spaced evenly on the mel scale.

    Args:
        n_freqs: number of frequencies of the spectrogram, n_fft // 2 + 1.
        f_min: lowest frequency (Hz).
        f_max: highest frequency (Hz).
        n_mels: number of filters.
        sample_rate: in Hz.
        norm: "slaney" divides each filter by its width, so that all have the same area.
        mel_scale: "htk" or "slaney".

    Returns:
        Tensor of shape (n_freqs, n_mels), to multiply a (..., n_freqs) spectrum with.

    Raises:
        ValueError: `norm` or `mel_scale` is unknown.

    Warns:
        UserWarning: a filter is so narrow that it covers no frequency.

    Example:
        >>> tuple(melscale_fbanks(201, 0.0, 8000.0, 40, 16000).shape)
        (201, 40)
    """
    if norm not in (None, "slaney"):
        raise ValueError(f"melscale_fbanks: unknown norm {norm!r}; expected None or 'slaney'")
    _check_scale(mel_scale)
    frequencies = taeda.linspace(0, sample_rate // 2, n_freqs)
    mels = taeda.linspace(_hz_to_mel(f_min, mel_scale), _hz_to_mel(f_max, mel_scale), n_mels + 2)
    corners = _mel_to_hz(mels, mel_scale)
    filters = _triangles(frequencies, corners)
    if norm == "slaney":
        filters = filters * (2.0 / (corners[2:] - corners[:-2]))
    empty = int((filters.amax(dim=0) == 0.0).sum())
    if empty:
        warnings.warn(
            f"melscale_fbanks: {empty} of {n_mels} filters cover none of the {n_freqs} frequencies and "
            "give 0; "
            "use fewer n_mels or a larger n_fft",
            stacklevel=2,
        )
    return filters


def linear_fbanks(n_freqs: int, f_min: float, f_max: float, n_filter: int, sample_rate: int) -> Tensor:
    """Triangular filters spaced evenly in Hz.

    Args:
        n_freqs: number of frequencies of the spectrogram, n_fft // 2 + 1.
        f_min: lowest frequency (Hz).
        f_max: highest frequency (Hz).
        n_filter: number of filters.
        sample_rate: in Hz.

    Returns:
        Tensor of shape (n_freqs, n_filter).

    Example:
        >>> linear_fbanks(5, 0.0, 4.0, 3, 8).sum(1).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    return _triangles(
        taeda.linspace(0, sample_rate // 2, n_freqs), taeda.linspace(f_min, f_max, n_filter + 2)
    )


def create_dct(n_mfcc: int, n_mels: int, norm: str | None) -> Tensor:
    """Matrix of the discrete cosine transform, type II.

    Args:
        n_mfcc: number of coefficients to keep.
        n_mels: number of values to transform.
        norm: "ortho" for an orthonormal matrix; None for twice the plain cosines.

    Returns:
        Tensor of shape (n_mels, n_mfcc), to multiply a (..., n_mels) row with.

    Raises:
        ValueError: `norm` is unknown.

    Example:
        >>> create_dct(1, 4, "ortho").flatten().tolist()
        [0.5, 0.5, 0.5, 0.5]
    """
    if norm not in (None, "ortho"):
        raise ValueError(f"create_dct: unknown norm {norm!r}; expected None or 'ortho'")
    position = taeda.arange(float(n_mels)).unsqueeze(1) + 0.5
    order = taeda.arange(float(n_mfcc))
    matrix = taeda.cos(math.pi / n_mels * position * order)
    if norm is None:
        return matrix * 2.0
    scale = taeda.full((n_mfcc,), math.sqrt(2.0 / n_mels))
    scale[0] = math.sqrt(1.0 / n_mels)
    return matrix * scale
