// Fourier transforms by a library: cuFFT (cufft.cpp), or plain sums where the GPU is emulated.
#pragma once

#include "tensor/tensor.h"

namespace taeda::cuda {

enum class FftKind : int64_t { forward, backward, real, inverse_real };

// `count` transforms of length n, unscaled: element k of transform i lies at i * distance + k * stride, in elements of its
// type. Real transforms have n real elements on one side and n / 2 + 1 complex ones on the other.
struct FftCall {
    FftKind kind;
    bool doubles;
    int64_t n, count;
    void *in, *out;  // `in` may be overwritten
    int64_t in_stride, in_distance, out_stride, out_distance;
};

// Runs on the current stream of `beside`'s device.
void library_fft(const FftCall& call, const Tensor& beside);

}  // namespace taeda::cuda
