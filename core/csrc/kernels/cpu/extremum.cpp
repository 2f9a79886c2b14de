// Largest and smallest elements, with and without their positions.
#include "kernels/cpu/reduction.h"
#include "kernels/reduce.h"

namespace taeda::cpu {
namespace {

template <class Type, bool largest> struct Extremum {
    using T = Type;
    using A = Type;
    using R = Type;
    using Limits = std::numeric_limits<T>;
    T identity() const {
        if constexpr (Limits::has_infinity) return largest ? -Limits::infinity() : Limits::infinity();
        else return largest ? Limits::min() : Limits::max();
    }
    template <class X> X lift(X x) const { return x; }
    template <class X> X merge(X a, X b) const { return largest ? vm::maximum(a, b) : vm::minimum(a, b); }
    R result(A a) const { return a; }
};

// The element that comes first of the largest (or smallest) ones; a NaN beats all numbers.
template <class Type, bool largest> struct Indexed {
    using T = Type;
    using R = Type;
    using R2 = int64_t;
    static constexpr bool is_ordered = true;
    struct A {
        T value;
        int64_t index;
    };

    static bool beats(T a, T b) { return (largest ? a > b : a < b) || (a != a && b == b); }

    static void row(const void*, void* acc, const void* in, int64_t n, int64_t first) {
        const T* p = static_cast<const T*>(in);
        A& a = *static_cast<A*>(acc);
        if (n == 0) {
            a = {T(0), 0};
            return;
        }
        SimpleReduction<Extremum<T, largest>>::row(&plain, &a.value, in, n, 0);
        int64_t i = find(p, n, a.value);
        a = {p[i], first + i};
    }
    // The first element equal to `value`, or the first NaN if that is one.
    static int64_t find(const T* p, int64_t n, T value) {
        int64_t i = 0;
        if constexpr (std::is_floating_point_v<T>) {
            constexpr int64_t w = Vec<T>::size;
            auto hit = [&](Vec<T> x) { return value == value ? x == Vec<T>(value) : x != x; };
            while (i + w <= n && !hit(Vec<T>::load(p + i)).any()) i += w;
        }
        while (value == value ? p[i] != value : p[i] == p[i]) ++i;
        return i;
    }

    static void columns(const void*, void* acc, const void* in, int64_t rows, int64_t columns, int64_t row_stride,
                        int64_t first, int64_t step) {
        A* a = static_cast<A*>(acc);
        const char* p = static_cast<const char*>(in);
        auto at = [&](int64_t i) { return reinterpret_cast<const T*>(p + i * row_stride); };
        int64_t j = 0;
        if constexpr (std::is_floating_point_v<T>) {
            using V = Vec<T>;
            constexpr int64_t w = V::size;
            for (; j < columns; j += w) {
                int64_t n = std::min(w, columns - j);
                auto load = [&](int64_t i) { return n == w ? V::load(at(i) + j) : V::load(at(i) + j, n); };
                V best = load(0), where(0);
                for (int64_t i = 1; i < rows; ++i) {
                    V x = load(i);
                    Mask<T> better = (largest ? x > best : x < best) | ((x != x) & (best == best));
                    best = select(better, x, best);
                    where = select(better, V(T(i)), where);
                }
                for (int64_t k = 0; k < n; ++k) a[j + k] = {best[int(k)], first + int64_t(where[int(k)]) * step};
            }
        } else {
            for (int64_t k = 0; k < columns; ++k) a[k] = {at(0)[k], first};
            for (int64_t i = 1; i < rows; ++i)
                for (int64_t k = 0; k < columns; ++k)
                    if (beats(at(i)[k], a[k].value)) a[k] = {at(i)[k], first + i * step};
        }
    }
    static void combine(const void*, void* acc, const void* later, int64_t count) {
        A* a = static_cast<A*>(acc);
        const A* b = static_cast<const A*>(later);
        for (int64_t j = 0; j < count; ++j)
            if (beats(b[j].value, a[j].value)) a[j] = b[j];
    }
    static void finish(const void*, void* values, void* indices, const void* acc, int64_t count) {
        const A* a = static_cast<const A*>(acc);
        for (int64_t j = 0; j < count; ++j) {
            static_cast<T*>(values)[j] = a[j].value;
            static_cast<int64_t*>(indices)[j] = a[j].index;
        }
    }

    static constexpr Extremum<T, largest> plain{};
};

template <bool largest> void extremum(const Tensor& out, const Tensor& in, Ints dims) {
    visit_compute(in.dtype(), [&]<class T>() { reduce_with(Extremum<T, largest>{}, {&out}, in, dims); });
}
template <bool largest> void extremum_index(const Tensor& values, const Tensor& indices, const Tensor& in, Ints dims) {
    visit_compute(in.dtype(), [&]<class T>() {
        using Op = Indexed<T, largest>;
        reduce_with<Op, Op>(Op{}, {&values, &indices}, in, dims);
    });
}
template <bool largest> void extremum_position(const Tensor& indices, const Tensor& in, Ints dims) {
    extremum_index<largest>(Tensor(), indices, in, dims);
}

}  // namespace

TAEDA_REGISTER(cpu, amax, extremum<true>)
TAEDA_REGISTER(cpu, amin, extremum<false>)
TAEDA_REGISTER(cpu, max_index, extremum_index<true>)
TAEDA_REGISTER(cpu, min_index, extremum_index<false>)
TAEDA_REGISTER(cpu, argmax, extremum_position<true>)
TAEDA_REGISTER(cpu, argmin, extremum_position<false>)

}  // namespace taeda::cpu
