// Losses.
#include "kernels/loss.h"

#include <limits>

#include "autograd/state.h"
#include "native.h"
#include "ops/host.h"
#include "ops/operators.h"

namespace taeda::native {

namespace {

Tensor reduced(const Tensor& loss, int64_t reduction) {
    if (reduction == 0) return loss;
    Tensor sum = ops::sum(loss);
    return reduction == 1 ? sum / Scalar(double(loss.numel())) : sum;
}

// On the CPU alone: a GPU would have to be waited for.
void check_probabilities(const Tensor& t, const char* name, const char* advice) {
    if (!t.is_cpu() || t.numel() == 0 || !t.is_floating()) return;
    GradMode off(false);
    auto [least, most] = ops::aminmax(t, {}, false);
    TAEDA_CHECK(host_truth(least >= 0) && host_truth(most <= 1), "binary_cross_entropy: all elements of ", name,
                " should be between 0 and 1, got values from ", host_value<double>(ops::to(least, DType::float64)),
                " to ", host_value<double>(ops::to(most, DType::float64)), advice);
}

Tensor weighted(const Tensor& loss, const Tensor& weight) { return weight.defined() ? loss * weight : loss; }

}  // namespace

// -- of numbers --------------------------------------------------------------------------------------------------------

Tensor mse_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
    return reduced(ops::squared_difference(self, target), reduction);
}

Tensor l1_loss(const Tensor& self, const Tensor& target, int64_t reduction) {
    return reduced(ops::abs(self - target), reduction);
}

Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, int64_t reduction, double beta) {
    TAEDA_CHECK(beta >= 0, "smooth_l1_loss: expected beta >= 0, got ", beta,
                "; it is the size of difference where squares end");
    if (beta == 0) return ops::l1_loss(self, target, reduction);
    return reduced(ops::smooth_difference(self, target, beta), reduction);
}

Tensor huber_loss(const Tensor& self, const Tensor& target, int64_t reduction, double delta) {
    TAEDA_CHECK(delta > 0, "huber_loss: expected delta > 0, got ", delta,
                "; it is the size of difference where squares end");
    return reduced(ops::smooth_difference(self, target, delta) * Scalar(delta), reduction);
}

Tensor binary_cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t reduction) {
    check_probabilities(self, "input", "; apply sigmoid() to logits first, or use binary_cross_entropy_with_logits");
    check_probabilities(target, "target", "");
    return reduced(weighted(ops::binary_cross_entropy_elements(self, target), weight), reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target, const Tensor& weight,
                                        const Tensor& pos_weight, int64_t reduction) {
    if (!pos_weight.defined()) return reduced(weighted(ops::logistic_elements(self, target), weight), reduction);
    Tensor factor = target * (pos_weight - Scalar(1)) + Scalar(1);
    return reduced(weighted((Scalar(1) - target) * self - factor * ops::log_sigmoid(self), weight), reduction);
}

Tensor kl_div(const Tensor& self, const Tensor& target, int64_t reduction, bool log_target) {
    Tensor loss = log_target ? ops::exp(target) * (target - self) : ops::xlogy(target, target) - target * self;
    return reduced(loss, reduction);
}

// -- of classes --------------------------------------------------------------------------------------------------------

namespace {

ClassLoss arguments(const Tensor& weight, const Tensor& input, int64_t reduction, int64_t ignore_index,
                    double smoothing) {
    DType d = input.dtype() == DType::float64 ? DType::float64 : DType::float32;
    Tensor used = weight.defined() ? ops::contiguous(ops::to(weight, d)) : weight;
    return {used, ignore_index, smoothing, Reduction(reduction)};
}

Tensor statistic(Ints sizes, const Tensor& input) {
    return empty_tensor(sizes, input.dtype() == DType::float64 ? DType::float64 : DType::float32, input.device());
}

void check_classes(const Tensor& input, const Tensor& target, const Tensor& weight, const char* op) {
    TAEDA_CHECK_AS(NotImplementedError, input.is_floating(), op, ": not implemented for '",
                   dtype_long_name(input.dtype()),
                   "'; convert the input to a floating dtype first, e.g. with .float()");
    TAEDA_CHECK(input.dim() >= 1, op,
                ": expected input of shape (C), (N, C) or (N, C, ...), got a tensor without dimensions");
    int64_t channel = input.dim() == 1 ? 0 : 1;
    TAEDA_CHECK(target.dtype() == DType::int64 || target.dtype() == DType::uint8, op,
                ": expected target classes of dtype int64 (Long), got ", target.dtype(), "; convert them with .long()");
    TAEDA_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == input.size(channel)), op,
                ": expected weight of shape (", input.size(channel), ",), one number per class, got shape ",
                weight.defined() ? weight.sizes() : Ints());
    TAEDA_CHECK_AS(ValueError, input.dim() < 2 || (target.dim() >= 1 && input.size(0) == target.size(0)), op,
                   ": expected input batch_size (", input.size(0), ") to match target batch_size (",
                   target.dim() ? target.size(0) : 0, "), got input shape ", input.sizes(), " and target shape ",
                   target.sizes());
    Dims expected(input.sizes());
    expected.erase(size_t(channel));
    TAEDA_CHECK(
        target.sizes() == Ints(expected) || (input.dim() == 1 && target.numel() == 1), op,
        ": expected target of shape ", expected, " for input of shape ", input.sizes(), ", got shape ", target.sizes(),
        target.sizes() == input.sizes()
            ? "; pass classes, as from .argmax(1), or probabilities as floating-point numbers"
            : "; one class for each place without the dimension of classes, .squeeze(1) takes away an empty one");
}

Tensor classes_of(const Tensor& target) { return ops::contiguous(ops::to(target, DType::int64)); }

// (N, C, S...) as rows (N * S, C).
Tensor class_rows(const Tensor& t) {
    if (t.dim() == 1) return ops::unsqueeze(t, 0);
    return t.dim() == 2 ? t : ops::reshape(ops::movedim(t, Ints{1}, Ints{-1}), {-1, t.size(1)});
}

// Against class probabilities, which have the input's shape.
Tensor soft_cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t reduction,
                          double smoothing) {
    int64_t channel = self.dim() == 1 ? 0 : 1, classes = self.size(channel);
    Tensor rows = class_rows(self), wanted = class_rows(target);
    if (smoothing > 0) wanted = wanted * Scalar(1 - smoothing) + Scalar(smoothing / double(classes));
    Tensor loss = -ops::sum(weighted(ops::log_softmax(rows, 1) * wanted, weight), Ints{1});
    if (reduction == 1) return ops::sum(loss) / Scalar(double(rows.size(0)));
    if (reduction == 2) return ops::sum(loss);
    Dims sizes(self.sizes());
    sizes.erase(size_t(channel));
    return ops::reshape(loss, sizes);
}

}  // namespace

Tensor cross_entropy_loss(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t reduction,
                          int64_t ignore_index, double label_smoothing) {
    TAEDA_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
                "cross_entropy: label_smoothing must be between 0 and 1, got ", label_smoothing);
    if (self.sizes() == target.sizes() && target.is_floating()) {
        TAEDA_CHECK(ignore_index < 0, "cross_entropy: ignore_index is not supported for class probabilities, got ",
                    ignore_index);
        return soft_cross_entropy(self, target, weight, reduction, label_smoothing);
    }
    check_classes(self, target, weight, "cross_entropy");
    Tensor loss = std::get<0>(ops::cross_entropy_forward(class_rows(self), ops::reshape(target, {-1}), weight,
                                                         reduction, ignore_index, label_smoothing));
    return reduction == 0 ? ops::reshape(loss, target.sizes()) : loss;
}

std::tuple<Tensor, Tensor, Tensor> cross_entropy_forward(const Tensor& self, const Tensor& target, const Tensor& weight,
                                                         int64_t reduction, int64_t ignore_index,
                                                         double label_smoothing) {
    Tensor loss = empty_tensor(reduction == 0 ? Dims(target.sizes()) : Dims(), self.dtype(), self.device());
    Tensor logsumexp = statistic({self.size(0)}, self), total = statistic({}, self);
    if (!loss.is_meta())
        cross_entropy_kernel(loss.device().type, loss, logsumexp, total, ops::contiguous(self), classes_of(target),
                             arguments(weight, self, reduction, ignore_index, label_smoothing));
    return {loss, logsumexp, total};
}

Tensor cross_entropy_backward(const Tensor& grad, const Tensor& self, const Tensor& target, const Tensor& weight,
                              int64_t reduction, int64_t ignore_index, double label_smoothing, const Tensor& logsumexp,
                              const Tensor& total_weight) {
    if (!thread_state.grad_enabled)
        return ops::fused_cross_entropy_backward(grad, self, target, weight, reduction, ignore_index, label_smoothing,
                                                 logsumexp, total_weight);
    // The gradient is linear in softmax(self): softmax * slope + fixed, where each row adds up to zero.
    Tensor e = ops::exp(ops::to(self, logsumexp.dtype()) - ops::detach(ops::unsqueeze(logsumexp, 1)));
    Tensor softmax = e / ops::sum(e, Ints{1}, true);
    Tensor one = ops::ones_like(ops::detach(grad)), slope, fixed;
    {
        GradMode off(false);
        // With every log-sum-exp infinite the softmax part vanishes, and the targets' part stays.
        Tensor targets = ops::fused_cross_entropy_backward(
            one, ops::zeros_like(self), target, weight, reduction, ignore_index, label_smoothing,
            ops::full_like(logsumexp, std::numeric_limits<double>::infinity()), total_weight);
        fixed = ops::to(targets, logsumexp.dtype());
        slope = -ops::sum(fixed, Ints{1}, true);
    }
    Tensor scale = reduction == 0 ? ops::unsqueeze(grad, 1) : grad;
    return (softmax * slope + fixed) * scale;
}

Tensor fused_cross_entropy_backward(const Tensor& grad, const Tensor& self, const Tensor& target, const Tensor& weight,
                                    int64_t reduction, int64_t ignore_index, double label_smoothing,
                                    const Tensor& logsumexp, const Tensor& total_weight) {
    Tensor out = empty_tensor(self.sizes(), self.dtype(), self.device());
    if (!out.is_meta())
        cross_entropy_grad_kernel(out.device().type, out, ops::contiguous(ops::to(grad, self.dtype())),
                                  ops::contiguous(self), classes_of(target), logsumexp, total_weight,
                                  arguments(weight, self, reduction, ignore_index, label_smoothing));
    return out;
}

Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t reduction,
                int64_t ignore_index) {
    check_classes(self, target, weight, "nll_loss");
    if (self.dim() > 1) return std::get<0>(ops::nll_loss_forward(self, target, weight, reduction, ignore_index));
    Tensor one = ops::reshape(target, {1});
    Tensor loss = std::get<0>(ops::nll_loss_forward(ops::unsqueeze(self, 0), one, weight, reduction, ignore_index));
    return ops::reshape(loss, reduction == 0 ? target.sizes() : Ints());
}

Tensor nll_loss2d(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t reduction,
                  int64_t ignore_index) {
    return ops::nll_loss(self, target, weight, reduction, ignore_index);
}

std::tuple<Tensor, Tensor> nll_loss_forward(const Tensor& self, const Tensor& target, const Tensor& weight,
                                            int64_t reduction, int64_t ignore_index) {
    Tensor loss = empty_tensor(reduction == 0 ? Dims(target.sizes()) : Dims(), self.dtype(), self.device());
    Tensor total = statistic({}, self);
    if (!loss.is_meta())
        nll_loss_kernel(loss.device().type, loss, total, ops::contiguous(self), classes_of(target),
                        arguments(weight, self, reduction, ignore_index, 0));
    return {loss, total};
}

Tensor nll_loss_backward(const Tensor& grad, Ints sizes, const Tensor& target, const Tensor& weight, int64_t reduction,
                         int64_t ignore_index, const Tensor& total_weight) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (!out.is_meta())
        nll_loss_grad_kernel(out.device().type, out, ops::contiguous(grad), classes_of(target), total_weight,
                             arguments(weight, grad, reduction, ignore_index, 0));
    return out;
}

}  // namespace taeda::native
