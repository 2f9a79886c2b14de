// Scaled dot-product attention without a buffer of query times key size.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// query (B, H, L, E), key (B, G, S, E), value (B, G, S, D), H a multiple of G: heads h * G / H share a key.
// Floating, one dtype, last dimension contiguous, any other strides. mask: undefined, bool (true takes part)
// or query's dtype (added to the scores), expanded to (B, H, L, S), any strides. causal: query i sees keys up
// to i. Rows that see nothing give zeros.
struct AttentionArgs {
    Tensor query, key, value, mask;
    bool causal = false;
    double scale = 1;
};

// out (B, H, L, D) like query; logsumexp (B, H, L), contiguous, of the dtype that query is computed in.
TAEDA_KERNEL("cpu", attention, const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
// grad_query like query, grad_key like key, grad_value like value: contiguous. grad_out and out as out above.
TAEDA_KERNEL("cpu", attention_grad, const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value,
             const Tensor& grad_out, const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)

}  // namespace taeda
