// Arithmetic sequences.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// out[i] = start + i * step for a contiguous `out` of any dtype: exact for integers, in float64 for the others.
TAEDA_KERNEL("cpu", sequence, const Tensor& out, const Scalar& start, const Scalar& step)

}  // namespace taeda
