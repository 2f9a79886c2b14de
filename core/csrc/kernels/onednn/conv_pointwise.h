// Convolutions whose kernel is one point with stride 1: matrix products on tensors as they lie in memory, without
// reorders.
#pragma once

#include "kernels/conv.h"

namespace taeda::onednn {

bool is_pointwise(const Tensor& w, const ConvGeometry& g);
void pointwise(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias);
void pointwise_input_grad(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w);
void pointwise_weight_grad(const Tensor& grad_w, const Tensor& x, const Tensor& grad_out);

}  // namespace taeda::onednn
