// Vec<T>: a register full of floats or doubles, and Mask<T>, one truth value per lane.
//
// One source serves every instruction set: GCC/Clang vector extensions of TAEDA_VEC_BYTES bytes, with intrinsics only
// where the extensions have no word for it (vec_native.h). A file that includes this is compiled once per ISA level
// into a library of its own with hidden symbols, so that the levels never mix.
#pragma once

#include "kernels/vec/vec_native.h"
#include "tensor/dtype.h"

namespace taeda {

template <class T> struct Vec;

template <class T> struct Mask {
    using Register = native::mask_register<T>;
    static constexpr int size = native::lanes<T>;
    Register m;

    Mask() = default;
    explicit Mask(Register r) : m(r) {}
    Mask(bool value) : m(native::mask_all<T>(value)) {}

    // `n` bools, the lanes behind them false.
    static Mask load(const bool* p) { return Mask(native::mask_from_bytes<T>(p)); }
    static Mask load(const bool* p, int64_t n) {
        bool bytes[size] = {};
        std::memcpy(bytes, p, size_t(n));
        return load(bytes);
    }
    void store(bool* p) const { native::mask_to_bytes<T>(p, m); }
    void store(bool* p, int64_t n) const {
        bool bytes[size];
        store(bytes);
        std::memcpy(p, bytes, size_t(n));
    }
    bool any() const { return native::mask_any<T>(m); }

    friend Mask operator&(Mask a, Mask b) { return Mask(Register(a.m & b.m)); }
    friend Mask operator|(Mask a, Mask b) { return Mask(Register(a.m | b.m)); }
    friend Mask operator^(Mask a, Mask b) { return Mask(Register(a.m ^ b.m)); }
    friend Mask operator!(Mask a) { return Mask(Register(~a.m)); }
    friend Mask operator&&(Mask a, Mask b) { return a & b; }
    friend Mask operator||(Mask a, Mask b) { return a | b; }
    friend Mask operator==(Mask a, Mask b) { return !(a ^ b); }
    friend Mask operator!=(Mask a, Mask b) { return a ^ b; }
};

template <class T> struct Vec {
    using value_type = T;
    using Register = native::vector<T>;
    static constexpr int size = native::lanes<T>;
    Register v;

    Vec() = default;
    explicit Vec(Register r) : v(r) {}
    template <class S>
        requires std::is_arithmetic_v<S>
    Vec(S value) : v(native::broadcast<T>(T(value))) {}

    static Vec load(const T* p) {
        Vec r;
        std::memcpy(&r.v, p, sizeof r.v);
        return r;
    }
    // The first `n` (< size) elements; the lanes behind them are zero.
    static Vec load(const T* p, int64_t n) { return Vec(native::load_part<T>(p, n)); }
    void store(T* p) const { std::memcpy(p, &v, sizeof v); }
    void store(T* p, int64_t n) const { native::store_part<T>(p, v, n); }
    T operator[](int lane) const { return v[lane]; }

    friend Vec operator+(Vec a, Vec b) { return Vec(a.v + b.v); }
    friend Vec operator-(Vec a, Vec b) { return Vec(a.v - b.v); }
    friend Vec operator*(Vec a, Vec b) { return Vec(a.v * b.v); }
    friend Vec operator/(Vec a, Vec b) { return Vec(a.v / b.v); }
    friend Vec operator-(Vec a) { return Vec(-a.v); }
    Vec& operator+=(Vec b) { return *this = *this + b; }
    Vec& operator-=(Vec b) { return *this = *this - b; }
    Vec& operator*=(Vec b) { return *this = *this * b; }
    Vec& operator/=(Vec b) { return *this = *this / b; }

    friend Mask<T> operator<(Vec a, Vec b) { return Mask<T>(native::less<T>(a.v, b.v)); }
    friend Mask<T> operator<=(Vec a, Vec b) { return Mask<T>(native::less_equal<T>(a.v, b.v)); }
    friend Mask<T> operator>(Vec a, Vec b) { return b < a; }
    friend Mask<T> operator>=(Vec a, Vec b) { return b <= a; }
    friend Mask<T> operator==(Vec a, Vec b) { return Mask<T>(native::equal<T>(a.v, b.v)); }
    friend Mask<T> operator!=(Vec a, Vec b) { return !(a == b); }
};

template <class V> struct is_vec : std::false_type {};
template <class T> struct is_vec<Vec<T>> : std::true_type {};
template <class V> struct is_mask : std::false_type {};
template <class T> struct is_mask<Mask<T>> : std::true_type {};

// m ? a : b per lane.
template <class T> Vec<T> select(Mask<T> m, Vec<T> a, Vec<T> b) { return Vec<T>(native::select<T>(m.m, a.v, b.v)); }

// a * b + c; one rounding where the instruction set has it (all levels but the baseline).
template <class T> Vec<T> mul_add(Vec<T> a, Vec<T> b, Vec<T> c) { return Vec<T>(native::mul_add<T>(a.v, b.v, c.v)); }

// The bits of the lanes as integers, and back.
template <class T> native::integers<T> bits_of(Vec<T> x) { return native::integers<T>(x.v); }
template <class T> Vec<T> from_bits(native::integers<T> i) { return Vec<T>(native::vector<T>(i)); }

// f applied to each lane: for functions too rare to deserve a vector form.
template <class T, class F, class... More> Vec<T> map_lanes(F f, Vec<T> x, More... more) {
    Vec<T> r(0);
    for (int i = 0; i < Vec<T>::size; ++i) r.v[i] = f(x.v[i], more.v[i]...);
    return r;
}

// True in the first n lanes.
template <class T> Mask<T> first_lanes(int64_t n) {
    typename Vec<T>::Register lane;
    for (int i = 0; i < Vec<T>::size; ++i) lane[i] = T(i);
    return Vec<T>(lane) < Vec<T>(T(n));
}

// The lanes combined by `merge` in halves: a fixed order.
template <class T, class F> T fold_lanes(Vec<T> x, F merge) {
    native::integers<T> lane;
    for (int i = 0; i < Vec<T>::size; ++i) lane[i] = native::int_of<T>(i);
    for (int half = Vec<T>::size / 2; half; half /= 2)
        x = merge(x, Vec<T>(__builtin_shuffle(x.v, lane ^ native::int_of<T>(half))));
    return x[0];
}
template <class T> T sum_lanes(Vec<T> x) {
    return fold_lanes(x, [](Vec<T> a, Vec<T> b) { return a + b; });
}
// The largest lane; a NaN wins.
template <class T> T max_lanes(Vec<T> x) {
    return fold_lanes(x, [](Vec<T> a, Vec<T> b) { return select((a > b) | (a != a), a, b); });
}

// Vec<op_type<S>> from memory of element type S (16-bit floats widen), and back with rounding to nearest even.
template <class S> Vec<op_type<S>> load_vec(const S* p) {
    if constexpr (std::is_same_v<S, Half>) return Vec<float>(native::load_half(p));
    else if constexpr (std::is_same_v<S, BFloat16>) return Vec<float>(native::load_bfloat16(p));
    else return Vec<S>::load(p);
}
template <class S> Vec<op_type<S>> load_vec(const S* p, int64_t n) {
    if constexpr (is_reduced_float<S>) {
        alignas(64) S part[Vec<float>::size];
        std::memset(static_cast<void*>(part), 0, sizeof part);
        std::memcpy(static_cast<void*>(part), p, size_t(n) * sizeof(S));
        return load_vec(part);
    } else {
        return Vec<S>::load(p, n);
    }
}
template <class S> void store_vec(S* p, Vec<op_type<S>> x) {
    if constexpr (std::is_same_v<S, Half>) native::store_half(p, x.v);
    else if constexpr (std::is_same_v<S, BFloat16>) native::store_bfloat16(p, x.v);
    else x.store(p);
}
template <class S> void store_vec(S* p, Vec<op_type<S>> x, int64_t n) {
    if constexpr (is_reduced_float<S>) {
        alignas(64) S part[Vec<float>::size];
        store_vec(part, x);
        std::memcpy(static_cast<void*>(p), part, size_t(n) * sizeof(S));
    } else {
        x.store(p, n);
    }
}

}  // namespace taeda
