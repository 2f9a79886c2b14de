// Rows of a table by index, and their gradients. Indices are contiguous int64; wrong ones raise IndexError.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// out (n, D) = table (V, D) rows by indices (n); any one dtype, contiguous.
TAEDA_KERNEL("cpu", embedding, const Tensor& out, const Tensor& table, const Tensor& indices)
// grad_table (V, D) = sum of grad_out (n, D) rows by index, in the order of the indices; rows of padding_idx
// (-1: none) stay zero. by_frequency divides by how often an index occurs. Floating, contiguous.
TAEDA_KERNEL("cpu", embedding_grad, const Tensor& grad_table, const Tensor& grad_out, const Tensor& indices,
             int64_t padding_idx, bool by_frequency)

enum class BagMode : int64_t { sum, mean, max };

struct BagArgs {
    Tensor indices,
        offsets;     // (n) and (B): bag b is indices[offsets[b] .. offsets[b + 1]); the last goes to the end
    Tensor weights;  // (n) of the table's dtype, or undefined; for mode sum
    BagMode mode = BagMode::mean;
    int64_t padding_idx = -1;  // its rows do not count
};

// out (B, D). chosen (B, D) int64: for max, the row each maximum came from (-1: empty bag); else undefined.
TAEDA_KERNEL("cpu", embedding_bag, const Tensor& out, const Tensor& chosen, const Tensor& table, const BagArgs& args)
// grad_table (V, D), and grad_weights (n) or undefined; `table` is read for grad_weights only.
TAEDA_KERNEL("cpu", embedding_bag_grad, const Tensor& grad_table, const Tensor& grad_weights, const Tensor& grad_out,
             const Tensor& chosen, const Tensor& table, const BagArgs& args)

}  // namespace taeda
