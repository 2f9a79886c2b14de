// Modified and ordinary Bessel functions of order 0, 1 and 1/3 in float64, for device code: CUDA has but some of them.
//
// For x >= 2 by continued fractions, below by series (Temme 1975 and 1976; the second fraction after Steed).
#pragma once

#include <cmath>
#include <limits>

#include "tensor/host_device.h"

namespace taeda::cuda {

constexpr double kBesselPi = 3.14159265358979323846, kBesselEpsilon = 1e-17;
constexpr int kBesselSteps = 10000;

struct TwoOrders {
    double low, high;  // of order nu and nu + 1
};

// exp(x) K_nu(x) and exp(x) K_{nu+1}(x) for x >= 2, |nu| <= 1/2.
TAEDA_HD inline TwoOrders scaled_k_by_fraction(double nu, double x) {
    double b = 2 * (1 + x), d = 1 / b, h = d, delta = d, q1 = 0, q2 = 1;
    const double a1 = 0.25 - nu * nu;
    double c = a1, q = a1, a = -a1, s = 1 + q * delta;
    for (int i = 2; i < kBesselSteps; ++i) {
        a -= 2 * (i - 1);
        c = -a * c / i;
        const double next = (q1 - b * q2) / a;
        q1 = q2, q2 = next;
        q += c * next;
        b += 2;
        d = 1 / (b + a * d);
        delta = (b * d - 1) * delta;
        h += delta;
        const double change = q * delta;
        s += change;
        if (std::abs(change / s) < kBesselEpsilon) break;
    }
    const double low = std::sqrt(kBesselPi / (2 * x)) / s;
    return {low, low * (nu + x + 0.5 - a1 * h) / x};
}

// K_0 and K_1 for 0 < x < 2, from the series of I_0 and the digamma function at integers (DLMF 10.31.2 and 10.31.1).
TAEDA_HD inline TwoOrders k_by_series(double x) {
    constexpr double gamma = 0.57721566490153286061;
    const double quarter = x * x / 4, log_half = std::log(x / 2);
    double term0 = 1, term1 = 1, harmonic = 0, i0 = 1, i1 = 1, sum0 = -gamma, sum1 = 1 - 2 * gamma;
    for (int k = 1; k < 60; ++k) {
        term0 *= quarter / (double(k) * k);
        term1 *= quarter / (double(k) * (k + 1));
        harmonic += 1.0 / k;
        i0 += term0, i1 += term1;
        sum0 += term0 * (harmonic - gamma);
        sum1 += term1 * (2 * harmonic + 1.0 / (k + 1) - 2 * gamma);
        if (term0 < kBesselEpsilon) break;
    }
    return {-log_half * i0 + sum0, 1 / x + log_half * (x / 2) * i1 - x / 4 * sum1};
}

// exp(x) K_order(x), order 0 or 1.
TAEDA_HD inline double scaled_bessel_k(int order, double x) {
    if (x != x || x < 0) return std::numeric_limits<double>::quiet_NaN();
    if (x == 0) return std::numeric_limits<double>::infinity();
    if (std::isinf(x)) return 0;
    const TwoOrders k = x < 2 ? k_by_series(x) : scaled_k_by_fraction(0, x);
    return (order ? k.high : k.low) * (x < 2 ? std::exp(x) : 1);
}

// Ai by its Maclaurin series (DLMF 9.4.1): exact to double where |x| is small.
TAEDA_HD inline double airy_by_series(double x) {
    constexpr double at_zero = 0.35502805388781723926, slope = -0.25881940379280679840;
    const double cube = x * x * x;
    double f = 1, g = x, sum_f = 1, sum_g = x;
    for (int k = 1; k < 100; ++k) {
        f *= cube / ((3.0 * k - 1) * (3.0 * k));
        g *= cube / ((3.0 * k) * (3.0 * k + 1));
        sum_f += f, sum_g += g;
        if (std::abs(f) + std::abs(g) < kBesselEpsilon) break;
    }
    return at_zero * sum_f + slope * sum_g;
}

// Ai(-z) for z from 5 to 10: modulus and phase of J_{1/3} and Y_{1/3} from Steed's fraction p + iq, and the ratio of J's.
TAEDA_HD inline double airy_by_fractions(double x) {
    const double z = -x, zeta = 2.0 / 3 * z * std::sqrt(z), nu = 1.0 / 3;
    // J'_nu / J_nu by Lentz's method, with J's sign.
    constexpr double tiny = 1e-300;
    const double inverse = 1 / zeta;
    double sign = 1, h = nu * inverse, b = 2 * nu * inverse, d = 0, c = h < tiny ? h = tiny : h;
    for (int i = 1; i < kBesselSteps; ++i) {
        b += 2 * inverse;
        d = b - d;
        if (std::abs(d) < tiny) d = tiny;
        c = b - 1 / c;
        if (std::abs(c) < tiny) c = tiny;
        d = 1 / d;
        const double step = c * d;
        h *= step;
        if (d < 0) sign = -sign;
        if (std::abs(step - 1) < 1e-16) break;
    }
    // p + iq = (J' + iY') / (J + iY): DLMF 10.33's companion, a = 1/4 - nu^2 + ...
    double a = 0.25 - nu * nu, p = -0.5 * inverse, q = 1;
    double br = 2 * zeta, bi = 2, factor = a * inverse / (p * p + q * q);
    double cr = br + q * factor, ci = bi + p * factor, denominator = br * br + bi * bi;
    double dr = br / denominator, di = -bi / denominator, lr = cr * dr - ci * di, li = cr * di + ci * dr;
    double next = p * lr - q * li;
    q = p * li + q * lr, p = next;
    for (int i = 2; i < kBesselSteps; ++i) {
        a += 2 * (i - 1);
        bi += 2;
        dr = a * dr + br, di = a * di + bi;
        factor = a / (cr * cr + ci * ci);
        cr = br + cr * factor, ci = bi - ci * factor;
        denominator = dr * dr + di * di;
        dr /= denominator, di /= -denominator;
        lr = cr * dr - ci * di, li = cr * di + ci * dr;
        next = p * lr - q * li;
        q = p * li + q * lr, p = next;
        if (std::abs(lr - 1) + std::abs(li) < 1e-16) break;
    }
    const double gamma = (p - h) / q;
    const double j = sign * std::sqrt(2 / (kBesselPi * zeta) / ((p - h) * gamma + q)), y = gamma * j;
    return std::sqrt(z) / 3 * (1.5 * j - std::sqrt(0.75) * y);
}

// Ai(-z) for large z (DLMF 9.7.9).
TAEDA_HD inline double airy_far_left(double x) {
    const double z = -x, zeta = 2.0 / 3 * z * std::sqrt(z), phase = zeta - kBesselPi / 4;
    double term = 1, even = 1, odd = 0;
    for (int k = 1; k < 24; ++k) {
        term *= (6.0 * k - 5) * (6.0 * k - 3) * (6.0 * k - 1) / (216.0 * k * (2 * k - 1) * zeta);
        const double signed_term = k & 2 ? -term : term;  // signs + - - + + - - ...
        if (k & 1) odd += signed_term;
        else even += signed_term;
        if (term < kBesselEpsilon) break;
    }
    return (std::cos(phase) * even + std::sin(phase) * odd) / (std::sqrt(kBesselPi) * std::sqrt(std::sqrt(z)));
}

TAEDA_HD inline double airy_ai(double x) {
    if (x != x) return x;
    if (x < -10) return std::isinf(x) ? 0 : airy_far_left(x);
    if (x < -5) return airy_by_fractions(x);
    if (x < 2.1) return airy_by_series(x);
    const double root = std::sqrt(x), zeta = 2.0 / 3 * x * root;
    if (zeta > 740) return 0;
    return root * std::exp(-zeta) * scaled_k_by_fraction(1.0 / 3, zeta).low / (kBesselPi * std::sqrt(3.0));
}

}  // namespace taeda::cuda
