// Discrete Fourier transforms.
//
// float32 with complex64 or float64 with complex128; n >= 1 is the length in the time domain. `in` and `out` do not
// overlap. Results are multiplied by `scale`. A row's result depends on the other rows' number but not on their values,
// and never on the number of threads.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// Complex to complex, exponent -2 pi i (forward) or +2 pi i; in and out (outer, inner, n) with strides
// (n * inner, 1, inner).
TAEDA_KERNEL("cpu", fft, const Tensor& out, const Tensor& in, bool forward, double scale)
// Real n to complex n / 2 + 1 along the last dimension, forward; both contiguous.
TAEDA_KERNEL("cpu", real_fft, const Tensor& out, const Tensor& in, double scale)
// Complex n / 2 + 1 to real n along the last dimension, backward; both contiguous. `in` is the first half of a
// Hermitian sequence, so that the imaginary parts of its first element, and of its last one for even n, do not count.
TAEDA_KERNEL("cpu", inverse_real_fft, const Tensor& out, const Tensor& in, double scale)

}  // namespace taeda
