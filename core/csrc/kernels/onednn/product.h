// Matrix products as other kernels of this library use them.
#pragma once

#include "tensor/tensor.h"

namespace taeda::onednn {

// out = beta * out + alpha * a @ b; the contract of `gemm` in kernels/matmul.h.
void multiply(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha);
// The same with a and b of a 16-bit type and out float32; these accumulate without rounding in between.
void multiply_wide(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha);

}  // namespace taeda::onednn
