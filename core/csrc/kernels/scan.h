// Running sums, products and extrema along one dimension. All tensors are contiguous and of equal sizes; `out` has the
// dtype of `in`, indices are int64. float32 and 16-bit sums run in double.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

TAEDA_KERNEL("cpu", cumsum, const Tensor& out, const Tensor& in, int64_t dim)
TAEDA_KERNEL("cpu", cumprod, const Tensor& out, const Tensor& in, int64_t dim)
TAEDA_KERNEL("cpu", logcumsumexp, const Tensor& out, const Tensor& in, int64_t dim)  // floating
// Real dtypes and bool. Of equal elements the last one's index counts; a NaN stays.
TAEDA_KERNEL("cpu", cummax, const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim)
TAEDA_KERNEL("cpu", cummin, const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim)

}  // namespace taeda
