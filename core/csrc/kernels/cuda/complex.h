// Complex numbers for device code, laid out as std::complex, which nvcc cannot compile for a GPU.
//
// The functions lie in vm:: beside those of scalar_math.h, so that operator expressions find either.
#pragma once

#include <cmath>
#include <complex>
#include <utility>

#include "tensor/dtype.h"
#include "tensor/host_device.h"

namespace taeda {

template <class R> struct alignas(2 * sizeof(R)) device_complex {
    using value_type = R;
    R re, im;

    device_complex() = default;
    TAEDA_HD constexpr device_complex(R re, R im = 0) : re(re), im(im) {}
    template <class S> TAEDA_HD explicit constexpr device_complex(device_complex<S> z) : re(R(z.re)), im(R(z.im)) {}
    template <class S> explicit device_complex(std::complex<S> z) : re(R(z.real())), im(R(z.imag())) {}
    TAEDA_HD constexpr R real() const { return re; }
    TAEDA_HD constexpr R imag() const { return im; }

    TAEDA_HD friend device_complex operator+(device_complex a, device_complex b) { return {a.re + b.re, a.im + b.im}; }
    TAEDA_HD friend device_complex operator-(device_complex a, device_complex b) { return {a.re - b.re, a.im - b.im}; }
    TAEDA_HD friend device_complex operator-(device_complex a) { return {-a.re, -a.im}; }
    TAEDA_HD friend device_complex operator+(device_complex a) { return a; }
    TAEDA_HD friend device_complex operator*(device_complex a, device_complex b) {
        return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
    }
    // Smith's method: no overflow where the quotient has none.
    TAEDA_HD friend device_complex operator/(device_complex a, device_complex b) {
        if (std::abs(b.re) >= std::abs(b.im)) {
            if (b.re == 0 && b.im == 0) return {a.re / std::abs(b.re), a.im / std::abs(b.re)};
            R ratio = b.im / b.re, scale = 1 / (b.re + b.im * ratio);
            return {(a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale};
        }
        R ratio = b.re / b.im, scale = 1 / (b.re * ratio + b.im);
        return {(a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale};
    }
    TAEDA_HD device_complex& operator+=(device_complex b) { return *this = *this + b; }
    TAEDA_HD device_complex& operator-=(device_complex b) { return *this = *this - b; }
    TAEDA_HD device_complex& operator*=(device_complex b) { return *this = *this * b; }
    TAEDA_HD device_complex& operator/=(device_complex b) { return *this = *this / b; }
    TAEDA_HD friend bool operator==(device_complex a, device_complex b) { return a.re == b.re && a.im == b.im; }
    TAEDA_HD friend bool operator!=(device_complex a, device_complex b) { return !(a == b); }
};
static_assert(sizeof(device_complex<float>) == sizeof(std::complex<float>));

template <class R> struct is_complex_type<device_complex<R>> : std::true_type {};

namespace vm {

template <class R> TAEDA_HD R real(device_complex<R> z) { return z.re; }
template <class R> TAEDA_HD R imag(device_complex<R> z) { return z.im; }
template <class R> TAEDA_HD device_complex<R> conj(device_complex<R> z) { return {z.re, -z.im}; }
template <class R> TAEDA_HD R abs(device_complex<R> z) { return std::hypot(z.re, z.im); }
template <class R> TAEDA_HD R angle(device_complex<R> z) { return std::atan2(z.im, z.re); }
template <class R> TAEDA_HD device_complex<R> polar(R radius, R angle) {
    return {radius * std::cos(angle), radius * std::sin(angle)};
}
template <class R> TAEDA_HD device_complex<R> times_i(device_complex<R> z) { return {-z.im, z.re}; }
template <class R> TAEDA_HD device_complex<R> times_minus_i(device_complex<R> z) { return {z.im, -z.re}; }

template <class R> TAEDA_HD device_complex<R> exp(device_complex<R> z) {
    R e = std::exp(z.re);
    if (z.im == 0) return {e, z.im};
    if (e == 0 && !std::isfinite(z.im)) return {R(0), R(0)};
    return {e * std::cos(z.im), e * std::sin(z.im)};
}
template <class R> TAEDA_HD device_complex<R> log(device_complex<R> z) {
    return {std::log(std::hypot(z.re, z.im)), std::atan2(z.im, z.re)};
}
template <class R> TAEDA_HD device_complex<R> log10(device_complex<R> z) {
    constexpr R scale = R(0.43429448190325182765);
    device_complex<R> l = vm::log(z);
    return {l.re * scale, l.im * scale};
}
template <class R> TAEDA_HD device_complex<R> log2(device_complex<R> z) {
    constexpr R scale = R(1.44269504088896340736);
    device_complex<R> l = vm::log(z);
    return {l.re * scale, l.im * scale};
}
template <class R> TAEDA_HD device_complex<R> exp2(device_complex<R> z) {
    constexpr R scale = R(0.69314718055994530942);
    return vm::exp(device_complex<R>(z.re * scale, z.im * scale));
}
template <class R> TAEDA_HD device_complex<R> expm1(device_complex<R> z) {
    R half = std::sin(z.im / 2), e = std::exp(z.re);
    return {std::expm1(z.re) - 2 * e * half * half, e * std::sin(z.im)};
}
template <class R> TAEDA_HD device_complex<R> log1p(device_complex<R> z) {
    return {R(0.5) * std::log1p(z.re * (z.re + 2) + z.im * z.im), std::atan2(z.im, z.re + 1)};
}
template <class R> TAEDA_HD device_complex<R> sqrt(device_complex<R> z) {
    if (z.re == 0 && z.im == 0) return {R(0), z.im};
    if (std::isinf(z.im)) return {std::abs(z.im), z.im};
    R root = std::sqrt((std::hypot(z.re, z.im) + std::abs(z.re)) / 2);
    if (z.re >= 0) return {root, z.im / (2 * root)};
    return {std::abs(z.im) / (2 * root), std::copysign(root, z.im)};
}
template <class R> TAEDA_HD device_complex<R> pow(device_complex<R> a, device_complex<R> b) {
    if (a.re == 0 && a.im == 0) return b.re == 0 && b.im == 0 ? device_complex<R>(R(1)) : device_complex<R>(R(0));
    return vm::exp(b * vm::log(a));
}
template <class R> TAEDA_HD device_complex<R> sinh(device_complex<R> z) {
    return {std::sinh(z.re) * std::cos(z.im), std::cosh(z.re) * std::sin(z.im)};
}
template <class R> TAEDA_HD device_complex<R> cosh(device_complex<R> z) {
    return {std::cosh(z.re) * std::cos(z.im), std::sinh(z.re) * std::sin(z.im)};
}
template <class R> TAEDA_HD device_complex<R> tanh(device_complex<R> z) {
    // With t = tan(im) and s = sinh(re): the quotient without the overflow of cosh(2 re).
    if (std::abs(z.re) > 20)
        return {std::copysign(R(1), z.re), 4 * std::sin(z.im) * std::cos(z.im) * std::exp(-2 * std::abs(z.re))};
    R t = std::tan(z.im), s = std::sinh(z.re), b = 1 + t * t, rho = std::sqrt(1 + s * s), d = 1 + b * s * s;
    return {b * rho * s / d, t / d};
}
template <class R> TAEDA_HD device_complex<R> sin(device_complex<R> z) { return times_minus_i(vm::sinh(times_i(z))); }
template <class R> TAEDA_HD device_complex<R> cos(device_complex<R> z) { return vm::cosh(times_i(z)); }
template <class R> TAEDA_HD device_complex<R> tan(device_complex<R> z) { return times_minus_i(vm::tanh(times_i(z))); }

// Kahan's formulas ("Branch cuts for complex elementary functions", 1987).
template <class R> TAEDA_HD device_complex<R> asinh(device_complex<R> z) {
    device_complex<R> a = vm::sqrt(device_complex<R>(R(1) + z.im, -z.re)),
                      b = vm::sqrt(device_complex<R>(R(1) - z.im, z.re));
    return {std::asinh(a.re * b.im - a.im * b.re), std::atan2(z.im, a.re * b.re - a.im * b.im)};
}
template <class R> TAEDA_HD device_complex<R> acosh(device_complex<R> z) {
    device_complex<R> a = vm::sqrt(device_complex<R>(z.re - 1, z.im)), b = vm::sqrt(device_complex<R>(z.re + 1, z.im));
    return {std::asinh(a.re * b.re + a.im * b.im), 2 * std::atan2(a.im, b.re)};
}
template <class R> TAEDA_HD device_complex<R> atanh(device_complex<R> z) {
    R plus = (1 + z.re) * (1 + z.re) + z.im * z.im, minus = (1 - z.re) * (1 - z.re) + z.im * z.im;
    R real = std::abs(z.re) < R(0.5) ? R(0.25) * std::log1p(4 * z.re / minus) : R(0.25) * std::log(plus / minus);
    return {real, R(0.5) * std::atan2(2 * z.im, (1 - z.re) * (1 + z.re) - z.im * z.im)};
}
template <class R> TAEDA_HD device_complex<R> asin(device_complex<R> z) { return times_minus_i(vm::asinh(times_i(z))); }
template <class R> TAEDA_HD device_complex<R> acos(device_complex<R> z) {
    device_complex<R> a = vm::sqrt(device_complex<R>(1 - z.re, -z.im)), b = vm::sqrt(device_complex<R>(1 + z.re, z.im));
    return {2 * std::atan2(a.re, b.re), std::asinh(b.re * a.im - b.im * a.re)};
}
template <class R> TAEDA_HD device_complex<R> atan(device_complex<R> z) { return times_minus_i(vm::atanh(times_i(z))); }

template <class R> TAEDA_HD device_complex<R> sgn(device_complex<R> z) {
    R r = vm::abs(z);
    return r == 0 ? device_complex<R>(R(0)) : device_complex<R>(z.re / r, z.im / r);
}
template <class R> TAEDA_HD device_complex<R> sigmoid(device_complex<R> z) {
    return device_complex<R>(R(1)) / (device_complex<R>(R(1)) + vm::exp(-z));
}
template <class R> TAEDA_HD bool isnan(device_complex<R> z) { return z.re != z.re || z.im != z.im; }
template <class R> TAEDA_HD bool isinf(device_complex<R> z) { return std::isinf(z.re) || std::isinf(z.im); }
template <class R> TAEDA_HD bool isfinite(device_complex<R> z) { return std::isfinite(z.re) && std::isfinite(z.im); }

}  // namespace vm
}  // namespace taeda
