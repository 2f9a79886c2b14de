"""Attention."""

from catalogue.families import composite, op

_QKV = "Tensor query, Tensor key, Tensor value"
composite(f"scaled_dot_product_attention({_QKV}, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, "
          "float? scale=None, bool enable_gqa=False) -> Tensor",
          "softmax(query @ key.T * scale + attn_mask) @ value over the last two dimensions (Vaswani et al. 2017).", where=())  # fmt: skip
composite(f"attention_formula({_QKV}, Tensor? mask, float dropout_p, bool causal, float scale) -> Tensor",
          "Attention step by step, with all scores in memory.", where=())  # fmt: skip
_DROPOUT = "float dropout_p, int seed, int offset"  # where in the random stream its words are
op(f"fused_attention({_QKV}, Tensor? mask, bool causal, float scale, {_DROPOUT}) -> (Tensor output, Tensor logsumexp)",
   "Attention of (B, H, L, E) by blocks, without all scores in memory (Dao et al. 2022).", where=(),
   vjp={"query, key, value": "fused_attention_backward(grads[0], query, key, value, mask, result0, result1, causal, scale, "
                             "dropout_p, seed, offset)"})  # fmt: skip
op(f"attention_dropout_factors(Tensor query, Tensor key, {_DROPOUT}) -> Tensor",
   "What fused_attention multiplies its weights by: 0 or 1 / (1 - dropout_p), of shape (B, H, L, S).", where=())  # fmt: skip
_THREE = "(Tensor grad_query, Tensor grad_key, Tensor grad_value)"
_SAVED = "Tensor? mask, Tensor output, Tensor logsumexp, bool causal, float scale"
composite(f"fused_attention_backward(Tensor grad, {_QKV}, {_SAVED}, {_DROPOUT}) -> {_THREE}", "Gradients of fused_attention.", where=())
op(f"blockwise_attention_backward(Tensor grad, {_QKV}, {_SAVED}, {_DROPOUT}) -> {_THREE}",
   "Gradients of fused_attention by blocks.", where=())  # fmt: skip
