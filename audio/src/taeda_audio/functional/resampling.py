"""Change of the sample rate by windowed sinc interpolation.

See J. O. Smith, Digital Audio Resampling Home Page, https://ccrma.stanford.edu/~jos/resample/.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = ["resample", "resampling_kernel", "speed"]

METHODS = ("sinc_interp_hann", "sinc_interp_kaiser")
KAISER_BETA = 14.769656459379492


def _whole(operation: str, name: str, frequency: float) -> int:
    if int(frequency) != frequency or frequency <= 0:
        raise ValueError(
            f"{operation}: expected {name} to be a positive whole number of Hz, got {frequency!r}; "
            "scale both rates to whole numbers of the same ratio"
        )
    return int(frequency)


@functools.lru_cache(maxsize=64)
def resampling_kernel(
    orig_freq: int,
    new_freq: int,
    lowpass_filter_width: int,
    rolloff: float,
    resampling_method: str,
    beta: float | None,
) -> tuple[npt.NDArray[np.float64], int]:
    """One windowed sinc for each of the `new_freq` phases; the rates must have no common factor.

    Returns:
        The kernels, float64 of shape (new_freq, 1, orig_freq + 2 * width), and the width: the samples that a
        kernel reaches to either side.
    """
    cutoff = min(orig_freq, new_freq) * rolloff
    width = math.ceil(lowpass_filter_width * orig_freq / cutoff)
    sample = np.arange(-width, width + orig_freq, dtype=np.float64) / orig_freq
    phase = np.arange(0, -new_freq, -1, dtype=np.float64)[:, None] / new_freq
    time = np.clip((phase + sample) * cutoff, -lowpass_filter_width, lowpass_filter_width)
    if resampling_method == "sinc_interp_hann":
        window = np.cos(time * (math.pi / lowpass_filter_width / 2)) ** 2
    else:
        beta = KAISER_BETA if beta is None else float(beta)
        window = np.i0(beta * np.sqrt(1 - (time / lowpass_filter_width) ** 2)) / np.i0(beta)
    kernels = np.sinc(time) * window * (cutoff / orig_freq)
    return kernels[:, None, :], width


def resample(
    waveform: Tensor,
    orig_freq: int,
    new_freq: int,
    lowpass_filter_width: int = 6,
    rolloff: float = 0.99,
    resampling_method: str = "sinc_interp_hann",
    beta: float | None = None,
) -> Tensor:
    """Change the sample rate of a waveform.

    The kernels depend on the arguments only and are kept, so that many short waveforms are cheap.

    Args:
        waveform: samples of shape (..., time).
        orig_freq: its sample rate (Hz).
        new_freq: the wanted sample rate (Hz).
        lowpass_filter_width: zero crossings of the sinc to either side; more is sharper and slower.
        rolloff: cut-off of the low-pass filter as a share of the lower Nyquist frequency.
        resampling_method: the window: "sinc_interp_hann" or "sinc_interp_kaiser".
        beta: shape of the Kaiser window; None takes 14.77.

    Returns:
        Tensor of shape (..., ceil(time * new_freq / orig_freq)).

    Raises:
        TypeError: the waveform is not floating point.
        ValueError: a rate is not a positive whole number, or another argument does not fit.

    Example:
        >>> tuple(resample(taeda.zeros(2, 100), 16000, 8000).shape)
        (2, 50)
    """
    orig_freq = _whole("resample", "orig_freq", orig_freq)
    new_freq = _whole("resample", "new_freq", new_freq)
    if resampling_method not in METHODS:
        raise ValueError(
            f"resample: unknown resampling_method {resampling_method!r}; expected one of {METHODS}"
        )
    if lowpass_filter_width <= 0:
        raise ValueError(f"resample: expected lowpass_filter_width > 0, got {lowpass_filter_width}")
    if not 0 < rolloff <= 1:
        raise ValueError(f"resample: expected 0 < rolloff <= 1, got {rolloff}")
    if not waveform.is_floating_point():
        raise TypeError(
            f"resample: expected floating-point samples, got {waveform.dtype}; "
            "load with normalize=True or divide by the full scale"
        )
    if orig_freq == new_freq:
        return waveform
    common = math.gcd(orig_freq, new_freq)
    step, phases = orig_freq // common, new_freq // common
    kernels, width = resampling_kernel(step, phases, lowpass_filter_width, rolloff, resampling_method, beta)
    weight = taeda.from_numpy(kernels).to(device=waveform.device, dtype=waveform.dtype)
    leading, length = tuple(waveform.shape[:-1]), waveform.size(-1)
    padded = F.pad(waveform.reshape(-1, 1, length), (width, width + step))
    # Channel p of the convolution holds the samples p, p + phases, p + 2 * phases, ... of the result.
    interleaved = F.conv1d(padded, weight, stride=step).transpose(1, 2).flatten(1)
    return interleaved[:, : -(-phases * length // step)].reshape((*leading, -1))


def speed(
    waveform: Tensor, orig_freq: int, factor: float, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Play a waveform faster by a factor, which raises its pitch as well.

    Args:
        waveform: samples of shape (..., time).
        orig_freq: its sample rate (Hz).
        factor: above 1 is faster and shorter.
        lengths: true lengths of the waveforms of a padded batch, shape (...).

    Returns:
        The waveform at the same sample rate, and the new lengths if lengths were given.

    Raises:
        ValueError: the factor is not positive.
    """
    if factor <= 0:
        raise ValueError(f"speed: expected factor > 0, got {factor}")
    source, target = int(factor * orig_freq), int(orig_freq)
    common = math.gcd(source, target)
    source, target = source // common, target // common
    new_lengths = None if lengths is None else taeda.ceil(lengths * target / source).to(lengths.dtype)
    return resample(waveform, source, target), new_lengths
