// Sorting and searching along one dimension. All tensors are contiguous; values have the dtype of `in`, indices are
// int64. Real dtypes and bool. NaN counts as the largest number; equal elements keep their order.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

TAEDA_KERNEL("cpu", sort, const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool descending)
// The first values.size(dim) elements of the sorted slice.
TAEDA_KERNEL("cpu", topk, const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool largest)
// The k-th smallest element (counted from 0); the outputs have size 1 in `dim`.
TAEDA_KERNEL("cpu", kthvalue, const Tensor& values, const Tensor& indices, const Tensor& in, int64_t k, int64_t dim)

// Where to insert `values` into `sorted` so that it stays sorted: before equal elements, or behind them if `right`.
// `sorted` is one-dimensional, or its last dimension is sorted and the others equal those of `values`. Equal dtypes.
TAEDA_KERNEL("cpu", searchsorted, const Tensor& out, const Tensor& sorted, const Tensor& values, bool right)

// Counts of the elements of `in` in equal bins over [low, high]; others, and NaN, are left out. Floating.
TAEDA_KERNEL("cpu", histogram, const Tensor& out, const Tensor& in, double low, double high)

}  // namespace taeda
