// Small helpers that derivative formulas in the catalogue use.
#pragma once

#include "dispatch/values.h"
#include "ops.h"

namespace taeda::ops {

inline Scalar conj_scalar(const Scalar& s) { return s.is_complex() ? Scalar(std::conj(s.to_complex())) : s; }
inline Scalar one_minus(const Scalar& s) {
    return s.is_complex() ? Scalar(1.0 - std::conj(s.to_complex())) : Scalar(1.0 - s.to_double());
}
// t * factor, or t itself for 1.
inline Tensor scaled(const Tensor& t, const Scalar& factor) { return factor.equals(1) ? t : t * factor; }

inline Dims negated(Ints values) {
    Dims result(values);
    for (int64_t& value : result) value = -value;
    return result;
}
Dims inverse_permutation(Ints dims);
// A reduced gradient with its reduced dimensions put back as size 1.
Tensor keep_reduced(const Tensor& grad, Ints sizes, std::optional<Ints> dims, bool keepdim);
// How many elements each result of a reduction is made of.
double reduced_count(Ints sizes, std::optional<Ints> dims);
// Gradients of the backward formulas of softmax: with respect to the incoming gradient and the output.
std::tuple<Tensor, Tensor> softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output,
                                                   int64_t dim);
std::tuple<Tensor, Tensor> log_softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& output,
                                                       int64_t dim);
// The parts of a gradient that belong to the joined tensors.
Tensors cat_backward(const Tensor& grad, const std::vector<Dims>& sizes, int64_t dim);

}  // namespace taeda::ops
