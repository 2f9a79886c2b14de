// Layer and root-mean-square normalisation of contiguous rows.
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

constexpr int64_t kRowBlocks = 16;  // partial gradients of weight and bias, added in order

template <class T> T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

template <class S> struct Norm {
    using T = op_type<S>;
    int64_t rows, width;
    const T *weight, *bias;  // or null

    // Null mean: root mean square.
    void forward(S* out, T* mean, T* rstd, const S* x, T eps) const {
        cpu::parallel_for(0, rows, cpu::row_grain(width), [&](int64_t from, int64_t to) {
            for (int64_t r = from; r < to; ++r) {
                const S* row = x + r * width;
                T center = 0, variance;
                if (mean) {
                    cpu::Moments<T> m = cpu::moments(row, width);
                    center = mean[r] = m.mean;
                    variance = m.squares / T(width);
                } else {
                    variance = cpu::vector_sum<T>(width,
                                                  [&](int64_t i, auto count) {
                                                      Vec<T> v = load_some(row + i, count);
                                                      return v * v;
                                                  }) /
                               T(width);
                }
                rstd[r] = T(1) / std::sqrt(variance + eps);
                scale_row(out + r * width, row, center, rstd[r]);
            }
        });
    }

    void scale_row(S* out, const S* x, T center, T scale) const {
        Vec<T> c(center), s(scale);
        each_vector<T>(width, [&](int64_t i, auto count) {
            Vec<T> v = (load_some(x + i, count) - c) * s;
            if (weight) v = v * load_some(weight + i, count);
            if (bias) v += load_some(bias + i, count);
            store_some(out + i, v, count);
        });
    }

    // Adds one row's share to grad_w and grad_b (each may be null) and writes its grad_x (may be null).
    void backward_row(S* grad_x, T* grad_w, T* grad_b, const S* grad, const S* x, T center, T scale,
                      bool centered) const {
        Vec<T> c(center), s(scale);
        cpu::Pair<T> sums{0, 0};
        if (grad_x)
            sums = cpu::vector_sums<T>(width, [&](int64_t i, auto count, Vec<T>& a, Vec<T>& b) {
                a = load_some(grad + i, count);
                if (weight) a = a * load_some(weight + i, count);
                b = a * ((load_some(x + i, count) - c) * s);
            });
        Vec<T> offset(centered ? sums.first / T(width) : T(0)), slope(sums.second / T(width));
        each_vector<T>(width, [&](int64_t i, auto count) {
            Vec<T> g = load_some(grad + i, count), normal = (load_some(x + i, count) - c) * s;
            if (grad_w) store_some(grad_w + i, mul_add(g, normal, load_some(grad_w + i, count)), count);
            if (grad_b) store_some(grad_b + i, load_some(grad_b + i, count) + g, count);
            if (!grad_x) return;
            if (weight) g = g * load_some(weight + i, count);
            store_some(grad_x + i, (g - offset - normal * slope) * s, count);
        });
    }

    void backward(S* grad_x, T* grad_w, T* grad_b, const S* grad, const S* x, const T* mean, const T* rstd) const {
        int64_t per_block = (rows + kRowBlocks - 1) / kRowBlocks;
        int64_t blocks = per_block ? (rows + per_block - 1) / per_block : 0;
        std::vector<T> partial(size_t((grad_w || grad_b) ? 2 * blocks * width : 0));
        cpu::parallel_for(0, blocks, cpu::row_grain(per_block * width), [&](int64_t from, int64_t to) {
            for (int64_t b = from; b < to; ++b) {
                T* w = grad_w ? partial.data() + 2 * b * width : nullptr;
                T* bias_part = grad_b ? partial.data() + (2 * b + 1) * width : nullptr;
                for (int64_t r = b * per_block; r < std::min(rows, (b + 1) * per_block); ++r)
                    backward_row(grad_x ? grad_x + r * width : nullptr, w, bias_part, grad + r * width, x + r * width,
                                 mean ? mean[r] : T(0), rstd[r], mean != nullptr);
            }
        });
        if (grad_w) add_up(grad_w, partial.data(), blocks);
        if (grad_b) add_up(grad_b, partial.data() + width, blocks);
    }

    void add_up(T* total, const T* partial, int64_t blocks) const {
        each_vector<T>(width, [&](int64_t i, auto count) {
            Vec<T> sum(0);
            for (int64_t b = 0; b < blocks; ++b) sum += load_some(partial + 2 * b * width + i, count);
            store_some(total + i, sum, count);
        });
    }
};

template <class S> Norm<S> norm_of(const Tensor& x, const Tensor& rstd, const Tensor& weight, const Tensor& bias) {
    using T = op_type<S>;
    int64_t rows = rstd.numel();
    return {rows, rows ? x.numel() / rows : 0, data_or_null<T>(weight), data_or_null<T>(bias)};
}

void layer_norm_cpu(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x, const Tensor& weight,
                    const Tensor& bias, double eps) {
    visit_floating(x.dtype(), "layer_norm", [&]<class S>() {
        using T = op_type<S>;
        norm_of<S>(x, rstd, weight, bias)
            .forward(out.data<S>(), data_or_null<T>(mean), rstd.data<T>(), x.data<S>(), T(eps));
    });
}

void layer_norm_grad_cpu(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight) {
    visit_floating(x.dtype(), "layer_norm", [&]<class S>() {
        using T = op_type<S>;
        norm_of<S>(x, rstd, weight, Tensor())
            .backward(data_or_null<S>(grad_x), data_or_null<T>(grad_weight), data_or_null<T>(grad_bias),
                      grad_out.data<S>(), x.data<S>(), data_or_null<T>(mean), rstd.data<T>());
    });
}

}  // namespace

TAEDA_REGISTER(cpu, layer_norm, layer_norm_cpu)
TAEDA_REGISTER(cpu, layer_norm_grad, layer_norm_grad_cpu)

}  // namespace taeda
