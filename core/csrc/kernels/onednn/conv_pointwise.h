// Convolutions whose kernel is one point, without padding: matrix products on tensors as they lie in memory, without
// reorders. Contracts as those of kernels/conv.h.
#pragma once

#include "kernels/conv.h"

namespace taeda::onednn {

// Whether all positions of x count: there is no stride, nor output padding of a transposed convolution.
bool same_positions(const Tensor& x, const Tensor& out);
bool is_pointwise(const Tensor& w, const ConvGeometry& g);
void pointwise(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g);
void pointwise_input_grad(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w, const ConvGeometry& g);
void pointwise_weight_grad(const Tensor& grad_w, const Tensor& x, const Tensor& grad_out, const ConvGeometry& g);

}  // namespace taeda::onednn
