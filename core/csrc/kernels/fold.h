// Windows of planes as columns, and back.
#pragma once

#include "kernels/pool.h"

namespace taeda {

// x (planes, H, W), columns (planes, kernel, output), both contiguous, of one dtype; windows as the geometry says,
// zeros outside the plane. Any dtype.
TAEDA_KERNEL("cpu", im2col, const Tensor& columns, const Tensor& x, const PoolGeometry& g)
// x = sum of the columns that lie on each element. Numbers; 16-bit floats add up in float32.
TAEDA_KERNEL("cpu", col2im, const Tensor& x, const Tensor& columns, const PoolGeometry& g)

}  // namespace taeda
