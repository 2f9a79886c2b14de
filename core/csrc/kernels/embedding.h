// Rows of a table by index, and their gradients. Indices are contiguous int64; wrong ones raise IndexError.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// out (n, D) = table (V, D) rows by indices (n); any one dtype, contiguous.
TAEDA_KERNEL("cpu", embedding, const Tensor& out, const Tensor& table, const Tensor& indices)
// grad_table (V, D) = sum of grad_out (n, D) rows by index, in the order of the indices; rows of padding_idx
// (-1: none) stay zero. by_frequency divides by how often an index occurs. Floating, contiguous. The indices of gradients
// are those that the forward kernel has checked; others are left out.
TAEDA_KERNEL("cpu", embedding_grad, const Tensor& grad_table, const Tensor& grad_out, const Tensor& indices,
             int64_t padding_idx, bool by_frequency)

enum class BagMode : int64_t { sum, mean, max };

struct BagArgs {
    Tensor indices, offsets;  // (n), and (count) or (count + 1): bag b is indices[offsets[b] .. offsets[b + 1])
    Tensor weights;           // (n) of the table's dtype, or undefined; for mode sum
    int64_t count;            // of bags; where offsets does not hold the end of the last one, that is n
    BagMode mode;
    int64_t padding_idx;  // its rows do not count; -1: none
    bool by_frequency;    // gradients of rows are divided by how often their index occurs
};

// out (count, D). chosen (count, D) int64: for max, the row each maximum came from (-1: empty bag); else undefined.
TAEDA_KERNEL("cpu", embedding_bag, const Tensor& out, const Tensor& chosen, const Tensor& table, const BagArgs& args)
// grad_table (V, D). Indices and offsets are those that the forward kernel has checked.
TAEDA_KERNEL("cpu", embedding_bag_grad, const Tensor& grad_table, const Tensor& grad_out, const Tensor& chosen,
             const BagArgs& args)
// grad_weights (n), for mode sum.
TAEDA_KERNEL("cpu", embedding_bag_weights_grad, const Tensor& grad_weights, const Tensor& grad_out, const Tensor& table,
             const BagArgs& args)

}  // namespace taeda
