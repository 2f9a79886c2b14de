"""Attention."""

from catalogue.families import composite, op

_QKV = "Tensor query, Tensor key, Tensor value"
composite(f"scaled_dot_product_attention({_QKV}, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, "
          "float? scale=None, bool enable_gqa=False) -> Tensor",
          "softmax(query @ key.T * scale + attn_mask) @ value over the last two dimensions (Vaswani et al. 2017).", where=())  # fmt: skip
composite(f"attention_formula({_QKV}, Tensor? mask, float dropout_p, bool causal, float scale) -> Tensor",
          "Attention step by step, with all scores in memory.", where=())  # fmt: skip
op(f"fused_attention({_QKV}, Tensor? mask, bool causal, float scale) -> (Tensor output, Tensor logsumexp)",
   "Attention of (B, H, L, E) by blocks, without all scores in memory (Dao et al. 2022).", where=(),
   vjp={"query, key, value": "fused_attention_backward(grads[0], query, key, value, mask, result0, result1, causal, scale)"})  # fmt: skip
_THREE = "(Tensor grad_query, Tensor grad_key, Tensor grad_value)"
composite(f"fused_attention_backward(Tensor grad, {_QKV}, Tensor? mask, Tensor output, Tensor logsumexp, bool causal, float scale) "
          f"-> {_THREE}", "Gradients of fused_attention.", where=())  # fmt: skip
op(f"blockwise_attention_backward(Tensor grad, {_QKV}, Tensor? mask, Tensor output, Tensor logsumexp, bool causal, float scale) "
   f"-> {_THREE}", "Gradients of fused_attention by blocks.", where=())  # fmt: skip
