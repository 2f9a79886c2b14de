"""A linear map and the cross entropy of its result, as one layer."""

from __future__ import annotations

import math
from typing import Any

from taeda import Tensor

from .. import functional as F
from .._functional.linear_cross_entropy import LinearCrossEntropyOptions
from .linear import Linear
from .loss import _WeightedLoss

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


class LinearCrossEntropyLoss(_WeightedLoss):
    """Cross entropy of a linear map's result; the map belongs to the loss.

    Args:
        in_features: width of the input.
        num_classes: number of classes C.
        out_features: further dimensions (d1, ...) of the target.
        bias: whether the map has a bias.
        device: where the parameters are.
        dtype: element type of the parameters.
        reduction: 'none', 'mean' or 'sum'.
        weight: (C), factors of the classes.
        ignore_index: class that does not count; None is -100.
        label_smoothing: share of the target that is spread over all classes.
        options: accepted for torch's sake.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: LinearCrossEntropyOptions | None = None,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.in_features = in_features
        self.num_classes = num_classes
        self.out_features = tuple(out_features)
        self.bias = bias
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.options = options
        width = num_classes * math.prod(self.out_features)
        self.linear = Linear(in_features, width, bias=bias, device=device, dtype=dtype)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Inputs (N, in_features) and classes (N, *out_features), or probabilities, to the loss."""
        weight = self.linear.weight.reshape(self.num_classes, *self.out_features, self.in_features)
        bias = self.linear.bias
        return F.linear_cross_entropy(
            input,
            weight,
            target,
            linear_bias=None if bias is None else bias.reshape(self.num_classes, *self.out_features),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        """Sizes and options."""
        return (
            f"in_features={self.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, "
            f"bias={self.bias}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
