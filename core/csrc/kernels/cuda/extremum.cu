// Largest and smallest elements, with and without their positions.
#include "kernels/cuda/reduce_outputs.h"
#include "kernels/vec/scalar_math.h"

namespace taeda::cuda {
namespace {

// Of four bytes at least, as accumulators have to be.
template <class T> using compare_type =
    std::conditional_t<std::is_integral_v<T> && (sizeof(T) < 4), int32_t, op_type<T>>;

template <class T> T lowest_or_highest(bool lowest) {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::has_infinity) return lowest ? -Limits::infinity() : Limits::infinity();
    else return lowest ? Limits::min() : Limits::max();
}

template <class Type> struct Extremum : PlainReduction {
    using S = Type;
    using C = compare_type<Type>;
    using A = C;
    Outputs out;
    C start;
    bool largest;

    __device__ A identity() const { return start; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) merge(acc, x[k]);
    }
    __device__ void merge(A& acc, const A& later) const {
        acc = largest ? vm::maximum(acc, later) : vm::minimum(acc, later);
    }
    __device__ void write(int64_t output, const A& acc) const { out.write(output, sum_type<C>(acc)); }
};

// The first of the largest (or smallest) elements; a NaN beats all numbers.
template <class Type> struct Indexed : PlainReduction {
    using S = Type;
    using C = compare_type<Type>;
    struct A {
        C value;
        int64_t index;  // negative: no element yet
    };
    static constexpr bool is_ordered = true;
    Outputs out;
    bool largest;

    __device__ bool beats(C a, C b) const { return (largest ? a > b : a < b) || (a != a && b == b); }
    __device__ A identity() const { return {C(0), -1}; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t position, int64_t step) const {
        for (int k = 0; k < n; ++k)  // a thread meets its elements in order
            if (acc.index < 0 || beats(x[k], acc.value)) acc = {x[k], position + k * step};
    }
    __device__ void merge(A& acc, const A& later) const {
        if (later.index < 0) return;
        const bool is_tie = !beats(acc.value, later.value) && later.index < acc.index;
        if (acc.index < 0 || beats(later.value, acc.value) || is_tie) acc = later;
    }
    __device__ void write(int64_t output, const A& acc) const { out.write(output, sum_type<C>(acc.value), acc.index); }
};

DType comparable(const Tensor& in) { return in.dtype() == DType::bool_ ? DType::uint8 : in.dtype(); }

template <bool largest> void extremum(const Tensor& out, const Tensor& in, Ints dims) {
    visit_real(comparable(in), largest ? "amax" : "amin", [&]<class T>() {
        using Op = Extremum<T>;
        const auto start = lowest_or_highest<typename Op::C>(largest);
        reduce_with<Op>(out, Tensor(), in, dims, [&](const Outputs& o) { return Op{{}, o, start, largest}; });
    });
}
template <bool largest> void extremum_index(const Tensor& values, const Tensor& indices, const Tensor& in, Ints dims) {
    visit_real(comparable(in), largest ? "max" : "min", [&]<class T>() {
        using Op = Indexed<T>;
        reduce_with<Op>(values, indices, in, dims, [](const Outputs& o) { return Op{{}, o, largest}; });
    });
}
template <bool largest> void extremum_position(const Tensor& indices, const Tensor& in, Ints dims) {
    extremum_index<largest>(Tensor(), indices, in, dims);
}

}  // namespace

TAEDA_REGISTER(cuda, amax, extremum<true>)
TAEDA_REGISTER(cuda, amin, extremum<false>)
TAEDA_REGISTER(cuda, max_index, extremum_index<true>)
TAEDA_REGISTER(cuda, min_index, extremum_index<false>)
TAEDA_REGISTER(cuda, argmax, extremum_position<true>)
TAEDA_REGISTER(cuda, argmin, extremum_position<false>)

}  // namespace taeda::cuda
