// The driver of all pointwise operators: promotion, broadcasting, output, and the loop's geometry.
#pragma once

#include "kernels/pointwise.h"

namespace taeda {

struct PointwiseOp {
    enum class Rule : uint8_t { same, to_float, to_bool, to_real };
    const char* name;
    Rule rule;
    uint8_t classes;       // of computed dtypes: 1 floating, 2 integers, 4 bool, 8 complex
    uint32_t bool_inputs;  // bit i: operand i is bool whatever the others are
    PointwiseFunction table[kDeviceTypes] = {};
};

// Computes into `out` where given (it is resized, or must have the result's shape if `inplace`), else into fresh memory.
Tensor pointwise(const PointwiseOp& op, std::span<const Tensor* const> inputs, std::span<const Scalar> params,
                 const Tensor& out = {}, bool inplace = false);

// Result shape and dtype alone.
Meta pointwise_meta(const PointwiseOp& op, std::span<const Tensor* const> inputs);

// Coalesces and orders the dimensions of operands that are already broadcast to `sizes`; outputs come first.
void set_geometry(PointwiseArgs& args, Ints sizes, std::span<const Tensor* const> operands);

}  // namespace taeda

#define TAEDA_REGISTER_POINTWISE(device, name, function) \
    [[maybe_unused]] static const bool registered_##name##_##device = \
        (::taeda::ops::name##_pointwise.table[int(::taeda::DeviceType::device)] = function, true);
