"""Masks over time or frequency for SpecAugment (Park et al. 2019, https://arxiv.org/abs/1904.08779)."""

from __future__ import annotations

import taeda
from taeda import Tensor

__all__ = ["mask_along_axis", "mask_along_axis_iid"]


def _widest(operation: str, specgram: Tensor, mask_param: int, axis: int, p: float, min_dim: int) -> int:
    """The widest mask allowed; checks the arguments that both functions share."""
    dim = specgram.dim()
    if dim < min_dim:
        raise ValueError(
            f"{operation}: expected a spectrogram of at least {min_dim} dims (..., freq, time), "
            f"got shape {tuple(specgram.shape)}"
        )
    if axis not in (dim - 2, dim - 1):
        raise ValueError(f"{operation}: expected axis {dim - 2} (frequency) or {dim - 1} (time), got {axis}")
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{operation}: expected 0 <= p <= 1, got {p}")
    return mask_param if p == 1.0 else min(mask_param, int(specgram.size(axis) * p))


def _band(size: int, widest: int, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Random intervals of up to `widest` positions of `size`, as bool of shape (*shape, size)."""
    width = taeda.rand(shape, device=like.device) * widest
    start = (taeda.rand(shape, device=like.device) * (size - width)).long().unsqueeze(-1)
    position = taeda.arange(size, device=like.device)
    return (position >= start) & (position < start + width.long().unsqueeze(-1))


def mask_along_axis(
    specgram: Tensor, mask_param: int, mask_value: float, axis: int, p: float = 1.0
) -> Tensor:
    """Overwrite one random band, the same in every spectrogram of a batch.

    Args:
        specgram: tensor of shape (..., freq, time).
        mask_param: the band is narrower than this.
        mask_value: what to write.
        axis: the band's dimension, counted from the front: that of frequency or that of time.
        p: the band covers at most this share of the axis.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: an argument does not fit.
    """
    widest = _widest("mask_along_axis", specgram, mask_param, axis, p, min_dim=2)
    if widest < 1:
        return specgram
    band = _band(specgram.size(axis), widest, (), specgram)
    return specgram.masked_fill(band.unsqueeze(-1) if axis == specgram.dim() - 2 else band, mask_value)


def mask_along_axis_iid(
    specgrams: Tensor, mask_param: int, mask_value: float | Tensor, axis: int, p: float = 1.0
) -> Tensor:
    """Overwrite one random band in each spectrogram of a batch.

    Args:
        specgrams: tensor of shape (..., freq, time) with at least 3 dims.
        mask_param: each band is narrower than this.
        mask_value: what to write: a number, or a tensor with one value.
        axis: the bands' dimension, counted from the front: that of frequency or that of time.
        p: a band covers at most this share of the axis.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: an argument does not fit.
    """
    widest = _widest("mask_along_axis_iid", specgrams, mask_param, axis, p, min_dim=3)
    if widest < 1:
        return specgrams
    band = _band(specgrams.size(axis), widest, tuple(specgrams.shape[:-2]), specgrams)
    band = band.unsqueeze(-1) if axis == specgrams.dim() - 2 else band.unsqueeze(-2)
    if isinstance(mask_value, Tensor):
        return taeda.where(band, mask_value.to(specgrams.dtype), specgrams)
    return specgrams.masked_fill(band, mask_value)
