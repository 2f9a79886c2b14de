"""Losses that compare a prediction with a target, element by element or class by class."""

from __future__ import annotations

import math
import warnings

import taeda
from taeda import Tensor
from taeda._precision import float32_under_autocast

from ._shared import legacy_reduction, ops, reduced, reduction_code

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
    "soft_margin_loss",
]

_MaybeBool = bool | None


# -- regression ----------------------------------------------------------------------------------------------


def _broadcast(input: Tensor, target: Tensor, name: str) -> tuple[Tensor, Tensor]:
    if target.shape == input.shape:
        return input, target
    warnings.warn(
        f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
        "This will likely "
        f"lead to incorrect results due to broadcasting. Please ensure they have the same size. ({name})",
        stacklevel=3,
    )
    input, target = taeda.broadcast_tensors(input, target)
    return input, target


def _weighted(loss: Tensor, weight: Tensor, reduction: str) -> Tensor:
    if weight.shape != loss.shape:
        raise ValueError("Weights and input must have the same size.")
    weighted = loss * weight
    return weighted.sum() / weight.sum() if reduction == "mean" else reduced(weighted, reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """abs(input - target).

    Args:
        input: prediction, of any shape.
        target: of the same shape.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        weight: factors of the elements; the mean is then the weighted one.

    Raises:
        ValueError: unknown reduction, or a weight of another shape.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target, "l1_loss")
    if weight is not None:
        return _weighted(ops.l1_loss(input, target, 0), weight, reduction)
    return ops.l1_loss(input, target, reduction_code(reduction))


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input - target)²; arguments as in `l1_loss`.

    Example:
        >>> import taeda
        >>> float(mse_loss(taeda.tensor([1.0, 2.0]), taeda.tensor([3.0, 2.0])))
        2.0
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target, "mse_loss")
    if weight is not None:
        return _weighted(ops.mse_loss(input, target, 0), weight, reduction)
    return ops.mse_loss(input, target, reduction_code(reduction))


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Half the square up to delta, linear beyond; arguments as in `l1_loss`."""
    input, target = _broadcast(input, target, "huber_loss")
    if weight is not None:
        return _weighted(ops.huber_loss(input, target, 0, delta), weight, reduction)
    return ops.huber_loss(input, target, reduction_code(reduction), delta)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Half the square over beta up to beta, abs(difference) - beta / 2 beyond; arguments as in `l1_loss`."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast(input, target, "smooth_l1_loss")
    if beta == 0.0:
        return ops.l1_loss(input, target, reduction_code(reduction))
    return ops.smooth_l1_loss(input, target, reduction_code(reduction), beta)


@float32_under_autocast
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: _MaybeBool = None,
    eps: float = 1e-8,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of counts under a Poisson distribution.

    Args:
        input: the rate, or its logarithm.
        target: counts, of the same shape.
        log_input: whether input is the logarithm of the rate.
        full: whether Stirling's approximation of log(target!) is added.
        size_average: deprecated.
        eps: keeps log(rate) finite.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Negative log likelihood of targets under normal distributions.

    Args:
        input: means.
        target: of the same shape, or one that broadcasts to it.
        var: variances: a number, or of input's shape, where the last dimension may be missing or one size be
            1.
        full: whether the constant log(2π) / 2 is added.
        eps: least variance.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: var has another shape or is negative, or the reduction is unknown.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * taeda.ones_like(input)
    elif (var < 0).any():
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif input.dim() != var.dim() or [b for a, b in zip(input.size(), var.size()) if a != b] != [1]:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    with taeda.no_grad():
        var = var.clone().clamp_(min=eps) if not var.requires_grad else var
    if var.requires_grad:  # the limit does not take part in the gradient
        var = var + (var.detach().clamp(min=eps) - var.detach())
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


# -- probabilities and classes -------------------------------------------------------------------------------


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """-(target * log(input) + (1 - target) * log(1 - input)), with logarithms of at least -100.

    Args:
        input: probabilities, of any shape.
        target: probabilities, of the same shape.
        weight: factors, of a shape that broadcasts to the input's.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: the shapes differ, or the reduction is unknown.
    """
    code = reduction_code(legacy_reduction(size_average, reduce, reduction))
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is "
            "deprecated. Please ensure they have the same size; squeeze(), unsqueeze() or reshape() one of them "
            "in binary_cross_entropy"
        )
    if weight is not None:
        weight = weight.expand(taeda.broadcast_shapes(target.size(), weight.size()))
    return ops.binary_cross_entropy(input, target, weight, code)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), computed without leaving the range of the numbers.

    Args:
        input: logits, of any shape.
        target: probabilities, of the same shape.
        weight: factors, of a shape that broadcasts to the input's.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        pos_weight: factors of the positive part.

    Raises:
        ValueError: the shapes differ, or the reduction is unknown.
    """
    code = reduction_code(legacy_reduction(size_average, reduce, reduction))
    if target.size() != input.size():
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()}); "
            "squeeze(), unsqueeze() or reshape() one of them in binary_cross_entropy_with_logits"
        )
    return ops.binary_cross_entropy_with_logits(input, target, weight, pos_weight, code)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target * (log(target) - input): the Kullback-Leibler divergence, element by element.

    Args:
        input: log probabilities, (N, ...).
        target: probabilities, of the same shape.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'batchmean' (the mathematical definition), 'sum' or 'mean'.
        log_target: whether target are log probabilities.

    Raises:
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. "
            "'batchmean' "
            "divides only by the batch size, and aligns with the KL div math definition. 'mean' will be "
            "changed to "
            "behave the same as 'batchmean' in the next major release.",
            stacklevel=2,
        )
    if reduction == "batchmean":
        total = ops.kl_div(input, target, 2, log_target=log_target)
        return total / input.size(0) if input.dim() != 0 else total
    return ops.kl_div(input, target, reduction_code(reduction), log_target=log_target)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    ignore_index: int = -100,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Negative log likelihood of classes under softmax(input).

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ...).
        target: classes, of the input's shape without C; or probabilities, of the input's shape.
        weight: (C), factors of the classes; the mean is then the weighted one.
        size_average: deprecated.
        ignore_index: class that does not count.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.
        label_smoothing: share of the target that is spread over all classes.

    Raises:
        ValueError: unknown reduction.
        RuntimeError: shapes or dtypes do not fit together.

    Example:
        >>> import taeda
        >>> round(float(cross_entropy(taeda.zeros(1, 4), taeda.tensor([2]))), 4)
        1.3863
    """
    code = reduction_code(legacy_reduction(size_average, reduce, reduction))
    return ops.cross_entropy_loss(input, target, weight, code, ignore_index, label_smoothing)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    ignore_index: int = -100,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the log probability of the target class.

    Args:
        input: log probabilities, (C), (N, C) or (N, C, d1, ...).
        target: classes, of the input's shape without C.
        weight: (C), factors of the classes; the mean is then the weighted one.
        size_average: deprecated.
        ignore_index: class that does not count.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: shapes do not fit together, or the reduction is unknown.
    """
    code = reduction_code(legacy_reduction(size_average, reduce, reduction))
    dims = input.dim()
    if dims < 1:
        raise ValueError(
            f"nll_loss: Expected 1 or more dimensions (got {dims}); the input has one number per class"
        )
    if dims != 1 and input.size(0) != target.size(0):
        raise ValueError(
            f"nll_loss: Expected input batch_size ({input.size(0)}) to match target batch_size "
            f"({target.size(0) if target.dim() else 1}), got shapes {list(input.shape)} and {list(target.shape)}; "
            "both need one row per sample"
        )
    if dims <= 2:
        return ops.nll_loss(input, target, weight, code, ignore_index)
    if dims == 4:
        return ops.nll_loss2d(input, target, weight, code, ignore_index)
    expected = (input.size(0), *input.shape[2:])
    if tuple(target.shape) != expected:
        raise ValueError(
            f"nll_loss: Expected target size {expected} for an input of shape {list(input.shape)}, got "
            f"{tuple(target.shape)}"
        )
    planes = input.reshape(input.size(0), input.size(1), 1, -1)
    loss = ops.nll_loss2d(planes, target.reshape(target.size(0), 1, -1), weight, code, ignore_index)
    return loss.reshape(expected) if code == 0 else loss


@float32_under_autocast
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target * input)) for targets of 1 and -1; arguments as in `l1_loss`."""
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    return reduced((-target * input).exp().log1p(), reduction)
