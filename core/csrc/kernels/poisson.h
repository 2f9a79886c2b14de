// Poisson numbers, for all devices.
#pragma once

#include <cmath>

#include "kernels/vec/special_math.h"
#include "random/generator.h"

namespace taeda {

// A uniform number in (0, 1] of the two words.
TAEDA_HD inline double uniform_of(uint32_t low, uint32_t high) {
    return (double((uint64_t(low) | uint64_t(high) << 32) >> 11) + 1) * 0x1p-53;
}

// How many uniform numbers can be multiplied before the product falls below exp(-rate) (Knuth): a step for each.
TAEDA_HD inline double small_poisson_number(const Philox& philox, uint64_t substream, double rate) {
    const double limit = std::exp(-rate);
    double product = 1;
    for (uint64_t count = 0;; ++count) {
        const auto words = philox(count, substream);
        product *= uniform_of(words[0], words[1]);
        if (product <= limit) return double(count);
    }
}

// Transformed rejection with a squeeze: W. Hoermann, "The transformed rejection method for generating Poisson random
// variables", Insurance: Mathematics and Economics 12 (1993), algorithm PTRS. 1.1 to 1.4 blocks a number, whatever the
// rate is.
TAEDA_HD inline double large_poisson_number(const Philox& philox, uint64_t substream, double rate) {
    const double b = 0.931 + 2.53 * std::sqrt(rate), a = -0.059 + 0.02483 * b;
    const double scale = 1.1239 + 1.1328 / (b - 3.4), squeeze = 0.9277 - 3.6224 / (b - 2), log_rate = std::log(rate);
    for (uint64_t block = 0;; ++block) {
        const auto words = philox(block, substream);
        const double u = uniform_of(words[0], words[1]) - 0.5, v = uniform_of(words[2], words[3]);
        const double us = 0.5 - std::fabs(u);
        if (us <= 0) continue;
        const double count = std::floor((2 * a / us + b) * u + rate + 0.43);
        if (us >= 0.07 && v <= squeeze) return count;
        if (count < 0 || (us < 0.013 && v > us)) continue;
        if (std::log(v * scale / (a / (us * us) + b)) <= count * log_rate - rate - vm::special::lgamma(count + 1))
            return count;
    }
}

// A number of this rate, finite and not negative, from a substream of its own.
TAEDA_HD inline double poisson_number(const Philox& philox, uint64_t substream, double rate) {
    if (rate == 0) return 0;
    return rate < 10 ? small_poisson_number(philox, substream, rate) : large_poisson_number(philox, substream, rate);
}

}  // namespace taeda
