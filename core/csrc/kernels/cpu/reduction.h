// The driver of all reductions: it walks the memory, an operator reduces blocks and combines what it got from them.
//
// The reduced dimensions are cut into blocks of a fixed size and the blocks are combined along a binary tree, so that
// neither the threads nor the outputs' layout can change a result.
#pragma once

#include "kernels/cpu/parallel.h"
#include "kernels/vec/vec_math.h"
#include "tensor/tensor.h"

namespace taeda::cpu {

// An operator as the driver sees it. Accumulators are `acc_bytes` each; blocks hold elements of dtype `compute`.
struct Reducer {
    const void* op;
    DType compute;
    int64_t acc_bytes;
    int results;      // one or two
    DType result[2];  // what `finish` writes
    bool is_ordered;  // wants positions: `first` counts in the order of the dimensions
    DType row_input;  // what `row` reads: `compute`, or a 16-bit float
    // *acc = reduction of n contiguous elements, the first of them at position `first`; n = 0 gives the identity.
    void (*row)(const void* op, void* acc, const void* in, int64_t n, int64_t first);
    // acc[j] = reduction over i of in[i][j]; row i is at position first + i * step.
    void (*columns)(const void* op, void* acc, const void* in, int64_t rows, int64_t columns, int64_t row_stride,
                    int64_t first, int64_t step);
    // acc[j] = acc[j] combined with later[j]
    void (*combine)(const void* op, void* acc, const void* later, int64_t count);
    void (*finish)(const void* op, void* result0, void* result1, const void* acc, int64_t count);
};

void run_reduction(const Reducer& reducer, std::initializer_list<const Tensor*> outs, const Tensor& in, Ints dims);

// The real and imaginary parts of a complex tensor as a last dimension of two.
Tensor view_reals(const Tensor& t);
// How many elements of `in` go into one output.
int64_t reduced_numel(const Tensor& in, Ints dims);

// A Reducer whose accumulator is one value. Op provides
//   using T, A;  T elements of a block, A the accumulator (the same type for vectorised operators)
//   A identity() const;  X lift(X) const: an element's contribution;  X merge(X, X) const
//   using R;  R result(A) const
template <class Op> struct SimpleReduction {
    using T = typename Op::T;
    using A = typename Op::A;
    using R = typename Op::R;
    static constexpr bool is_vector = std::is_floating_point_v<T> && std::is_same_v<T, A>;
    static const Op& self(const void* op) { return *static_cast<const Op*>(op); }

    static void row(const void* o, void* acc, const void* in, int64_t n, int64_t first) {
        row_of<T>(o, acc, in, n, first);
    }
    // A row of T, or of 16-bit floats that compute in T.
    template <class S> static void row_of(const void* o, void* acc, const void* in, int64_t n, int64_t) {
        const Op& op = self(o);
        const S* p = static_cast<const S*>(in);
        A total = op.identity();
        if constexpr (is_vector) {
            using V = Vec<T>;
            constexpr int64_t w = V::size;
            V a(total), b = a, c = a, d = a;
            int64_t i = 0;
            for (; i + 4 * w <= n; i += 4 * w) {
                a = op.merge(a, op.lift(load_vec(p + i)));
                b = op.merge(b, op.lift(load_vec(p + i + w)));
                c = op.merge(c, op.lift(load_vec(p + i + 2 * w)));
                d = op.merge(d, op.lift(load_vec(p + i + 3 * w)));
            }
            for (; i + w <= n; i += w) a = op.merge(a, op.lift(load_vec(p + i)));
            if (i < n) b = op.merge(b, select(first_lanes<T>(n - i), op.lift(load_vec(p + i, n - i)), V(total)));
            a = op.merge(op.merge(a, c), op.merge(b, d));
            total = fold_lanes(a, [&](V x, V y) { return op.merge(x, y); });
        } else {
            for (int64_t i = 0; i < n; ++i) total = op.merge(total, A(op.lift(p[i])));
        }
        *static_cast<A*>(acc) = total;
    }

    static void columns(const void* o, void* acc, const void* in, int64_t rows, int64_t columns, int64_t row_stride,
                        int64_t, int64_t) {
        const Op& op = self(o);
        const char* p = static_cast<const char*>(in);
        A* to = static_cast<A*>(acc);
        int64_t j = 0;
        if constexpr (is_vector) {
            using V = Vec<T>;
            constexpr int64_t w = V::size;
            for (; j + 2 * w <= columns; j += 2 * w) {
                V a(op.identity()), b = a;
                for (int64_t i = 0; i < rows; ++i) {
                    const T* from = reinterpret_cast<const T*>(p + i * row_stride) + j;
                    a = op.merge(a, op.lift(V::load(from)));
                    b = op.merge(b, op.lift(V::load(from + w)));
                }
                a.store(to + j), b.store(to + j + w);
            }
            for (; j < columns; j += w) {
                int64_t n = std::min(w, columns - j);
                V a(op.identity());
                for (int64_t i = 0; i < rows; ++i)
                    a = op.merge(a, op.lift(V::load(reinterpret_cast<const T*>(p + i * row_stride) + j, n)));
                a.store(to + j, n);
            }
        } else {
            for (int64_t k = 0; k < columns; ++k) to[k] = op.identity();
            for (int64_t i = 0; i < rows; ++i) {
                const T* from = reinterpret_cast<const T*>(p + i * row_stride);
                for (int64_t k = 0; k < columns; ++k) to[k] = op.merge(to[k], A(op.lift(from[k])));
            }
        }
    }

    static void combine(const void* o, void* acc, const void* later, int64_t count) {
        A* a = static_cast<A*>(acc);
        const A* b = static_cast<const A*>(later);
        for (int64_t j = 0; j < count; ++j) a[j] = self(o).merge(a[j], b[j]);
    }
    static void finish(const void* o, void* result, void*, const void* acc, int64_t count) {
        const A* a = static_cast<const A*>(acc);
        for (int64_t j = 0; j < count; ++j) static_cast<R*>(result)[j] = self(o).result(a[j]);
    }
};

template <class Op, class Kernels = SimpleReduction<Op>>
void reduce_with(const Op& op, std::initializer_list<const Tensor*> outs, const Tensor& in, Ints dims) {
    Reducer r{&op,
              dtype_of<typename Op::T>,
              sizeof(typename Op::A),
              1,
              {dtype_of<typename Op::R>},
              false,
              dtype_of<typename Op::T>,
              Kernels::row,
              Kernels::columns,
              Kernels::combine,
              Kernels::finish};
    if constexpr (requires { typename Op::R2; }) r.results = 2, r.result[1] = dtype_of<typename Op::R2>;
    if constexpr (requires { Op::is_ordered; }) r.is_ordered = true;
    if constexpr (std::is_same_v<typename Op::T, float> && requires { &Kernels::template row_of<Half>; }) {
        if (in.dtype() == DType::float16) r.row = Kernels::template row_of<Half>, r.row_input = DType::float16;
        if (in.dtype() == DType::bfloat16) r.row = Kernels::template row_of<BFloat16>, r.row_input = DType::bfloat16;
    }
    run_reduction(r, outs, in, dims);
}

// f.operator()<T>() with T = float, double or, for integers and bool, int64_t.
template <class F> void visit_compute(DType dtype, F&& f) {
    if (dtype == DType::float64) f.template operator()<double>();
    else if (is_floating(dtype)) f.template operator()<float>();
    else f.template operator()<int64_t>();
}
template <class F> void visit_compute_floating(DType dtype, const char* op, F&& f) {
    if (dtype == DType::float64) return f.template operator()<double>();
    if (is_floating(dtype)) return f.template operator()<float>();
    raise<NotImplementedError>(op, ": not implemented for '", dtype_long_name(dtype),
                               "'; convert the input to a floating dtype first, e.g. with .float()");
}

}  // namespace taeda::cpu
