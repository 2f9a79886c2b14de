// Copies, casts and fills.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// dst[...] = src[...] for equal sizes, any strides (0 in src repeats), any pair of dtypes; complex to real takes the
// real part. The two must not overlap unless they are the same view.
TAEDA_KERNEL("cpu", copy, const Tensor& dst, const Tensor& src)

// The parts one behind the other along `dim`; all contiguous, of one dtype, and with elements.
TAEDA_KERNEL("cpu", cat, const Tensor& out, TensorList parts, int64_t dim)

// dst[...] = value
TAEDA_KERNEL("cpu", fill, const Tensor& dst, const Scalar& value)

}  // namespace taeda
