// Poisson numbers, for all devices.
#pragma once

#include <cmath>

#include "random/generator.h"

namespace taeda {

// A number of this rate, finite and not negative, from a substream of its own: how many uniform numbers can be multiplied
// before the product falls below exp(-rate) (Knuth). Large rates are split, since sums of Poisson numbers are Poisson.
TAEDA_HD inline double poisson_number(const Philox& philox, uint64_t substream, double rate) {
    constexpr double kPart = 500;
    double count = 0;
    for (uint64_t block = 0; rate > 0; rate -= kPart) {
        const double limit = std::exp(-(rate < kPart ? rate : kPart));
        double product = 1;
        for (;; ++count) {
            const auto words = philox(block++, substream);
            product *= (double((uint64_t(words[0]) | uint64_t(words[1]) << 32) >> 11) + 1) * 0x1p-53;
            if (product <= limit) break;
        }
    }
    return count;
}

}  // namespace taeda
