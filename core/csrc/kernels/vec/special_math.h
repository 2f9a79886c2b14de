// Special functions of one double, from their series, recurrences and asymptotic expansions.
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "tensor/dtype.h"
#include "tensor/host_device.h"

namespace taeda::vm::special {

constexpr double kPi = 3.14159265358979323846, kSqrtPi = 1.77245385090551602730;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TAEDA_HD inline double lgamma(double x) {
#if defined(__GLIBC__) && !defined(__CUDA_ARCH__)
    int sign;
    return ::lgamma_r(x, &sign);  // std::lgamma writes a global
#else
    return std::lgamma(x);
#endif
}

// Recurrence up to x >= 10, then the asymptotic series (DLMF 5.11.2); reflection below zero.
TAEDA_HD inline double digamma(double x) {
    if (x == 0) return std::copysign(kInfinity, -x);
    double shift = 0;
    if (x < 0) {
        double whole = std::trunc(x);
        if (whole == x) return kNaN;
        double fraction = x - whole;
        shift = -kPi / std::tan(kPi * fraction);
        x = 1 - x;
    }
    for (; x < 10; x += 1) shift -= 1 / x;
    double z = 1 / (x * x);
    double series =
        z * (1. / 12 - z * (1. / 120 - z * (1. / 252 - z * (1. / 240 - z * (1. / 132 - z * (691. / 32760 - z / 12))))));
    return shift + std::log(x) - 0.5 / x - (x < 1e17 ? series : 0);
}

TAEDA_HD inline double trigamma(double x) {
    double shift = 0, sign = 1;
    if (x < 0.5) {
        double s = std::sin(kPi * x);
        shift = kPi * kPi / (s * s), sign = -1;
        x = 1 - x;
    }
    double sum = 0;
    for (; x < 10; x += 1) sum += 1 / (x * x);
    double z = 1 / (x * x);
    double series =
        z * (1. / 6 - z * (1. / 30 - z * (1. / 42 - z * (1. / 30 - z * (5. / 66 - z * (691. / 2730 - z * 7. / 6))))));
    return shift + sign * (sum + (1 + 0.5 / x + series) / x);
}

// The Hurwitz zeta function, sum over k >= 0 of (q + k)^-s, for s > 1: ten terms, then Euler-Maclaurin.
TAEDA_HD inline double zeta(double s, double q) {
    if (s == 1) return kInfinity;
    if (s < 1 || s != s || q != q) return kNaN;
    if (q <= 0) {
        if (q == std::floor(q)) return kInfinity;
        if (s != std::floor(s)) return kNaN;
    }
    double sum = 0;
    for (int k = 0; k < 10 || q < 10; ++k, q += 1) sum += std::pow(q, -s);
    double last = std::pow(q, -s);
    sum += last * (q / (s - 1) + 0.5);
    // B_2j / (2j)! times the rising product s (s + 1) ... (s + 2j - 2)
    constexpr double factors[] = {1. / 12, -1. / 720, 1. / 30240, -1. / 1209600, 1. / 47900160, -691. / 1307674368000.};
    double product = s * last / q;
    for (int j = 0; j < 6; ++j) {
        sum += factors[j] * product;
        product *= (s + 2 * j + 1) * (s + 2 * j + 2) / (q * q);
    }
    return sum;
}
TAEDA_HD inline double polygamma(double n, double x) {
    if (n == 0) return digamma(x);
    if (n == 1) return trigamma(x);
    double value = std::exp(lgamma(n + 1)) * zeta(n + 1, x);
    return std::fmod(n, 2) == 0 ? -value : value;
}

// Winitzki's closed form as a start, then Halley steps on erf (or erfc, where that keeps the digits).
TAEDA_HD inline double erfinv(double x) {
    double a = std::abs(x);
    if (!(a < 1)) return a == 1 ? std::copysign(kInfinity, x) : kNaN;
    if (a < 1e-9) return x * (kSqrtPi / 2);
    double w = std::log1p(-a * a) / 2, t = 2 / (kPi * 0.147) + w;
    double y = std::sqrt(std::sqrt(t * t - 2 * w / 0.147) - t);
    for (int step = 0; step < 3; ++step) {
        double error = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
        double newton = error * (kSqrtPi / 2) * std::exp(y * y);
        y -= newton / (1 + y * newton);
    }
    return std::copysign(y, x);
}

// exp(x^2) erfc(x); the continued fraction (DLMF 7.9.2) where erfc would underflow.
TAEDA_HD inline double erfcx(double x) {
    if (x < 5) {
        if (x < -26.7) return kInfinity;
        double square = x * x, low = std::fma(x, x, -square);
        return std::exp(square) * (1 + low) * std::erfc(x);
    }
    double fraction = x;
    for (int k = 40; k > 0; --k) fraction = x + 0.5 * k / fraction;
    return 1 / (kSqrtPi * fraction);
}

// exp(-|x|) I_order(x), order 0 or 1: the power series, or the asymptotic one (DLMF 10.40.1) from |x| = 25.
TAEDA_HD inline double bessel_i_scaled(double x, int order) {
    double a = std::abs(x), sum = 1, term = 1;
    if (a != a) return x;
    if (a < 25) {
        double quarter = a * a / 4;
        for (int k = 1; term > sum * 1e-17; ++k) sum += term *= quarter / (double(k) * (k + order));
        sum *= std::exp(-a) * (order ? a / 2 : 1);
    } else if (a == kInfinity) {
        sum = 0;
    } else {
        double mu = 4 * order * order;
        for (int k = 1; k < 30 && std::abs(term) > 1e-17; ++k)
            sum += term *= -(mu - (2. * k - 1) * (2. * k - 1)) / (k * 8 * a);
        sum /= std::sqrt(2 * kPi * a);
    }
    return order && x < 0 ? -sum : sum;
}
TAEDA_HD inline double bessel_i(double x, int order) {
    double a = std::abs(x), half = std::exp(a / 2);
    return bessel_i_scaled(x, order) * half * half;
}
TAEDA_HD inline double i0(double x) { return bessel_i(x, 0); }
TAEDA_HD inline double i0e(double x) { return bessel_i_scaled(x, 0); }
TAEDA_HD inline double i1(double x) { return bessel_i(x, 1); }
TAEDA_HD inline double i1e(double x) { return bessel_i_scaled(x, 1); }

// The normal distribution: cumulative, its logarithm and its inverse.
TAEDA_HD inline double ndtr(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }
TAEDA_HD inline double log_ndtr(double x) {
    double t = x * 0.70710678118654752440;
    return x < -1 ? std::log(erfcx(-t) / 2) - t * t : std::log1p(-std::erfc(t) / 2);
}
TAEDA_HD inline double ndtri(double p) {
    if (p == 0 || p == 1) return p == 0 ? -kInfinity : kInfinity;
    if (!(p > 0 && p < 1)) return kNaN;
    if (p > 0.02) return 1.41421356237309504880 * erfinv(2 * p - 1);
    double y = -std::sqrt(-2 * std::log(p));  // a start; Newton on log_ndtr keeps the digits of a tiny p
    for (int step = 0; step < 12; ++step) {
        double value = log_ndtr(y), slope = std::exp(-y * y / 2 - value) / (kSqrtPi * 1.41421356237309504880);
        double delta = (value - std::log(p)) / slope;
        y -= delta;
        if (std::abs(delta) < 1e-15 * std::abs(y)) break;
    }
    return y;
}

}  // namespace taeda::vm::special
