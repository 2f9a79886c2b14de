#include "kernels/scan.h"

#include "kernels/cpu/slices.h"
#include "kernels/vec/scalar_math.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kStrip = 64;  // neighbouring slices that are scanned side by side

// f(acc, x) -> the next accumulator, for all slices; out takes the accumulator after each element.
template <class T, class A, class F> void scan(const Tensor& out, const Tensor& in, int64_t dim, A start, F f) {
    Slices s(in, dim);
    s.each_strip(kStrip, [&](int64_t at, int64_t columns, int64_t, int64_t) {
        const T* from = in.data<T>() + at;
        T* to = out.data<T>() + at;
        if (columns == 1) {
            A acc = start;
            for (int64_t i = 0; i < s.length; ++i) {
                acc = f(acc, static_cast<A>(from[i * s.inner]));
                to[i * s.inner] = T(acc);
            }
            return;
        }
        A acc[kStrip];
        std::fill_n(acc, columns, start);
        for (int64_t i = 0; i < s.length; ++i, from += s.inner, to += s.inner)
            for (int64_t j = 0; j < columns; ++j) {
                acc[j] = f(acc[j], static_cast<A>(from[j]));
                to[j] = T(acc[j]);
            }
    });
}

template <class T> using sum_type = std::conditional_t<is_reduced_float<T> || std::is_same_v<T, float>, double,
                                                       std::conditional_t<std::is_same_v<T, bool>, int64_t, T>>;

void cumsum(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_all(in.dtype(), [&]<class T>() {
        using A = sum_type<T>;
        scan<T, A>(out, in, dim, A(0), [](A a, A x) { return A(a + x); });
    });
}
void cumprod(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_all(in.dtype(), [&]<class T>() {
        using A = sum_type<T>;
        scan<T, A>(out, in, dim, A(1), [](A a, A x) { return A(a * x); });
    });
}
void logcumsumexp(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_floating(in.dtype(), "logcumsumexp", [&]<class T>() {
        scan<T, double>(out, in, dim, -std::numeric_limits<double>::infinity(),
                        [](double a, double x) { return vm::logaddexp(a, x); });
    });
}

template <bool largest>
void running_extremum(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim) {
    Slices s(in, dim);
    DType dtype = in.dtype() == DType::bool_ ? DType::uint8 : in.dtype();
    visit_real(dtype, largest ? "cummax" : "cummin", [&]<class T>() {
        s.each_strip(1, [&](int64_t at, int64_t, int64_t, int64_t) {
            const T* from = in.data<T>() + at;
            T* value = values.data<T>() + at;
            int64_t* index = indices.data<int64_t>() + at;
            op_type<T> best = from[0];
            int64_t where = 0;
            for (int64_t i = 0; i < s.length; ++i) {
                op_type<T> x = from[i * s.inner];
                if (best == best && (x != x || (largest ? x >= best : x <= best))) best = x, where = i;
                else if (x != x) where = i;
                value[i * s.inner] = T(best), index[i * s.inner] = where;
            }
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, cumsum, cumsum)
TAEDA_REGISTER(cpu, cumprod, cumprod)
TAEDA_REGISTER(cpu, logcumsumexp, logcumsumexp)
TAEDA_REGISTER(cpu, cummax, running_extremum<true>)
TAEDA_REGISTER(cpu, cummin, running_extremum<false>)

}  // namespace taeda::cpu
