"""Look-up tables and one-hot codes."""

from __future__ import annotations

import taeda
from taeda import Tensor

from ._shared import ops

__all__ = ["embedding", "embedding_bag"]


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of a table.

    Args:
        input: row numbers, of any shape.
        weight: (rows, D).
        padding_idx: row that gets no gradient.
        max_norm: rows that are used and longer than this are shortened to it, in place.
        norm_type: exponent of that norm.
        scale_grad_by_freq: whether the gradient of a row is divided by how often it is used.
        sparse: whether the gradient of the table is sparse.

    Returns:
        Tensor of shape (*input.shape, D).

    Raises:
        AssertionError: padding_idx is no row of the table.
    """
    if padding_idx is None:
        padding_idx = -1
    elif padding_idx > 0:
        assert padding_idx < weight.size(0), "Padding_idx must be within num_embeddings"
    elif padding_idx < 0:
        assert padding_idx >= -weight.size(0), "Padding_idx must be within num_embeddings"
        padding_idx += weight.size(0)
    if max_norm is not None:
        _shorten_rows_(weight, input, max_norm, norm_type)
    return ops.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


def _shorten_rows_(weight: Tensor, used: Tensor, max_norm: float, norm_type: float) -> None:
    with taeda.no_grad():
        rows = used.reshape(-1).unique()
        lengths = weight[rows].norm(norm_type, 1)
        long = lengths > max_norm
        if long.any():
            rows, lengths = rows[long], lengths[long]
            weight[rows] = weight[rows] * (max_norm / (lengths + 1e-7)).unsqueeze(1)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sum, mean or maximum of several rows of a table for each bag.

    Args:
        input: row numbers, (bags, length) or all bags one after the other (total,).
        weight: (rows, D).
        offsets: for one-dimensional input, where each bag begins.
        max_norm: as in `embedding`.
        norm_type: as in `embedding`.
        scale_grad_by_freq: as in `embedding`.
        mode: 'sum', 'mean' or 'max'.
        sparse: gradients are never sparse here; True is refused.
        per_sample_weights: factors of the rows, in the shape of input; for 'sum' only.
        include_last_offset: whether offsets ends with the total length.
        padding_idx: row that is left out of the bags and gets no gradient.

    Returns:
        Tensor of shape (bags, D); empty bags are zeros.

    Raises:
        ValueError: shapes or modes do not fit together.
        RuntimeError: offsets do not begin with 0, decrease or pass the end; padding_idx is no row; sparse
            gradients.
        IndexError: a row number is out of range.
        NotImplementedError: weights with another mode than 'sum'.
    """
    _check_bags(input, weight, offsets, mode, per_sample_weights, scale_grad_by_freq, sparse)
    if input.dim() == 2:
        bags, length = input.shape
        offsets = taeda.arange(bags, device=input.device) * length
        include_last_offset = False
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    assert offsets is not None  # checked above
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.size(0)
        if not -rows <= padding_idx < rows:
            raise RuntimeError(
                f"padding_idx must be within the number of embeddings, {-rows} through {rows - 1}, "
                f"but got {padding_idx}"
            )
        padding_idx %= rows
    if max_norm is not None:
        _shorten_rows_(weight, input, max_norm, norm_type)
    bagged: Tensor = ops.embedding_bag_forward(
        weight,
        input,
        offsets,
        include_last_offset,
        padding_idx,
        per_sample_weights,
        _BAG_MODES.index(mode),
        scale_grad_by_freq,
    )[0]
    return bagged


# By the number that the operator knows them by.
_BAG_MODES = ("sum", "mean", "max")


def _check_bags(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    mode: str,
    per_sample_weights: Tensor | None,
    scale_grad_by_freq: bool,
    sparse: bool,
) -> None:
    if mode not in _BAG_MODES:
        raise ValueError("mode has to be one of sum, mean or max")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if sparse:
        raise RuntimeError("embedding_bag: sparse gradients do not exist here; pass sparse=False")
    if per_sample_weights is not None:
        if input.size() != per_sample_weights.size():
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it "
                "must have "
                f"the same shape as the input ({input.shape})"
            )
        if mode != "sum":
            raise NotImplementedError(
                "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
                "for mode='sum' "
                f"(got mode='{mode}'). Use mode='sum'."
            )
    if weight.dim() != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}")
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                "fixed length "
                f"sequences. However, found offsets of type {type(offsets)}"
            )
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
