// vm::: the names that operator expressions use, for scalars: floats, integers, bool and complex.
//
// Plain C++ that a GPU compiler can take as well. Vec forms of the same names are in vec_math.h.
#pragma once

#include <cmath>
#include <complex>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include "kernels/vec/special_math.h"

namespace taeda::vm {

template <class T>
concept Real = std::is_floating_point_v<T>;
template <class T>
concept Integer = std::is_integral_v<T>;
template <class T>
concept Number = Real<T> || Integer<T>;
template <class T>
concept Complex = is_complex_type<T>::value;

// Functions that std has for real and complex numbers alike.
#define TAEDA_STD(name) \
    template <class T> \
        requires Real<T> || Complex<T> \
    TAEDA_HD T name(T x) { \
        return std::name(x); \
    }
// clang-format off: a list of macro calls
TAEDA_STD(exp) TAEDA_STD(log) TAEDA_STD(sin) TAEDA_STD(cos) TAEDA_STD(tan) TAEDA_STD(asin) TAEDA_STD(acos)
TAEDA_STD(atan) TAEDA_STD(sinh) TAEDA_STD(cosh) TAEDA_STD(tanh) TAEDA_STD(asinh) TAEDA_STD(acosh)
TAEDA_STD(atanh) TAEDA_STD(sqrt) TAEDA_STD(log10)
// clang-format on
#undef TAEDA_STD

#define TAEDA_STD_REAL(name) \
    template <Real T> TAEDA_HD T name(T x) { return std::name(x); }
    // clang-format off: a list of macro calls
TAEDA_STD_REAL(exp2) TAEDA_STD_REAL(expm1) TAEDA_STD_REAL(log2) TAEDA_STD_REAL(log1p) TAEDA_STD_REAL(erf)
TAEDA_STD_REAL(erfc)
// clang-format on
#undef TAEDA_STD_REAL

            template <Complex T>
            T exp2(T x) {
    return std::exp(x * std::log(typename T::value_type(2)));
}
template <Complex T> T log2(T x) { return std::log(x) / std::log(typename T::value_type(2)); }
template <Complex T> T expm1(T x) {
    using R = typename T::value_type;
    R half = std::sin(x.imag() / 2), e = std::exp(x.real());
    return {std::expm1(x.real()) - 2 * e * half * half, e * std::sin(x.imag())};
}
template <Complex T> T log1p(T x) {
    using R = typename T::value_type;
    R a = x.real(), b = x.imag();
    return {R(0.5) * std::log1p(a * (a + 2) + b * b), std::atan2(b, a + 1)};
}
template <class T>
    requires Real<T> || Complex<T>
TAEDA_HD T rsqrt(T x) {
    return T(1) / vm::sqrt(x);
}
template <class T>
    requires Real<T> || Complex<T>
TAEDA_HD T reciprocal(T x) {
    return T(1) / x;
}
template <Real T> TAEDA_HD T sigmoid(T x) {
    T e = std::exp(-std::abs(x));
    return (x < 0 ? e : T(1)) / (1 + e);
}
template <Complex T> T sigmoid(T x) { return T(1) / (T(1) + std::exp(-x)); }

template <Real T> TAEDA_HD T floor(T x) { return std::floor(x); }
template <Real T> TAEDA_HD T ceil(T x) { return std::ceil(x); }
template <Real T> TAEDA_HD T trunc(T x) { return std::trunc(x); }
template <Real T> TAEDA_HD T round(T x) { return std::nearbyint(x); }  // half to even
template <Real T> TAEDA_HD T frac(T x) { return x - std::trunc(x); }
template <Integer T> TAEDA_HD T floor(T x) { return x; }
template <Integer T> TAEDA_HD T ceil(T x) { return x; }
template <Integer T> TAEDA_HD T trunc(T x) { return x; }
template <Integer T> TAEDA_HD T round(T x) { return x; }

template <Real T> TAEDA_HD T abs(T x) { return std::abs(x); }
template <Integer T> TAEDA_HD T abs(T x) {
    if constexpr (std::is_signed_v<T>) return T(x < 0 ? T(0) - x : x);
    else return x;
}
template <Complex T> typename T::value_type abs(T x) { return std::abs(x); }

// -1, 0 or 1; NaN gives 0. A complex number keeps its direction.
template <Number T> TAEDA_HD T sign(T x) { return T((x > T(0)) - (x < T(0))); }
template <Complex T> T sgn(T x) {
    using R = typename T::value_type;
    if constexpr (sizeof(R) < sizeof(double)) {  // double needs no scaling against overflow
        double re = x.real(), im = x.imag(), square = re * re + im * im, inverse = 1 / std::sqrt(square);
        return square == 0 ? T(0) : T(R(re * inverse), R(im * inverse));
    } else {
        auto r = std::abs(x);
        return r == 0 ? T(0) : x / r;
    }
}
template <Number T> TAEDA_HD T sgn(T x) { return vm::sign(x); }

template <Real T> TAEDA_HD bool isnan(T x) { return x != x; }
template <Real T> TAEDA_HD bool isinf(T x) { return std::isinf(x); }
template <Real T> TAEDA_HD bool isfinite(T x) { return std::isfinite(x); }
template <Real T> TAEDA_HD bool signbit(T x) { return std::signbit(x); }
template <Integer T> TAEDA_HD bool isnan(T) { return false; }
template <Integer T> TAEDA_HD bool isinf(T) { return false; }
template <Integer T> TAEDA_HD bool isfinite(T) { return true; }
template <Integer T> TAEDA_HD bool signbit(T x) { return x < T(0); }
template <Complex T> bool isnan(T x) { return isnan(x.real()) || isnan(x.imag()); }
template <Complex T> bool isinf(T x) { return isinf(x.real()) || isinf(x.imag()); }
template <Complex T> bool isfinite(T x) { return isfinite(x.real()) && isfinite(x.imag()); }

// minimum and maximum hand a NaN on; fmin and fmax avoid it.
template <Number T> TAEDA_HD T minimum(T a, T b) { return a != a ? a : (a < b ? a : b); }
template <Number T> TAEDA_HD T maximum(T a, T b) { return a != a ? a : (a > b ? a : b); }
template <Real T> TAEDA_HD T fmin(T a, T b) { return std::fmin(a, b); }
template <Real T> TAEDA_HD T fmax(T a, T b) { return std::fmax(a, b); }
template <Integer T> TAEDA_HD T fmin(T a, T b) { return minimum(a, b); }
template <Integer T> TAEDA_HD T fmax(T a, T b) { return maximum(a, b); }

template <class A, class B> TAEDA_HD std::common_type_t<A, B> where(bool condition, A a, B b) {
    return condition ? std::common_type_t<A, B>(a) : std::common_type_t<A, B>(b);
}

template <class T>
    requires Real<T> || Complex<T>
TAEDA_HD T pow(T a, T b) {
    return std::pow(a, b);
}
template <Integer T> TAEDA_HD T pow(T base, T exponent) {
    if constexpr (std::is_signed_v<T>)
        if (exponent < 0) return base == 1 ? 1 : base == T(-1) ? T(exponent % 2 ? -1 : 1) : 0;
    using U = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>>;
    U result = 1, power = U(base);
    for (U left = U(exponent); left; left = U(left >> 1)) {
        if (left & 1) result = U(result * power);
        power = U(power * power);
    }
    return T(result);
}

// What integer division by zero raises; torch's words. A kernel on a GPU cannot raise: it divides by one.
template <Integer T> TAEDA_HD T nonzero_divisor(T b) {
#ifdef TAEDA_DEVICE_CODE
    return b == 0 ? T(1) : b;
#else
    if (b == 0)
        raise<Error>("ZeroDivisionError: integer division or modulo by zero; make the divisor nonzero, or floating");
    return b;
#endif
}
template <Real T> TAEDA_HD T fmod(T a, T b) { return std::fmod(a, b); }
template <Integer T> TAEDA_HD T fmod(T a, T b) {
    if constexpr (std::is_signed_v<T>)
        if (b == T(-1)) return 0;
    return T(a % nonzero_divisor(b));
}
// The remainder with the sign of the divisor, as Python's %.
template <Number T> TAEDA_HD T remainder(T a, T b) {
    T r = vm::fmod(a, b);
    return r != 0 && (b < 0) != (r < 0) ? T(r + b) : r;
}
template <Real T> TAEDA_HD T div_floor(T a, T b) {
    if (b == 0) return a / b;
    T remainder = std::fmod(a, b), quotient = (a - remainder) / b;
    if (remainder != 0 && (b < 0) != (remainder < 0)) quotient -= 1;
    if (quotient == 0) return std::copysign(T(0), a / b);
    T rounded = std::floor(quotient);
    return quotient - rounded > T(0.5) ? rounded + 1 : rounded;
}
template <Real T> TAEDA_HD T div_trunc(T a, T b) { return std::trunc(a / b); }
template <Integer T> TAEDA_HD T div_trunc(T a, T b) {
    if constexpr (std::is_signed_v<T>)
        if (b == T(-1)) return T(0 - std::make_unsigned_t<T>(a));
    return T(a / nonzero_divisor(b));
}
template <Integer T> TAEDA_HD T div_floor(T a, T b) {
    T quotient = div_trunc(a, b);
    return (a < 0) != (b < 0) && T(quotient * b) != a ? T(quotient - 1) : quotient;
}
template <Integer T> TAEDA_HD T gcd(T a, T b) {
    a = vm::abs(a), b = vm::abs(b);
    while (b) a = std::exchange(b, T(a % b));
    return a;
}
template <Integer T> TAEDA_HD T lcm(T a, T b) {
    T g = vm::gcd(a, b);
    return g ? vm::abs(T(a / g * b)) : T(0);
}
// Shifts by the width or more, or by a negative count, leave nothing but the sign.
template <Integer T> TAEDA_HD T shift_left(T a, T b) {
    if (b < 0 || int64_t(b) >= int64_t(sizeof(T) * 8)) return 0;
    return T(std::make_unsigned_t<T>(a) << b);
}
template <Integer T> TAEDA_HD T shift_right(T a, T b) {
    constexpr int last = int(sizeof(T)) * 8 - 1;
    if (b < 0 || int64_t(b) > last) return T(a < 0 ? T(-1) : T(0));
    return T(a >> b);
}

template <Real T> TAEDA_HD T atan2(T y, T x) { return std::atan2(y, x); }
template <Real T> TAEDA_HD T hypot(T a, T b) { return std::hypot(a, b); }
template <Real T> TAEDA_HD T copysign(T a, T b) { return std::copysign(a, b); }
template <Real T> TAEDA_HD T nextafter(T a, T b) { return std::nextafter(a, b); }
template <Real T> TAEDA_HD T ldexp(T a, T b) { return a * std::exp2(b); }
template <Real T> TAEDA_HD T logaddexp(T a, T b) {
    if (std::isinf(a) && a == b) return a;
    return maximum(a, b) + std::log1p(std::exp(-std::abs(a - b)));
}
template <Real T> TAEDA_HD T logaddexp2(T a, T b) {
    if (std::isinf(a) && a == b) return a;
    return maximum(a, b) + std::log1p(std::exp2(-std::abs(a - b))) * T(1.4426950408889634);
}
template <Real T> TAEDA_HD T xlogy(T x, T y) {
    if (y != y) return y;
    return x == 0 ? T(0) : x * std::log(y);
}
template <Real T> TAEDA_HD T xlog1py(T x, T y) {
    if (y != y) return y;
    return x == 0 ? T(0) : x * std::log1p(y);
}
template <Real T> TAEDA_HD T entr(T x) { return x != x ? x : x > 0 ? -x * std::log(x) : x == 0 ? T(0) : T(-INFINITY); }
template <Real T> TAEDA_HD T sinc(T x) {
    T a = x * T(3.14159265358979323846);
    return x == 0 ? T(1) : std::sin(a) / a;
}

#define TAEDA_SPECIAL(name) \
    template <Real T> TAEDA_HD T name(T x) { return T(special::name(double(x))); }
// clang-format off: a list of macro calls
TAEDA_SPECIAL(lgamma) TAEDA_SPECIAL(digamma) TAEDA_SPECIAL(trigamma) TAEDA_SPECIAL(erfinv)
TAEDA_SPECIAL(erfcx) TAEDA_SPECIAL(i0) TAEDA_SPECIAL(i0e) TAEDA_SPECIAL(i1) TAEDA_SPECIAL(i1e)
TAEDA_SPECIAL(ndtr) TAEDA_SPECIAL(ndtri)
    // clang-format on
    TAEDA_SPECIAL(log_ndtr) template <Real T>
    TAEDA_HD T polygamma(T n, T x) {
    return T(special::polygamma(double(n), double(x)));
}
template <Real T> TAEDA_HD T zeta(T s, T q) { return T(special::zeta(double(s), double(q))); }
#undef TAEDA_SPECIAL

template <Complex T> typename T::value_type real(T x) { return x.real(); }
template <Complex T> typename T::value_type imag(T x) { return x.imag(); }
template <Complex T> typename T::value_type angle(T x) { return std::arg(x); }
template <Complex T> T conj(T x) { return std::conj(x); }
template <Number T> TAEDA_HD T conj(T x) { return x; }
template <Number T> TAEDA_HD T real(T x) { return x; }
template <Real T> TAEDA_HD T angle(T x) {
    return x != x ? x : std::signbit(x) && x != 0 ? T(3.14159265358979323846) : T(0);
}

}  // namespace taeda::vm
