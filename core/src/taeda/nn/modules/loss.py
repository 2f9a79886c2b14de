"""Losses as layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taeda import Tensor

from .. import functional as F
from .._functional._shared import legacy_reduction
from .module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "NLLLoss2d",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]

_MaybeBool = bool | None


class _Loss(Module):
    """A loss with a reduction: 'none', 'mean' or 'sum'. size_average and reduce are deprecated."""

    reduction: str

    def __init__(
        self, size_average: _MaybeBool = None, reduce: _MaybeBool = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    """A loss with weights of classes or elements, which are a buffer."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """abs(input - target), reduced.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Prediction and target of one shape to the loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)², reduced.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Prediction and target of one shape to the loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Half the square over beta up to beta, abs(difference) - beta / 2 beyond, reduced.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        beta: where the square ends.
    """

    def __init__(
        self,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Prediction and target of one shape to the loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Half the square up to delta, linear beyond, reduced.

    Args:
        reduction: 'none', 'mean' or 'sum'.
        delta: where the square ends.
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Prediction and target of one shape to the loss."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(_WeightedLoss):
    """Minus the log probability of the target class.

    Args:
        weight: (C), factors of the classes.
        size_average: deprecated.
        ignore_index: class that does not count.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: _MaybeBool = None,
        ignore_index: int = -100,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log probabilities (N, C, ...) and classes (N, ...) to the loss."""
        return F.nll_loss(
            input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction
        )


class NLLLoss2d(NLLLoss):
    """Older name of `NLLLoss`."""


class CrossEntropyLoss(_WeightedLoss):
    """Negative log likelihood of classes under softmax(input).

    Args:
        weight: (C), factors of the classes.
        size_average: deprecated.
        ignore_index: class that does not count.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        label_smoothing: share of the target that is spread over all classes.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: _MaybeBool = None,
        ignore_index: int = -100,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, ...) and classes (N, ...), or probabilities (N, C, ...), to the loss."""
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of counts under a Poisson distribution.

    Args:
        log_input: whether the prediction is the logarithm of the rate.
        full: whether Stirling's approximation of log(target!) is added.
        size_average: deprecated.
        eps: keeps log(rate) finite.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: _MaybeBool = None,
        eps: float = 1e-8,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Prediction and counts of one shape to the loss."""
        return F.poisson_nll_loss(
            log_input,
            target,
            log_input=self.log_input,
            full=self.full,
            eps=self.eps,
            reduction=self.reduction,
        )


class GaussianNLLLoss(_Loss):
    """Negative log likelihood of targets under normal distributions.

    Args:
        full: whether the constant log(2π) / 2 is added.
        eps: least variance.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(None, None, reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Means, targets and variances to the loss."""
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class KLDivLoss(_Loss):
    """target * (log(target) - input): the Kullback-Leibler divergence.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'batchmean' (the mathematical definition), 'sum' or 'mean'.
        log_target: whether targets are log probabilities.
    """

    def __init__(
        self,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log probabilities and probabilities of one shape to the loss."""
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities.

    Args:
        weight: factors of the elements of a batch.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Probabilities and targets of one shape to the loss."""
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross entropy of sigmoid(input).

    Args:
        weight: factors of the elements of a batch.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        pos_weight: factors of the positive part.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits and targets of one shape to the loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class HingeEmbeddingLoss(_Loss):
    """The distance where the target is 1, max(0, margin - distance) where it is -1.

    Args:
        margin: distance from which on different things cost nothing.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Distances and targets of one shape to the loss."""
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class MultiLabelMarginLoss(_Loss):
    """Sum over labels and other classes of max(0, 1 - x[label] + x[class]), over the number of classes.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores and labels up to the first -1, both (N, C) or (C), to the loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * input)) for targets of 1 and -1.

    Args:
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores and targets of one shape to the loss."""
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Mean over classes of the binary cross entropy of sigmoid(input).

    Args:
        weight: (C), factors of the classes.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits and targets (N, C) to the loss."""
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1.

    Args:
        margin: cosine up to which different things cost nothing.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Vectors (N, D) or (D) and targets (N) or () to the loss."""
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """max(0, -target * (input1 - input2) + margin).

    Args:
        margin: by how much the better one has to be better.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        """Two scores and a target of one shape to the loss."""
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """Sum over the other classes of max(0, margin - x[target] + x[class])**p, over the number of classes.

    Args:
        p: 1 or 2.
        margin: how much better the target has to be.
        weight: (C), factors of the target classes.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: p is neither 1 nor 2, or weight is not one-dimensional.
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        if weight is not None and weight.dim() != 1:
            raise ValueError(
                f"MultiMarginLoss: expected weight to be None or 1D tensor, got {weight.dim()}D instead"
            )
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Scores (N, C) or (C) and classes (N) or () to the loss."""
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class TripletMarginLoss(_Loss):
    """max(0, distance(anchor, positive) - distance(anchor, negative) + margin).

    Args:
        margin: by how much farther the negative has to be.
        p: exponent of the distance.
        eps: added to the differences.
        swap: whether the negative may be compared with the positive instead, if that is nearer.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: margin is not positive.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: _MaybeBool = None,
        reduce: _MaybeBool = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Three times (N, D) or (D) to the loss."""
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """`TripletMarginLoss` with a distance of one's own.

    Args:
        distance_function: distance of two batches of vectors; None is the Euclidean one.
        margin: by how much farther the negative has to be.
        swap: whether the negative may be compared with the positive instead, if that is nearer.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: margin is not positive.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.distance_function: Any = F.pairwise_distance if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Three times (N, D) or (D) to the loss."""
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class CTCLoss(_Loss):
    """Negative log likelihood of label sequences under all their alignments (Graves et al., 2006).

    Args:
        blank: class that separates labels.
        reduction: 'none', 'mean' (of losses divided by their number of labels) or 'sum'.
        zero_infinity: whether sequences that do not fit cost nothing, instead of infinity.
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any) -> Tensor:
        """Log probabilities (T, N, C), labels and both lengths to the loss."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
