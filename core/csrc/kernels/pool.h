// Pooling over 1 to 3 spatial dimensions. All tensors contiguous; a missing leading spatial dimension counts
// as size 1.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// Three spatial dimensions (depth, height, width), whatever the operator has.
struct PoolGeometry {
    int64_t kernel[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, padding[3] = {0, 0, 0}, dilation[3] = {1, 1, 1};
    int64_t input[3] = {1, 1, 1}, output[3] = {1, 1, 1};  // sizes; the output's include what ceil_mode says
    constexpr int64_t input_size() const { return input[0] * input[1] * input[2]; }
    constexpr int64_t output_size() const { return output[0] * output[1] * output[2]; }
};

// x and out: floating (or, for results without gradient on the CPU, integers), numel = planes * size. indices: int64, position of the maximum in its plane. NaN wins;
// the first of equals wins.
TAEDA_KERNEL("cpu", max_pool, const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g)
// max_pool where the indices are not wanted.
TAEDA_KERNEL("cpu", max_pool_values, const Tensor& out, const Tensor& x, const PoolGeometry& g)
// grad_x = 0, then grad_x[plane][index] += grad_out: the gradient of every pooling that gives indices.
TAEDA_KERNEL("cpu", max_pool_grad, const Tensor& grad_x, const Tensor& grad_out, const Tensor& indices, int64_t planes)

// The divisor of a window: `divisor` if not 0, else its size with (count_padding) or without the padding in
// it.
TAEDA_KERNEL("cpu", avg_pool, const Tensor& out, const Tensor& x, const PoolGeometry& g, bool count_padding,
             int64_t divisor)
TAEDA_KERNEL("cpu", avg_pool_grad, const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g,
             bool count_padding, int64_t divisor)

// Window o covers [floor(o * in / out), ceil((o + 1) * in / out)); only input and output of the geometry
// count.
TAEDA_KERNEL("cpu", adaptive_avg_pool, const Tensor& out, const Tensor& x, const PoolGeometry& g)
TAEDA_KERNEL("cpu", adaptive_avg_pool_grad, const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g)
TAEDA_KERNEL("cpu", adaptive_max_pool, const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g)

}  // namespace taeda
