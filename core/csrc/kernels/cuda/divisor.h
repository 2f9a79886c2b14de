// Division by a number that is known before the launch.
#pragma once

#include <cstdint>

#include "tensor/host_device.h"

namespace taeda::cuda {

// Divides 32-bit numbers below 2^31 by a constant, by multiplication (Granlund and Montgomery, 1994).
struct Divisor {
    uint32_t value = 1, magic = 0, shift = 0;
    Divisor() = default;
    explicit Divisor(uint32_t d) : value(d) {
        while (shift < 32 && (uint64_t(1) << shift) < d) ++shift;
        magic = uint32_t(((uint64_t(1) << 32) * ((uint64_t(1) << shift) - d)) / d + 1);
    }
    TAEDA_HD uint32_t quotient(uint32_t n) const {
        uint32_t high = uint32_t(uint64_t(n) * magic >> 32);
        return (high + n) >> shift;
    }
};

}  // namespace taeda::cuda
