// Optimizer steps: one pass over all elements of all parameters, in blocks that the threads share.
#include "kernels/optim.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/vec/vec_math.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::store_some;

constexpr int64_t kBlock = 16384;  // elements

int64_t reals(const Tensor& t) { return t.is_complex() ? 2 * t.numel() : t.numel(); }

// f.operator()<S>(parameter, first element, elements) for blocks of all parameters; S: the real element type.
template <class F> void each_block(TensorList params, const char* op, F&& f) {
    auto block = [&](size_t i, int64_t from, int64_t n) {
        visit_floating(real_dtype(params[i].dtype()), op, [&]<class S>() { f.template operator()<S>(i, from, n); });
    };
    int64_t total = 0;
    for (const Tensor& p : params) total += reals(p);
    if (total <= 2 * kBlock) {
        for (size_t i = 0; i < params.size(); ++i) block(i, 0, reals(params[i]));
        return;
    }
    std::vector<std::pair<size_t, int64_t>> blocks;
    for (size_t i = 0; i < params.size(); ++i)
        for (int64_t from = 0; from < reals(params[i]); from += kBlock) blocks.emplace_back(i, from);
    cpu::parallel_for(0, int64_t(blocks.size()), 2, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            auto [i, from] = blocks[size_t(b)];
            block(i, from, std::min(kBlock, reals(params[i]) - from));
        }
    });
}

// The block's part of a list's tensor; null for a list that is not used.
template <class S> S* part(TensorList list, size_t i, int64_t from) {
    return list.empty() ? nullptr : list[i].data<S>() + from;
}

// The gradient with sign and decay applied.
template <class T, class S, class Count>
Vec<T> gradient(const S* grad, int64_t i, Count count, bool maximize, double weight_decay, Vec<T> p) {
    Vec<T> g = load_some(grad + i, count);
    if (maximize) g = -g;
    return weight_decay != 0 ? g + Vec<T>(T(weight_decay)) * p : g;
}

void advance(TensorList steps) {
    for (const Tensor& s : steps) s.dtype() == DType::float64 ? *s.data<double>() += 1 : *s.data<float>() += 1;
}

double number(const Tensor& step) {
    return step.dtype() == DType::float64 ? *step.data<double>() : *step.data<float>();
}

void sgd_step_cpu(TensorList params, TensorList grads, TensorList momenta, const SgdOptions& o) {
    each_block(params, "_fused_sgd_", [&]<class S>(size_t which, int64_t from, int64_t n) {
        using T = op_type<S>;
        S *param = part<S>(params, which, from), *momentum = part<S>(momenta, which, from);
        const S* grad = part<S>(grads, which, from);
        const Vec<T> lr(T(o.lr)), keep(T(o.momentum)), share(T(1 - o.dampening));
        each_vector<T>(n, [&](int64_t i, auto count) {
            Vec<T> p = load_some(param + i, count);
            Vec<T> g = gradient<T>(grad, i, count, o.maximize, o.weight_decay, p);
            if (momentum) {
                Vec<T> m = o.is_first_step ? g : keep * load_some(momentum + i, count) + share * g;
                store_some(momentum + i, m, count);
                g = o.nesterov ? g + keep * m : m;
            }
            store_some(param + i, p - lr * g, count);
        });
    });
}

void adam_step_cpu(TensorList params, TensorList grads, TensorList averages, TensorList squares, TensorList max_squares,
                   TensorList steps, const AdamOptions& o) {
    advance(steps);
    each_block(params, "_fused_adam_", [&]<class S>(size_t which, int64_t from, int64_t n) {
        using T = op_type<S>;
        S *param = part<S>(params, which, from), *average = part<S>(averages, which, from);
        S *square = part<S>(squares, which, from), *largest = part<S>(max_squares, which, from);
        const S* grad = part<S>(grads, which, from);
        const double t = number(steps[which]);
        const Vec<T> step(T(o.lr / (1 - std::pow(o.beta1, t)))), root(T(std::sqrt(1 - std::pow(o.beta2, t))));
        const Vec<T> share(T(1 - o.beta1)), keep(T(o.beta2)), fresh(T(1 - o.beta2)), eps(T(o.eps));
        const Vec<T> shrink(T(1 - o.lr * o.weight_decay));
        each_vector<T>(n, [&](int64_t i, auto count) {
            Vec<T> p = load_some(param + i, count);
            Vec<T> g = gradient<T>(grad, i, count, o.maximize, o.decoupled ? 0 : o.weight_decay, p);
            if (o.decoupled && o.weight_decay != 0) p = p * shrink;
            Vec<T> m = load_some(average + i, count);
            m += share * (g - m);
            Vec<T> v = keep * load_some(square + i, count) + fresh * g * g;
            store_some(average + i, m, count);
            store_some(square + i, v, count);
            if (largest) {
                Vec<T> old = load_some(largest + i, count);
                v = select(v > old, v, old);
                store_some(largest + i, v, count);
            }
            store_some(param + i, p - step * m / (vm::sqrt(v) / root + eps), count);
        });
    });
}

void rmsprop_step_cpu(TensorList params, TensorList grads, TensorList squares, TensorList averages, TensorList momenta,
                      TensorList steps, const RmspropOptions& o) {
    advance(steps);
    each_block(params, "_fused_rmsprop_", [&]<class S>(size_t which, int64_t from, int64_t n) {
        using T = op_type<S>;
        S *param = part<S>(params, which, from), *square = part<S>(squares, which, from);
        S *average = part<S>(averages, which, from), *momentum = part<S>(momenta, which, from);
        const S* grad = part<S>(grads, which, from);
        const Vec<T> lr(T(o.lr)), keep(T(o.alpha)), fresh(T(1 - o.alpha)), eps(T(o.eps)), mass(T(o.momentum));
        each_vector<T>(n, [&](int64_t i, auto count) {
            Vec<T> p = load_some(param + i, count);
            Vec<T> g = gradient<T>(grad, i, count, o.maximize, o.weight_decay, p);
            Vec<T> s = keep * load_some(square + i, count) + fresh * g * g, d = s;
            store_some(square + i, s, count);
            if (average) {
                Vec<T> a = load_some(average + i, count);
                a += fresh * (g - a);
                store_some(average + i, a, count);
                d = s - a * a;
            }
            d = vm::sqrt(d) + eps;
            if (!momentum) return store_some(param + i, p - lr * g / d, count);
            Vec<T> m = mass * load_some(momentum + i, count) + g / d;
            store_some(momentum + i, m, count);
            store_some(param + i, p - lr * m, count);
        });
    });
}

void unscale_gradients_cpu(TensorList grads, const Tensor& found_inf, const Tensor& inverse_scale) {
    std::atomic<bool> found{false};
    const float inverse = *inverse_scale.data<float>();
    each_block(grads, "_amp_foreach_non_finite_check_and_unscale_",
               [&]<class S>(size_t which, int64_t from, int64_t n) {
                   using T = op_type<S>;
                   S* grad = part<S>(grads, which, from);
                   const Vec<T> factor{T(inverse)};
                   bool finite = true;
                   each_vector<T>(n, [&](int64_t i, auto count) {
                       Vec<T> g = load_some(grad + i, count);
                       finite = finite && !(!vm::isfinite(g)).any();
                       store_some(grad + i, g * factor, count);
                   });
                   if (!finite) found = true;
               });
    if (found) *found_inf.data<float>() = 1;
}

void adagrad_step_cpu(TensorList params, TensorList grads, TensorList sums, TensorList steps, const AdagradOptions& o) {
    advance(steps);
    each_block(params, "_fused_adagrad_", [&]<class S>(size_t which, int64_t from, int64_t n) {
        using T = op_type<S>;
        S *param = part<S>(params, which, from), *sum = part<S>(sums, which, from);
        const S* grad = part<S>(grads, which, from);
        const double t = number(steps[which]);
        const Vec<T> rate(T(o.lr / (1 + (t - 1) * o.lr_decay))), eps(T(o.eps));
        each_vector<T>(n, [&](int64_t i, auto count) {
            Vec<T> p = load_some(param + i, count);
            Vec<T> g = gradient<T>(grad, i, count, o.maximize, o.weight_decay, p);
            Vec<T> s = load_some(sum + i, count) + g * g;
            store_some(sum + i, s, count);
            store_some(param + i, p - rate * g / (vm::sqrt(s) + eps), count);
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, sgd_step, sgd_step_cpu)
TAEDA_REGISTER(cpu, adam_step, adam_step_cpu)
TAEDA_REGISTER(cpu, rmsprop_step, rmsprop_step_cpu)
TAEDA_REGISTER(cpu, adagrad_step, adagrad_step_cpu)
TAEDA_REGISTER(cpu, unscale_gradients, unscale_gradients_cpu)

}  // namespace taeda
