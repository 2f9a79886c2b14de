#include "kernels/scan.h"

#include "kernels/cpu/rows.h"
#include "kernels/cpu/slices.h"
#include "kernels/vec/vec_math.h"

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

// Lane i gets the sum of the lanes up to i: each round adds the lane 2^round places before.
template <int distance = 1> Vec<double> running_lanes(Vec<double> x) {
    constexpr int n = Vec<double>::size;
    if constexpr (distance >= n) {
        return x;
    } else {
        native::integers<double> from;
        for (int i = 0; i < n; ++i) from[i] = i < distance ? n : i - distance;
        Vec<double> moved(__builtin_shuffle(x.v, native::vector<double>{}, from));
        return running_lanes<2 * distance>(x + moved);
    }
}
inline Vec<double> last_lane(Vec<double> x) {
    return Vec<double>(__builtin_shuffle(x.v, native::integers<double>{} + (Vec<double>::size - 1)));
}

// One slice of floats that lie side by side, in double. Sums of registers come first, so that a step waits for one
// addition alone.
template <class T> void cumsum_row(T* to, const T* from, int64_t n) {
    Vec<double> total(0);
    auto next = [&](Vec<double> x) {
        Vec<double> sums = running_lanes(x), result = total + sums;
        total += last_lane(sums);
        return result;
    };
    auto step = [&](int64_t i, auto count) {
        auto x = load_some(from + i, count);
        if constexpr (std::is_same_v<T, double>) {
            store_some(to + i, next(x), count);
        } else {
            Vec<double> low, high;
            native::widen(x.v, low.v, high.v);
            low = next(low);
            store_some(to + i, Vec<float>(native::narrow_down(low.v, next(high).v)), count);
        }
    };
    each_vector<op_type<T>>(n, step);
}

void cumsum(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_all(in.dtype(), [&]<class T>() {
        using A = sum_type<T>;
        if constexpr (std::is_same_v<A, double>) {
            Slices s(in, dim);
            if (s.inner == 1)
                return s.each_strip(1, [&](int64_t at, int64_t, int64_t, int64_t) {
                    cumsum_row(out.data<T>() + at, in.data<T>() + at, s.length);
                });
        }
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
