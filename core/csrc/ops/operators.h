// C++ operators on tensors, so that derivatives and composites read like formulas.
#pragma once

namespace taeda {

#define TAEDA_OPERATOR(symbol, name) \
    inline Tensor operator symbol(const Tensor& a, const Tensor& b) { return ops::name(a, b); } \
    inline Tensor operator symbol(const Tensor& a, const Scalar& b) { return ops::name(a, wrapped_number(b)); } \
    inline Tensor operator symbol(const Scalar& a, const Tensor& b) { return ops::name(wrapped_number(a), b); }
TAEDA_OPERATOR(+, add)
TAEDA_OPERATOR(-, sub)
TAEDA_OPERATOR(*, mul)
TAEDA_OPERATOR(/, true_divide)
TAEDA_OPERATOR(<, lt)
TAEDA_OPERATOR(<=, le)
TAEDA_OPERATOR(>, gt)
TAEDA_OPERATOR(>=, ge)
TAEDA_OPERATOR(==, eq)
TAEDA_OPERATOR(!=, ne)
#undef TAEDA_OPERATOR

inline Tensor operator-(const Tensor& a) { return ops::neg(a); }

}  // namespace taeda
