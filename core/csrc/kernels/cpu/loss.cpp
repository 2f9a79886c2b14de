// Cross entropy in one pass over the logits, and negative log-likelihood.
#include "kernels/loss.h"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/index_error.h"
#include "kernels/vec/vec_math.h"

namespace taeda {
namespace {

using cpu::each_vector;
using cpu::load_some;
using cpu::store_some;

// The weight of a target class: 0 if it is ignored.
template <class T> struct ClassWeights {
    const T* weight;  // or null
    int64_t classes, ignore;
    const char* op;

    ClassWeights(const ClassLoss& a, int64_t classes, const char* op)
        : weight(a.weight.defined() ? a.weight.data<T>() : nullptr), classes(classes), ignore(a.ignore_index), op(op) {}

    T operator()(int64_t target) const {
        if (target == ignore) return T(0);
        if (target < 0 || target >= classes) raise_wrong_class(op, target, classes, ignore);
        return weight ? weight[target] : T(1);
    }
    T total() const {
        T sum = T(0);
        for (int64_t c = 0; c < classes; ++c) sum += weight ? weight[c] : T(1);
        return sum;
    }
};

template <class T> T sum_of(const std::vector<T>& v) {
    return cpu::vector_sum<T>(int64_t(v.size()), [&](int64_t i, auto count) { return load_some(v.data() + i, count); });
}

// The per-sample losses as the reduction says.
template <class S> void reduce(const Tensor& loss, const Tensor& total_weight, const std::vector<op_type<S>>& losses,
                               const std::vector<op_type<S>>& weights, Reduction reduction) {
    using T = op_type<S>;
    T total = sum_of(weights);
    *total_weight.data<T>() = total;
    if (reduction == Reduction::none) {
        for (size_t i = 0; i < losses.size(); ++i) loss.data<S>()[i] = S(losses[i]);
        return;
    }
    T sum = sum_of(losses);
    *loss.data<S>() = S(reduction == Reduction::mean ? sum / total : sum);
}

// What one sample's loss is multiplied with on the way back.
template <class S> auto gradient_scale(const Tensor& grad_loss, const Tensor& total_weight, Reduction reduction) {
    using T = op_type<S>;
    const S* grad = grad_loss.data<S>();
    T factor = reduction == Reduction::mean ? T(1) / *total_weight.data<T>() : T(1);
    return [=](int64_t i) { return reduction == Reduction::none ? T(grad[i]) : T(*grad) * factor; };
}

template <class S> op_type<S> log_sum_exp(const S* row, int64_t n) {
    using T = op_type<S>;
    Vec<T> top(-std::numeric_limits<T>::infinity());
    each_vector<T>(n, [&](int64_t i, auto count) {
        Vec<T> v = load_some(row + i, count);
        if constexpr (std::is_same_v<decltype(count), int64_t>)
            v = select(cpu::lane_numbers<T>() < Vec<T>(T(count)), v, top);
        top = vm::maximum(top, v);
    });
    T lanes[Vec<T>::size], largest = -std::numeric_limits<T>::infinity();
    top.store(lanes);
    for (T lane : lanes) largest = lane > largest || lane != lane ? lane : largest;
    if (!std::isfinite(largest)) return largest;
    T sum = cpu::vector_sum<T>(
        n, [&](int64_t i, auto count) { return vm::exp(load_some(row + i, count) - Vec<T>(largest)); });
    return largest + std::log(sum);
}

void cross_entropy_cpu(const Tensor& loss, const Tensor& logsumexp, const Tensor& total_weight, const Tensor& logits,
                       const Tensor& target, const ClassLoss& a) {
    visit_floating(logits.dtype(), "cross_entropy", [&]<class S>() {
        using T = op_type<S>;
        int64_t N = logits.size(0), C = logits.size(1);
        ClassWeights<T> weight_of(a, C, "cross_entropy");
        const T smoothing = T(a.label_smoothing), spread = smoothing / T(C), all = weight_of.total();
        std::vector<T> losses(static_cast<size_t>(N)), weights(static_cast<size_t>(N));
        cpu::parallel_for(0, N, cpu::row_grain(C), [&](int64_t from, int64_t to) {
            for (int64_t n = from; n < to; ++n) {
                const S* row = logits.data<S>() + n * C;
                int64_t t = target.data<int64_t>()[n];
                T weight = weight_of(t), lse = logsumexp.data<T>()[n] = log_sum_exp(row, C);
                weights[size_t(n)] = weight;
                if (t == a.ignore_index) continue;
                T value = weight * (lse - T(row[t]));
                if (smoothing > 0) {
                    T weighted = cpu::vector_sum<T>(C, [&](int64_t i, auto count) {
                        Vec<T> x = load_some(row + i, count);
                        return weight_of.weight ? x * load_some(weight_of.weight + i, count) : x;
                    });
                    value = (1 - smoothing) * value + spread * (all * lse - weighted);
                }
                losses[size_t(n)] = value;
            }
        });
        reduce<S>(loss, total_weight, losses, weights, a.reduction);
    });
}

void cross_entropy_grad_cpu(const Tensor& grad_logits, const Tensor& grad_loss, const Tensor& logits,
                            const Tensor& target, const Tensor& logsumexp, const Tensor& total_weight,
                            const ClassLoss& a) {
    visit_floating(logits.dtype(), "cross_entropy", [&]<class S>() {
        using T = op_type<S>;
        int64_t N = logits.size(0), C = logits.size(1);
        ClassWeights<T> weight_of(a, C, "cross_entropy");
        auto scale_of = gradient_scale<S>(grad_loss, total_weight, a.reduction);
        const T smoothing = T(a.label_smoothing), spread = smoothing / T(C), all = weight_of.total();
        cpu::parallel_for(0, N, cpu::row_grain(C), [&](int64_t from, int64_t to) {
            for (int64_t n = from; n < to; ++n) {
                const S* row = logits.data<S>() + n * C;
                S* grad = grad_logits.data<S>() + n * C;
                int64_t t = target.data<int64_t>()[n];
                bool ignored = t == a.ignore_index;
                T scale = ignored ? T(0) : scale_of(n), hit = scale * weight_of(t) * (1 - smoothing);
                Vec<T> lse(logsumexp.data<T>()[n]), factor(hit + scale * spread * all), share(scale * spread);
                each_vector<T>(C, [&](int64_t i, auto count) {
                    Vec<T> g = vm::exp(load_some(row + i, count) - lse) * factor;
                    if (ignored) g = Vec<T>(T(0));
                    else if (smoothing > 0)
                        g -= weight_of.weight ? share * load_some(weight_of.weight + i, count) : share;
                    store_some(grad + i, g, count);
                });
                if (ignored) continue;
                T at_target = std::exp(T(row[t]) - logsumexp.data<T>()[n]) * (hit + scale * spread * all) - hit;
                if (smoothing > 0) at_target -= scale * spread * weight_of(t);
                grad[t] = S(at_target);
            }
        });
    });
}

// Position (n, class, s) of input for sample i = n * inner + s.
struct ClassPositions {
    int64_t classes, inner;
    explicit ClassPositions(const Tensor& input)
        : classes(input.size(1)), inner(input.numel() / std::max<int64_t>(1, input.size(0) * classes)) {}
    int64_t at(int64_t i, int64_t c) const { return (i / inner * classes + c) * inner + i % inner; }
};

void nll_loss_cpu(const Tensor& loss, const Tensor& total_weight, const Tensor& input, const Tensor& target,
                  const ClassLoss& a) {
    visit_floating(input.dtype(), "nll_loss", [&]<class S>() {
        using T = op_type<S>;
        ClassPositions position(input);
        ClassWeights<T> weight_of(a, position.classes, "nll_loss");
        size_t samples = size_t(target.numel());
        std::vector<T> losses(samples), weights(samples);
        for (size_t i = 0; i < samples; ++i) {
            int64_t t = target.data<int64_t>()[i];
            T weight = weights[i] = weight_of(t);
            if (t != a.ignore_index) losses[i] = -weight * T(input.data<S>()[position.at(int64_t(i), t)]);
        }
        reduce<S>(loss, total_weight, losses, weights, a.reduction);
    });
}

void nll_loss_grad_cpu(const Tensor& grad_input, const Tensor& grad_loss, const Tensor& target,
                       const Tensor& total_weight, const ClassLoss& a) {
    visit_floating(grad_input.dtype(), "nll_loss", [&]<class S>() {
        using T = op_type<S>;
        ClassPositions position(grad_input);
        ClassWeights<T> weight_of(a, position.classes, "nll_loss");
        auto scale_of = gradient_scale<S>(grad_loss, total_weight, a.reduction);
        std::memset(grad_input.raw(), 0, size_t(grad_input.numel()) * sizeof(S));
        for (int64_t i = 0; i < target.numel(); ++i) {
            int64_t t = target.data<int64_t>()[i];
            if (t != a.ignore_index) grad_input.data<S>()[position.at(i, t)] = S(-weight_of(t) * scale_of(i));
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, cross_entropy, cross_entropy_cpu)
TAEDA_REGISTER(cpu, cross_entropy_grad, cross_entropy_grad_cpu)
TAEDA_REGISTER(cpu, nll_loss, nll_loss_cpu)
TAEDA_REGISTER(cpu, nll_loss_grad, nll_loss_grad_cpu)

}  // namespace taeda
