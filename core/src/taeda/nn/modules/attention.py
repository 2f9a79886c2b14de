"""Attention with several heads, as a layer."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

from .. import functional as F
from .. import init
from .._functional.attention import canonical_mask
from ..parameter import Parameter
from .linear import NonDynamicallyQuantizableLinear
from .module import Module

__all__ = ["MultiheadAttention"]


class MultiheadAttention(Module):
    """Attention of several heads on projected queries, keys and values (Vaswani et al., 2017).

    Args:
        embed_dim: width E of queries and of the output.
        num_heads: number of heads H, a divisor of E.
        dropout: probability that an attention weight is zeroed in training.
        bias: whether the projections have biases.
        add_bias_kv: whether one more key and value are learnt.
        add_zero_attn: whether one more key and value of zeros is added.
        kdim: width of keys; None is E.
        vdim: width of values; None is E.
        batch_first: whether tensors are (N, length, width) instead of (length, N, width).
        device: where the parameters are.
        dtype: element type of the parameters.

    Raises:
        ValueError: embed_dim or num_heads is not positive.
        AssertionError: embed_dim is no multiple of num_heads.
    """

    batch_first: bool
    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        factory: dict[str, Any] = {"device": device, "dtype": dtype}
        self.embed_dim = embed_dim
        self.kdim = kdim if kdim is not None else embed_dim
        self.vdim = vdim if vdim is not None else embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        assert self.head_dim * num_heads == embed_dim, (
            f"embed_dim must be divisible by num_heads, got embed_dim={embed_dim} and num_heads={num_heads}"
        )
        shapes = {
            "in_proj_weight": (3 * embed_dim, embed_dim),
            "q_proj_weight": (embed_dim, embed_dim),
            "k_proj_weight": (embed_dim, self.kdim),
            "v_proj_weight": (embed_dim, self.vdim),
        }
        for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight"):
            wanted = (name == "in_proj_weight") == self._qkv_same_embed_dim
            self.register_parameter(name, Parameter(taeda.empty(shapes[name], **factory)) if wanted else None)
        self.register_parameter(
            "in_proj_bias", Parameter(taeda.empty(3 * embed_dim, **factory)) if bias else None
        )
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, **factory)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(
                name, Parameter(taeda.empty((1, 1, embed_dim), **factory)) if add_bias_kv else None
            )
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attends.

        Args:
            query: (L, N, E), with batch_first (N, L, E), or (L, E).
            key: (S, N, kdim), with batch_first (N, S, kdim), or (S, kdim).
            value: (S, N, vdim), with batch_first (N, S, vdim), or (S, vdim).
            key_padding_mask: (N, S) or (S); True or minus infinity for keys that are ignored.
            need_weights: whether the attention weights are returned.
            attn_mask: (L, S) or (N * H, L, S); True where attention is not allowed, or numbers to add.
            average_attn_weights: whether the returned weights are averaged over heads.
            is_causal: hint that attn_mask is the causal mask.

        Returns:
            Output in the shape of query, and weights (N, L, S) or (N, H, L, S), or None.
        """
        swap = self.batch_first and query.dim() == 3
        if swap:
            if key is value:
                same = query is key
                query = query.transpose(0, 1)
                key = value = query if same else key.transpose(0, 1)
            else:
                query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        output, weights = F.multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (output.transpose(0, 1) if swap else output), weights

    def merge_masks(
        self, attn_mask: Tensor | None, key_padding_mask: Tensor | None, query: Tensor
    ) -> tuple[Tensor | None, int | None]:
        """Both masks as one to add, and its kind: 0 attention mask, 1 padding mask, 2 both (N, H, L, S)."""
        dtype = query.dtype
        padding = canonical_mask(key_padding_mask, "key_padding_mask", None, "attn_mask", dtype)
        attention = canonical_mask(attn_mask, "attn_mask", None, "", dtype)
        if attention is None:
            return padding, (None if padding is None else 1)
        if padding is None and attention.dim() == 2:
            return attention, 0
        batch = query.shape[0]
        merged = attention.unsqueeze(0) if attention.dim() == 2 else attention
        merged = merged.reshape(-1, self.num_heads if attention.dim() == 3 else 1, *attention.shape[-2:])
        merged = merged.expand(batch, self.num_heads, -1, -1)
        return merged if padding is None else merged + padding.reshape(batch, 1, 1, -1), 2
