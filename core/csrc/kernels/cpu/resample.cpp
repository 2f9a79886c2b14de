// Resampling along one dimension: vectors over the dimensions behind it, or scalars where there are none.
#include <cmath>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/resample.h"

namespace taeda {
namespace {

struct Shape {
    int64_t outer, in, out, inner;
};

template <class T> struct Weights {
    const ResampleWeights& table;
    std::vector<T> values;
    explicit Weights(const ResampleWeights& w) : table(w), values(w.weight.begin(), w.weight.end()) {}
    int64_t first(int64_t i) const { return table.first[size_t(i)]; }
    int64_t count(int64_t i) const { return table.begin[size_t(i) + 1] - table.begin[size_t(i)]; }
    const T* of(int64_t i) const { return values.data() + table.begin[size_t(i)]; }
};

// One output row of `inner` elements.
template <class S> void resample_row(S* out, const S* in, int64_t inner, const op_type<S>* weight, int64_t count) {
    using T = op_type<S>;
    cpu::each_vector<T>(inner, [&](int64_t j, auto lanes) {
        Vec<T> sum(T(0));
        for (int64_t k = 0; k < count; ++k) sum += Vec<T>(weight[k]) * cpu::load_some(in + k * inner + j, lanes);
        cpu::store_some(out + j, sum, lanes);
    });
}

template <class T> uint8_t to_byte(T value) { return uint8_t(std::nearbyint(std::min(T(255), std::max(T(0), value)))); }

template <class S, class T> T weighted_sum(const S* in, int64_t stride, const T* weight, int64_t count) {
    T sum = 0;
    for (int64_t k = 0; k < count; ++k) sum += weight[k] * T(in[k * stride]);
    return sum;
}

// The same for neighbouring elements, with the usual numbers of taps unrolled.
template <int K, class S, class T> T few(const S* in, const T* weight) {
    T sum = weight[0] * T(in[0]);
    for (int k = 1; k < K; ++k) sum += weight[k] * T(in[k]);
    return sum;
}
template <class S, class T> T weighted_sum(const S* in, const T* weight, int64_t count) {
    switch (count) {
        case 1: return few<1>(in, weight);
        case 2: return few<2>(in, weight);
        case 3: return few<3>(in, weight);
        case 4: return few<4>(in, weight);
        default: return weighted_sum(in, 1, weight, count);
    }
}

// Resamples every row of `in` elements along itself.
template <class S>
void resample_lines(S* out, const S* in, const Shape& s, const Weights<op_type<S>>& weights, int64_t taps) {
    using T = op_type<S>;
    cpu::parallel_for(0, s.outer, cpu::row_grain(s.out * taps), [&](int64_t from, int64_t to) {
        for (int64_t row = from; row < to; ++row)
            for (int64_t i = 0; i < s.out; ++i)
                out[row * s.out + i] =
                    S(weighted_sum<S, T>(in + row * s.in + weights.first(i), weights.of(i), weights.count(i)));
    });
}

// f(out row, in row, i) for every outer position and output index.
template <class S, class F> void each_output(const Tensor& out, const Tensor& in, const Shape& s, int64_t taps, F&& f) {
    cpu::parallel_for(0, s.outer * s.out, cpu::row_grain(s.inner * taps), [&](int64_t from, int64_t to) {
        for (int64_t row = from; row < to; ++row) {
            int64_t i = row % s.out;
            f(out.data<S>() + row * s.inner, in.data<S>() + row / s.out * s.in * s.inner, i);
        }
    });
}

void resample_cpu(const Tensor& out, const Tensor& in, int64_t dim, const ResampleWeights& table) {
    if (out.numel() == 0) return;
    Shape s{1, in.sizes()[size_t(dim)], out.sizes()[size_t(dim)], 1};
    for (int64_t d = 0; d < dim; ++d) s.outer *= in.sizes()[size_t(d)];
    for (int64_t d = dim + 1; d < in.dim(); ++d) s.inner *= in.sizes()[size_t(d)];
    int64_t taps = std::max<int64_t>(1, int64_t(table.weight.size()) / s.out);
    if (in.dtype() == DType::uint8) {
        Weights<float> weights(table);
        each_output<uint8_t>(out, in, s, taps, [&](uint8_t* to, const uint8_t* from, int64_t i) {
            const uint8_t* start = from + weights.first(i) * s.inner;
            for (int64_t j = 0; j < s.inner; ++j)
                to[j] = to_byte(weighted_sum(start + j, s.inner, weights.of(i), weights.count(i)));
        });
        return;
    }
    visit_floating(in.dtype(), "interpolate", [&]<class S>() {
        using T = op_type<S>;
        Weights<T> weights(table);
        if (s.inner == 1) return resample_lines(out.data<S>(), in.data<S>(), s, weights, taps);
        each_output<S>(out, in, s, taps, [&](S* to, const S* from, int64_t i) {
            resample_row(to, from + weights.first(i) * s.inner, s.inner, weights.of(i), weights.count(i));
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, resample, resample_cpu)

}  // namespace taeda
