"""Filters of second order, after R. Bristow-Johnson's cookbook (https://www.w3.org/TR/audio-eq-cookbook/)."""

from __future__ import annotations

import math
from typing import Any

import taeda
from taeda import Tensor

from .filtering import lfilter

__all__ = [
    "allpass_biquad",
    "band_biquad",
    "bandpass_biquad",
    "bandreject_biquad",
    "bass_biquad",
    "biquad",
    "deemph_biquad",
    "equalizer_biquad",
    "highpass_biquad",
    "loudness",
    "lowpass_biquad",
    "treble_biquad",
]

# The shelf that undoes the pre-emphasis of compact discs (IEC 60908): frequency (Hz), slope and gain (dB).
DEEMPHASIS_SHELVES = {44100: (5283.0, 0.4845, -9.477), 48000: (5356.0, 0.479, -9.62)}


def biquad(waveform: Tensor, b0: float, b1: float, b2: float, a0: float, a1: float, a2: float) -> Tensor:
    """Filter by ``a0 y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]``, clipped to -1 .. 1.

    Args:
        waveform: samples of shape (..., time).
        b0, b1, b2: feed-forward coefficients.
        a0, a1, a2: feedback coefficients.
    """
    options: dict[str, Any] = {"dtype": waveform.dtype, "device": waveform.device}
    return lfilter(waveform, taeda.tensor([a0, a1, a2], **options), taeda.tensor([b0, b1, b2], **options))


def _angle(name: str, sample_rate: int, frequency: float, Q: float) -> tuple[float, float]:
    """Cosine of the angle that a frequency turns in one sample, and the cookbook's alpha."""
    if sample_rate <= 0 or Q <= 0:
        raise ValueError(f"{name}: expected sample_rate > 0 and Q > 0, got {sample_rate} and {Q}")
    turn = 2 * math.pi * frequency / sample_rate
    return math.cos(turn), math.sin(turn) / 2 / Q


def lowpass_biquad(waveform: Tensor, sample_rate: int, cutoff_freq: float, Q: float = 0.707) -> Tensor:
    """Keep what is below `cutoff_freq` (Hz).

    Args:
        waveform: samples of shape (..., time).
        sample_rate: in Hz.
        cutoff_freq: where the power is halved (Hz).
        Q: steepness; 0.707 is flat.
    """
    cos, alpha = _angle("lowpass_biquad", sample_rate, cutoff_freq, Q)
    return biquad(waveform, (1 - cos) / 2, 1 - cos, (1 - cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def highpass_biquad(waveform: Tensor, sample_rate: int, cutoff_freq: float, Q: float = 0.707) -> Tensor:
    """Keep what is above `cutoff_freq` (Hz); arguments as in `lowpass_biquad`."""
    cos, alpha = _angle("highpass_biquad", sample_rate, cutoff_freq, Q)
    return biquad(waveform, (1 + cos) / 2, -1 - cos, (1 + cos) / 2, 1 + alpha, -2 * cos, 1 - alpha)


def allpass_biquad(waveform: Tensor, sample_rate: int, central_freq: float, Q: float = 0.707) -> Tensor:
    """Turn phases around `central_freq` (Hz) and keep all magnitudes; arguments as in `lowpass_biquad`."""
    cos, alpha = _angle("allpass_biquad", sample_rate, central_freq, Q)
    return biquad(waveform, 1 - alpha, -2 * cos, 1 + alpha, 1 + alpha, -2 * cos, 1 - alpha)


def bandpass_biquad(
    waveform: Tensor, sample_rate: int, central_freq: float, Q: float = 0.707, const_skirt_gain: bool = False
) -> Tensor:
    """Keep what is near `central_freq` (Hz).

    Args:
        waveform, sample_rate, Q: as in `lowpass_biquad`.
        central_freq: the frequency that is kept best (Hz).
        const_skirt_gain: amplify it by Q, otherwise by 1.
    """
    cos, alpha = _angle("bandpass_biquad", sample_rate, central_freq, Q)
    peak = alpha * Q if const_skirt_gain else alpha
    return biquad(waveform, peak, 0.0, -peak, 1 + alpha, -2 * cos, 1 - alpha)


def bandreject_biquad(waveform: Tensor, sample_rate: int, central_freq: float, Q: float = 0.707) -> Tensor:
    """Remove what is near `central_freq` (Hz); arguments as in `lowpass_biquad`."""
    cos, alpha = _angle("bandreject_biquad", sample_rate, central_freq, Q)
    return biquad(waveform, 1.0, -2 * cos, 1.0, 1 + alpha, -2 * cos, 1 - alpha)


def equalizer_biquad(
    waveform: Tensor, sample_rate: int, center_freq: float, gain: float, Q: float = 0.707
) -> Tensor:
    """Amplify what is near `center_freq` (Hz) by `gain` (dB); other arguments as in `lowpass_biquad`."""
    cos, alpha = _angle("equalizer_biquad", sample_rate, center_freq, Q)
    root = 10 ** (gain / 40)
    return biquad(
        waveform, 1 + alpha * root, -2 * cos, 1 - alpha * root, 1 + alpha / root, -2 * cos, 1 - alpha / root
    )


def _shelf(waveform: Tensor, cos: float, alpha: float, gain: float, high: bool) -> Tensor:
    """Amplify by `gain` (dB) above or below a frequency."""
    root = 10 ** (gain / 40)
    edge = 2 * math.sqrt(root) * alpha
    # A low shelf is a high shelf on a mirrored frequency axis.
    sign = 1 if high else -1
    mirrored = sign * cos
    b0 = root * ((root + 1) + (root - 1) * mirrored + edge)
    b1 = -2 * root * ((root - 1) + (root + 1) * mirrored) * sign
    b2 = root * ((root + 1) + (root - 1) * mirrored - edge)
    a0 = (root + 1) - (root - 1) * mirrored + edge
    a1 = 2 * ((root - 1) - (root + 1) * mirrored) * sign
    a2 = (root + 1) - (root - 1) * mirrored - edge
    return biquad(waveform, b0, b1, b2, a0, a1, a2)


def treble_biquad(
    waveform: Tensor, sample_rate: int, gain: float, central_freq: float = 3000, Q: float = 0.707
) -> Tensor:
    """Amplify what is above `central_freq` (Hz) by `gain` (dB); other arguments as in `lowpass_biquad`."""
    return _shelf(waveform, *_angle("treble_biquad", sample_rate, central_freq, Q), gain, high=True)


def bass_biquad(
    waveform: Tensor, sample_rate: int, gain: float, central_freq: float = 100, Q: float = 0.707
) -> Tensor:
    """Amplify what is below `central_freq` (Hz) by `gain` (dB); other arguments as in `lowpass_biquad`."""
    return _shelf(waveform, *_angle("bass_biquad", sample_rate, central_freq, Q), gain, high=False)


def deemph_biquad(waveform: Tensor, sample_rate: int) -> Tensor:
    """Undo the pre-emphasis of compact discs.

    Args:
        waveform: samples of shape (..., time).
        sample_rate: 44100 or 48000 Hz.

    Raises:
        ValueError: another sample rate.
    """
    if sample_rate not in DEEMPHASIS_SHELVES:
        raise ValueError(
            f"deemph_biquad: expected a sample rate of 44100 or 48000 Hz, got {sample_rate}; resample first"
        )
    frequency, slope, gain = DEEMPHASIS_SHELVES[sample_rate]
    turn = 2 * math.pi * frequency / sample_rate
    root = 10 ** (gain / 40)
    alpha = math.sin(turn) / 2 * math.sqrt((root + 1 / root) * (1 / slope - 1) + 2)
    return _shelf(waveform, math.cos(turn), alpha, gain, high=True)


def band_biquad(
    waveform: Tensor, sample_rate: int, central_freq: float, Q: float = 0.707, noise: bool = False
) -> Tensor:
    """A resonator at `central_freq` (Hz), as SoX's effect "band".

    Args:
        waveform, sample_rate, Q: as in `lowpass_biquad`.
        central_freq: the frequency of the resonance (Hz).
        noise: scale for noise-like sounds (power 1), otherwise for pitched ones (peak 1).
    """
    cos, _ = _angle("band_biquad", sample_rate, central_freq, Q)
    a2 = math.exp(-2 * math.pi * central_freq / Q / sample_rate)
    a1 = -4 * a2 / (1 + a2) * cos
    if noise:
        b0 = math.sqrt(((1 + a2) ** 2 - a1**2) * (1 - a2) / (1 + a2))
    else:
        b0 = math.sqrt(1 - a1**2 / (4 * a2)) * (1 - a2)
    return biquad(waveform, b0, 0.0, 0.0, 1.0, a1, a2)


# ITU-R BS.1770-4: blocks of 400 ms that overlap by 75 %, gated at -70 LKFS and at 10 LU below the mean.
LOUDNESS_WEIGHTS = (1.0, 1.0, 1.0, 1.41, 1.41)
LOUDNESS_OFFSET = -0.691
LOUDNESS_GATE = -70.0
LOUDNESS_RELATIVE_GATE = -10.0


def loudness(waveform: Tensor, sample_rate: int) -> Tensor:
    """Loudness after ITU-R BS.1770-4.

    Args:
        waveform: samples of shape (..., channels, time): left, right, centre, left and right surround.
        sample_rate: in Hz.

    Returns:
        Tensor of shape (...), in LKFS.

    Raises:
        ValueError: more than five channels, or less than 400 ms.
    """
    channels = waveform.size(-2)
    block = round(0.4 * sample_rate)
    if channels > len(LOUDNESS_WEIGHTS) or waveform.size(-1) < block:
        raise ValueError(
            f"loudness: expected at most 5 channels and at least {block} samples (400 ms), "
            f"got shape {tuple(waveform.shape)}"
        )
    weighted = treble_biquad(waveform, sample_rate, 4.0, 1500.0, 1 / math.sqrt(2))
    weighted = highpass_biquad(weighted, sample_rate, 38.0, 0.5)
    energy = weighted.square().unfold(-1, block, round(block * 0.25)).mean(-1)
    weights = taeda.tensor(
        LOUDNESS_WEIGHTS[:channels], dtype=waveform.dtype, device=waveform.device
    ).unsqueeze(-1)
    block_energy = (weights * energy).sum(-2)

    def level(energy: Tensor) -> Tensor:
        return LOUDNESS_OFFSET + 10 * taeda.log10(energy)

    def mean_of(chosen: Tensor) -> Tensor:
        return (block_energy * chosen).sum(-1) / chosen.sum(-1)

    loud = level(block_energy) > LOUDNESS_GATE
    threshold = level(mean_of(loud)) + LOUDNESS_RELATIVE_GATE
    return level(mean_of(loud & (level(block_energy) > threshold.unsqueeze(-1))))
