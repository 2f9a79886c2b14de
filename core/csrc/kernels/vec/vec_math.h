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
template <class T> Vec<T> minimum(Vec<T> a, Same<T> b) { return select(a != a, a, Vec<T>(native::smaller<T>(a.v, b.v))); }
template <class T> Vec<T> maximum(Vec<T> a, Same<T> b) { return select(a != a, a, Vec<T>(native::larger<T>(a.v, b.v))); }
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

// 1 ULP (float). Double goes lane by lane through libm.
inline Vec<double> pow(Vec<double> a, Same<double> b) {
    return map_lanes([](double x, double y) { return std::pow(x, y); }, a, b);
}
inline Vec<float> pow(Vec<float> a, Same<float> b) {
    using V = Vec<float>;
    V size = abs(a);
    V r = through_double([](Vec<double> x, Vec<double> y) { return exp(y * log(x)); }, size, b);
    r = select((b == V(0)) | ((size == V(1)) & (b == b)), V(1), r);
    Mask<float> negative = signbit(a);
    if (!negative.any()) return select(a == V(1), V(1), r);
    V half = V(0.5) * b;
    Mask<float> odd = (floor(b) == b) & (floor(half) != half);
    Mask<float> undefined = (a < V(0)) & (floor(b) != b) & isfinite(a) & (b == b);
    r = select(negative & odd, -r, r);
    return select(a == V(1), V(1), select(undefined, nan<float>(), r));
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
TAEDA_LANES_1(erfc) TAEDA_LANES_1(erfinv) TAEDA_LANES_1(erfcx) TAEDA_LANES_1(lgamma) TAEDA_LANES_1(digamma)
TAEDA_LANES_1(trigamma) TAEDA_LANES_1(i0) TAEDA_LANES_1(i0e) TAEDA_LANES_1(i1) TAEDA_LANES_1(i1e)
TAEDA_LANES_1(ndtr) TAEDA_LANES_1(ndtri) TAEDA_LANES_1(log_ndtr) TAEDA_LANES_1(sinc)
TAEDA_LANES_2(hypot) TAEDA_LANES_2(nextafter) TAEDA_LANES_2(polygamma) TAEDA_LANES_2(zeta)
#undef TAEDA_LANES_1
#undef TAEDA_LANES_2

}  // namespace taeda::vm
