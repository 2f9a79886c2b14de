// Scaled dot-product attention without a buffer of query times key size.
#pragma once

#include "kernels/random.h"

namespace taeda {

// query (B, H, L, E), key (B, G, S, E), value (B, G, S, D), H a multiple of G: heads h * G / H share a key.
// Floating, one dtype, last dimension contiguous, any other strides. mask: undefined, bool (true takes part)
// or query's dtype (added to the scores), expanded to (B, H, L, S), any strides. causal: query i sees keys up
// to i. Rows that see nothing give zeros.
//
// dropout, in [0, 1): the probability that a weight is dropped. Its random words are those of random.h: the 64 queries
// from 64 q on take, for each key, one group of the stream of `seed`, which starts at block `offset`.
struct AttentionArgs {
    Tensor query, key, value, mask;
    bool causal = false;
    double scale = 1, dropout = 0;
    uint64_t seed = 0, offset = 0;

    // The first block for a key and the queries around `query` (of one head, counted through the batches).
    uint64_t random_block(int64_t head, int64_t query_row, int64_t key_row) const {
        int64_t L = query.size(2), groups = (L + kRandomGroupWords - 1) / kRandomGroupWords;
        int64_t group = (head * groups + query_row / kRandomGroupWords) * key.size(2) + key_row;
        return offset + uint64_t(group * kRandomGroupBlocks);
    }
    // All of them.
    uint64_t random_blocks() const { return random_block(query.size(0) * query.size(1), 0, 0) - offset; }
};

// out (B, H, L, D) like query; logsumexp (B, H, L), contiguous, of the dtype that query is computed in.
TAEDA_KERNEL("cpu", attention, const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
// grad_query like query, grad_key like key, grad_value like value: contiguous. grad_out and out as out above.
TAEDA_KERNEL("cpu", attention_grad, const Tensor& grad_query, const Tensor& grad_key, const Tensor& grad_value,
             const Tensor& grad_out, const Tensor& out, const Tensor& logsumexp, const AttentionArgs& args)
// out (B, H, L, S), contiguous, of query's dtype: what dropout multiplies the weights by, 0 or 1 / (1 - dropout).
TAEDA_KERNEL("cpu", attention_factors, const Tensor& out, const AttentionArgs& args)

}  // namespace taeda
