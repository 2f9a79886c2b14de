"""Attention with several heads."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from ._shared import ops
from .dropout import dropout

__all__ = ["multi_head_attention_forward"]


def canonical_mask(
    mask: Tensor | None,
    mask_name: str,
    other_type: Any,
    other_name: str,
    target_type: Any,
    check_other: bool = True,
) -> Tensor | None:
    """A mask as numbers to add: minus infinity where a boolean mask is True.

    Raises:
        RuntimeError: the mask is neither boolean nor floating-point.
    """
    if mask is None:
        return None
    if mask.dtype != taeda.bool and not mask.is_floating_point():
        raise RuntimeError(f"only bool and floating types of {mask_name} are supported")
    if mask.dtype == taeda.bool:
        return taeda.zeros_like(mask, dtype=target_type).masked_fill_(mask, float("-inf"))
    return mask


def _check_shapes(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    heads: int,
) -> bool:
    """Whether the input is batched.

    Raises:
        AssertionError: dimensions do not fit together.
    """
    dims = query.dim()
    assert dims in (2, 3), (
        f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query tensor"
    )
    what = "batched" if dims == 3 else "unbatched"
    assert key.dim() == value.dim() == dims, (
        f"For {what} ({dims}-D) `query`, expected `key` and `value` to be {dims}-D but found "
        f"{key.dim()}-D and {value.dim()}-D tensors respectively"
    )
    if padding_mask is not None:
        assert padding_mask.dim() == dims - 1, (
            f"For {what} ({dims}-D) `query`, expected `key_padding_mask` to be `None` or {dims - 1}-D "
            "but found "
            f"{padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None:
        assert attn_mask.dim() in (2, 3), (
            f"For {what} ({dims}-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
            f"{attn_mask.dim()}-D tensor instead"
        )
        if dims == 2 and attn_mask.dim() == 3:
            expected = (heads, query.shape[0], key.shape[0])
            assert tuple(attn_mask.shape) == expected, (
                f"Expected `attn_mask` shape to be {expected} but got {tuple(attn_mask.shape)}"
            )
    return dims == 3


def _project(query: Tensor, key: Tensor, value: Tensor, weight: Tensor, bias: Tensor | None) -> list[Tensor]:
    """Query, key and value through one stacked matrix (3E, E), in as few products as they allow."""
    assert key.shape == value.shape, f"key shape {key.shape} does not match value shape {value.shape}"
    width = query.size(-1)
    if key is value and query is key:
        stacked = ops.linear(query, weight, bias)
        return [stacked[..., i * width : (i + 1) * width] for i in range(3)]
    weights = weight.chunk(3)
    biases = (None, None, None) if bias is None else bias.chunk(3)
    return [ops.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def _project_separately(
    query: Tensor, key: Tensor, value: Tensor, weights: dict[str, Tensor | None], bias: Tensor | None
) -> list[Tensor]:
    """Query, key and value through a matrix each."""
    assert key.shape[:2] == value.shape[:2], (
        f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
    )
    biases = (None, None, None) if bias is None else bias.chunk(3)
    projected = []
    for x, (name, weight), b in zip((query, key, value), weights.items(), biases, strict=True):
        assert weight is not None, f"use_separate_proj_weight is True but {name}_proj_weight is None"
        projected.append(ops.linear(x, weight, b))
    return projected


# Long because it has twenty-five arguments, which are torch's, and each is checked before anything is computed.
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Attention of several heads on projected queries, keys and values (Vaswani et al., 2017).

    Args:
        query: (L, N, E) or (L, E).
        key: (S, N, Ek) or (S, Ek).
        value: (S, N, Ev) or (S, Ev).
        embed_dim_to_check: E.
        num_heads: number of heads H, a divisor of E.
        in_proj_weight: (3E, E), the three projections above each other.
        in_proj_bias: (3E).
        bias_k: (1, 1, E), one more key.
        bias_v: (1, 1, E), one more value.
        add_zero_attn: whether one more key and value of zeros is added.
        dropout_p: probability that an attention weight is zeroed.
        out_proj_weight: (E, E).
        out_proj_bias: (E).
        training: whether dropout is done.
        key_padding_mask: (N, S) or (S); True or minus infinity for keys that are ignored.
        need_weights: whether the attention weights are returned.
        attn_mask: (L, S) or (N * H, L, S); True where attention is not allowed, or numbers to add.
        use_separate_proj_weight: whether the next three are used instead of in_proj_weight.
        q_proj_weight: (E, E).
        k_proj_weight: (E, Ek).
        v_proj_weight: (E, Ev).
        static_k: (N * H, S, E / H), used instead of the projected keys.
        static_v: (N * H, S, E / H), used instead of the projected values.
        average_attn_weights: whether the returned weights are averaged over heads.
        is_causal: hint that attn_mask is the causal mask.

    Returns:
        Output (L, N, E) or (L, E), and weights (N, L, S) or (N, H, L, S), or None.

    Raises:
        AssertionError: sizes do not fit together.
        RuntimeError: a mask has a wrong dtype or shape, or `is_causal` comes without attn_mask.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = query.unsqueeze(1), key.unsqueeze(1), value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    target_length, batch, width = query.shape
    key_padding_mask = canonical_mask(key_padding_mask, "key_padding_mask", None, "attn_mask", query.dtype)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the hint says it all
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = is_causal and key_padding_mask is None and not need_weights
    assert width == embed_dim_to_check, (
        f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}"
    )
    head_width = width // num_heads
    assert head_width * num_heads == width, f"embed_dim {width} not divisible by num_heads {num_heads}"
    if use_separate_proj_weight:
        weights = {"q": q_proj_weight, "k": k_proj_weight, "v": v_proj_weight}
        q, k, v = _project_separately(query, key, value, weights, in_proj_bias)
    else:
        assert in_proj_weight is not None, "use_separate_proj_weight is False but in_proj_weight is None"
        q, k, v = _project(query, key, value, in_proj_weight, in_proj_bias)

    attn_mask = _mask_by_head(attn_mask, target_length, key.shape[0], batch * num_heads)
    extra = 0
    if bias_k is not None and bias_v is not None:
        assert static_k is None, "bias cannot be added to static key."
        assert static_v is None, "bias cannot be added to static value."
        k, v, extra = (
            taeda.cat([k, bias_k.repeat(1, batch, 1)]),
            taeda.cat([v, bias_v.repeat(1, batch, 1)]),
            1,
        )
    q = _by_head(q, batch * num_heads, head_width)
    k = _by_head(k, batch * num_heads, head_width) if static_k is None else static_k
    v = _by_head(v, batch * num_heads, head_width) if static_v is None else static_v
    if add_zero_attn:
        zeros = taeda.zeros(batch * num_heads, 1, head_width, dtype=k.dtype, device=k.device)
        k, v, extra = taeda.cat([k, zeros], 1), taeda.cat([v, zeros], 1), extra + 1
    if extra:
        attn_mask = None if attn_mask is None else ops.pad(attn_mask, [0, extra], "constant", 0.0)
        key_padding_mask = (
            None if key_padding_mask is None else ops.pad(key_padding_mask, [0, extra], "constant", 0.0)
        )
    source_length = k.size(1)
    mask = _merged_mask(attn_mask, key_padding_mask, batch, num_heads, source_length)
    probability = dropout_p if training else 0.0

    def together(heads: Tensor) -> Tensor:
        joined = heads.reshape(batch, num_heads, target_length, head_width).permute(2, 0, 1, 3)
        return ops.linear(joined.reshape(target_length, batch, width), out_proj_weight, out_proj_bias)

    if not need_weights:
        q4, k4, v4 = (t.reshape(batch, num_heads, t.size(1), head_width) for t in (q, k, v))
        four = (
            None if mask is None else mask.reshape(-1, num_heads if mask.size(0) > 1 else 1, *mask.shape[1:])
        )
        heads = ops.scaled_dot_product_attention(q4, k4, v4, four, probability, is_causal)
        output = together(heads)
        return (output if batched else output.squeeze(1)), None
    scores = (q * head_width**-0.5) @ k.transpose(-2, -1)
    shares = ops.softmax(scores if mask is None else scores + mask, -1)
    if probability > 0.0:
        shares = dropout(shares, p=probability)
    output = together(shares @ v)
    shares = shares.reshape(batch, num_heads, target_length, source_length)
    if average_attn_weights:
        shares = shares.mean(dim=1)
    return (output, shares) if batched else (output.squeeze(1), shares.squeeze(0))


def _by_head(x: Tensor, rows: int, head_width: int) -> Tensor:
    """(length, N, E) as (N * H, length, E / H)."""
    return x.reshape(x.shape[0], rows, head_width).transpose(0, 1)


def _mask_by_head(mask: Tensor | None, target_length: int, source_length: int, rows: int) -> Tensor | None:
    """The attention mask as (1 or N * H, L, S)."""
    if mask is None:
        return None
    expected = (target_length, source_length) if mask.dim() == 2 else (rows, target_length, source_length)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.dim()}D attn_mask is {tuple(mask.shape)}, but should be {expected}."
        )
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


def _merged_mask(
    attn_mask: Tensor | None, padding_mask: Tensor | None, batch: int, heads: int, source_length: int
) -> Tensor | None:
    """The sum of both masks, (1 or N * H, L or 1, S)."""
    if padding_mask is None:
        return attn_mask
    expected = (batch, source_length)
    assert tuple(padding_mask.shape) == expected, (
        f"expecting key_padding_mask shape of {expected}, but got {padding_mask.shape}"
    )
    by_head = padding_mask.reshape(batch, 1, 1, source_length).expand(-1, heads, -1, -1)
    by_head = by_head.reshape(batch * heads, 1, source_length)
    return by_head if attn_mask is None else attn_mask + by_head
