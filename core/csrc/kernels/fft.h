// Discrete Fourier transforms along the last dimension.
//
// Contract of all: `in` and `out` are contiguous, do not overlap, and have the same dimensions but for the last one;
// the last dimension of the time domain is n >= 1. float32 with complex64 or float64 with complex128. Results are
// multiplied by `scale`. A row's result depends on the other rows' number but not on their values, and never on the
// number of threads.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// Complex to complex, n to n: exponent -2 pi i (forward) or +2 pi i.
TAEDA_KERNEL("cpu", fft, const Tensor& out, const Tensor& in, bool forward, double scale)
// Real n to complex n / 2 + 1, forward.
TAEDA_KERNEL("cpu", real_fft, const Tensor& out, const Tensor& in, double scale)
// Complex n / 2 + 1 to real n, backward; `in` is the first half of a Hermitian sequence, so that the imaginary parts
// of its first element, and of its last one for even n, do not count.
TAEDA_KERNEL("cpu", inverse_real_fft, const Tensor& out, const Tensor& in, double scale)

}  // namespace taeda
