// Reductions over one or several dimensions.
//
// Contract of all: `in` has any strides; `dims` are wrapped and unique; outputs have as many dimensions as `in`, with
// size 1 in the reduced ones (keepdim form), any strides, and the result dtype the comment names or any other (the
// result is then cast). Sums run in fixed blocks combined pairwise: results do not depend on the thread count.
// 16-bit floats compute in float, integers in int64.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// Any dtype; `mean` and `nansum` floating and complex (nansum: floating).
TAEDA_KERNEL("cpu", sum, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", mean, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", nansum, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", prod, const Tensor& out, const Tensor& in, Ints dims)

// Real dtypes and bool; at least one element per output. NaN wins.
TAEDA_KERNEL("cpu", amax, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", amin, const Tensor& out, const Tensor& in, Ints dims)
// The same with int64 indices into the flattened reduced dimensions; of equals the first, NaN wins.
TAEDA_KERNEL("cpu", max_index, const Tensor& values, const Tensor& indices, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", min_index, const Tensor& values, const Tensor& indices, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", argmax, const Tensor& indices, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", argmin, const Tensor& indices, const Tensor& in, Ints dims)

// Any dtype; results are bool, bool and int64.
TAEDA_KERNEL("cpu", any, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", all, const Tensor& out, const Tensor& in, Ints dims)
TAEDA_KERNEL("cpu", count_nonzero, const Tensor& out, const Tensor& in, Ints dims)

// (sum |x|^p)^(1/p) with its limits for p = 0, inf, -inf; floating and complex (the result is real).
TAEDA_KERNEL("cpu", norm, const Tensor& out, const Tensor& in, Ints dims, double p)
// sum |x - mean|^2 / max(0, n - correction), or its square root; floating and complex (the result is real).
// `mean` may be undefined.
TAEDA_KERNEL("cpu", var_mean, const Tensor& var, const Tensor& mean, const Tensor& in, Ints dims, double correction,
             bool square_root)
// log(sum exp(x)); floating.
TAEDA_KERNEL("cpu", logsumexp, const Tensor& out, const Tensor& in, Ints dims)

}  // namespace taeda
