"""Spectrograms and the ways back to a waveform, as modules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import taeda
from taeda import Tensor, nn

from .. import functional as F

__all__ = [
    "GriffinLim",
    "InverseSpectrogram",
    "SpectralCentroid",
    "Spectrogram",
    "TimeStretch",
    "WindowFunction",
]

WindowFunction = Callable[..., Tensor]


class _Framed(nn.Module):
    """What all transforms with a sliding window share: the sizes and the window."""

    def __init__(
        self,
        n_fft: int,
        win_length: int | None,
        hop_length: int | None,
        window_fn: WindowFunction,
        wkwargs: dict[str, Any] | None,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.win_length = n_fft if win_length is None else win_length
        self.hop_length = self.win_length // 2 if hop_length is None else hop_length
        name = type(self).__name__
        if not 0 < self.win_length <= n_fft:
            raise ValueError(f"{name}: expected 0 < win_length <= n_fft={n_fft}, got {self.win_length}")
        if self.hop_length < 1:
            raise ValueError(f"{name}: expected hop_length >= 1, got {self.hop_length}")
        self.register_buffer("window", window_fn(self.win_length, **(wkwargs or {})))


class Spectrogram(_Framed):
    """`functional.spectrogram` with its window.

    Args:
        n_fft: samples of one transform.
        win_length: samples of the window; None takes `n_fft`.
        hop_length: samples between the starts of two frames; None takes half the window.
        pad: zeros to add at both ends first.
        window_fn: makes the window from its length.
        power: exponent of the magnitude; None gives the complex spectrum.
        normalized: True or "window", "frame_length", or False.
        wkwargs: further arguments of `window_fn`.
        center: whether frame t is centred on sample t * hop_length.
        pad_mode: how both ends are padded for that.
        onesided: give only the n_fft // 2 + 1 frequencies that are not redundant.

    Shape:
        (..., time) to (..., n_fft // 2 + 1, 1 + time // hop_length).

    Example:
        >>> tuple(Spectrogram(n_fft=64)(taeda.zeros(2, 640)).shape)
        (2, 33, 21)
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: WindowFunction = taeda.hann_window,
        power: float | None = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs)
        self.pad = pad
        self.power = power
        self.normalized = normalized
        self.center = center
        self.pad_mode = pad_mode
        self.onesided = onesided

    def forward(self, waveform: Tensor) -> Tensor:
        """Spectrogram of a waveform (..., time)."""
        return F.spectrogram(
            waveform,
            self.pad,
            self.window,
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.power,
            self.normalized,
            self.center,
            self.pad_mode,
            self.onesided,
        )


class InverseSpectrogram(_Framed):
    """`functional.inverse_spectrogram` with its window; arguments as in `Spectrogram`.

    Shape:
        complex (..., n_fft // 2 + 1, frames) to (..., time).
    """

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: WindowFunction = taeda.hann_window,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs)
        self.pad = pad
        self.normalized = normalized
        self.center = center
        self.pad_mode = pad_mode
        self.onesided = onesided

    def forward(self, spectrogram: Tensor, length: int | None = None) -> Tensor:
        """Waveform of `length` samples, or as long as the frames cover."""
        return F.inverse_spectrogram(
            spectrogram,
            length,
            self.pad,
            self.window,
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.normalized,
            self.center,
            self.pad_mode,
            self.onesided,
        )


class GriffinLim(_Framed):
    """`functional.griffinlim` with its window.

    Args:
        n_fft, win_length, hop_length, window_fn, wkwargs: as in `Spectrogram`.
        n_iter: rounds.
        power: exponent of the magnitudes in the input.
        momentum: 0 for the plain algorithm; nearer to 1 converges faster.
        length: samples of the result; None takes what the frames cover.
        rand_init: start from random phases.

    Raises:
        ValueError: `momentum` is not in 0 <= momentum < 1.

    Shape:
        (..., n_fft // 2 + 1, frames) to (..., time).
    """

    def __init__(
        self,
        n_fft: int = 400,
        n_iter: int = 32,
        win_length: int | None = None,
        hop_length: int | None = None,
        window_fn: WindowFunction = taeda.hann_window,
        power: float = 2.0,
        wkwargs: dict[str, Any] | None = None,
        momentum: float = 0.99,
        length: int | None = None,
        rand_init: bool = True,
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs)
        if not 0 <= momentum < 1:
            raise ValueError(f"GriffinLim: expected 0 <= momentum < 1, got {momentum}")
        self.n_iter = n_iter
        self.power = power
        self.momentum = momentum
        self.length = length
        self.rand_init = rand_init

    def forward(self, specgram: Tensor) -> Tensor:
        """Waveform of a magnitude spectrogram."""
        return F.griffinlim(
            specgram,
            self.window,
            self.n_fft,
            self.hop_length,
            self.win_length,
            self.power,
            self.n_iter,
            self.momentum,
            self.length,
            self.rand_init,
        )


class SpectralCentroid(_Framed):
    """`functional.spectral_centroid` with its window: (..., time) to (..., frames), in Hz."""

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: WindowFunction = taeda.hann_window,
        wkwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs)
        self.sample_rate = sample_rate
        self.pad = pad

    def forward(self, waveform: Tensor) -> Tensor:
        """Mean frequency of each frame."""
        return F.spectral_centroid(
            waveform, self.sample_rate, self.pad, self.window, self.n_fft, self.hop_length, self.win_length
        )


class TimeStretch(nn.Module):
    """`functional.phase_vocoder` as a module.

    Args:
        hop_length: that of the spectrogram; None takes half of n_fft.
        n_freq: frequencies of the spectrogram, n_fft // 2 + 1.
        fixed_rate: speed, above 1 is faster; None expects it in each call.
    """

    def __init__(
        self, hop_length: int | None = None, n_freq: int = 201, fixed_rate: float | None = None
    ) -> None:
        super().__init__()
        self.fixed_rate = fixed_rate
        hop_length = n_freq - 1 if hop_length is None else hop_length
        self.register_buffer("phase_advance", taeda.linspace(0, math.pi * hop_length, n_freq)[..., None])

    def forward(self, complex_specgrams: Tensor, overriding_rate: float | None = None) -> Tensor:
        """Stretched complex spectrogram (..., freq, ceil(frames / rate)).

        Raises:
            ValueError: no rate is given, or the spectrogram is not complex.
        """
        rate = self.fixed_rate if overriding_rate is None else overriding_rate
        if rate is None:
            raise ValueError(
                "TimeStretch: no rate; pass fixed_rate= at construction or overriding_rate= in the call"
            )
        if not complex_specgrams.is_complex():
            raise ValueError(
                f"TimeStretch: expected a complex spectrogram, got {complex_specgrams.dtype}; make it with "
                "power=None"
            )
        return F.phase_vocoder(complex_specgrams, rate, self.phase_advance)
