"""A linear map and the cross entropy of its result, as one loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from taeda import Tensor

from ._shared import ops
from .loss import cross_entropy

__all__ = ["LinearCrossEntropyOptions", "linear_cross_entropy"]


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How torch splits the work into pieces; here it is done in one piece, whatever they say.

    Args:
        allow_retain_graph: whether several backward passes are possible; here they always are.
        batch_chunk_size: rows of a piece.
        chunking_method: how pieces are chosen.
        acc_policy: 'accurate', 'balanced', 'compact' or 'auto'.
        acc_dtype: element type of sums.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """Cross entropy of linear(input, linear_weight, linear_bias).

    Args:
        input: (in_features) or (N, in_features).
        linear_weight: (C, in_features) or (C, d1, ..., in_features).
        target: classes () or (N, d1, ...), or probabilities (C) or (N, C, d1, ...).
        linear_bias: (C) or (C, d1, ...).
        weight: (C), factors of the classes.
        reduction: 'none', 'mean' or 'sum'.
        ignore_index: class that does not count; None is -100.
        label_smoothing: share of the target that is spread over all classes.
        options: accepted for torch's sake.

    Raises:
        ValueError: unknown reduction.
        RuntimeError: shapes or dtypes do not fit together.
    """
    outputs = linear_weight.shape[:-1]
    if len(outputs) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {linear_weight.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    flat_weight = linear_weight.reshape(math.prod(outputs), linear_weight.shape[-1])
    flat_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = ops.linear(input, flat_weight, flat_bias)
    if len(outputs) > 1:
        logits = logits.reshape(*input.shape[:-1], *outputs)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
