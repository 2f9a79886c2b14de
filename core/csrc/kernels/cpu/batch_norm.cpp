// Batch normalisation over (N, C, S) in memory.
//
// The statistics of a channel are taken over fixed pieces of the batch, combined in order. With S == 1 the
// channels lie side by side and are normalised as columns, a vector of channels at a time.
#include <cmath>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/norm.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::Moments;
using cpu::store_some;

struct Extent {
    int64_t N, C, S;
    int64_t pieces, samples;  // of the batch, when channels alone are too few to share out

    explicit Extent(const Tensor& x) : N(x.size(0)), C(x.size(1)), S(x.numel() / std::max<int64_t>(1, N * C)) {
        constexpr int64_t kTasks = 32;
        int64_t wanted = std::clamp<int64_t>(kTasks / C, 1, std::max<int64_t>(1, N));
        samples = (N + wanted - 1) / wanted;
        pieces = samples ? (N + samples - 1) / samples : 0;
    }
    int64_t grain() const { return cpu::row_grain(samples * S); }
};

template <class T> T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

// f(channel, piece, first sample, end sample) on several threads.
template <class F> void each_piece(const Extent& e, F&& f) {
    cpu::parallel_for(0, e.C * e.pieces, e.grain(), [&](int64_t from, int64_t to) {
        for (int64_t t = from; t < to; ++t) {
            int64_t c = t / e.pieces, p = t % e.pieces;
            f(c, p, p * e.samples, std::min(e.N, (p + 1) * e.samples));
        }
    });
}

// f(channel, count): vectors of channels, for S == 1.
template <class T, class F> void each_column_vector(const Extent& e, F&& f) {
    constexpr int64_t V = Vec<T>::size;
    cpu::parallel_for(0, (e.C + V - 1) / V, cpu::row_grain(e.N * V), [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i) {
            int64_t rest = e.C - i * V;
            if (rest >= V) f(i * V, cpu::Whole<T>());
            else f(i * V, rest);
        }
    });
}

template <class S> void statistics(const Extent& e, const S* x, op_type<S>* mean, op_type<S>* variance) {
    using T = op_type<S>;
    if (e.S == 1)
        return each_column_vector<T>(e, [&](int64_t c, auto count) {
            Vec<T> sum(0), squares(0);
            for (int64_t n = 0; n < e.N; ++n) sum += load_some(x + n * e.C + c, count);
            Vec<T> average = sum / Vec<T>(T(e.N));
            for (int64_t n = 0; n < e.N; ++n) {
                Vec<T> d = load_some(x + n * e.C + c, count) - average;
                squares += d * d;
            }
            store_some(mean + c, average, count);
            store_some(variance + c, squares / Vec<T>(T(e.N)), count);
        });
    std::vector<Moments<T>> parts(size_t(e.C * e.pieces));
    each_piece(e, [&](int64_t c, int64_t p, int64_t from, int64_t to) {
        Moments<T> part;
        for (int64_t n = from; n < to; ++n) part.add(cpu::moments(x + (n * e.C + c) * e.S, e.S));
        parts[size_t(c * e.pieces + p)] = part;
    });
    for (int64_t c = 0; c < e.C; ++c) {
        Moments<T> all;
        for (int64_t p = 0; p < e.pieces; ++p) all.add(parts[size_t(c * e.pieces + p)]);
        mean[c] = all.mean;
        variance[c] = all.squares / T(e.N * e.S);
    }
}

// out = x * scale + shift per channel, as torch orders it: (x - mean) * (invstd * weight) + bias.
template <class S> void affine(const Extent& e, S* out, const S* x, const op_type<S>* mean, const op_type<S>* invstd,
                               const op_type<S>* weight, const op_type<S>* bias) {
    using T = op_type<S>;
    if (e.S == 1) {
        std::vector<T> scale(size_t(e.C)), shift(size_t(e.C));
        for (int64_t c = 0; c < e.C; ++c) {
            scale[size_t(c)] = weight ? invstd[c] * weight[c] : invstd[c];
            shift[size_t(c)] = bias ? bias[c] : T(0);
        }
        return cpu::parallel_for(0, e.N, cpu::row_grain(e.C), [&](int64_t from, int64_t to) {
            for (int64_t n = from; n < to; ++n)
                each_vector<T>(e.C, [&](int64_t c, auto count) {
                    Vec<T> d = load_some(x + n * e.C + c, count) - load_some(mean + c, count);
                    store_some(out + n * e.C + c,
                               mul_add(d, load_some(scale.data() + c, count), load_some(shift.data() + c, count)),
                               count);
                });
        });
    }
    cpu::parallel_for(0, e.N * e.C, cpu::row_grain(e.S), [&](int64_t from, int64_t to) {
        for (int64_t r = from; r < to; ++r) {
            int64_t c = r % e.C;
            Vec<T> m(mean[c]), scale(weight ? invstd[c] * weight[c] : invstd[c]), shift(bias ? bias[c] : T(0));
            each_vector<T>(e.S, [&](int64_t i, auto count) {
                store_some(out + r * e.S + i, mul_add(load_some(x + r * e.S + i, count) - m, scale, shift), count);
            });
        }
    });
}

// Per channel: the sums of grad_out and of grad_out * (x - mean).
template <class S> void gradient_sums(const Extent& e, const S* grad, const S* x, const op_type<S>* mean,
                                      op_type<S>* sums, op_type<S>* dots) {
    using T = op_type<S>;
    if (e.S == 1)
        return each_column_vector<T>(e, [&](int64_t c, auto count) {
            Vec<T> sum(0), dot(0), m = load_some(mean + c, count);
            for (int64_t n = 0; n < e.N; ++n) {
                Vec<T> g = load_some(grad + n * e.C + c, count);
                sum += g;
                dot = mul_add(g, load_some(x + n * e.C + c, count) - m, dot);
            }
            store_some(sums + c, sum, count);
            store_some(dots + c, dot, count);
        });
    std::vector<T> parts(size_t(2 * e.C * e.pieces));
    each_piece(e, [&](int64_t c, int64_t p, int64_t from, int64_t to) {
        T sum = 0, dot = 0;
        Vec<T> m(mean[c]);
        for (int64_t n = from; n < to; ++n) {
            const S *g = grad + (n * e.C + c) * e.S, *xs = x + (n * e.C + c) * e.S;
            auto both = cpu::vector_sums<T>(e.S, [&](int64_t i, auto count, Vec<T>& a, Vec<T>& b) {
                a = load_some(g + i, count);
                b = a * (load_some(xs + i, count) - m);
            });
            sum += both.first, dot += both.second;
        }
        parts[size_t(2 * (c * e.pieces + p))] = sum, parts[size_t(2 * (c * e.pieces + p) + 1)] = dot;
    });
    for (int64_t c = 0; c < e.C; ++c) {
        sums[c] = dots[c] = 0;
        for (int64_t p = 0; p < e.pieces; ++p) {
            sums[c] += parts[size_t(2 * (c * e.pieces + p))];
            dots[c] += parts[size_t(2 * (c * e.pieces + p) + 1)];
        }
    }
}

// grad_x = (grad_out - offset - (x - mean) * slope) * scale, per channel.
template <class T> struct GradientLine {
    std::vector<T> offset, slope, scale;
};

template <class S> void input_gradient(const Extent& e, S* grad_x, const S* grad, const S* x, const op_type<S>* mean,
                                       const GradientLine<op_type<S>>& line) {
    using T = op_type<S>;
    if (e.S == 1)
        return cpu::parallel_for(0, e.N, cpu::row_grain(e.C), [&](int64_t from, int64_t to) {
            for (int64_t n = from; n < to; ++n)
                each_vector<T>(e.C, [&](int64_t c, auto count) {
                    Vec<T> d = load_some(x + n * e.C + c, count) - load_some(mean + c, count);
                    Vec<T> g = load_some(grad + n * e.C + c, count) - load_some(line.offset.data() + c, count);
                    g -= d * load_some(line.slope.data() + c, count);
                    store_some(grad_x + n * e.C + c, g * load_some(line.scale.data() + c, count), count);
                });
        });
    cpu::parallel_for(0, e.N * e.C, cpu::row_grain(e.S), [&](int64_t from, int64_t to) {
        for (int64_t r = from; r < to; ++r) {
            size_t c = size_t(r % e.C);
            Vec<T> m(mean[c]), offset(line.offset[c]), slope(line.slope[c]), scale(line.scale[c]);
            each_vector<T>(e.S, [&](int64_t i, auto count) {
                Vec<T> d = load_some(x + r * e.S + i, count) - m, g = load_some(grad + r * e.S + i, count) - offset;
                store_some(grad_x + r * e.S + i, (g - d * slope) * scale, count);
            });
        }
    });
}

void channel_affine_cpu(const Tensor& out, const Tensor& x, const Tensor& mean, const Tensor& invstd,
                        const Tensor& weight, const Tensor& bias) {
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        affine<S>(Extent(x), out.data<S>(), x.data<S>(), mean.data<T>(), invstd.data<T>(), data_or_null<T>(weight),
                  data_or_null<T>(bias));
    });
}

void batch_norm_cpu(const Tensor& out, const Tensor& save_mean, const Tensor& save_invstd, const Tensor& x,
                    const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var,
                    double momentum, double eps) {
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        Extent e(x);
        T *mean = save_mean.data<T>(), *invstd = save_invstd.data<T>();
        T *old_mean = data_or_null<T>(running_mean), *old_var = data_or_null<T>(running_var);
        statistics<S>(e, x.data<S>(), mean, invstd);
        const T m = T(momentum), count = T(e.N * e.S);
        for (int64_t c = 0; c < e.C; ++c) {
            T variance = invstd[c];
            if (old_mean) old_mean[c] = m * mean[c] + (1 - m) * old_mean[c];
            if (old_var) old_var[c] = m * (variance * (count / (count - 1))) + (1 - m) * old_var[c];
            invstd[c] = T(1) / std::sqrt(variance + T(eps));
        }
        affine<S>(e, out.data<S>(), x.data<S>(), mean, invstd, data_or_null<T>(weight), data_or_null<T>(bias));
    });
}

void batch_norm_grad_cpu(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                         const Tensor& grad_out, const Tensor& x, const Tensor& weight, const Tensor& mean,
                         const Tensor& invstd, bool training) {
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        Extent e(x);
        std::vector<T> sums(size_t(e.C)), dots(size_t(e.C));
        const T *m = mean.data<T>(), *s = invstd.data<T>(), *w = data_or_null<T>(weight);
        const S *g = grad_out.data<S>(), *px = x.data<S>();
        if (training || grad_weight.defined() || grad_bias.defined())
            gradient_sums<S>(e, g, px, m, sums.data(), dots.data());
        if (grad_x.defined()) {
            GradientLine<T> line{std::vector<T>(size_t(e.C)), std::vector<T>(size_t(e.C)), std::vector<T>(size_t(e.C))};
            const T count = T(e.N * e.S);
            for (size_t c = 0; c < size_t(e.C); ++c) {
                line.offset[c] = training ? sums[c] / count : T(0);
                line.slope[c] = training ? dots[c] * s[c] * s[c] / count : T(0);
                line.scale[c] = w ? s[c] * w[c] : s[c];
            }
            input_gradient<S>(e, grad_x.data<S>(), g, px, m, line);
        }
        for (size_t c = 0; c < size_t(e.C); ++c) {
            if (grad_weight.defined()) grad_weight.data<T>()[c] = dots[c] * s[c];
            if (grad_bias.defined()) grad_bias.data<T>()[c] = sums[c];
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, batch_norm, batch_norm_cpu)
TAEDA_REGISTER(cpu, channel_affine, channel_affine_cpu)
TAEDA_REGISTER(cpu, batch_norm_grad, batch_norm_grad_cpu)

}  // namespace taeda
