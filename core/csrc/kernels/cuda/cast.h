// Conversions between any two dtypes, as kernels/cpu/cast.cpp has them.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/pointwise.h"

namespace taeda::cuda {

// A complex number keeps its real part on the way to a real one; bool is "not zero".
template <class To, class From> TAEDA_HD To converted(From x) {
    if constexpr (std::is_same_v<To, From>) return x;
    else if constexpr (is_complex_type<From>::value) {
        if constexpr (is_complex_type<To>::value) return To(x);
        else return converted<To>(x.re);
    } else if constexpr (is_reduced_float<From>) return converted<To>(float(x));
    else if constexpr (is_complex_type<To>::value) return To(typename To::value_type(x));
    else if constexpr (std::is_same_v<To, bool>) return x != From(0);
    else if constexpr (is_reduced_float<To>) return To(float(x));
    else if constexpr (std::is_floating_point_v<From> && std::is_same_v<To, uint8_t>) return To(int64_t(x));
    else return static_cast<To>(x);
}

// args.data[0] gets the elements of args.data[1], converted.
void cast_loop(const PointwiseArgs& args, DType to, DType from);

}  // namespace taeda::cuda
