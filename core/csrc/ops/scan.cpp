// Running reductions and softmax.
#include "kernels/scan.h"

#include "kernels/softmax.h"
#include "native.h"
#include "ops/derivatives.h"
#include "ops/host.h"

namespace taeda::ops {

std::tuple<Tensor, Tensor> softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& y, int64_t dim) {
    Tensor inner = sum(grad * y, Ints{dim}, true), outer = sum(gg * y, Ints{dim}, true);
    return {softmax_backward(gg, y, dim), gg * (grad - inner) - outer * grad};
}
std::tuple<Tensor, Tensor> log_softmax_double_backward(const Tensor& gg, const Tensor& grad, const Tensor& y,
                                                       int64_t dim) {
    Tensor p = exp(y), total = sum(grad, Ints{dim}, true);
    return {gg - sum(gg * p, Ints{dim}, true), -(gg * p * total)};
}

}  // namespace taeda::ops

namespace taeda::native {

namespace {

template <class Kernel> Tensor scan(Kernel& kernel, const Tensor& self, int64_t dim, DType dtype) {
    int64_t d = wrap_dim(dim, self.dim());
    Tensor in = ops::contiguous(self.dtype() == dtype ? self : ops::to(self, dtype));
    if (self.dim() == 0) return ops::clone(in);
    Tensor out = empty_tensor(self.sizes(), dtype, self.device());
    if (!out.is_meta() && out.numel()) kernel(out.device().type, out, in, d);
    return out;
}

DType sum_dtype(const Tensor& self, std::optional<DType> dtype) {
    return dtype.value_or(is_integral(self.dtype(), true) ? DType::int64 : self.dtype());
}

}  // namespace

Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
    return scan(cumsum_kernel, self, dim, sum_dtype(self, dtype));
}
Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
    return scan(cumprod_kernel, self, dim, sum_dtype(self, dtype));
}
Tensor logcumsumexp(const Tensor& self, int64_t dim) {
    TAEDA_CHECK(is_floating(self.dtype()), "logcumsumexp not implemented for '", dtype_long_name(self.dtype()), "'");
    return scan(logcumsumexp_kernel, self, dim, self.dtype());
}

Tensor reversed_cumsum(const Tensor& grad, int64_t dim) {
    if (grad.dim() == 0) return grad;
    return ops::flip(ops::cumsum(ops::flip(grad, Ints{dim}), dim), Ints{dim});
}
Tensor cumprod_backward(const Tensor& grad, const Tensor& self, const Tensor& result, int64_t dim) {
    if (self.dim() == 0 || self.numel() == 0) return grad;
    Tensor zeros = self == 0;
    if (!host_truth(ops::any(zeros))) return ops::reversed_cumsum(grad * ops::conj(result), dim) / ops::conj(self);
    // With zeros: d result[j] / d self[i] is the product of self up to j without i, by running products from i + 1.
    int64_t d = wrap_dim(dim, self.dim()), n = self.size(d);
    Tensors parts;
    Tensor one = ops::ones_like(ops::narrow(self, d, 0, 1));
    for (int64_t i = 0; i < n; ++i) {
        Tensor before = i == 0 ? one : ops::prod(ops::narrow(self, d, 0, i), d, true);
        Tensor after =
            i + 1 < n ? ops::cat(std::array{one, ops::cumprod(ops::narrow(self, d, i + 1, n - i - 1), d)}, d) : one;
        parts.push_back(ops::sum(ops::narrow(grad, d, i, n - i) * ops::conj(before * after), Ints{d}, true));
    }
    return ops::cat(parts, d);
}
Tensor logcumsumexp_backward(const Tensor& grad, const Tensor& self, const Tensor& result, int64_t dim) {
    if (self.dim() == 0 || self.numel() == 0) return grad;
    // sum over j >= i of grad[j] exp(self[i] - result[j]); by signs, so that logarithms exist.
    Tensor zero = wrapped_number(Scalar(0.0));
    auto part = [&](const Tensor& g) {
        Tensor log_g = ops::log(g) - result;
        return ops::exp(ops::flip(ops::logcumsumexp(ops::flip(log_g, Ints{dim}), dim), Ints{dim}) + self);
    };
    return part(ops::where(grad > 0, grad, zero)) - part(ops::where(grad < 0, -grad, zero));
}

namespace {

template <class Kernel> std::tuple<Tensor, Tensor> scan_extreme(Kernel& kernel, const Tensor& self, int64_t dim) {
    int64_t d = wrap_dim(dim, self.dim());
    TAEDA_CHECK(!self.is_complex(), "cummax, cummin: not implemented for '", dtype_long_name(self.dtype()), "'");
    Tensor values = empty_tensor(self.sizes(), self.dtype(), self.device()),
           indices = empty_tensor(self.sizes(), DType::int64, self.device());
    if (self.dim() == 0) return {ops::clone(self), ops::zero_(indices)};
    if (!values.is_meta() && values.numel()) kernel(values.device().type, values, indices, ops::contiguous(self), d);
    return {values, indices};
}

}  // namespace

std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) { return scan_extreme(cummax_kernel, self, dim); }
std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) { return scan_extreme(cummin_kernel, self, dim); }
Tensor cumulative_extreme_backward(const Tensor& grad, Ints sizes, const Tensor& indices, int64_t dim) {
    if (sizes.empty() || grad.numel() == 0) return grad;
    return ops::scatter_add(ops::zeros(sizes, grad.dtype(), grad.device()), dim, indices, grad);
}

// -- softmax ----------------------------------------------------------------------------------------------------------

Tensor raw_softmax(const Tensor& self, int64_t dim) {
    if (self.dim() == 0) return ops::ones_like(self);
    return scan(softmax_kernel, self, dim, self.dtype());
}
Tensor raw_log_softmax(const Tensor& self, int64_t dim) {
    if (self.dim() == 0) return ops::zeros_like(self);
    return scan(log_softmax_kernel, self, dim, self.dtype());
}

namespace {

Tensor to_floating(const Tensor& self, std::optional<DType> dtype, const char* op) {
    Tensor x = dtype ? ops::to(self, *dtype) : self;
    TAEDA_CHECK(is_floating(x.dtype()), "\"", op, "\" not implemented for '", dtype_long_name(x.dtype()),
                "'; pass dtype=taeda.float32 or convert the input with .float()");
    return x;
}

template <class Kernel> Tensor backward(Kernel& kernel, const Tensor& grad, const Tensor& output, int64_t dim) {
    if (output.dim() == 0) return ops::zeros_like(output);
    Tensor in = empty_tensor(output.sizes(), output.dtype(), output.device());
    if (!in.is_meta() && in.numel())
        kernel(in.device().type, in, ops::contiguous(ops::to(grad, output.dtype())), ops::contiguous(output),
               wrap_dim(dim, output.dim()));
    return in;
}

}  // namespace

Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
    return ops::raw_softmax(to_floating(self, dtype, "softmax"), dim);
}
Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) {
    return ops::raw_log_softmax(to_floating(self, dtype, "log_softmax"), dim);
}
Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype) { return ops::softmax(-self, dim, dtype); }
Tensor softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
    return backward(softmax_backward_kernel, grad, output, dim);
}
Tensor log_softmax_backward(const Tensor& grad, const Tensor& output, int64_t dim) {
    return backward(log_softmax_backward_kernel, grad, output, dim);
}

}  // namespace taeda::native
