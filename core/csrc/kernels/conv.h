// Convolution over 1 to 3 spatial dimensions.
//
// Shapes: x (N, C, spatial...), w (K, C / groups, kernel...), out (N, K, spatial...). Transposed convolution
// is the same three kernels with other roles: its forward is conv_input_grad (with grad_out := x), its input
// gradient is conv, its weight gradient is conv_weight_grad (with x := grad_out, grad_out := x). All tensors
// contiguous, of one dtype: float32, bfloat16 or float16. On the CPU, x and out may instead both have the strides of
// tensor/channels_last.h.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

struct ConvGeometry {
    Dims stride, padding, dilation;  // one per spatial dimension; padding on both sides
    int64_t groups = 1;
};

// bias (K) may be undefined.
TAEDA_KERNEL("onednn", conv, const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias,
             const ConvGeometry& geometry)
TAEDA_KERNEL("onednn", conv_input_grad, const Tensor& grad_x, const Tensor& grad_out, const Tensor& w,
             const ConvGeometry& geometry)
// grad_bias (K) may be undefined.
TAEDA_KERNEL("onednn", conv_weight_grad, const Tensor& grad_w, const Tensor& grad_bias, const Tensor& x,
             const Tensor& grad_out, const ConvGeometry& geometry)

}  // namespace taeda
