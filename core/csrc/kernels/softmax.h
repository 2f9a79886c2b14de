// Softmax along one dimension. All tensors are contiguous, of equal sizes and one floating dtype; 16-bit floats compute
// in float. A slice of -inf alone gives NaN, as exp(-inf) / 0 does.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

TAEDA_KERNEL("cpu", softmax, const Tensor& out, const Tensor& in, int64_t dim)
TAEDA_KERNEL("cpu", log_softmax, const Tensor& out, const Tensor& in, int64_t dim)
// From the gradient of the result and the result itself.
TAEDA_KERNEL("cpu", softmax_backward, const Tensor& grad_in, const Tensor& grad, const Tensor& result, int64_t dim)
TAEDA_KERNEL("cpu", log_softmax_backward, const Tensor& grad_in, const Tensor& grad, const Tensor& result, int64_t dim)

}  // namespace taeda
