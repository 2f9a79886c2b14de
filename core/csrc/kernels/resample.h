// Resampling along one dimension: every output element is a weighted sum of neighbouring input elements.
//
// All of interpolation is this: the modes differ in the weights alone, several dimensions are resampled one after the
// other, and the gradient is the same with the transposed weights.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// Output i is the sum over k < begin[i + 1] - begin[i] of weight[begin[i] + k] * input[first[i] + k].
struct ResampleWeights {
    std::vector<int64_t> first, begin;
    std::vector<double> weight;
    int64_t outputs() const { return int64_t(first.size()); }
};

// Both contiguous, of equal sizes but along `dim`, and of one dtype: floating, or uint8 (rounded, kept in 0..255).
TAEDA_KERNEL("cpu", resample, const Tensor& out, const Tensor& in, int64_t dim, const ResampleWeights& weights)

}  // namespace taeda
