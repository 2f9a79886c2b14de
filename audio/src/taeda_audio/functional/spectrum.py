"""Spectrograms and the ways back to a waveform."""

from __future__ import annotations

import math

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = ["griffinlim", "inverse_spectrogram", "phase_vocoder", "spectral_centroid", "spectrogram"]


def _norms(operation: str, normalized: bool | str) -> tuple[bool, bool]:
    """Whether to divide by the square root of the frame length, and by the window's norm."""
    if isinstance(normalized, bool):
        return False, normalized
    if not isinstance(normalized, str):
        raise TypeError(f"{operation}: normalized must be a bool or a str, got {type(normalized).__name__}")
    if normalized not in ("window", "frame_length"):
        raise ValueError(
            f"{operation}: unknown normalized={normalized!r}; expected True, False, 'window' or "
            "'frame_length'"
        )
    return normalized == "frame_length", normalized == "window"


def spectrogram(
    waveform: Tensor,
    pad: int,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    power: float | None,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> Tensor:
    """Short-time Fourier transform of a waveform, raised to a power.

    Args:
        waveform: samples of shape (..., time).
        pad: zeros to add at both ends first.
        window: window of shape (win_length,).
        n_fft: samples of one transform.
        hop_length: samples between the starts of two frames.
        win_length: samples of the window, at most `n_fft`.
        power: exponent of the magnitude: 1 for magnitude, 2 for power; None gives the complex spectrum.
        normalized: True or "window" divides by the window's L2 norm, "frame_length" by the root of `n_fft`.
        center: whether frame t is centred on sample t * hop_length, for which both ends are padded by n_fft
            // 2.
        pad_mode: how they are padded.
        onesided: give only the n_fft // 2 + 1 frequencies that are not redundant.

    Returns:
        Tensor of shape (..., freq, frames).

    Raises:
        TypeError: the waveform is not floating point.
        ValueError: it is too short for its padding, or an argument is unknown.

    Example:
        >>> specgram = spectrogram(taeda.ones(1, 8), 0, taeda.ones(4), 4, 4, 4, power=2.0, normalized=False)
        >>> tuple(specgram.shape)
        (1, 3, 3)
    """
    by_length, by_window = _norms("spectrogram", normalized)
    if not (waveform.is_floating_point() or waveform.is_complex()):
        raise TypeError(
            f"spectrogram: expected floating-point samples, got {waveform.dtype}; "
            "load with normalize=True or divide by the full scale"
        )
    if pad > 0:
        waveform = F.pad(waveform, (pad, pad))
    length = waveform.size(-1)
    if center and pad_mode == "reflect" and length <= n_fft // 2:
        raise ValueError(
            f"spectrogram: {length} samples are too few to reflect n_fft // 2 = {n_fft // 2} of them at "
            "each end; "
            "use a smaller n_fft, a longer waveform, or pad_mode='constant'"
        )
    leading = tuple(waveform.shape[:-1])
    spectrum = taeda.stft(
        waveform.reshape(-1, length),
        n_fft=n_fft,
        hop_length=hop_length,
        win_length=win_length,
        window=window,
        center=center,
        pad_mode=pad_mode,
        normalized=by_length,
        onesided=onesided,
        return_complex=True,
    )
    spectrum = spectrum.reshape(leading + tuple(spectrum.shape[-2:]))
    if by_window:
        spectrum = spectrum / window.square().sum().sqrt()
    if power is None:
        return spectrum
    magnitude = spectrum.abs()
    return magnitude if power == 1.0 else magnitude.pow(power)


def inverse_spectrogram(
    spectrogram: Tensor,
    length: int | None,
    pad: int,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    normalized: bool | str,
    center: bool = True,
    pad_mode: str = "reflect",
    onesided: bool = True,
) -> Tensor:
    """The waveform whose spectrogram is nearest (least squares) to a complex spectrogram.

    Args:
        spectrogram: complex tensor of shape (..., freq, frames).
        length: samples of the result; None takes what the frames cover.
        pad: zeros that were added at both ends before the transform; they are cut off when `length` is given.
        window, n_fft, hop_length, win_length, normalized, center, onesided: as in `spectrogram`.
        pad_mode: not used; there for symmetry.

    Returns:
        Tensor of shape (..., time).

    Raises:
        ValueError: the spectrogram is not complex, or `normalized` is unknown.
    """
    by_length, by_window = _norms("inverse_spectrogram", normalized)
    if not spectrogram.is_complex():
        raise ValueError(
            f"inverse_spectrogram: expected a complex spectrogram, got {spectrogram.dtype}; "
            "make it with power=None, or use griffinlim for a magnitude"
        )
    if by_window:
        spectrogram = spectrogram * window.square().sum().sqrt()
    leading = tuple(spectrogram.shape[:-2])
    waveform = taeda.istft(
        spectrogram.reshape((-1, *spectrogram.shape[-2:])),
        n_fft=n_fft,
        hop_length=hop_length,
        win_length=win_length,
        window=window,
        center=center,
        normalized=by_length,
        onesided=onesided,
        length=None if length is None else length + 2 * pad,
    )
    if length is not None and pad > 0:
        waveform = waveform[:, pad:-pad]
    return waveform.reshape((*leading, waveform.size(-1)))


def griffinlim(
    specgram: Tensor,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
    power: float,
    n_iter: int,
    momentum: float,
    length: int | None,
    rand_init: bool,
) -> Tensor:
    """A waveform for a spectrogram without phases (Griffin and Lim 1984, Perraudin et al. 2013).

    Args:
        specgram: magnitudes to the `power`, of shape (..., freq, frames).
        window, n_fft, hop_length, win_length: as in `spectrogram`.
        power: exponent of the magnitudes in `specgram`.
        n_iter: rounds.
        momentum: 0 for the plain algorithm; nearer to 1 converges faster.
        length: samples of the result; None takes what the frames cover.
        rand_init: start from random phases, otherwise from zero phases.

    Returns:
        Tensor of shape (..., time).

    Raises:
        ValueError: `momentum` is not in 0 <= momentum < 1.
    """
    if not 0 <= momentum < 1:
        raise ValueError(f"griffinlim: expected 0 <= momentum < 1, got {momentum}")
    step = momentum / (1 + momentum)
    leading = tuple(specgram.shape[:-2])
    magnitude = specgram.reshape((-1, *specgram.shape[-2:])).pow(1 / power)

    def to_waveform(spectrum: Tensor) -> Tensor:
        return taeda.istft(
            spectrum, n_fft=n_fft, hop_length=hop_length, win_length=win_length, window=window, length=length
        )

    if rand_init:
        phases = taeda.complex(taeda.rand_like(magnitude), taeda.rand_like(magnitude))
    else:
        phases = taeda.complex(taeda.ones_like(magnitude), taeda.zeros_like(magnitude))
    previous: Tensor | None = None
    for _ in range(n_iter):
        rebuilt = taeda.stft(
            to_waveform(magnitude * phases),
            n_fft=n_fft,
            hop_length=hop_length,
            win_length=win_length,
            window=window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        phases = rebuilt if previous is None or step == 0 else rebuilt - previous * step
        phases = phases / (phases.abs() + 1e-16)
        previous = rebuilt
    waveform = to_waveform(magnitude * phases)
    return waveform.reshape((*leading, waveform.size(-1)))


def spectral_centroid(
    waveform: Tensor,
    sample_rate: int,
    pad: int,
    window: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int,
) -> Tensor:
    """Mean frequency (Hz) of each frame, weighted by magnitude.

    Args:
        waveform: samples of shape (..., time).
        sample_rate: in Hz.
        pad, window, n_fft, hop_length, win_length: as in `spectrogram`.

    Returns:
        Tensor of shape (..., frames).
    """
    magnitude = spectrogram(waveform, pad, window, n_fft, hop_length, win_length, power=1.0, normalized=False)
    frequencies = taeda.linspace(0, sample_rate // 2, 1 + n_fft // 2, device=waveform.device).reshape(-1, 1)
    return (frequencies * magnitude).sum(-2) / magnitude.sum(-2)


def phase_vocoder(complex_specgrams: Tensor, rate: float, phase_advance: Tensor) -> Tensor:
    """Change the speed of a complex spectrogram without changing its pitch.

    Args:
        complex_specgrams: complex tensor of shape (..., freq, frames).
        rate: above 1 is faster.
        phase_advance: phase by which each frequency moves on in one hop, shape (freq, 1).

    Returns:
        Complex tensor of shape (..., freq, ceil(frames / rate)).

    Raises:
        ValueError: the rate is not positive.
    """
    if rate <= 0:
        raise ValueError(f"phase_vocoder: expected rate > 0, got {rate}")
    if rate == 1.0:
        return complex_specgrams
    leading = tuple(complex_specgrams.shape[:-2])
    frames = complex_specgrams.size(-1)
    spectrum = complex_specgrams.reshape((-1, *complex_specgrams.shape[-2:]))
    magnitude, phase = spectrum.abs(), spectrum.angle()
    steps = taeda.arange(0, frames, rate, device=spectrum.device, dtype=magnitude.dtype)
    fraction = steps % 1.0
    # Two frames of silence after the end stand for the neighbours of the last steps.
    magnitude, phases = F.pad(magnitude, (0, 2)), F.pad(phase, (0, 2))
    here, following = steps.long(), (steps + 1).long()
    turn = phases.index_select(-1, following) - phases.index_select(-1, here) - phase_advance
    turn = turn - 2 * math.pi * taeda.round(turn / (2 * math.pi)) + phase_advance
    angles = taeda.cumsum(taeda.cat([phase[..., :1], turn[..., :-1]], dim=-1), -1)
    size = fraction * magnitude.index_select(-1, following) + (1 - fraction) * magnitude.index_select(
        -1, here
    )
    return taeda.polar(size, angles).reshape((*leading, spectrum.size(-2), len(steps)))
