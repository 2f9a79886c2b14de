// Special functions that are computed element by element in float64. Contiguous float32 or float64, all of one dtype.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

enum class SpecialFunction : uint8_t {
    bessel_j0,
    bessel_j1,
    bessel_y0,
    bessel_y1,
    k0,
    k1,
    scaled_k0,
    scaled_k1,
    airy_ai
};

TAEDA_KERNEL("cpu", special, const Tensor& out, const Tensor& x, SpecialFunction function)
// The regularised incomplete gamma function P(a, x), or Q(a, x) = 1 - P(a, x) where upper.
TAEDA_KERNEL("cpu", incomplete_gamma, const Tensor& out, const Tensor& a, const Tensor& x, bool upper)

}  // namespace taeda
