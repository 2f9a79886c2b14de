// Mixed precision: a mode that converts the floating-point arguments of some operators.
#pragma once

#include "dispatch/registry.h"

namespace taeda::autocast {

enum class Policy : uint8_t {
    lower,    // arguments in the mode's lower precision
    float32,  // arguments in float32
    widest    // lower precision and float32 together: all in float32
};

// For all overloads of the operator `name` on that device; in-place and out= forms are never touched.
void set_policy(DeviceType device, const std::string& name, Policy policy);

// Converts to `lower`, or nothing without it. An outer such mode has no say while this one is active. Conversions of
// leaves that require gradients are kept, if `cached`, until the outermost mode of the thread is gone: they are weights,
// and used again.
std::shared_ptr<Mode> make_mode(DeviceType device, std::optional<DType> lower, bool cached);
void clear_cache();

// The dtype of the innermost mode that converts on this thread and device, if there is one.
std::optional<DType> active(DeviceType device);

}  // namespace taeda::autocast
