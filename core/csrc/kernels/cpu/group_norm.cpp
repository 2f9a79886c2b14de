// Group normalisation: a group is a contiguous row of channels, each with its own weight and bias.
#include <cmath>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/norm.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::store_some;

template <class T> T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

struct Extent {
    int64_t N, C, S, groups, channels;  // channels of one group

    Extent(const Tensor& x, int64_t groups)
        : N(x.size(0)),
          C(x.size(1)),
          S(x.numel() / std::max<int64_t>(1, N * C)),
          groups(groups),
          channels(C / groups) {}
};

// f(group of the batch, its first channel, where it starts)
template <class F> void each_group(const Extent& e, F&& f) {
    int64_t width = e.channels * e.S;
    cpu::parallel_for(0, e.N * e.groups, cpu::row_grain(width), [&](int64_t from, int64_t to) {
        for (int64_t g = from; g < to; ++g) f(g, g % e.groups * e.channels, g * width);
    });
}

void group_norm_cpu(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x, const Tensor& weight,
                    const Tensor& bias, int64_t groups, double eps) {
    visit_floating(x.dtype(), "group_norm", [&]<class S>() {
        using T = op_type<S>;
        Extent e(x, groups);
        const T *w = data_or_null<T>(weight), *b = data_or_null<T>(bias);
        each_group(e, [&](int64_t g, int64_t first, int64_t start) {
            cpu::Moments<T> m = cpu::moments(x.data<S>() + start, e.channels * e.S);
            T scale = T(1) / std::sqrt(m.squares / T(e.channels * e.S) + T(eps));
            mean.data<T>()[g] = m.mean;
            rstd.data<T>()[g] = scale;
            Vec<T> center(m.mean);
            for (int64_t c = 0; c < e.channels; ++c) {
                Vec<T> slope(w ? scale * w[first + c] : scale), shift(b ? b[first + c] : T(0));
                const S* from = x.data<S>() + start + c * e.S;
                S* to = out.data<S>() + start + c * e.S;
                each_vector<T>(e.S, [&](int64_t i, auto count) {
                    store_some(to + i, mul_add(load_some(from + i, count) - center, slope, shift), count);
                });
            }
        });
    });
}

void group_norm_grad_cpu(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight, int64_t groups) {
    visit_floating(x.dtype(), "group_norm", [&]<class S>() {
        using T = op_type<S>;
        Extent e(x, groups);
        const T *w = data_or_null<T>(weight), *m = mean.data<T>(), *r = rstd.data<T>();
        std::vector<cpu::Pair<T>> sums(size_t(e.N * e.C));  // per sample and channel: of grad, of grad * (x - mean)
        each_group(e, [&](int64_t g, int64_t first, int64_t start) {
            T offset = 0, slope = 0;
            Vec<T> center(m[g]);
            for (int64_t c = 0; c < e.channels; ++c) {
                const S *grad = grad_out.data<S>() + start + c * e.S, *px = x.data<S>() + start + c * e.S;
                auto both = cpu::vector_sums<T>(e.S, [&](int64_t i, auto count, Vec<T>& a, Vec<T>& b) {
                    a = load_some(grad + i, count);
                    b = a * (load_some(px + i, count) - center);
                });
                sums[size_t(g * e.channels + c)] = both;
                T weight_c = w ? w[first + c] : T(1);
                offset += both.first * weight_c, slope += both.second * weight_c;
            }
            if (!grad_x.defined()) return;
            const T size = T(e.channels * e.S), scale = r[g];
            Vec<T> mean_grad(offset / size * scale), factor(slope / size * scale * scale * scale);
            for (int64_t c = 0; c < e.channels; ++c) {
                const S *grad = grad_out.data<S>() + start + c * e.S, *px = x.data<S>() + start + c * e.S;
                S* to = grad_x.data<S>() + start + c * e.S;
                Vec<T> weight_c(w ? w[first + c] * scale : scale);
                each_vector<T>(e.S, [&](int64_t i, auto count) {
                    Vec<T> d = load_some(px + i, count) - center;
                    store_some(to + i, load_some(grad + i, count) * weight_c - mean_grad - d * factor, count);
                });
            }
        });
        for (int64_t c = 0; c < e.C; ++c) {
            T of_weight = 0, of_bias = 0;
            for (int64_t n = 0; n < e.N; ++n) {
                const auto& both = sums[size_t(n * e.C + c)];
                of_weight += both.second * r[n * e.groups + c / e.channels];
                of_bias += both.first;
            }
            if (grad_weight.defined()) grad_weight.data<T>()[c] = of_weight;
            if (grad_bias.defined()) grad_bias.data<T>()[c] = of_bias;
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, group_norm, group_norm_cpu)
TAEDA_REGISTER(cpu, group_norm_grad, group_norm_grad_cpu)

}  // namespace taeda
