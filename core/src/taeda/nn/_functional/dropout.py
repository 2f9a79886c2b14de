"""Dropout of elements and of whole channels."""

from __future__ import annotations

import warnings

import taeda
from taeda import Tensor

from ._shared import ops

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

# Negative saturation of SELU, scale * alpha (Klambauer et al., 2017).
_SELU_SATURATION = 1.7580993408473766


def _check(p: float) -> None:
    if p < 0.0 or p > 1.0:
        raise ValueError(
            f"dropout probability has to be between 0 and 1, but got {p}; it is the share of elements to zero"
        )


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros elements with probability p and scales the others by 1 / (1 - p).

    Args:
        input: tensor of any shape.
        p: probability of an element to be zeroed.
        training: whether anything is done.
        inplace: whether the input itself is changed.

    Raises:
        ValueError: p is outside [0, 1].
    """
    _check(p)
    return ops.dropout_(input, p, training) if inplace else ops.dropout(input, p, training)


def _feature_dropout(name: str, input: Tensor, p: float, training: bool, inplace: bool, dims: int) -> Tensor:
    """Zeros whole channels of (N, C, ...) or, with `dims` dimensions in all, of (C, ...)."""
    _check(p)
    if input.dim() not in (dims, dims + 1):
        warnings.warn(
            f"{name}: Received a {input.dim()}-D input to {name}, which is deprecated and will result in "
            "an error in a "
            "future release. To retain the behavior and silence this warning, please use dropout instead.",
            stacklevel=3,
        )
    return ops.feature_dropout_(input, p, training) if inplace else ops.feature_dropout(input, p, training)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros whole channels of (N, C, L) or (C, L) with probability p.

    Raises:
        RuntimeError: the input has neither 2 nor 3 dimensions.
        ValueError: p is outside [0, 1].
    """
    _check(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and "
            "an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 3:
        return _feature_dropout("dropout1d", input, p, training, inplace, 2)
    return _feature_dropout("dropout1d", input.unsqueeze(0), p, training, inplace, 2).squeeze(0)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros whole channels of (N, C, H, W) with probability p; three dimensions are taken as (N, C, L)."""
    return _feature_dropout("dropout2d", input, p, training, inplace, 3)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zeros whole channels of (N, C, D, H, W) or (C, D, H, W) with probability p."""
    if input.dim() == 4:
        return _feature_dropout("dropout3d", input.unsqueeze(0), p, training, inplace, 4).squeeze(0)
    return _feature_dropout("dropout3d", input, p, training, inplace, 4)


def _saturate(input: Tensor, kept: Tensor, p: float, inplace: bool) -> Tensor:
    """Sets what is not kept to SELU's saturation, and restores mean 0 and variance 1."""
    scale = 0.0 if p == 1.0 else ((1 - p) * (1 + p * _SELU_SATURATION**2)) ** -0.5
    shift = (kept - 1) * (_SELU_SATURATION * scale) + _SELU_SATURATION * scale * p
    if inplace:
        return input.mul_(kept * scale).add_(shift)
    return input * (kept * scale) + shift


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps the mean and variance of inputs that went through SELU.

    Raises:
        ValueError: p is outside [0, 1].
    """
    _check(p)
    if not training or p == 0.0 or input.numel() == 0:
        return input
    return _saturate(input, taeda.empty_like(input).bernoulli_(1 - p), p, inplace)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...).

    Raises:
        ValueError: p is outside [0, 1].
    """
    _check(p)
    if not training or p == 0.0 or input.numel() == 0:
        return input
    shape = list(input.shape[:2]) + [1] * (input.dim() - 2)
    kept = taeda.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(1 - p)
    return _saturate(input, kept, p, inplace)
