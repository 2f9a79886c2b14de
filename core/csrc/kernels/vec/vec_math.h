// vm::: every name that operator expressions use, for Vec<float> and Vec<double>; scalars are in scalar_math.h.
//
// A lane's result never depends on its neighbours, so chunking and thread count cannot change a result.
#pragma once

#include "kernels/vec/vec_exp.h"
#include "kernels/vec/vec_trig.h"

namespace taeda::vm {

template <class T> using Same = std::type_identity_t<Vec<T>>;  // takes a number beside a Vec

template <class T> Vec<T> where(Mask<T> m, Same<T> a, Same<T> b) { return select(m, a, b); }

template <class T> Mask<T> isnan(Vec<T> x) { return x != x; }
template <class T> Mask<T> isinf(Vec<T> x) { return abs(x) == infinity<T>(); }
template <class T> Mask<T> isfinite(Vec<T> x) { return abs(x) < infinity<T>(); }
template <class T> Mask<T> signbit(Vec<T> x) {
    return Mask<T>(native::test_bits<T>(bits_of(x), std::numeric_limits<native::int_of<T>>::min()));
}

// A NaN on either side is handed on.
template <class T> Vec<T> minimum(Vec<T> a, Same<T> b) {
    return select(a != a, a, Vec<T>(native::smaller<T>(a.v, b.v)));
}
template <class T> Vec<T> maximum(Vec<T> a, Same<T> b) {
    return select(a != a, a, Vec<T>(native::larger<T>(a.v, b.v)));
}
// A NaN is avoided where the other side is a number.
template <class T> Vec<T> fmin(Vec<T> a, Same<T> b) { return select((a < b) | (b != b), a, b); }
template <class T> Vec<T> fmax(Vec<T> a, Same<T> b) { return select((a > b) | (b != b), a, b); }

template <class T> Vec<T> frac(Vec<T> x) { return x - trunc(x); }
template <class T> Vec<T> sign(Vec<T> x) {
    return select(x > Vec<T>(0), Vec<T>(1), select(x < Vec<T>(0), Vec<T>(-1), Vec<T>(0)));
}
template <class T> Vec<T> sgn(Vec<T> x) { return sign(x); }
template <class T> Vec<T> rsqrt(Vec<T> x) { return Vec<T>(1) / sqrt(x); }
template <class T> Vec<T> reciprocal(Vec<T> x) { return Vec<T>(1) / x; }
template <class T> Vec<T> conj(Vec<T> x) { return x; }
template <class T> Vec<T> real(Vec<T> x) { return x; }

// x^y for x > 0 that was a float: 40 correct bits. log2 x = 2 atanh((m - 1) / (m + 1)) / ln 2 + exponent.
inline Vec<double> pow_40_bits(Vec<double> x, Vec<double> y) {
    using V = Vec<double>;
    V exponent, m = split_mantissa(x, exponent), s = (m - V(1)) / (m + V(1)), z = s * s;
    V log2 = mul_add(s,
                     poly(z, 0x1.71547652b7e8ap+1, 0x1.ec709dcb683b3p-1, 0x1.2776bc4230d8dp-1, 0x1.a61ea644600c2p-2,
                          0x1.46f1a4a8d1bdep-2, 0x1.29daf41755a07p-2),
                     exponent);
    V t = limit(y * log2, -200, 200), n = round(t), r = t - n;
    V p = poly(r, 0x1.62e42fef85675p-1, 0x1.ebfbdff80d029p-3, 0x1.c6b08dd628d8cp-5, 0x1.3b2ab7392ff4ep-7,
               0x1.5d87465084e2cp-10, 0x1.430874dc75b75p-13, 0x1.00dbf8b7b2bffp-16, 0x1.640a3fbee27e1p-20);
    return mul_add(r, p, V(1)) * from_bits<double>((native::to_integers<double>(n.v) + 1023) << 52);
}
// Frequent exponents by multiplication; `done` says where.
template <class T> Vec<T> pow_simple(Vec<T> a, Vec<T> b, Mask<T>& done) {
    using V = Vec<T>;
    Mask<T> two = b == V(2);
    if (!(!two).any()) {
        done = two;
        return a * a;
    }
    Mask<T> three = b == V(3), half = (b == V(0.5)) & (a > V(0)), minus_one = b == V(-1);
    done = two | three | half | minus_one;
    if (!done.any()) return a;
    V square = a * a;
    return select(two, square, select(three, square * a, select(half, sqrt(a), V(1) / a)));
}
// 2 ULP (float; cubes, 1 otherwise). Double goes lane by lane through libm.
inline Vec<double> pow(Vec<double> a, Same<double> b) {
    Mask<double> done;
    Vec<double> simple = pow_simple(a, b, done);
    if (!(!done).any()) return simple;
    return select(done, simple, map_lanes([](double x, double y) { return std::pow(x, y); }, a, b));
}
inline Vec<float> pow(Vec<float> a, Same<float> b) {
    using V = Vec<float>;
    Mask<float> done;
    V simple = pow_simple(a, b, done);
    if (!(!done).any()) return simple;
    V size = abs(a), zero(0);
    V r = through_double([](Vec<double> x, Vec<double> y) { return pow_40_bits(x, y); }, size, b);
    Mask<float> edge = (a <= zero) | (size == infinity<float>()) | (size == V(1)) | (a != a) | (b == zero);
    if (edge.any()) {
        r = select(size == zero, select(b > zero, zero, infinity<float>()), r);
        r = select(size == infinity<float>(), select(b > zero, infinity<float>(), zero), r);
        r = select(size == V(1), V(1), r);
        V half = V(0.5) * b;
        Mask<float> odd = (floor(b) == b) & (floor(half) != half);
        r = select(signbit(a) & odd, -r, r);
        r = select((a < zero) & (floor(b) != b) & (size < infinity<float>()), nan<float>(), r);
        r = select((a != a) | (b != b), nan<float>(), r);
        r = select((a == V(1)) | (b == zero), V(1), r);
    }
    return select(done, simple, r);
}
template <class T> Vec<T> pow(T a, Vec<T> b) { return pow(Vec<T>(a), b); }

template <class T> Vec<T> fmod(Vec<T> a, Same<T> b) {
    return map_lanes([](T x, T y) { return std::fmod(x, y); }, a, b);
}
template <class T> Vec<T> remainder(Vec<T> a, Same<T> b) {
    Vec<T> r = fmod(a, b);
    return select((r != Vec<T>(0)) & ((b < Vec<T>(0)) ^ (r < Vec<T>(0))), r + b, r);
}
template <class T> Vec<T> div_trunc(Vec<T> a, Same<T> b) { return trunc(a / b); }
template <class T> Vec<T> div_floor(Vec<T> a, Same<T> b) {
    return map_lanes([](T x, T y) { return vm::div_floor(x, y); }, a, b);
}

// 3 ULP.
template <class T> Vec<T> logaddexp(Vec<T> a, Same<T> b) {
    Vec<T> y = maximum(a, b) + log1p(exp(-abs(a - b)));
    return select(isinf(a) & (a == b), a, y);
}
template <class T> Vec<T> logaddexp2(Vec<T> a, Same<T> b) {
    Vec<T> y = maximum(a, b) + log1p(exp2(-abs(a - b))) * Vec<T>(1.4426950408889634);
    return select(isinf(a) & (a == b), a, y);
}
template <class T> Vec<T> xlogy(Vec<T> x, Same<T> y) {
    return select((x == Vec<T>(0)) & (y == y), Vec<T>(0), x * log(y));
}
template <class T> Vec<T> xlog1py(Vec<T> x, Same<T> y) {
    return select((x == Vec<T>(0)) & (y == y), Vec<T>(0), x * log1p(y));
}
template <class T> Vec<T> entr(Vec<T> x) {
    Vec<T> zero(0);
    return select(x == zero, zero, select(x < zero, -infinity<T>(), -x * log(x)));
}
template <class T> Vec<T> ldexp(Vec<T> a, Same<T> b) { return a * exp2(b); }
template <class T> Vec<T> angle(Vec<T> x) {
    return select(x != x, x, select(x < Vec<T>(0), Vec<T>(3.14159265358979323846), Vec<T>(0)));
}

// The rest goes lane by lane through the scalar function.
#define TAEDA_LANES_1(name) \
    template <class T> Vec<T> name(Vec<T> x) { \
        return map_lanes([](T v) { return vm::name(v); }, x); \
    }
#define TAEDA_LANES_2(name) \
    template <class T> Vec<T> name(Vec<T> a, Same<T> b) { \
        return map_lanes([](T x, T y) { return vm::name(x, y); }, a, b); \
    }
// clang-format off: a list of macro calls
TAEDA_LANES_1(erfc) TAEDA_LANES_1(erfinv) TAEDA_LANES_1(erfcx) TAEDA_LANES_1(lgamma) TAEDA_LANES_1(digamma)
TAEDA_LANES_1(trigamma) TAEDA_LANES_1(i0) TAEDA_LANES_1(i0e) TAEDA_LANES_1(i1) TAEDA_LANES_1(i1e)
TAEDA_LANES_1(ndtr) TAEDA_LANES_1(ndtri) TAEDA_LANES_1(log_ndtr) TAEDA_LANES_1(sinc) TAEDA_LANES_2(hypot)
TAEDA_LANES_2(nextafter) TAEDA_LANES_2(polygamma) TAEDA_LANES_2(zeta)
// clang-format on
#undef TAEDA_LANES_1
#undef TAEDA_LANES_2

}  // namespace taeda::vm
