// vm::: exponentials, logarithms and what is made of them, for Vec<float> and Vec<double>.
//
// Polynomials are minimax fits of this project (Remez exchange at 50 digits) for the stated remainder. The bound in
// front of a function is its error in units in the last place of the result; tests/core/test_vec_math.py asserts it.
#pragma once

#include "kernels/vec/scalar_math.h"
#include "kernels/vec/vec.h"

namespace taeda::vm {

// c0 + x (c1 + x (c2 + ...))
template <class T> Vec<T> poly(Vec<T>, double c) { return Vec<T>(c); }
template <class T, class... C> Vec<T> poly(Vec<T> x, double c, C... rest) {
    return mul_add(x, poly(x, rest...), Vec<T>(c));
}

// A float function computed in double: exact to the last place but for double rounding.
template <class F, class... X> Vec<float> through_double(F f, X... x) {
    constexpr int n = sizeof...(X);
    Vec<float> in[n] = {x...};
    Vec<double> low[n], high[n];
    for (int i = 0; i < n; ++i) native::widen(in[i].v, low[i].v, high[i].v);
    if constexpr (n == 1) return Vec<float>(native::narrow_down(f(low[0]).v, f(high[0]).v));
    else return Vec<float>(native::narrow_down(f(low[0], low[1]).v, f(high[0], high[1]).v));
}

template <class T> constexpr bool is_float = sizeof(T) == 4;
template <class T> Vec<T> infinity() { return Vec<T>(std::numeric_limits<T>::infinity()); }
template <class T> Vec<T> nan() { return Vec<T>(std::numeric_limits<T>::quiet_NaN()); }

template <class T> native::integers<T> sign_bits(Vec<T> x) { return bits_of(x) & bits_of(Vec<T>(T(-0.0))); }
template <class T> Vec<T> abs(Vec<T> x) { return from_bits<T>(bits_of(x) & ~bits_of(Vec<T>(T(-0.0)))); }
template <class T> Vec<T> copysign(Vec<T> a, std::type_identity_t<Vec<T>> b) {
    return from_bits<T>(bits_of(abs(a)) | sign_bits(b));
}
template <class T> Vec<T> sqrt(Vec<T> x) { return Vec<T>(native::square_root<T>(x.v)); }
template <class T> Vec<T> floor(Vec<T> x) { return Vec<T>(native::round_to_integer<native::Rounding::down, T>(x.v)); }
template <class T> Vec<T> ceil(Vec<T> x) { return Vec<T>(native::round_to_integer<native::Rounding::up, T>(x.v)); }
template <class T> Vec<T> trunc(Vec<T> x) {
    return Vec<T>(native::round_to_integer<native::Rounding::to_zero, T>(x.v));
}
template <class T> Vec<T> round(Vec<T> x) {
    return Vec<T>(native::round_to_integer<native::Rounding::nearest_even, T>(x.v));
}

// x = n ln 2 + r with |r| <= ln 2 / 2, n integral.
template <class T> Vec<T> split_exponent(Vec<T> x, Vec<T>& n) {
    n = round(x * Vec<T>(1.4426950408889634));
    constexpr double high = is_float<T> ? 0x1.63p-1 : 0x1.62e42feep-1;
    constexpr double low = is_float<T> ? -0x1.bd0105c610ca8p-13 : 0x1.a39ef35793c76p-33;
    return mul_add(n, Vec<T>(-low), mul_add(n, Vec<T>(-high), x));
}
// Values outside make the result 0 or infinity all the same; NaN stays.
template <class T> Vec<T> limit(Vec<T> x, double low, double high) {
    return Vec<T>(native::smaller<T>(Vec<T>(high).v, native::larger<T>(Vec<T>(low).v, x.v)));
}
// exp(r) - 1 on [-ln 2 / 2, ln 2 / 2].
template <class T> Vec<T> expm1_reduced(Vec<T> r) {
    Vec<T> q;
    if constexpr (is_float<T>)
        q = poly(r, 0x1p-1, 0x1.555556p-3, 0x1.5554aep-5, 0x1.11109p-7, 0x1.6d7444p-10, 0x1.a1a136p-13);
    else
        q = poly(r, 0x1p-1, 0x1.5555555555559p-3, 0x1.555555555555ap-5, 0x1.111111110f6c1p-7, 0x1.6c16c16c14460p-10,
                 0x1.a01a01afde9b5p-13, 0x1.a01a01b0b2f05p-16, 0x1.71ddf862c47bdp-19, 0x1.27e4c5a8f31fap-22,
                 0x1.af5ea66bfe7e7p-26, 0x1.1f95573316fc0p-29);
    return mul_add(r * r, q, r);
}

// exp for arguments from -104 (-746) to 89 (710).
template <class T> Vec<T> exp_limited(Vec<T> x) {
    Vec<T> n, r = split_exponent(x, n), p;
    if constexpr (is_float<T>)
        p = poly(r, 1, 1, 0x1.fffffcp-2, 0x1.555492p-3, 0x1.5558d8p-5, 0x1.12394cp-7, 0x1.6a335ep-10);
    else p = expm1_reduced(r) + Vec<T>(1);
    return Vec<T>(native::scale<T>(p.v, n.v));
}
// 1 ULP (float), 1 ULP (double).
template <class T> Vec<T> exp(Vec<T> x) {
    return exp_limited(limit(x, is_float<T> ? -104 : -746, is_float<T> ? 89 : 710));
}
// exp for x <= 0, to the same bound.
template <class T> Vec<T> exp_nonpositive(Vec<T> x) {
    return exp_limited(Vec<T>(native::larger<T>(Vec<T>(is_float<T> ? -104 : -746).v, x.v)));
}

// 1 ULP (float), 1 ULP (double).
template <class T> Vec<T> exp2(Vec<T> x) {
    x = limit(x, is_float<T> ? -151 : -1076, is_float<T> ? 129 : 1025);
    Vec<T> n = round(x), r = x - n, p;
    if constexpr (is_float<T>)
        p = poly(r, 0x1.62e43p-1, 0x1.ebfbep-3, 0x1.c6aedp-5, 0x1.3b29aap-7, 0x1.5f47a2p-10, 0x1.448fdp-13);
    else
        p = poly(r, 0x1.62e42fefa39efp-1, 0x1.ebfbdff82c58fp-3, 0x1.c6b08d704a0d1p-5, 0x1.3b2ab6fba4e82p-7,
                 0x1.5d87fe78a22e2p-10, 0x1.430912f868d44p-13, 0x1.ffcbfc75e0bb3p-17, 0x1.62c0224daa45dp-20,
                 0x1.b524db56c54e7p-24, 0x1.e4cee829c48cbp-28, 0x1.ea041f867edb4p-32, 0x1.c4dab9e488e37p-36);
    return Vec<T>(native::scale<T>(mul_add(r, p, Vec<T>(1)).v, n.v));
}

// 2 ULP (float), 2 ULP (double). 2^n is halved on the way so that n = max_exponent does not overflow.
template <class T> Vec<T> expm1(Vec<T> x) {
    Vec<T> n, r = split_exponent(limit(x, -60, is_float<T> ? 89 : 710), n);
    Vec<T> half_scale(native::scale<T>(Vec<T>(0.5).v, n.v));
    Vec<T> y = mul_add(expm1_reduced(r), half_scale, half_scale - Vec<T>(0.5));
    return select(abs(x) < Vec<T>(0x1p-60), x, y + y);
}

// 3 ULP (float), 3 ULP (double).
template <class T> Vec<T> sigmoid(Vec<T> x) {
    Vec<T> e = exp_nonpositive(from_bits<T>(bits_of(x) | bits_of(Vec<T>(T(-0.0)))));
    return select(x < Vec<T>(0), e, Vec<T>(1)) / (Vec<T>(1) + e);
}

// 3 ULP (float), 3 ULP (double): expm1(2 |x|) over itself plus two. From |x| = 20 on that is one.
template <class T> Vec<T> tanh(Vec<T> x) {
    Vec<T> a = abs(x);
    Vec<T> e = expm1(select(a > Vec<T>(20), Vec<T>(40), a + a));
    return copysign(e / (e + Vec<T>(2)), x);
}

// x = 2^exponent m with 3/4 <= m < 3/2, for positive finite x.
template <class T> Vec<T> split_mantissa(Vec<T> x, Vec<T>& exponent) {
    Vec<T> m;
    native::split_mantissa<T>(x.v, m.v, exponent.v);
    return m;
}
// log(1 + f) - f for 1 + f in [3/4, 3/2], plus `low`, added where it is still small.
template <class T> Vec<T> log1p_tail(Vec<T> f, Vec<T> low) {
    Vec<T> half_square = Vec<T>(0.5) * f * f;
    if constexpr (is_float<T>) {
        Vec<T> p = poly(f, 0x1.55555ap-2, -0x1.00006cp-2, 0x1.9997b8p-3, -0x1.551a84p-3, 0x1.245daep-3, -0x1.049cd6p-3,
                        0x1.df51b4p-4, -0x1.75fcdap-4, 0x1.35bc62p-5);
        return mul_add(f * f * f, p, low) - half_square;
    } else {
        Vec<T> s = f / (f + Vec<T>(2)), z = s * s;
        Vec<T> p = z * poly(z, 0x1.5555555555554p-1, 0x1.999999999adbbp-2, 0x1.24924922d5be3p-2, 0x1.c71c73dcb322cp-3,
                            0x1.745c6ee8306e9p-3, 0x1.3b31b8c26be62p-3, 0x1.0e07dda705aaep-3, 0x1.1a12577bcf3abp-3);
        return mul_add(s, half_square + p, low) - half_square;
    }
}
template <class T> constexpr double ln2_high = is_float<T> ? 0x1.63p-1 : 0x1.62e42feep-1;
template <class T> constexpr double ln2_low = is_float<T> ? -0x1.bd0105c610ca8p-13 : 0x1.a39ef35793c76p-33;

// The results of a logarithm where its argument is zero, negative, infinite or NaN.
template <class T> Vec<T> fix_log(Vec<T> x, Vec<T> y) {
    Mask<T> usual = (x > Vec<T>(0)) & (x < infinity<T>());
    if (!(!usual).any()) [[likely]]
        return y;
    Vec<T> other = select(x == Vec<T>(0), -infinity<T>(), select(x < Vec<T>(0), nan<T>(), x));
    return select(usual, y, other);
}

// 1 ULP (float), 1 ULP (double).
template <class T> Vec<T> log(Vec<T> x) {
    Vec<T> n, f = split_mantissa(x, n) - Vec<T>(1);
    Vec<T> y = f + log1p_tail(f, n * Vec<T>(ln2_low<T>));
    return fix_log(x, mul_add(n, Vec<T>(ln2_high<T>), y));
}

// 2 ULP (float), 2 ULP (double).
template <class T> Vec<T> log2(Vec<T> x) {
    Vec<T> n, f = split_mantissa(x, n) - Vec<T>(1);
    Vec<T> y = f + log1p_tail(f, Vec<T>(0));
    return fix_log(x, mul_add(y, Vec<T>(1.4426950408889634), n));
}

// 1 ULP (float), 2 ULP (double).
inline Vec<double> log10(Vec<double> x) {
    using V = Vec<double>;
    V n, f = split_mantissa(x, n) - V(1);
    V y = f + log1p_tail(f, V(0));
    y = mul_add(y, V(0x1.bcb7b1526e50ep-2), n * V(0x1.9fef311f12b36p-42));
    return fix_log(x, mul_add(n, V(0x1.34413509f6p-2), y));
}
inline Vec<float> log10(Vec<float> x) {
    return through_double([](Vec<double> d) { return log10(d); }, x);
}

// 2 ULP (float), 2 ULP (double). The rounding error of 1 + x goes into the tail.
template <class T> Vec<T> log1p(Vec<T> x) {
    Vec<T> u = Vec<T>(1) + x, back = u - x;
    Vec<T> error = (x - (u - back)) + (Vec<T>(1) - back);
    Vec<T> n, f = split_mantissa(u, n) - Vec<T>(1);
    Vec<T> y = f + log1p_tail(f, mul_add(n, Vec<T>(ln2_low<T>), error / u));
    y = fix_log(u, mul_add(n, Vec<T>(ln2_high<T>), y));
    return select(abs(x) < Vec<T>(0x1p-60), x, y);
}

#if TAEDA_VEC_AVX512
// erf(x) / x on the quarters of [0, 4) as polynomials in the distance from the middle, in quarters.
inline Vec<float> erf_below_4(Vec<float> a) {
    alignas(64) static constexpr float table[6][16] = {
        {0x1.1f5e1ap+0f, 0x1.13e08cp+0f, 0x1.fe8f16p-1f, 0x1.cacbc2p-1f, 0x1.9450bcp-1f, 0x1.611066p-1f, 0x1.3448f8p-1f,
         0x1.0ee122p-1f, 0x1.e09a7ap-2f, 0x1.aed2p-2f, 0x1.8603ep-2f, 0x1.642828p-2f, 0x1.47ad4p-2f, 0x1.2f6828p-2f,
         0x1.1a7b9p-2f, 0x1.08421p-2f},
        {-0x1.7d900ap-6f, -0x1.09ac3cp-4f, -0x1.7edef6p-4f, -0x1.b29324p-4f, -0x1.ad1534p-4f, -0x1.82ad18p-4f,
         -0x1.48b7c4p-4f, -0x1.0e9e18p-4f, -0x1.b87062p-5f, -0x1.67575ap-5f, -0x1.284242p-5f, -0x1.ef1beep-6f,
         -0x1.a35764p-6f, -0x1.6793eep-6f, -0x1.37b3d8p-6f, -0x1.10c83ap-6f},
        {-0x1.766afp-6f, -0x1.276b4ep-6f, -0x1.527662p-7f, -0x1.4579d6p-9f, 0x1.bbf076p-9f, 0x1.ab144ep-8f,
         0x1.df89cp-8f, 0x1.b7ea86p-8f, 0x1.6bfc1ep-8f, 0x1.1e3198p-8f, 0x1.ba0a1ap-9f, 0x1.560bdap-9f, 0x1.0bd90cp-9f,
         0x1.a9f504p-10f, 0x1.57e93cp-10f, 0x1.19936ap-10f},
        {0x1.c5a67cp-11f, 0x1.24d544p-9f, 0x1.671ac4p-9f, 0x1.367a8p-9f, 0x1.8a285ap-10f, 0x1.3fc2f2p-11f,
         -0x1.681ffcp-16f, -0x1.5d2a96p-12f, -0x1.ae6beep-12f, -0x1.834a5p-12f, -0x1.3244fcp-12f, -0x1.cac458p-13f,
         -0x1.52a6ccp-13f, -0x1.f70a74p-14f, -0x1.7b269p-14f, -0x1.229a76p-14f},
        {0x1.b26624p-12f, 0x1.00cffep-12f, 0x1.03913p-17f, -0x1.6bb9dcp-13f, -0x1.ee48e6p-13f, -0x1.9d322cp-13f,
         -0x1.e8067cp-14f, -0x1.715752p-15f, -0x1.0b188p-21f, 0x1.1ec982p-16f, 0x1.4a631ep-16f, 0x1.14193ep-16f,
         0x1.9a7116p-17f, 0x1.2502f4p-17f, 0x1.a0c6ap-18f, 0x1.2c06d4p-18f},
        {-0x1.3e92c2p-16f, -0x1.7a7cc8p-15f, -0x1.7c4678p-15f, -0x1.a1dd1cp-16f, -0x1.54e478p-21f, 0x1.d75af4p-17f,
         0x1.14e17p-16f, 0x1.8aa80ep-17f, 0x1.8382dap-18f, 0x1.b7ddc8p-20f, -0x1.40759ap-22f, -0x1.c4d5d6p-21f,
         -0x1.ab2b0ep-21f, -0x1.415554p-21f, -0x1.c026bap-22f, -0x1.336a46p-22f},
    };
    Vec<float> quarters = a * Vec<float>(4);
    auto piece = __builtin_convertvector(quarters.v, native::integers<float>);
    Vec<float> t = quarters - Vec<float>(__builtin_convertvector(piece, native::vector<float>)) - Vec<float>(0.5);
    Vec<float> q(native::lookup16(table[5], piece));
    for (int k = 4; k >= 0; --k) q = mul_add(q, t, Vec<float>(native::lookup16(table[k], piece)));
    return a * q;
}
#else
inline Vec<float> erf_below_4(Vec<float> a) {
    using V = Vec<float>;
    V z = a * a;
    V small = a + a * poly(z, 0x1.06eba8214db69p-3, -0x1.812746p-2, 0x1.ce2f08p-4, -0x1.b829a8p-6, 0x1.5628eep-8,
                           -0x1.bcbeap-11, 0x1.d826b0p-14, -0x1.43844ap-17);
    V exponent = a * poly(a, 0x1.20ea7ep+0, 0x1.456378p-1, 0x1.afb938p-4, -0x1.747220p-6, 0x1.79b9dp-9, 0x1.4fb244p-16,
                          -0x1.4f96e4p-14, 0x1.b175aep-17, -0x1.84adaep-21);
    return select(a < V(0.97), small, V(1) - exp(-exponent));
}
#endif
// 2 ULP (float). Double goes lane by lane through libm.
inline Vec<float> erf(Vec<float> x) {
    Vec<float> a = abs(x), bounded(native::smaller<float>(Vec<float>(3.9375).v, a.v));
    return copysign(select(a > Vec<float>(3.92), Vec<float>(1), erf_below_4(bounded)), x);
}
inline Vec<double> erf(Vec<double> x) {
    return map_lanes([](double v) { return std::erf(v); }, x);
}

}  // namespace taeda::vm
