"""Features of spectrograms - mel bins, cepstra, deltas - as modules."""

from __future__ import annotations

from typing import Any

import numpy as np

import taeda
from taeda import Tensor, nn

from .. import functional as F
from .spectrograms import Spectrogram, WindowFunction

__all__ = [
    "LFCC",
    "MFCC",
    "AmplitudeToDB",
    "ComputeDeltas",
    "InverseMelScale",
    "MelScale",
    "MelSpectrogram",
    "SlidingWindowCmn",
]

LSTSQ_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


class AmplitudeToDB(nn.Module):
    """`functional.amplitude_to_DB` with reference 1.

    Args:
        stype: "power" or "magnitude".
        top_db: raise values that lie further than this below the loudest one.

    Raises:
        ValueError: `stype` is unknown, or `top_db` negative.

    Example:
        >>> AmplitudeToDB("magnitude")(taeda.tensor([[10.0, 1.0]])).tolist()
        [[20.0, 0.0]]
    """

    amin = 1e-10

    def __init__(self, stype: str = "power", top_db: float | None = None) -> None:
        super().__init__()
        if stype not in ("power", "magnitude"):
            raise ValueError(f"AmplitudeToDB: unknown stype {stype!r}; expected 'power' or 'magnitude'")
        if top_db is not None and top_db < 0:
            raise ValueError(f"AmplitudeToDB: expected top_db >= 0 or None, got {top_db}")
        self.stype = stype
        self.top_db = top_db
        self.multiplier = 10.0 if stype == "power" else 20.0

    def forward(self, x: Tensor) -> Tensor:
        """Decibels in the shape of the input."""
        return F.amplitude_to_DB(x, self.multiplier, self.amin, 0.0, self.top_db)


class MelScale(nn.Module):
    """Linear frequencies to mel bins.

    Args:
        n_mels: number of mel bins.
        sample_rate: in Hz.
        f_min: lowest frequency (Hz).
        f_max: highest frequency (Hz); None takes half the sample rate.
        n_stft: frequencies of the spectrogram, n_fft // 2 + 1.
        norm: "slaney" gives all filters the same area.
        mel_scale: "htk" or "slaney".

    Raises:
        ValueError: `f_min` lies above `f_max`, or an argument is unknown.

    Shape:
        (..., n_stft, frames) to (..., n_mels, frames).
    """

    def __init__(
        self,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_stft: int = 201,
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> None:
        super().__init__()
        self.n_mels = n_mels
        self.sample_rate = sample_rate
        self.f_min = f_min
        self.f_max = float(sample_rate // 2) if f_max is None else f_max
        self.n_stft = n_stft
        if f_min > self.f_max:
            raise ValueError(f"{type(self).__name__}: expected f_min <= f_max, got {f_min} > {self.f_max} Hz")
        filters = F.melscale_fbanks(n_stft, f_min, self.f_max, n_mels, sample_rate, norm, mel_scale)
        self.register_buffer("fb", filters)

    def forward(self, specgram: Tensor) -> Tensor:
        """Mel spectrogram of a spectrogram."""
        if specgram.size(-2) != self.n_stft:
            raise ValueError(
                f"MelScale: expected {self.n_stft} frequencies in dim -2, got shape {tuple(specgram.shape)}; "
                "n_stft must be n_fft // 2 + 1 of the spectrogram"
            )
        return taeda.matmul(specgram.transpose(-1, -2), self.fb).transpose(-1, -2)


class InverseMelScale(MelScale):
    """Mel bins back to linear frequencies: the non-negative part of the least-squares solution of least norm.

    Args:
        n_stft, n_mels, sample_rate, f_min, f_max, norm, mel_scale: as in `MelScale`.
        driver: accepted for torchaudio's sake; the solution of least norm is the same for each of its
            drivers, save that its "gels" fails where two filters coincide.

    Shape:
        (..., n_mels, frames) to (..., n_stft, frames).
    """

    def __init__(
        self,
        n_stft: int,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        norm: str | None = None,
        mel_scale: str = "htk",
        driver: str = "gelsd",
    ) -> None:
        super().__init__(n_mels, sample_rate, f_min, f_max, n_stft, norm, mel_scale)
        if driver not in LSTSQ_DRIVERS:
            raise ValueError(f"InverseMelScale: unknown driver {driver!r}; expected one of {LSTSQ_DRIVERS}")
        filters = self.fb.numpy().astype(np.float64)
        # Singular values below float32's rounding are zero: these filters coincide.
        inverse = np.linalg.pinv(filters.T, rcond=max(filters.shape) * np.finfo(np.float32).eps)
        self.register_buffer("inverse", taeda.from_numpy(inverse).to(taeda.float32), persistent=False)

    def forward(self, melspec: Tensor) -> Tensor:
        """Spectrogram whose mel spectrogram is nearest to `melspec`."""
        if melspec.size(-2) != self.n_mels:
            raise ValueError(
                f"InverseMelScale: expected {self.n_mels} mel bins in dim -2, got shape "
                f"{tuple(melspec.shape)}"
            )
        return taeda.matmul(self.inverse, melspec).relu()


class MelSpectrogram(nn.Module):
    """`Spectrogram` and `MelScale` in a row.

    Args:
        sample_rate: in Hz.
        n_fft, win_length, hop_length, pad, window_fn, power, normalized, wkwargs, center, pad_mode: as in
            `Spectrogram`.
        f_min, f_max, n_mels, norm, mel_scale: as in `MelScale`.

    Shape:
        (..., time) to (..., n_mels, 1 + time // hop_length).

    Example:
        >>> tuple(MelSpectrogram(sample_rate=8000, n_fft=256, n_mels=20)(taeda.zeros(1, 1280)).shape)
        (1, 20, 11)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        pad: int = 0,
        n_mels: int = 128,
        window_fn: WindowFunction = taeda.hann_window,
        power: float = 2.0,
        normalized: bool | str = False,
        wkwargs: dict[str, Any] | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> None:
        super().__init__()
        self.sample_rate = sample_rate
        self.n_mels = n_mels
        self.spectrogram = Spectrogram(
            n_fft=n_fft,
            win_length=win_length,
            hop_length=hop_length,
            pad=pad,
            window_fn=window_fn,
            power=power,
            normalized=normalized,
            wkwargs=wkwargs,
            center=center,
            pad_mode=pad_mode,
        )
        self.mel_scale = MelScale(n_mels, sample_rate, f_min, f_max, n_fft // 2 + 1, norm, mel_scale)

    def forward(self, waveform: Tensor) -> Tensor:
        """Mel spectrogram of a waveform (..., time)."""
        spectrogram: Tensor = self.mel_scale(self.spectrogram(waveform))
        return spectrogram


class _Cepstrum(nn.Module):
    """Logarithm and cosine transform, which MFCC and LFCC share."""

    def __init__(
        self, n_coefficients: int, n_filter: int, norm: str | None, dct_type: int, log: bool
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if dct_type != 2:
            raise ValueError(f"{name}: expected dct_type 2, the only one there is, got {dct_type}")
        if n_coefficients > n_filter:
            raise ValueError(f"{name}: cannot take {n_coefficients} coefficients of {n_filter} filters")
        self.log = log
        self.amplitude_to_DB = AmplitudeToDB("power", 80.0)
        self.register_buffer("dct_mat", F.create_dct(n_coefficients, n_filter, norm))

    def _cepstrum(self, energies: Tensor) -> Tensor:
        levels = taeda.log(energies + 1e-6) if self.log else self.amplitude_to_DB(energies)
        return taeda.matmul(levels.transpose(-1, -2), self.dct_mat).transpose(-1, -2)


class MFCC(_Cepstrum):
    """Mel-frequency cepstrum coefficients, on decibels (80 dB below the loudest at most) by default.

    Args:
        sample_rate: in Hz.
        n_mfcc: number of coefficients.
        dct_type: 2.
        norm: "ortho" or None.
        log_mels: use natural logarithms in place of decibels.
        melkwargs: further arguments of `MelSpectrogram`.

    Raises:
        ValueError: more coefficients than mel bins, or an argument is unknown.

    Shape:
        (..., time) to (..., n_mfcc, frames).

    Example:
        >>> tuple(MFCC(sample_rate=8000, n_mfcc=13)(taeda.zeros(1, 2000)).shape)
        (1, 13, 11)
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_mels: bool = False,
        melkwargs: dict[str, Any] | None = None,
    ) -> None:
        mel = MelSpectrogram(sample_rate=sample_rate, **(melkwargs or {}))
        super().__init__(n_mfcc, mel.n_mels, norm, dct_type, log_mels)
        self.sample_rate = sample_rate
        self.n_mfcc = n_mfcc
        self.MelSpectrogram = mel

    def forward(self, waveform: Tensor) -> Tensor:
        """Coefficients of a waveform (..., time)."""
        return self._cepstrum(self.MelSpectrogram(waveform))


class LFCC(_Cepstrum):
    """Linear-frequency cepstrum coefficients: as `MFCC`, on filters that are evenly spaced in Hz.

    Args:
        sample_rate: in Hz.
        n_filter: number of filters.
        f_min: lowest frequency (Hz).
        f_max: highest frequency (Hz); None takes half the sample rate.
        n_lfcc: number of coefficients.
        dct_type: 2.
        norm: "ortho" or None.
        log_lf: use natural logarithms in place of decibels.
        speckwargs: further arguments of `Spectrogram`.

    Raises:
        ValueError: more coefficients than filters, or an argument is unknown.

    Shape:
        (..., time) to (..., n_lfcc, frames).
    """

    def __init__(
        self,
        sample_rate: int = 16000,
        n_filter: int = 128,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_lfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_lf: bool = False,
        speckwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(n_lfcc, n_filter, norm, dct_type, log_lf)
        self.sample_rate = sample_rate
        self.f_min = f_min
        self.f_max = float(sample_rate // 2) if f_max is None else f_max
        self.Spectrogram = Spectrogram(**(speckwargs or {}))
        n_freqs = self.Spectrogram.n_fft // 2 + 1
        self.register_buffer("filter_mat", F.linear_fbanks(n_freqs, f_min, self.f_max, n_filter, sample_rate))

    def forward(self, waveform: Tensor) -> Tensor:
        """Coefficients of a waveform (..., time)."""
        specgram = self.Spectrogram(waveform)
        return self._cepstrum(taeda.matmul(specgram.transpose(-1, -2), self.filter_mat).transpose(-1, -2))


class ComputeDeltas(nn.Module):
    """`functional.compute_deltas` as a module."""

    def __init__(self, win_length: int = 5, mode: str = "replicate") -> None:
        super().__init__()
        self.win_length = win_length
        self.mode = mode

    def forward(self, specgram: Tensor) -> Tensor:
        """Slopes in the shape of the input (..., freq, time)."""
        return F.compute_deltas(specgram, self.win_length, self.mode)


class SlidingWindowCmn(nn.Module):
    """`functional.sliding_window_cmn` as a module."""

    def __init__(
        self, cmn_window: int = 600, min_cmn_window: int = 100, center: bool = False, norm_vars: bool = False
    ) -> None:
        super().__init__()
        self.cmn_window = cmn_window
        self.min_cmn_window = min_cmn_window
        self.center = center
        self.norm_vars = norm_vars

    def forward(self, specgram: Tensor) -> Tensor:
        """Normalised features in the shape of the input (..., time, freq)."""
        return F.sliding_window_cmn(
            specgram, self.cmn_window, self.min_cmn_window, self.center, self.norm_vars
        )
