"""Losses on margins and distances, and the alignment loss of sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import taeda
from taeda import Tensor
from taeda._precision import float32_under_autocast

from ._shared import legacy_reduction, ops, reduced, reduction_code

__all__ = [
    "cosine_embedding_loss",
    "ctc_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]

_MaybeBool = bool | None


@float32_under_autocast
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """The distance where the target is 1, max(0, margin - distance) where it is -1.

    Args:
        input: distances, of any shape.
        target: 1 or -1, of the same shape.
        margin: distance from which on different things cost nothing.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    apart = (margin - input).clamp_min(0).masked_fill(target == 1, 0)
    together = taeda.where(target == -1, taeda.zeros_like(input), input)
    return reduced(apart + together, reduction)


@float32_under_autocast
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, -target * (input1 - input2) + margin).

    Raises:
        RuntimeError: the tensors differ in their number of dimensions.
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
            f"{input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    reduction_code(reduction)
    return reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@float32_under_autocast
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """1 - cos where the target is 1, max(0, cos - margin) where it is -1.

    Args:
        input1: (N, D) or (D).
        input2: the same.
        target: (N) or (), of 1 and -1.
        margin: cosine up to which different things cost nothing.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        RuntimeError: shapes do not fit together.
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    if target.dim() not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if target.dim() == 1 and (input1.dim() != 2 or input2.dim() != 2):
        raise RuntimeError(
            "1D target tensor expects 2D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    if target.dim() == 0 and (input1.dim() != 1 or input2.dim() != 1):
        raise RuntimeError(
            "0D target tensor expects 1D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and "
            f"{list(input2.shape)}."
        )
    tiny = 1e-12
    products = (input1 * input2).sum(-1)
    lengths = ((input1 * input1).sum(-1) + tiny) * ((input2 * input2).sum(-1) + tiny)
    cosines = products / lengths.sqrt()
    zeros = taeda.zeros_like(cosines)
    together = taeda.where(target == 1, 1 - cosines, zeros)
    apart = taeda.where(target == -1, (cosines - margin).clamp_min(0), zeros)
    return reduced(together + apart, reduction)


@float32_under_autocast
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over the other classes of max(0, margin - x[target] + x[class])**p, over the number of classes.

    Args:
        input: scores, (N, C) or (C).
        target: classes, (N) or ().
        p: 1 or 2.
        margin: how much better the target has to be.
        weight: (C), factors of the target classes.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: p is neither 1 nor 2, weight is not one-dimensional, or the reduction is unknown.
        RuntimeError: shapes do not fit together.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    if input.dim() > 2 or (input.dim() and input.size(-1) == 0):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            + str(list(input.shape))
        )
    rows, classes = (input if input.dim() == 2 else input.reshape(1, -1)), target.reshape(-1)
    if classes.size(0) != rows.size(0):
        raise RuntimeError(f"inconsistent target size, expected {rows.size(0)} but got {list(target.shape)}")
    at = classes.unsqueeze(1)
    gaps = (margin - rows.gather(1, at) + rows).clamp_min(0)
    gaps = gaps if p == 1 else gaps * gaps
    if weight is not None:
        gaps = gaps * weight[classes].unsqueeze(1)
    numbers = taeda.arange(rows.size(1), device=rows.device)
    loss = gaps.masked_fill(numbers == at, 0).sum(1) / rows.size(1)
    return reduced(loss if target.dim() == 1 else loss.squeeze(0), reduction)


@float32_under_autocast
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """Sum over labels and other classes of max(0, 1 - x[label] + x[class]), divided by the number of classes.

    Args:
        input: scores, (N, C) or (C).
        target: labels of each sample up to the first -1, of the same shape.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        RuntimeError: the shapes differ.
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    if input.dim() > 2 or (input.dim() and input.size(-1) == 0):
        raise RuntimeError(
            "Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            + str(list(input.shape))
        )
    if input.shape != target.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}; "
            "expected equal "
            "shapes (N, C) or (C)"
        )
    scores, labels = (input, target) if input.dim() == 2 else (input.reshape(1, -1), target.reshape(1, -1))
    named = (labels < 0).cumsum(1) == 0
    places = labels.clamp_min(0)
    is_label = taeda.zeros_like(labels).scatter_add(1, places, named.to(labels.dtype)) > 0
    gaps = (1 - scores.gather(1, places).unsqueeze(2) + scores.unsqueeze(1)).clamp_min(0)
    counted = named.unsqueeze(2) & ~is_label.unsqueeze(1)
    loss = gaps.masked_fill(~counted, 0).sum((1, 2)) / scores.size(1)
    return reduced(loss if input.dim() == 2 else loss.squeeze(0), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """Mean over classes of the binary cross entropy of sigmoid(input).

    Args:
        input: logits, (..., C).
        target: 0 or 1, of the same shape.
        weight: (C), factors of the classes.
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: unknown reduction.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    reduction_code(reduction)
    loss = -(target * ops.log_sigmoid(input) + (1 - target) * ops.log_sigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduced(loss.sum(-1) / input.size(-1), reduction)


@float32_under_autocast
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: _MaybeBool = None,
    reduce: _MaybeBool = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, distance(anchor, positive) - distance(anchor, negative) + margin).

    Args:
        anchor: (N, D) or (D).
        positive: what should be near the anchor.
        negative: what should be far from it.
        margin: by how much farther; greater than 0.
        p: exponent of the distance.
        eps: added to the differences.
        swap: whether the negative may be compared with the positive instead, if that is nearer (Balntas,
            2016).
        size_average: deprecated.
        reduce: deprecated.
        reduction: 'none', 'mean' or 'sum'.

    Raises:
        ValueError: margin is not positive, or the reduction is unknown.
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    return _triplet(
        anchor, positive, negative, lambda a, b: ops.pairwise_distance(a, b, p, eps), margin, swap, reduction
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own; None is the Euclidean one."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = ops.pairwise_distance if distance_function is None else distance_function
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    reduction_code(reduction)
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            "dimensions, but got: "
            f"anchor {anchor.dim()}D, positive {positive.dim()}D, and negative {negative.dim()}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = taeda.minimum(far, distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction)


# -- connectionist temporal classification -------------------------------------------------------------------


@float32_under_autocast
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Negative log likelihood of label sequences under all their alignments (Graves et al., 2006).

    Args:
        log_probs: (T, N, C) or (T, C), the result of log_softmax.
        targets: (N, S), or all sequences one after the other; classes other than the blank.
        input_lengths: (N), number of time steps of each sequence.
        target_lengths: (N), number of labels of each sequence.
        blank: class that separates labels.
        reduction: 'none'; 'mean', of losses divided by their number of labels; or 'sum'.
        zero_infinity: whether sequences that do not fit cost nothing, instead of infinity.

    Returns:
        (N) or () for 'none', otherwise ().

    Raises:
        ValueError: unknown reduction.
        RuntimeError: shapes or lengths do not fit together.
    """
    code = reduction_code(reduction)
    batched = log_probs.dim() == 3
    probs = log_probs if batched else log_probs.unsqueeze(1)
    steps, batch, classes = probs.shape
    frames, lengths = _lengths(input_lengths), _lengths(target_lengths)
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range 0 to {classes - 1}, got {blank}")
    for what, found in (("input_lengths", frames), ("target_lengths", lengths)):
        if len(found) != batch:
            raise RuntimeError(f"ctc_loss: {what} must be of size batch_size {batch}, got {len(found)}")
    if any(n > steps for n in frames):
        raise RuntimeError(
            f"ctc_loss: Expected input_lengths to have value at most {steps}, but got value {max(frames)}"
        )
    rows = _label_rows(targets if batched or targets.dim() != 1 else targets.unsqueeze(0), lengths)
    if not rows.is_meta and rows.numel() > 0 and not 0 <= int(rows.min()) <= int(rows.max()) < classes:
        raise RuntimeError(
            f"ctc_loss: labels must be from 0 to {classes - 1}, as log_probs has {classes} classes; got labels from "
            f"{int(rows.min())} to {int(rows.max())}"
        )
    loss = _alignment_loss(probs, rows, frames, lengths, blank)
    if zero_infinity:
        loss = taeda.where(loss == float("inf"), taeda.zeros_like(loss), loss)
    if code == 1:
        divisors = taeda.tensor([max(n, 1) for n in lengths], dtype=loss.dtype, device=loss.device)
        return (loss / divisors).mean()
    if code == 2:
        return loss.sum()
    return loss if batched else loss.squeeze(0)


def _lengths(values: Tensor | Sequence[int]) -> list[int]:
    return [int(v) for v in (values.reshape(-1).tolist() if isinstance(values, Tensor) else values)]


def _label_rows(targets: Tensor, lengths: list[int]) -> Tensor:
    """Labels as (N, longest), filled up with zeros."""
    longest = max(lengths, default=0)
    if targets.dim() == 2:
        if longest > targets.size(1):
            raise RuntimeError(
                f"ctc_loss: Expected tensor to have size at least {longest} at dimension 1, but got size "
                f"{targets.size(1)} for targets"
            )
        return targets[:, :longest].to(taeda.int64)
    if sum(lengths) > targets.size(0):
        raise RuntimeError(
            f"ctc_loss: target_lengths sum to {sum(lengths)}, but targets has {targets.size(0)} labels"
        )
    rows = taeda.zeros(len(lengths), longest, dtype=taeda.int64, device=targets.device)
    start = 0
    for row, length in enumerate(lengths):
        rows[row, :length] = targets[start : start + length]
        start += length
    return rows


def _alignment_loss(
    probs: Tensor, labels: Tensor, frames: list[int], lengths: list[int], blank: int
) -> Tensor:
    """(N), by the forward recursion over labels with blanks between them, in log space."""
    steps, batch, _ = probs.shape
    device = probs.device
    states = 2 * labels.size(1) + 1
    extended = taeda.full((batch, states), blank, dtype=taeda.int64, device=device)
    if states > 1:
        extended[:, 1::2] = labels
    emitted = probs.gather(2, extended.unsqueeze(0).expand(steps, batch, states))
    # A number so small that its exponential is 0 stands for minus infinity: no gradient is NaN.
    never = -1e30
    can_skip = taeda.zeros(batch, states, dtype=taeda.bool, device=device)
    if states > 2:
        can_skip[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    first = taeda.arange(states, device=device) < 2
    ends = taeda.tensor(frames, device=device).unsqueeze(1)
    start = emitted[0] if steps else taeda.full((batch, states), never, dtype=probs.dtype, device=device)
    alpha = taeda.where(first, start, taeda.full_like(start, never))
    for t in range(1, max(frames, default=0)):
        one = ops.pad(alpha[:, :-1], [1, 0], "constant", never)
        two = (
            ops.pad(alpha[:, :-2], [2, 0], "constant", never) if states > 2 else taeda.full_like(alpha, never)
        )
        two = taeda.where(can_skip, two, taeda.full_like(two, never))
        moved = taeda.logsumexp(taeda.stack([alpha, one, two]), 0) + emitted[t]
        alpha = taeda.where(t < ends, moved, alpha)
    last = 2 * taeda.tensor(lengths, device=device).unsqueeze(1)
    before_last = alpha.gather(1, (last - 1).clamp_min(0))
    before_last = taeda.where(last == 0, taeda.full_like(before_last, never), before_last)
    ending = taeda.cat([alpha.gather(1, last), before_last], 1)
    loss = -taeda.logsumexp(ending, 1)
    if probs.requires_grad:
        loss = loss + _softmax_term(probs, ends)
    infinite = loss > 1e20
    no_frames = ends.squeeze(1) == 0
    loss = taeda.where(infinite | no_frames, taeda.full_like(loss, float("inf")), loss)
    return taeda.where(no_frames & (last.squeeze(1) == 0), taeda.zeros_like(loss), loss)


def _softmax_term(probs: Tensor, ends: Tensor) -> Tensor:
    """Zero, with the gradient exp(log_probs): the recursion's gradient is that of the logits."""
    shares = probs.exp()
    counted = taeda.arange(probs.size(0), device=probs.device).unsqueeze(0) < ends
    return ((shares - shares.detach()).sum(2).t() * counted).sum(1)
