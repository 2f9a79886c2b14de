"""Changes of waveforms and spectrograms, mostly to augment training data, as modules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import taeda
from taeda import Tensor, nn

from .. import functional as F
from ..functional.resampling import METHODS

__all__ = [
    "AddNoise",
    "Convolve",
    "Deemphasis",
    "FFTConvolve",
    "Fade",
    "FrequencyMasking",
    "Loudness",
    "MuLawDecoding",
    "MuLawEncoding",
    "Preemphasis",
    "Resample",
    "SpecAugment",
    "Speed",
    "SpeedPerturbation",
    "TimeMasking",
    "Vol",
]


class Resample(nn.Module):
    """`functional.resample` as a module; the kernels are made once.

    Arguments as there, in torchaudio's order.

    Shape:
        (..., time) to (..., ceil(time * new_freq / orig_freq)).
    """

    def __init__(
        self,
        orig_freq: int = 16000,
        new_freq: int = 16000,
        resampling_method: str = "sinc_interp_hann",
        lowpass_filter_width: int = 6,
        rolloff: float = 0.99,
        beta: float | None = None,
    ) -> None:
        super().__init__()
        if resampling_method not in METHODS:
            raise ValueError(
                f"Resample: unknown resampling_method {resampling_method!r}; expected one of {METHODS}"
            )
        self.orig_freq = orig_freq
        self.new_freq = new_freq
        self.resampling_method = resampling_method
        self.lowpass_filter_width = lowpass_filter_width
        self.rolloff = rolloff
        self.beta = beta

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform at the new rate."""
        return F.resample(
            waveform,
            self.orig_freq,
            self.new_freq,
            self.lowpass_filter_width,
            self.rolloff,
            self.resampling_method,
            self.beta,
        )


class Speed(nn.Module):
    """`functional.speed` as a module."""

    def __init__(self, orig_freq: int, factor: float) -> None:
        super().__init__()
        self.orig_freq = orig_freq
        self.factor = factor

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The faster waveform and its lengths."""
        return F.speed(waveform, self.orig_freq, self.factor, lengths)


class SpeedPerturbation(nn.Module):
    """`functional.speed` by a factor that is drawn for each call (Ko et al. 2015)."""

    def __init__(self, orig_freq: int, factors: Sequence[float]) -> None:
        super().__init__()
        if not factors:
            raise ValueError("SpeedPerturbation: expected at least one factor")
        self.orig_freq = orig_freq
        self.factors = list(factors)

    def forward(self, waveform: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """The changed waveform and its lengths."""
        factor = self.factors[int(taeda.randint(len(self.factors), ()))]
        return F.speed(waveform, self.orig_freq, factor, lengths)


class MuLawEncoding(nn.Module):
    """`functional.mu_law_encoding` as a module."""

    def __init__(self, quantization_channels: int = 256) -> None:
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x: Tensor) -> Tensor:
        """Indices of samples."""
        return F.mu_law_encoding(x, self.quantization_channels)


class MuLawDecoding(nn.Module):
    """`functional.mu_law_decoding` as a module."""

    def __init__(self, quantization_channels: int = 256) -> None:
        super().__init__()
        self.quantization_channels = quantization_channels

    def forward(self, x_mu: Tensor) -> Tensor:
        """Samples of indices."""
        return F.mu_law_decoding(x_mu, self.quantization_channels)


class Preemphasis(nn.Module):
    """`functional.preemphasis` as a module."""

    def __init__(self, coeff: float = 0.97) -> None:
        super().__init__()
        self.coeff = coeff

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform with its high frequencies raised."""
        return F.preemphasis(waveform, self.coeff)


class Deemphasis(nn.Module):
    """`functional.deemphasis` as a module."""

    def __init__(self, coeff: float = 0.97) -> None:
        super().__init__()
        self.coeff = coeff

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform with its high frequencies lowered."""
        return F.deemphasis(waveform, self.coeff)


class Loudness(nn.Module):
    """`functional.loudness` as a module."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.sample_rate = sample_rate

    def forward(self, waveform: Tensor) -> Tensor:
        """Loudness in LKFS, shape (...), of a waveform (..., channels, time)."""
        return F.loudness(waveform, self.sample_rate)


class Convolve(nn.Module):
    """`functional.convolve` as a module."""

    def __init__(self, mode: str = "full") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Convolution of both along the last dimension."""
        return F.convolve(x, y, self.mode)


class FFTConvolve(nn.Module):
    """`functional.fftconvolve` as a module."""

    def __init__(self, mode: str = "full") -> None:
        super().__init__()
        self.mode = mode

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Convolution of both along the last dimension."""
        return F.fftconvolve(x, y, self.mode)


class AddNoise(nn.Module):
    """`functional.add_noise` as a module."""

    def forward(self, waveform: Tensor, noise: Tensor, snr: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Waveform with noise at `snr` dB."""
        return F.add_noise(waveform, noise, snr, lengths)


class Vol(nn.Module):
    """Change the volume and clip to -1 .. 1.

    Args:
        gain: the factor, or decibels.
        gain_type: "amplitude" (factor), "power" (factor of the power) or "db".

    Raises:
        ValueError: the type is unknown, or a factor is negative.

    Example:
        >>> Vol(3.0)(taeda.tensor([0.25, 0.5])).tolist()
        [0.75, 1.0]
    """

    def __init__(self, gain: float, gain_type: str = "amplitude") -> None:
        super().__init__()
        if gain_type not in ("amplitude", "power", "db"):
            raise ValueError(f"Vol: unknown gain_type {gain_type!r}; expected 'amplitude', 'power' or 'db'")
        if gain_type != "db" and gain < 0:
            raise ValueError(f"Vol: expected gain >= 0 for gain_type {gain_type!r}, got {gain}")
        self.gain = gain
        self.gain_type = gain_type

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform at the new volume."""
        if self.gain_type == "amplitude":
            factor = self.gain
        elif self.gain_type == "power":
            factor = math.sqrt(self.gain)
        else:
            factor = 10 ** (self.gain / 20)
        return (waveform * factor).clamp(-1, 1)


class Fade(nn.Module):
    """Fade in and out.

    Args:
        fade_in_len: samples of the fade-in.
        fade_out_len: samples of the fade-out.
        fade_shape: "linear", "exponential", "logarithmic", "quarter_sine" or "half_sine".

    Raises:
        ValueError: the shape is unknown, or a fade is longer than the waveform.

    Example:
        >>> Fade(fade_in_len=3)(taeda.ones(1, 4)).tolist()
        [[0.0, 0.5, 1.0, 1.0]]
    """

    shapes = ("linear", "exponential", "logarithmic", "quarter_sine", "half_sine")

    def __init__(self, fade_in_len: int = 0, fade_out_len: int = 0, fade_shape: str = "linear") -> None:
        super().__init__()
        if fade_shape not in self.shapes:
            raise ValueError(f"Fade: unknown fade_shape {fade_shape!r}; expected one of {self.shapes}")
        self.fade_in_len = fade_in_len
        self.fade_out_len = fade_out_len
        self.fade_shape = fade_shape

    def _rise(self, position: Tensor) -> Tensor:
        """Volume at a position from 0 (silent) to 1 (full)."""
        if self.fade_shape == "exponential":
            return taeda.pow(2.0, position - 1) * position
        if self.fade_shape == "logarithmic":
            return taeda.log10(0.1 + position) + 1
        if self.fade_shape == "quarter_sine":
            return taeda.sin(position * (math.pi / 2))
        if self.fade_shape == "half_sine":
            return taeda.sin(position * math.pi - math.pi / 2) / 2 + 0.5
        return position

    def forward(self, waveform: Tensor) -> Tensor:
        """Waveform (..., time) with both fades."""
        length = waveform.size(-1)
        if max(self.fade_in_len, self.fade_out_len) > length:
            raise ValueError(
                f"Fade: fades of {self.fade_in_len} and {self.fade_out_len} samples exceed the {length} "
                "samples there are"
            )
        volume = taeda.ones(length, device=waveform.device, dtype=waveform.dtype)
        if self.fade_in_len:
            position = taeda.linspace(0, 1, self.fade_in_len, device=waveform.device, dtype=waveform.dtype)
            volume[: self.fade_in_len] *= self._rise(position).clamp(0, 1)
        if self.fade_out_len:
            position = taeda.linspace(1, 0, self.fade_out_len, device=waveform.device, dtype=waveform.dtype)
            volume[length - self.fade_out_len :] *= self._rise(position).clamp(0, 1)
        return waveform * volume


class _AxisMasking(nn.Module):
    """One random band over an axis, counted from the end."""

    axis: int

    def __init__(self, mask_param: int, iid_masks: bool, p: float) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{type(self).__name__}: expected 0 <= p <= 1, got {p}")
        self.mask_param = mask_param
        self.iid_masks = iid_masks
        self.p = p

    def forward(self, specgram: Tensor, mask_value: float | Tensor = 0.0) -> Tensor:
        """Spectrogram (..., freq, time) with the band overwritten by `mask_value`."""
        axis = specgram.dim() + self.axis
        if self.iid_masks:
            return F.mask_along_axis_iid(specgram, self.mask_param, mask_value, axis, self.p)
        return F.mask_along_axis(specgram, self.mask_param, float(mask_value), axis, self.p)


class FrequencyMasking(_AxisMasking):
    """Overwrite a random band of frequencies.

    Args:
        freq_mask_param: the band is narrower than this.
        iid_masks: a band of its own for each spectrogram of a batch.
    """

    axis = -2

    def __init__(self, freq_mask_param: int, iid_masks: bool = False) -> None:
        super().__init__(freq_mask_param, iid_masks, p=1.0)


class TimeMasking(_AxisMasking):
    """Overwrite a random stretch of time.

    Args:
        time_mask_param: the stretch is shorter than this.
        iid_masks: a stretch of its own for each spectrogram of a batch.
        p: the stretch covers at most this share of the time.
    """

    axis = -1

    def __init__(self, time_mask_param: int, iid_masks: bool = False, p: float = 1.0) -> None:
        super().__init__(time_mask_param, iid_masks, p)


class SpecAugment(nn.Module):
    """Several time and frequency masks (Park et al. 2019, without time warping).

    Args:
        n_time_masks: number of stretches of time.
        time_mask_param: each is shorter than this.
        n_freq_masks: number of frequency bands.
        freq_mask_param: each is narrower than this.
        iid_masks: masks of its own for each spectrogram of a batch.
        p: a stretch covers at most this share of its axis.
        zero_masking: overwrite with 0, otherwise with the mean.
    """

    def __init__(
        self,
        n_time_masks: int,
        time_mask_param: int,
        n_freq_masks: int,
        freq_mask_param: int,
        iid_masks: bool = True,
        p: float = 1.0,
        zero_masking: bool = False,
    ) -> None:
        super().__init__()
        self.n_time_masks = n_time_masks
        self.time_mask_param = time_mask_param
        self.n_freq_masks = n_freq_masks
        self.freq_mask_param = freq_mask_param
        self.iid_masks = iid_masks
        self.p = p
        self.zero_masking = zero_masking

    def forward(self, specgram: Tensor) -> Tensor:
        """Masked spectrogram (..., freq, time)."""
        value = 0.0 if self.zero_masking else float(specgram.mean())
        time = specgram.dim() - 1
        mask = F.mask_along_axis_iid if specgram.dim() > 2 and self.iid_masks else F.mask_along_axis
        for _ in range(self.n_time_masks):
            specgram = mask(specgram, self.time_mask_param, value, time, self.p)
        for _ in range(self.n_freq_masks):
            specgram = mask(specgram, self.freq_mask_param, value, time - 1, self.p)
        return specgram
