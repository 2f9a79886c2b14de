"""Dropout layers."""

from __future__ import annotations

from taeda import Tensor

from .. import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(
                f"dropout probability has to be between 0 and 1, but got {p}; it is the share of elements to zero"
            )
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """Zeros elements with probability p in training and scales the others by 1 / (1 - p) (Hinton, 2012).

    Args:
        p: probability of an element to be zeroed.
        inplace: whether the input itself is changed.

    Raises:
        ValueError: p is outside [0, 1].
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Zeros whole channels of (N, C, L) or (C, L); arguments as in `Dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Zeros whole channels of (N, C, H, W); arguments as in `Dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Zeros whole channels of (N, C, D, H, W) or (C, D, H, W); arguments as in `Dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance after SELU (Klambauer et al., 2017); arguments as in `Dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels of (N, C, ...); arguments as in `Dropout`."""

    def forward(self, input: Tensor) -> Tensor:
        """Of the input's shape."""
        return F.feature_alpha_dropout(input, self.p, self.training)
