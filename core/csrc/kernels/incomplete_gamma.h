// The regularised incomplete gamma functions of one pair of numbers.
#pragma once

#include <cmath>
#include <limits>

#include "kernels/vec/special_math.h"

namespace taeda {

// The series of P (x < a + 1), or Lentz's continued fraction of Q, whichever converges; both answered as P.
TAEDA_HD inline double incomplete_gamma_value(double a, double x, bool upper) {
    if (std::isnan(a) || std::isnan(x) || a < 0 || x < 0 || (a == 0 && x == 0) || (std::isinf(a) && std::isinf(x)))
        return std::numeric_limits<double>::quiet_NaN();
    if (a == 0 || std::isinf(x)) return upper ? 0 : 1;
    if (x == 0 || std::isinf(a)) return upper ? 1 : 0;
    constexpr int kTerms = 20000;
    constexpr double kEpsilon = 1e-17, kTiny = 1e-300;
    const double factor = std::exp(a * std::log(x) - x - vm::special::lgamma(a));
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (int n = 1; n < kTerms && term > sum * kEpsilon; ++n) sum += term *= x / (a + n);
        return upper ? 1 - sum * factor : sum * factor;
    }
    double b = x + 1 - a, c = 1 / kTiny, d = 1 / b, fraction = d;
    for (int n = 1; n < kTerms; ++n) {
        const double an = n * (a - n);
        b += 2;
        d = an * d + b;
        c = b + an / c;
        d = 1 / (std::abs(d) < kTiny ? kTiny : d);
        c = std::abs(c) < kTiny ? kTiny : c;
        const double step = d * c;
        fraction *= step;
        if (std::abs(step - 1) < 1e-16) break;
    }
    return upper ? fraction * factor : 1 - fraction * factor;
}

}  // namespace taeda
