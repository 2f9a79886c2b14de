"""Amplitudes, decibels, companding and noise."""

from __future__ import annotations

import math

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = [
    "DB_to_amplitude",
    "add_noise",
    "amplitude_to_DB",
    "gain",
    "mu_law_decoding",
    "mu_law_encoding",
    "preemphasis",
]


def amplitude_to_DB(
    x: Tensor, multiplier: float, amin: float, db_multiplier: float, top_db: float | None = None
) -> Tensor:
    """Power or amplitude to decibels.

    Args:
        x: tensor of shape (freq, time), (channel, freq, time) or (..., batch, channel, freq, time).
        multiplier: 10 for power, 20 for amplitude.
        amin: smaller values count as this.
        db_multiplier: log10 of the reference value, which becomes 0 dB.
        top_db: raise values that lie further than this below the loudest one of their spectrogram.

    Returns:
        Tensor of the same shape.

    Example:
        >>> amplitude_to_DB(taeda.tensor([[100.0, 1.0]]), 10.0, 1e-10, 0.0, top_db=15.0).tolist()
        [[20.0, 5.0]]
    """
    decibels = multiplier * taeda.log10(x.clamp(min=amin)) - multiplier * db_multiplier
    if top_db is None:
        return decibels
    channels = decibels.size(-3) if decibels.dim() > 2 else 1
    packed = decibels.reshape((-1, channels, *decibels.shape[-2:]))
    floor = packed.amax(dim=(-3, -2, -1), keepdim=True) - top_db
    return taeda.maximum(packed, floor).reshape(decibels.shape)


def DB_to_amplitude(x: Tensor, ref: float, power: float) -> Tensor:
    """Decibels to power (``power=1``) or amplitude (``power=0.5``).

    Example:
        >>> DB_to_amplitude(taeda.tensor([20.0]), ref=1.0, power=1.0).tolist()
        [100.0]
    """
    return ref * taeda.pow(taeda.pow(10.0, 0.1 * x), power)


def gain(waveform: Tensor, gain_db: float = 1.0) -> Tensor:
    """Amplify the whole waveform by decibels.

    Example:
        >>> gain(taeda.tensor([0.5]), 20.0).tolist()
        [5.0]
    """
    return waveform if gain_db == 0 else waveform * 10 ** (gain_db / 20)


def preemphasis(waveform: Tensor, coeff: float = 0.97) -> Tensor:
    """First-order high-pass: each sample minus `coeff` times the one before.

    Args:
        waveform: samples of shape (..., time).
        coeff: between 0 and 1.

    Example:
        >>> preemphasis(taeda.tensor([1.0, 1.0, 2.0]), 0.5).tolist()
        [1.0, 0.5, 1.5]
    """
    return waveform - coeff * F.pad(waveform, (1, 0))[..., :-1]


def mu_law_encoding(x: Tensor, quantization_channels: int) -> Tensor:
    """Mu-law companding (ITU-T G.711's idea) of samples in -1 .. 1 to indices 0 .. channels - 1.

    Args:
        x: floating-point samples.
        quantization_channels: number of levels.

    Returns:
        int64 tensor of the same shape.

    Raises:
        TypeError: the samples are not floating point.

    Example:
        >>> mu_law_encoding(taeda.tensor([-1.0, 0.0, 1.0]), 256).tolist()
        [0, 128, 255]
    """
    if not x.is_floating_point():
        raise TypeError(f"mu_law_encoding: expected floating-point samples in -1 .. 1, got {x.dtype}")
    mu = quantization_channels - 1.0
    companded = taeda.sign(x) * taeda.log1p(mu * x.abs()) / math.log1p(mu)
    return ((companded + 1) / 2 * mu + 0.5).to(taeda.int64)


def mu_law_decoding(x_mu: Tensor, quantization_channels: int) -> Tensor:
    """The inverse of `mu_law_encoding`: indices to samples in -1 .. 1.

    Example:
        >>> mu_law_decoding(taeda.tensor([0, 255]), 256).tolist()
        [-1.0, 1.0]
    """
    mu = quantization_channels - 1.0
    levels = x_mu if x_mu.is_floating_point() else x_mu.to(taeda.float32)
    companded = levels / mu * 2 - 1.0
    return taeda.sign(companded) * (taeda.exp(companded.abs() * math.log1p(mu)) - 1.0) / mu


def add_noise(waveform: Tensor, noise: Tensor, snr: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Add noise, scaled so that signal and noise energy have a given ratio.

    Args:
        waveform: samples of shape (..., time).
        noise: samples of the same shape.
        snr: signal-to-noise ratio in dB, shape (...).
        lengths: true lengths of the waveforms of a padded batch, shape (...); the rest stays out of the
            energies.

    Returns:
        Tensor of the waveform's shape.

    Raises:
        ValueError: shapes do not fit.
    """
    leading = tuple(waveform.shape[:-1])
    if noise.shape != waveform.shape:
        raise ValueError(
            f"add_noise: noise has shape {tuple(noise.shape)}; expected that of the waveform, "
            f"{tuple(waveform.shape)}"
        )
    for name, tensor in (("snr", snr), ("lengths", lengths)):
        if tensor is not None and tuple(tensor.shape) != leading:
            raise ValueError(
                f"add_noise: {name} has shape {tuple(tensor.shape)}; expected the waveform's without time, "
                f"{leading}"
            )
    signal_energy, noise_energy = waveform.square(), noise.square()
    if lengths is not None:
        inside = taeda.arange(waveform.size(-1), device=waveform.device) < lengths.unsqueeze(-1)
        signal_energy, noise_energy = signal_energy * inside, noise_energy * inside
    ratio = 10 * (taeda.log10(signal_energy.sum(-1)) - taeda.log10(noise_energy.sum(-1)))
    return waveform + taeda.pow(10.0, (ratio - snr) / 20).unsqueeze(-1) * noise
