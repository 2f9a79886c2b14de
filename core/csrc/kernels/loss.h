// Losses over classes. Logits contiguous and floating; targets contiguous int64; wrong classes raise
// IndexError.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

enum class Reduction : int64_t { none, mean, sum };

struct ClassLoss {
    Tensor weight;  // (C), contiguous, of the dtype that logits are computed in, or undefined
    int64_t ignore_index = -100;
    double label_smoothing = 0;  // cross_entropy only
    Reduction reduction = Reduction::mean;
};

// loss of logits (N, C) against target (N); loss has N elements or one, logsumexp (N) and total_weight (one
// element) are of the dtype that logits are computed in.
TAEDA_KERNEL("cpu", cross_entropy, const Tensor& loss, const Tensor& logsumexp, const Tensor& total_weight,
             const Tensor& logits, const Tensor& target, const ClassLoss& args)
TAEDA_KERNEL("cpu", cross_entropy_grad, const Tensor& grad_logits, const Tensor& grad_loss, const Tensor& logits,
             const Tensor& target, const Tensor& logsumexp, const Tensor& total_weight, const ClassLoss& args)

// input (N, C, S...) of log-probabilities, target (N, S...); loss like target or one element; total_weight as
// above.
TAEDA_KERNEL("cpu", nll_loss, const Tensor& loss, const Tensor& total_weight, const Tensor& input, const Tensor& target,
             const ClassLoss& args)
TAEDA_KERNEL("cpu", nll_loss_grad, const Tensor& grad_input, const Tensor& grad_loss, const Tensor& target,
             const Tensor& total_weight, const ClassLoss& args)

}  // namespace taeda
