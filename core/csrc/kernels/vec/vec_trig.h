// vm::: trigonometric and hyperbolic functions and their inverses, for Vec<float> and Vec<double>.
//
// Fits and bounds as in vec_exp.h. Float versions without a polynomial of their own are computed in double.
#pragma once

#include "kernels/vec/vec_exp.h"

namespace taeda::vm {

// Beyond this the three-part pi/2 runs out of digits and libm takes over, lane by lane.
constexpr double kTrigLimit = 1.5e6;

// x = n pi/2 + r with |r| <= pi/4; `quadrant` is n modulo 2^22.
inline Vec<double> split_quadrant(Vec<double> x, Vec<double>& n) {
    using V = Vec<double>;
    n = round(x * V(0x1.45f306dc9c883p-1));
    V r = mul_add(n, V(-0x1.921fb544p+0), x);
    r = mul_add(n, V(-0x1.0b4611a6p-34), r);
    return mul_add(n, V(-0x1.3198a2e037073p-69), r);
}
inline Vec<double> split_quadrant(Vec<double> x, native::integers<double>& quadrant) {
    Vec<double> n, r = split_quadrant(x, n);
    quadrant = native::to_integers<double>(n.v);
    return r;
}
inline Vec<float> split_quadrant(Vec<float> x, native::integers<float>& quadrant) {
#if TAEDA_VEC_AVX512 || TAEDA_VEC_AVX2
    // With one rounding per step the first difference is exact: n high is a multiple of 2^-23, as x is or is finer.
    using V = Vec<float>;
    V n = round(x * V(0x1.45f306dc9c883p-1)), r = mul_add(n, V(-0x1.921fb6p+0), x);
    quadrant = native::to_integers<float>(n.v);
    r = mul_add(n, V(0x1.777a5cp-25), r);
    return mul_add(n, V(0x1.ee59dap-50), r);
#else
    Vec<double> low, high, n_low, n_high;
    native::widen(x.v, low.v, high.v);
    low = split_quadrant(low, n_low), high = split_quadrant(high, n_high);
    quadrant = native::to_integers<float>(native::narrow_down(n_low.v, n_high.v));
    return Vec<float>(native::narrow_down(low.v, high.v));
#endif
}

// Sine and cosine on [-pi/4, pi/4].
template <class T> Vec<T> sin_reduced(Vec<T> r) {
    Vec<T> z = r * r, p;
    if constexpr (is_float<T>) p = poly(z, -0x1.555556p-3, 0x1.111108p-7, -0x1.a00f9ap-13, 0x1.6cd74p-19);
    else
        p = poly(z, -0x1.5555555555555p-3, 0x1.111111111110bp-7, -0x1.a01a01a018af3p-13, 0x1.71de3a5339bd1p-19,
                 -0x1.ae645297c46b3p-26, 0x1.612091f355481p-33, -0x1.aaa4ba454d51fp-41);
    return mul_add(r * z, p, r);
}
template <class T> Vec<T> cos_reduced(Vec<T> r) {
    Vec<T> z = r * r, p;
    if constexpr (is_float<T>) p = poly(z, 0x1.555556p-5, -0x1.6c16b8p-10, 0x1.a01130p-16, -0x1.242d68p-22);
    else
        p = poly(z, 0x1.5555555555555p-5, -0x1.6c16c16c16c12p-10, 0x1.a01a01a0191b1p-16, -0x1.27e4fb76359ffp-22,
                 0x1.1eed8cdb6c6c9p-29, -0x1.939370d881735p-37, 0x1.aadcc3a64844ep-45);
    Vec<T> half = Vec<T>(0.5) * z, whole = Vec<T>(1) - half;  // the rounding error of `whole` goes back in
    return whole + mul_add(z * z, p, (Vec<T>(1) - whole) - half);
}

template <class T, class F> Vec<T> beyond_trig_limit(Vec<T> x, Vec<T> y, F f) {
    Mask<T> usual = abs(x) < Vec<T>(kTrigLimit);
    if (!(!usual).any()) [[likely]]
        return y;
    return select(usual, y, map_lanes(f, x));
}
template <class T> Vec<T> sin_from(Vec<T> x, int shift) {
    native::integers<T> quadrant;
    Vec<T> r = split_quadrant(x, quadrant);
    quadrant += shift;
    Mask<T> swap(native::test_bits<T>(quadrant, 1)), negate(native::test_bits<T>(quadrant, 2));
    Vec<T> y = select(swap, cos_reduced(r), sin_reduced(r));
    return select(negate, -y, y);
}

// 2 ULP (float), 3 ULP (double).
template <class T> Vec<T> sin(Vec<T> x) {
    return beyond_trig_limit(x, select(x == Vec<T>(0), x, sin_from(x, 0)), [](T v) { return std::sin(v); });
}
// 2 ULP (float), 3 ULP (double).
template <class T> Vec<T> cos(Vec<T> x) {
    return beyond_trig_limit(x, sin_from(x, 1), [](T v) { return std::cos(v); });
}
// 3 ULP (float), 3 ULP (double).
template <class T> Vec<T> tan(Vec<T> x) {
    native::integers<T> quadrant;
    Vec<T> r = split_quadrant(x, quadrant), s = sin_reduced(r), c = cos_reduced(r);
    Mask<T> swap(native::test_bits<T>(quadrant, 1));
    Vec<T> y = select(swap, -c, s) / select(swap, s, c);
    return beyond_trig_limit(x, select(x == Vec<T>(0), x, y), [](T v) { return std::tan(v); });
}

// atan(numerator / denominator) for 0 <= both, in [0, pi/2].
inline Vec<double> atan_ratio(Vec<double> numerator, Vec<double> denominator) {
    using V = Vec<double>;
    // tan(a - pi/4) = (n - d) / (n + d) and tan(a - pi/2) = -d / n keep the argument below tan(pi/8).
    auto middle = numerator > V(0x1.a827999fcef32p-2) * denominator;
    auto steep = numerator > V(0x1.3504f333f9de6p+1) * denominator;
    V top = select(steep, -denominator, select(middle, numerator - denominator, numerator));
    V bottom = select(steep, numerator, select(middle, numerator + denominator, denominator));
    V base = select(steep, V(0x1.921fb54442d18p+0), select(middle, V(0x1.921fb54442d18p-1), V(0)));
    V rest = select(steep, V(0x1.1a62633145c07p-54), select(middle, V(0x1.1a62633145c07p-55), V(0)));
    V t = top / bottom, z = t * t;
    V p = poly(z, -0x1.5555555555555p-2, 0x1.99999999996f8p-3, -0x1.24924924799e6p-3, 0x1.c71c71b8fbc33p-4,
               -0x1.745d14ede7eb6p-4, 0x1.3b137232f7920p-4, -0x1.110ca76b70792p-4, 0x1.e1759c964f0d6p-5,
               -0x1.ab929202fbddbp-5, 0x1.713b903a2acf7p-5, -0x1.12df6f89e9717p-5, 0x1.f45f3c65672e8p-7);
    return base + (mul_add(t * z, p, rest) + t);
}

#define TAEDA_FLOAT_IN_DOUBLE(name) \
    inline Vec<float> name(Vec<float> x) { \
        return through_double([](Vec<double> d) { return name(d); }, x); \
    }

// 1 ULP (float), 2 ULP (double).
inline Vec<double> atan(Vec<double> x) {
    Vec<double> a = abs(x), huge(1e300);
    return copysign(atan_ratio(select(a > huge, huge, a), Vec<double>(1)), x);
}
TAEDA_FLOAT_IN_DOUBLE(atan)

// 1 ULP (float), 3 ULP (double).
inline Vec<double> asin(Vec<double> x) {
    using V = Vec<double>;
    V a = abs(x), y = atan_ratio(a, sqrt((V(1) - a) * (V(1) + a)));
    return select(a < V(0x1p-28), x, copysign(select(a > V(1), nan<double>(), y), x));
}
TAEDA_FLOAT_IN_DOUBLE(asin)

// 1 ULP (float), 3 ULP (double).
inline Vec<double> acos(Vec<double> x) {
    using V = Vec<double>;
    V y = atan_ratio(sqrt(V(1) - x), sqrt(V(1) + x));
    return y + y;
}
TAEDA_FLOAT_IN_DOUBLE(acos)

// 1 ULP (float); double goes lane by lane through libm.
inline Vec<double> atan2(Vec<double> y, std::type_identity_t<Vec<double>> x) {
    return map_lanes([](double a, double b) { return std::atan2(a, b); }, y, x);
}
inline Vec<float> atan2(Vec<float> y, std::type_identity_t<Vec<float>> x) {
    auto usual = [](Vec<double> a, Vec<double> b) {
        using V = Vec<double>;
        V size = atan_ratio(abs(a), abs(b));
        Mask<double> left(native::test_bits<double>(bits_of(b), std::numeric_limits<int64_t>::min()));
        return copysign(select(left, V(0x1.921fb54442d18p+1) - size, size), a);
    };
    Vec<float> r = through_double(usual, y, x);
    Vec<float> larger = select(abs(y) > abs(x), abs(y), abs(x));
    Mask<float> odd = !((larger > Vec<float>(0)) & (larger < infinity<float>()) & (y == y) & (x == x));
    if (!odd.any()) [[likely]]
        return r;
    return select(odd, map_lanes([](float a, float b) { return std::atan2(a, b); }, y, x), r);
}

// 1 ULP (float), 3 ULP (double).
inline Vec<double> sinh(Vec<double> x) {
    using V = Vec<double>;
    V a = abs(x), e = expm1(a), y = V(0.5) * (e + e / (e + V(1)));
    Mask<double> large = a > V(700);
    if (large.any()) [[unlikely]] {
        V half = exp(V(0.5) * a);
        y = select(large, V(0.5) * half * half, y);
    }
    return copysign(y, x);
}
TAEDA_FLOAT_IN_DOUBLE(sinh)

// 1 ULP (float), 3 ULP (double).
inline Vec<double> cosh(Vec<double> x) {
    using V = Vec<double>;
    V a = abs(x), e = exp(a), y = V(0.5) * e + V(0.5) / e;
    Mask<double> large = a > V(700);
    if (large.any()) [[unlikely]] {
        V half = exp(V(0.5) * a);
        y = select(large, V(0.5) * half * half, y);
    }
    return y;
}
TAEDA_FLOAT_IN_DOUBLE(cosh)

// 1 ULP (float), 3 ULP (double). From 2^28 on the logarithm of 2 |x|.
inline Vec<double> asinh(Vec<double> x) {
    using V = Vec<double>;
    V a = abs(x), square = a * a;
    V y = log1p(a + square / (V(1) + sqrt(square + V(1))));
    y = select(a > V(0x1p28), log(a) + V(0x1.62e42fefa39efp-1), y);
    return select(x == V(0), x, copysign(y, x));
}
TAEDA_FLOAT_IN_DOUBLE(asinh)

// 1 ULP (float), 3 ULP (double).
inline Vec<double> acosh(Vec<double> x) {
    using V = Vec<double>;
    V t = x - V(1), y = log1p(t + sqrt(t * (t + V(2))));
    y = select(x > V(0x1p28), log(x) + V(0x1.62e42fefa39efp-1), y);
    return select(x < V(1), nan<double>(), y);
}
TAEDA_FLOAT_IN_DOUBLE(acosh)

// 1 ULP (float), 3 ULP (double).
inline Vec<double> atanh(Vec<double> x) {
    using V = Vec<double>;
    V a = abs(x);
    return copysign(V(0.5) * log1p((a + a) / (V(1) - a)), x);
}
TAEDA_FLOAT_IN_DOUBLE(atanh)
#undef TAEDA_FLOAT_IN_DOUBLE

}  // namespace taeda::vm
