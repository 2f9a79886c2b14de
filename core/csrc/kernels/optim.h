// Optimizer steps over lists of parameters, in place.
//
// Lists are parallel to `params`; a list that the options do not use is empty. The tensors of one parameter
// (its gradient and states) have its dtype, sizes and strides, and are dense; dtypes may differ between
// parameters. Floating or complex dtypes: complex ones are updated as twice as many reals, 16-bit floats are
// computed in float32. `steps`: 0-dim float32 or float64; each is advanced by one before it is used.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

struct SgdOptions {
    double lr = 0, weight_decay = 0, momentum = 0, dampening = 0;
    bool nesterov = false, maximize = false, is_first_step = false;
};
struct AdamOptions {
    double lr = 0, beta1 = 0, beta2 = 0, weight_decay = 0, eps = 0;
    bool amsgrad = false, maximize = false, decoupled = false;  // decoupled: AdamW
};
struct RmspropOptions {
    double lr = 0, alpha = 0, eps = 0, weight_decay = 0, momentum = 0;
    bool centered = false, maximize = false;
};
struct AdagradOptions {
    double lr = 0, lr_decay = 0, weight_decay = 0, eps = 0;
    bool maximize = false;
};

TAEDA_KERNEL("cpu", sgd_step, TensorList params, TensorList grads, TensorList momenta, const SgdOptions& options)
TAEDA_KERNEL("cpu", adam_step, TensorList params, TensorList grads, TensorList averages, TensorList squares,
             TensorList max_squares, TensorList steps, const AdamOptions& options)
TAEDA_KERNEL("cpu", rmsprop_step, TensorList params, TensorList grads, TensorList squares, TensorList averages,
             TensorList momenta, TensorList steps, const RmspropOptions& options)
// Multiplies floating gradients by inverse_scale (float32, one element); found_inf (likewise) becomes 1 if one of their
// elements is infinite or NaN, and is left alone otherwise. Dense tensors of any shapes, as above.
TAEDA_KERNEL("cpu", unscale_gradients, TensorList grads, const Tensor& found_inf, const Tensor& inverse_scale)
TAEDA_KERNEL("cpu", adagrad_step, TensorList params, TensorList grads, TensorList sums, TensorList steps,
             const AdagradOptions& options)

}  // namespace taeda
