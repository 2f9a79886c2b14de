"""Normalisation."""

from __future__ import annotations

import math

from taeda import Tensor

from ._shared import ops

__all__ = ["batch_norm", "group_norm", "instance_norm", "local_response_norm", "normalize"]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each channel by its statistics over the batch, or by running statistics.

    Args:
        input: (N, C, ...).
        running_mean: (C), updated in place in training.
        running_var: (C), updated in place in training.
        weight: (C), the factor.
        bias: (C), the summand.
        training: whether the statistics are those of the batch.
        momentum: share of the batch in the running statistics.
        eps: added to the variance.

    Raises:
        ValueError: training with one value per channel.
    """
    if training:
        shape = input.size()
        if len(shape) >= 2 and shape[0] * math.prod(shape[2:]) == 1:
            raise ValueError(
                f"batch_norm: Expected more than 1 value per channel when training, got input size {list(shape)}; "
                "use a larger "
                "batch (drop_last=True keeps a loader from ending with a batch of one) or evaluation mode, .eval()"
            )
    return ops.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, False)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises each channel of each sample on its own; arguments as in `batch_norm`.

    Raises:
        ValueError: statistics of a single element are asked for.
    """
    if use_input_stats:
        shape = input.size()
        if math.prod(shape[2:]) == 1:
            raise ValueError(
                f"instance_norm: Expected more than 1 spatial element when training, got input size {list(shape)}; "
                "an instance of "
                "one element has no variance, use layer_norm or batch_norm"
            )
    return ops.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, False
    )


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalises groups of channels of each sample.

    Args:
        input: (N, C, ...) with C a multiple of num_groups.
        num_groups: number of groups.
        weight: (C), the factor.
        bias: (C), the summand.
        eps: added to the variance.

    Raises:
        RuntimeError: the input has no channel dimension.
        ValueError: there is one value per group.
    """
    shape = input.size()
    if len(shape) < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {len(shape)}")
    if num_groups > 0 and shape[0] * shape[1] // num_groups * math.prod(shape[2:]) == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {list(shape)}"
        )
    return ops.group_norm(input, num_groups, weight, bias, eps)


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """Divides by a power of the mean square over neighbouring channels (Krizhevsky et al., 2012).

    Args:
        input: (N, C, ...) with at least three dimensions.
        size: number of channels in a neighbourhood.
        alpha: factor of the mean square.
        beta: exponent.
        k: summand.

    Raises:
        ValueError: the input has fewer than three dimensions.
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    squares = (input * input).reshape(input.size(0), 1, input.size(1), -1)
    padded = ops.pad(squares, [0, 0, size // 2, (size - 1) // 2], "constant", 0.0)
    mean = ops.avg_pool2d(padded, [size, 1], [1, 1]).reshape(input.shape)
    return input / (mean * alpha + k).pow(beta)


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int | tuple[int, ...] = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """Divides by the p-norm along a dimension, but by no less than eps.

    Args:
        input: tensor of any shape.
        p: exponent of the norm.
        dim: dimension, or dimensions, of the vectors.
        eps: least divisor.
        out: tensor that takes the result.
    """
    divisor = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return ops.div(input, divisor) if out is None else ops.div(input, divisor, out=out)
