// Division by a number that is known before the launch.
#pragma once

#include <cstdint>

#include "tensor/host_device.h"

namespace taeda::cuda {

// Divides 32-bit numbers by a constant, by multiplication with 2^32 * (2^shift / d) rounded up (Granlund and Montgomery,
// 1994); the sum of number and product is halved before it is made, so that it fits into 32 bits.
struct Divisor {
    uint32_t value = 1, magic = 1, halving = 0, shift = 0;
    Divisor() = default;
    explicit Divisor(uint32_t d) : value(d) {
        uint32_t bits = 0;
        while (bits < 32 && (uint64_t(1) << bits) < d) ++bits;
        magic = uint32_t((uint64_t(1) << 32) * ((uint64_t(1) << bits) - d) / d + 1);
        halving = bits > 0, shift = bits > 0 ? bits - 1 : 0;
    }
    TAEDA_HD uint32_t quotient(uint32_t n) const {
        uint32_t high = uint32_t(uint64_t(n) * magic >> 32);
        return (high + ((n - high) >> halving)) >> shift;
    }
};

}  // namespace taeda::cuda
