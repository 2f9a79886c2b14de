// Normalisation. Tensors are contiguous; x, out, grad_out, grad_x share a floating dtype. Weights, biases and
// statistics are contiguous and of the dtype that x is computed in (float32 for the 16-bit floats), or
// undefined where a comment allows it. No result depends on the number of threads.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// x (N, C, ...). Statistics over all dimensions but C. save_mean, save_invstd (C) are written. weight, bias,
// running_mean, running_var may be undefined; the running ones are updated with `momentum` (and the unbiased
// variance).
TAEDA_KERNEL("cpu", batch_norm, const Tensor& out, const Tensor& save_mean, const Tensor& save_invstd, const Tensor& x,
             const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var,
             double momentum, double eps)
// out = (x - mean) * invstd * weight + bias per channel; weight and bias may be undefined.
TAEDA_KERNEL("cpu", channel_affine, const Tensor& out, const Tensor& x, const Tensor& mean, const Tensor& invstd,
             const Tensor& weight, const Tensor& bias)
// Gradients of batch_norm; each of the three may be undefined, weight too. `training`: mean and invstd came
// from x itself.
TAEDA_KERNEL("cpu", batch_norm_grad, const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
             const Tensor& grad_out, const Tensor& x, const Tensor& weight, const Tensor& mean, const Tensor& invstd,
             bool training)

// x (M, D) in memory: M = numel of mean and rstd, normalised over D. weight (D) and bias (D) may be
// undefined. An undefined mean makes it rms_norm: out = x * rstd * weight with rstd = 1 / sqrt(mean(x^2) +
// eps).
TAEDA_KERNEL("cpu", layer_norm, const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x,
             const Tensor& weight, const Tensor& bias, double eps)
// grad_x, grad_weight, grad_bias and weight may each be undefined; undefined mean as above.
TAEDA_KERNEL("cpu", layer_norm_grad, const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
             const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd, const Tensor& weight)

// x (N, C, ...), mean and rstd (N, groups); weight (C) and bias (C) may be undefined.
TAEDA_KERNEL("cpu", group_norm, const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x,
             const Tensor& weight, const Tensor& bias, int64_t groups, double eps)
// grad_x, grad_weight, grad_bias and weight may each be undefined.
TAEDA_KERNEL("cpu", group_norm_grad, const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
             const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd, const Tensor& weight,
             int64_t groups)

}  // namespace taeda
