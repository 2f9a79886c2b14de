// Reading and writing at positions that other tensors hold.
//
// Contract of all: index tensors are int64 and contiguous, masks bool and contiguous. Where several elements go to one
// place they are combined in index order, whatever the thread count. An index out of range raises before anything is
// written, and names operator, index, dimension and size: RuntimeError from gather and scatter, IndexError from the
// others. Negative indices count from the end in `index`, `index_put`; elsewhere they are out of range.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

enum class Combine : uint8_t { set, add, multiply, smallest, largest };

// out[i][j][k] = in[i][index[i][j][k]][k] for dim 1; `out` contiguous with the sizes of `index`, `in` any strides.
TAEDA_KERNEL("cpu", gather, const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index)
// self[i][index[i][j][k]][k] combined with src[i][j][k]; `src` contiguous with the sizes of `index`, `self` any strides.
TAEDA_KERNEL("cpu", scatter, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, Combine how)

// One-dimensional indices along `dim`; all tensors contiguous. out[i][j] = in[i][index[j]]
TAEDA_KERNEL("cpu", index_select, const Tensor& out, const Tensor& in, int64_t dim, const Tensor& index)
// self[i][index[j]] combined with source[i][j]
TAEDA_KERNEL("cpu", index_combine, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
             Combine how, const char* op)

// Advanced indexing. `indices` (equal sizes) belong to `dims` of `in`, ascending; the dimensions of `out` (contiguous)
// are those of an index followed by the other dimensions of `in`. `in` has any strides.
TAEDA_KERNEL("cpu", index, const Tensor& out, const Tensor& in, Ints dims, TensorList indices)
// The other way round; `values` is laid out as `out` above.
TAEDA_KERNEL("cpu", index_put, const Tensor& self, Ints dims, TensorList indices, const Tensor& values, bool accumulate)

// Elements where `mask` is true, in order; `in` contiguous with the sizes of `mask`, `out` one-dimensional, fitting.
TAEDA_KERNEL("cpu", masked_select, const Tensor& out, const Tensor& in, const Tensor& mask)
// self[mask] = the first elements of `source`; contiguous, source long enough.
TAEDA_KERNEL("cpu", masked_scatter, const Tensor& self, const Tensor& mask, const Tensor& source)
// The coordinates of all elements that are not zero: out (count, dims), int64 and contiguous; `mask` says which are.
TAEDA_KERNEL("cpu", nonzero, const Tensor& out, const Tensor& mask)

// Matrices with the elements above (upper: below) the diagonal set to zero; contiguous.
TAEDA_KERNEL("cpu", triangle, const Tensor& out, const Tensor& in, int64_t diagonal, bool upper)

}  // namespace taeda
