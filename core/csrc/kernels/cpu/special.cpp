#include "kernels/special.h"

#include <cmath>
#include <numbers>

#include "kernels/cpu/parallel.h"
#include "kernels/incomplete_gamma.h"

namespace taeda {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();
constexpr int64_t kGrain = 1024;

// exp(x) K_order(x): from 50 on by the asymptotic series of Abramowitz and Stegun 9.7.2, below by the library.
double scaled_bessel_k(double order, double x) {
    if (std::isnan(x) || x < 0) return kNaN;
    if (x == 0) return kInfinity;
    if (x < 50) return std::exp(x) * std::cyl_bessel_k(order, x);
    const double mu = 4 * order * order;
    double term = 1, sum = 1;
    for (int k = 1; k < 20; ++k) {
        term *= (mu - (2 * k - 1) * (2 * k - 1)) / (8 * x * k);
        sum += term;
    }
    return std::sqrt(std::numbers::pi / (2 * x)) * sum;
}

// Through Bessel functions of order 1/3: Abramowitz and Stegun 10.4.14 and 10.4.15.
double airy_ai(double x) {
    if (std::isnan(x)) return kNaN;
    if (x == 0) return 0.35502805388781723926;
    const double third = 1.0 / 3, root = std::sqrt(std::abs(x)), zeta = 2 * third * root * root * root;
    if (x > 0) return zeta > 700 ? 0 : root * std::cyl_bessel_k(third, zeta) / (std::numbers::pi * std::sqrt(3.0));
    if (std::isinf(zeta)) return 0;
    const double j = std::cyl_bessel_j(third, zeta), y = std::cyl_neumann(third, zeta);
    return root * third * (1.5 * j - std::sin(std::numbers::pi * third) * y);
}

double value(SpecialFunction function, double x) {
    switch (function) {
        case SpecialFunction::bessel_j0: return ::j0(x);
        case SpecialFunction::bessel_j1: return ::j1(x);
        case SpecialFunction::bessel_y0: return x < 0 ? kNaN : ::y0(x);
        case SpecialFunction::bessel_y1: return x < 0 ? kNaN : ::y1(x);
        case SpecialFunction::k0: return std::exp(-x) * scaled_bessel_k(0, x);
        case SpecialFunction::k1: return std::exp(-x) * scaled_bessel_k(1, x);
        case SpecialFunction::scaled_k0: return scaled_bessel_k(0, x);
        case SpecialFunction::scaled_k1: return scaled_bessel_k(1, x);
        case SpecialFunction::airy_ai: return airy_ai(x);
    }
    __builtin_unreachable();
}

void special_cpu(const Tensor& out, const Tensor& x, SpecialFunction function) {
    visit_floating(out.dtype(), "special", [&]<class T>() {
        const int64_t n = out.numel();
        cpu::parallel_for(0, n, kGrain, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to; ++i) out.data<T>()[i] = T(value(function, double(x.data<T>()[i])));
        });
    });
}

void incomplete_gamma_cpu(const Tensor& out, const Tensor& a, const Tensor& x, bool upper) {
    visit_floating(out.dtype(), "igamma", [&]<class T>() {
        const int64_t n = out.numel();
        cpu::parallel_for(0, n, kGrain, [&](int64_t from, int64_t to) {
            for (int64_t i = from; i < to; ++i)
                out.data<T>()[i] = T(incomplete_gamma_value(double(a.data<T>()[i]), double(x.data<T>()[i]), upper));
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, special, special_cpu)
TAEDA_REGISTER(cpu, incomplete_gamma, incomplete_gamma_cpu)

}  // namespace taeda
