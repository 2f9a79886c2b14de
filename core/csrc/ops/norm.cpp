// Normalisation: checks, calls of the fused kernels, and gradients as formulas where they are to be differentiated.
#include "kernels/norm.h"

#include "autograd/state.h"
#include "native.h"
#include "ops/operators.h"
#include "tensor/channels_last.h"

namespace taeda::native {

namespace {

using Three = std::tuple<Tensor, Tensor, Tensor>;

// The dtype that `input` is computed in, and parameters in it.
DType computed_in(const Tensor& input) {
    DType d = input.dtype();
    return d == DType::float16 || d == DType::bfloat16 ? DType::float32 : d;
}
Tensor parameter(const Tensor& t, const Tensor& input) {
    return t.defined() ? ops::contiguous(ops::to(t, computed_in(input))) : t;
}
Tensor statistics(Ints sizes, const Tensor& input) { return empty_tensor(sizes, computed_in(input), input.device()); }
Tensor wide(const Tensor& t, const Tensor& input) { return ops::to(t, computed_in(input)); }

void check_floating(const Tensor& input, const char* op) {
    TAEDA_CHECK_AS(NotImplementedError, input.is_floating(), op, ": not implemented for '",
                   dtype_long_name(input.dtype()),
                   "'; convert the input to a floating dtype first, e.g. with .float()");
}

void check_channels(const Tensor& t, int64_t channels, const char* what, const char* op) {
    TAEDA_CHECK(!t.defined() || t.numel() == channels, op, ": ", what, " should contain ", channels, " elements, not ",
                t.defined() ? t.numel() : 0, "; the input has ", channels, " channels");
}

double count(const Tensor& t, Ints dims) {
    double n = 1;
    for (int64_t d : dims) n *= double(t.size(d));
    return n;
}

// The gradient of x through (x - mean) / deviation over dims, from the gradient of that quotient, which it also gives.
Tensor standard_backward(const Tensor& grad, const Tensor& x, Ints dims, double eps, bool centered, Tensor& quotient) {
    const Scalar n(count(x, dims));
    auto mean = [&](const Tensor& t) { return ops::sum(t, dims, true) / n; };
    Tensor deviation = centered ? x - mean(x) : x;
    Tensor rstd = ops::rsqrt(mean(deviation * deviation) + Scalar(eps));
    quotient = deviation * rstd;
    Tensor kept = centered ? grad - mean(grad) : grad;
    return (kept - quotient * mean(grad * quotient)) * rstd;
}

Dims all_but(int64_t kept, int64_t ndim) {
    Dims dims;
    for (int64_t d = 0; d < ndim; ++d)
        if (d != kept) dims.push_back(d);
    return dims;
}

// A vector over channels, shaped to multiply (N, C, ...).
Tensor per_channel(const Tensor& t, const Tensor& input) {
    Dims sizes(size_t(input.dim()), 1);
    sizes[1] = t.numel();
    return ops::reshape(t, sizes);
}

// Whether there is nothing to compute from; the sums over nothing are then zero.
bool without_elements(const Tensor& input, const Tensor& grad_weight, const Tensor& grad_bias) {
    if (input.numel()) return false;
    ops::zero_(grad_weight);
    ops::zero_(grad_bias);
    return true;
}

}  // namespace

// -- batch and instance ------------------------------------------------------------------------------------------------

Tensor batch_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                  const Tensor& running_var, bool training, double momentum, double eps, bool) {
    const bool has_channels = input.dim() >= 2;
    TAEDA_CHECK(has_channels || input.numel() == 0, "batch_norm: expected input of shape (N, C, ...), got shape ",
                input.sizes());
    check_floating(input, "batch_norm");
    int64_t channels = has_channels ? input.size(1) : 0;
    check_channels(weight, channels, "weight", "batch_norm");
    check_channels(bias, channels, "bias", "batch_norm");
    check_channels(running_mean, channels, "running_mean", "batch_norm");
    check_channels(running_var, channels, "running_var", "batch_norm");
    if (!has_channels) return ops::clone(input);
    if (training)
        return std::get<0>(ops::batch_norm_train(input, weight, bias, running_mean, running_var, momentum, eps));
    TAEDA_CHECK(
        running_mean.defined() && running_var.defined(),
        "batch_norm: running_mean and running_var must be defined in evaluation mode; pass training=True to use the batch's");
    return ops::batch_norm_eval(input, weight, bias, running_mean, running_var, eps);
}

Three batch_norm_train(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                       const Tensor& running_var, double momentum, double eps) {
    Tensor out = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor mean = statistics({input.size(1)}, input), invstd = statistics({input.size(1)}, input);
    if (out.is_meta() || out.numel() == 0) return {out, mean, invstd};
    Tensor old_mean = parameter(running_mean, input), old_var = parameter(running_var, input);
    batch_norm_kernel(out.device().type, out, mean, invstd, ops::contiguous(input), parameter(weight, input),
                      parameter(bias, input), old_mean, old_var, momentum, eps);
    auto updated = [](const Tensor& running, const Tensor& computed) {
        if (running.defined() && !running.is_same(computed)) ops::copy_(running, computed);
        else if (running.defined()) running.bump_version();
    };
    updated(running_mean, old_mean);
    updated(running_var, old_var);
    return {out, mean, invstd};
}

Tensor batch_norm_eval(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& mean,
                       const Tensor& var, double eps) {
    const bool last = is_channels_last(input);
    Tensor x = last ? input : ops::contiguous(input);
    Tensor out = empty_strided_tensor(x.sizes(), x.strides(), x.dtype(), x.device());
    if (out.is_meta() || out.numel() == 0) return out;
    Tensor invstd = ops::rsqrt(parameter(var, input) + Scalar(eps));
    auto samples = [&](const Tensor& t) { return last ? channel_rows(t) : t; };
    channel_affine_kernel(out.device().type, samples(out), samples(x), parameter(mean, input), invstd,
                          parameter(weight, input), parameter(bias, input));
    return out;
}

Three batch_norm_backward(const Tensor& grad, const Tensor& input, const Tensor& weight, const Tensor& mean,
                          const Tensor& invstd, bool training, double eps) {
    if (!thread_state.grad_enabled)
        return ops::fused_batch_norm_backward(grad, input, weight, mean, invstd, training, eps);
    Tensor g = wide(grad, input), x = wide(input, input), quotient;
    Tensor scaled = weight.defined() ? g * per_channel(wide(weight, input), input) : g;
    Dims dims = all_but(1, input.dim());
    Tensor grad_input;
    if (training) {
        grad_input = standard_backward(scaled, x, dims, eps, true, quotient);
    } else {
        Tensor factor = per_channel(wide(invstd, input), input);
        quotient = (x - per_channel(wide(mean, input), input)) * factor;
        grad_input = scaled * factor;
    }
    return {grad_input, ops::sum(g * quotient, dims), ops::sum(g, dims)};
}

Three fused_batch_norm_backward(const Tensor& grad, const Tensor& input, const Tensor& weight, const Tensor& mean,
                                const Tensor& invstd, bool training, double) {
    Tensor grad_input = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor grad_weight = statistics({input.size(1)}, input), grad_bias = statistics({input.size(1)}, input);
    if (grad_input.is_meta() || without_elements(input, grad_weight, grad_bias))
        return {grad_input, grad_weight, grad_bias};
    batch_norm_grad_kernel(grad_input.device().type, grad_input, grad_weight, grad_bias, ops::contiguous(grad),
                           ops::contiguous(input), parameter(weight, input), parameter(mean, input),
                           parameter(invstd, input), training);
    return {grad_input, grad_weight, grad_bias};
}

Tensor instance_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                     const Tensor& running_var, bool use_input_stats, double momentum, double eps, bool) {
    TAEDA_CHECK(use_input_stats || (running_mean.defined() && running_var.defined()),
                "instance_norm: running_mean and running_var must be defined when use_input_stats is False");
    TAEDA_CHECK(input.dim() >= 2, "instance_norm: expected input of shape (N, C, ...), got shape ", input.sizes());
    if (use_input_stats && !running_mean.defined() && !running_var.defined())
        return ops::group_norm(input, input.size(1), weight, bias, eps);
    int64_t N = input.size(0), C = input.size(1);
    Dims sizes(input.sizes());
    sizes[0] = 1, sizes[1] = N * C;
    auto repeated = [&](const Tensor& t) { return t.defined() ? ops::repeat(t, {N}) : t; };
    Tensor mean = repeated(running_mean), var = repeated(running_var);
    Tensor out = ops::batch_norm(ops::reshape(input, sizes), repeated(weight), repeated(bias), mean, var,
                                 use_input_stats, momentum, eps);
    auto keep = [&](const Tensor& running, const Tensor& each) {
        if (!use_input_stats || !running.defined()) return;
        GradMode off(false);
        ops::copy_(running, ops::sum(ops::reshape(each, {N, C}), Ints{0}) / Scalar(double(N)));
    };
    keep(running_mean, mean);
    keep(running_var, var);
    return ops::reshape(out, input.sizes());
}

// -- layer and root mean square ----------------------------------------------------------------------------------------

namespace {

void check_normalized(const Tensor& input, Ints shape, const Tensor& weight, const Tensor& bias, const char* op) {
    check_floating(input, op);
    TAEDA_CHECK(!shape.empty(), op, ": expected normalized_shape to have at least one dimension, got ", shape);
    size_t n = shape.size(), ndim = input.sizes().size();
    TAEDA_CHECK(ndim >= n && input.sizes().slice(ndim - n, n) == shape, op, ": given normalized_shape=", shape,
                ", expected input whose last dimensions are that, got shape ", input.sizes());
    for (const Tensor* t : {&weight, &bias})
        TAEDA_CHECK(!t->defined() || t->sizes() == shape, op, ": expected ", t == &weight ? "weight" : "bias",
                    " to be of same shape as normalized_shape ", shape, ", got shape ", t->sizes());
}

Dims last_dims(const Tensor& input, size_t n) {
    Dims dims;
    for (int64_t d = input.dim() - int64_t(n); d < input.dim(); ++d) dims.push_back(d);
    return dims;
}
Dims first_dims(const Tensor& input, size_t n) {
    Dims dims;
    for (int64_t d = 0; d < input.dim() - int64_t(n); ++d) dims.push_back(d);
    return dims;
}
Dims row_sizes(const Tensor& input, size_t n) {
    Dims sizes(input.sizes());
    for (size_t d = sizes.size() - n; d < sizes.size(); ++d) sizes[d] = 1;
    return sizes;
}
Tensor summed(const Tensor& t, const Dims& dims) { return dims.empty() ? t : ops::sum(t, dims); }

Three row_backward(const Tensor& grad, const Tensor& input, Ints shape, const Tensor& weight, double eps,
                   bool centered) {
    Tensor g = wide(grad, input), quotient;
    Tensor scaled = weight.defined() ? g * wide(weight, input) : g;
    Tensor grad_input =
        standard_backward(scaled, wide(input, input), last_dims(input, shape.size()), eps, centered, quotient);
    Dims rows = first_dims(input, shape.size());
    return {grad_input, summed(g * quotient, rows), summed(g, rows)};
}

Three fused_row_backward(const Tensor& grad, const Tensor& input, Ints shape, const Tensor& mean, const Tensor& rstd,
                         const Tensor& weight) {
    Tensor grad_input = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor grad_weight = statistics(shape, input), grad_bias = statistics(shape, input);
    if (!grad_input.is_meta() && !without_elements(input, grad_weight, grad_bias))
        layer_norm_grad_kernel(grad_input.device().type, grad_input, grad_weight, grad_bias, ops::contiguous(grad),
                               ops::contiguous(input), mean, rstd, parameter(weight, input));
    return {grad_input, grad_weight, grad_bias};
}

}  // namespace

Tensor layer_norm(const Tensor& input, Ints normalized_shape, const Tensor& weight, const Tensor& bias, double eps,
                  bool) {
    return std::get<0>(ops::native_layer_norm(input, normalized_shape, weight, bias, eps));
}

Three native_layer_norm(const Tensor& input, Ints normalized_shape, const Tensor& weight, const Tensor& bias,
                        double eps) {
    check_normalized(input, normalized_shape, weight, bias, "layer_norm");
    return ops::layer_norm_forward(input, normalized_shape, weight, bias, eps);
}

Three layer_norm_forward(const Tensor& input, Ints shape, const Tensor& weight, const Tensor& bias, double eps) {
    Tensor out = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor mean = statistics(row_sizes(input, shape.size()), input), rstd = statistics(mean.sizes(), input);
    if (!out.is_meta())
        layer_norm_kernel(out.device().type, out, mean, rstd, ops::contiguous(input), parameter(weight, input),
                          parameter(bias, input), eps);
    return {out, mean, rstd};
}

Three layer_norm_backward(const Tensor& grad, const Tensor& input, Ints shape, const Tensor& mean, const Tensor& rstd,
                          const Tensor& weight, double eps) {
    if (thread_state.grad_enabled) return row_backward(grad, input, shape, weight, eps, true);
    return ops::fused_layer_norm_backward(grad, input, shape, mean, rstd, weight, eps);
}

Three fused_layer_norm_backward(const Tensor& grad, const Tensor& input, Ints shape, const Tensor& mean,
                                const Tensor& rstd, const Tensor& weight, double) {
    return fused_row_backward(grad, input, shape, mean, rstd, weight);
}

Tensor rms_norm(const Tensor& input, Ints normalized_shape, const Tensor& weight, std::optional<double> eps) {
    check_normalized(input, normalized_shape, weight, Tensor(), "rms_norm");
    DType d = input.dtype();
    double smallest = d == DType::float64   ? 0x1p-52
                      : d == DType::float32 ? 0x1p-23
                      : d == DType::float16 ? 0x1p-10
                                            : 0x1p-7;
    return std::get<0>(ops::rms_norm_forward(input, normalized_shape, weight, eps.value_or(smallest)));
}

std::tuple<Tensor, Tensor> rms_norm_forward(const Tensor& input, Ints shape, const Tensor& weight, double eps) {
    Tensor out = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor rstd = statistics(row_sizes(input, shape.size()), input);
    if (!out.is_meta())
        layer_norm_kernel(out.device().type, out, Tensor(), rstd, ops::contiguous(input), parameter(weight, input),
                          Tensor(), eps);
    return {out, rstd};
}

std::tuple<Tensor, Tensor> rms_norm_backward(const Tensor& grad, const Tensor& input, Ints shape, const Tensor& rstd,
                                             const Tensor& weight, double eps) {
    auto [grad_input, grad_weight, unused] =
        thread_state.grad_enabled ? row_backward(grad, input, shape, weight, eps, false)
                                  : ops::fused_layer_norm_backward(grad, input, shape, Tensor(), rstd, weight, eps);
    return {grad_input, grad_weight};
}

// -- group -------------------------------------------------------------------------------------------------------------

Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight, const Tensor& bias, double eps, bool) {
    TAEDA_CHECK(input.dim() >= 2, "group_norm: expected input of shape (N, C, ...), got shape ", input.sizes());
    check_floating(input, "group_norm");
    int64_t channels = input.size(1);
    TAEDA_CHECK(num_groups > 0 && channels % num_groups == 0,
                "group_norm: expected number of channels in input to be divisible by "
                "num_groups, but got input of shape ",
                input.sizes(), " and num_groups=", num_groups);
    check_channels(weight, channels, "weight", "group_norm");
    check_channels(bias, channels, "bias", "group_norm");
    return std::get<0>(ops::group_norm_forward(input, num_groups, weight, bias, eps));
}

Three group_norm_forward(const Tensor& input, int64_t groups, const Tensor& weight, const Tensor& bias, double eps) {
    Tensor out = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor mean = statistics({input.size(0), groups}, input), rstd = statistics(mean.sizes(), input);
    if (!out.is_meta() && out.numel())
        group_norm_kernel(out.device().type, out, mean, rstd, ops::contiguous(input), parameter(weight, input),
                          parameter(bias, input), groups, eps);
    return {out, mean, rstd};
}

Three group_norm_backward(const Tensor& grad, const Tensor& input, int64_t groups, const Tensor& mean,
                          const Tensor& rstd, const Tensor& weight, double eps) {
    if (!thread_state.grad_enabled) return ops::fused_group_norm_backward(grad, input, groups, mean, rstd, weight, eps);
    Tensor g = wide(grad, input), quotient;
    Tensor scaled = weight.defined() ? g * per_channel(wide(weight, input), input) : g;
    Dims grouped{input.size(0), groups, -1};
    Tensor grad_input = standard_backward(ops::reshape(scaled, grouped), ops::reshape(wide(input, input), grouped),
                                          Ints{2}, eps, true, quotient);
    Dims dims = all_but(1, input.dim());
    return {ops::reshape(grad_input, input.sizes()), ops::sum(g * ops::reshape(quotient, input.sizes()), dims),
            ops::sum(g, dims)};
}

Three fused_group_norm_backward(const Tensor& grad, const Tensor& input, int64_t groups, const Tensor& mean,
                                const Tensor& rstd, const Tensor& weight, double) {
    Tensor grad_input = empty_tensor(input.sizes(), input.dtype(), input.device());
    Tensor grad_weight = statistics({input.size(1)}, input), grad_bias = statistics({input.size(1)}, input);
    if (!grad_input.is_meta() && !without_elements(input, grad_weight, grad_bias))
        group_norm_grad_kernel(grad_input.device().type, grad_input, grad_weight, grad_bias, ops::contiguous(grad),
                               ops::contiguous(input), mean, rstd, parameter(weight, input), groups);
    return {grad_input, grad_weight, grad_bias};
}

}  // namespace taeda::native
