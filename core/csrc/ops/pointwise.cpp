// Composites of pointwise operators, and derivatives that are too long for the catalogue.
#include <cmath>

#include "native.h"
#include "ops/derivatives.h"

namespace taeda::ops {

void check_exponent(const Tensor& base, const Tensor& exponent) {
    if (!is_integral(base.dtype(), true) || !is_integral(exponent.dtype(), true)) return;
    if (!exponent.impl()->is_wrapped_number) return;
    int64_t value = ops::to(exponent, DType::int64).data<int64_t>()[0];
    TAEDA_CHECK(value >= 0, "pow: Integers to negative integer powers are not allowed, got ", value,
                "; convert the base, e.g. with .float()");
}

}  // namespace taeda::ops

namespace taeda::native {

using namespace ops;

namespace {

constexpr double kPi = 3.141592653589793;

Tensor number(double value) { return wrapped_number(Scalar(value)); }

}  // namespace

Tensor div(const Tensor& self, const Tensor& other, const std::optional<std::string>& mode) {
    if (!mode) return ops::true_divide(self, other);
    if (*mode == "floor") return ops::floor_divide(self, other);
    TAEDA_CHECK(*mode == "trunc", "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
                *mode, "'");
    return ops::div_trunc(self, other);
}

Tensor float_power(const Tensor& self, const Tensor& exponent) {
    DType type = self.is_complex() || exponent.is_complex() ? DType::complex128 : DType::float64;
    return ops::pow(ops::to(self, type), ops::to(exponent, type));
}

Tensor float_power_(const Tensor& self, const Tensor& exponent) {
    DType type = self.is_complex() || exponent.is_complex() ? DType::complex128 : DType::float64;
    TAEDA_CHECK(self.dtype() == type, "the base given to float_power_ has dtype ", dtype_long_name(self.dtype()),
                " but the operation's result requires dtype ", dtype_long_name(type), "; use float_power()");
    return ops::pow_(self, exponent);
}

Tensor logit(const Tensor& self, std::optional<double> eps) {
    Tensor x = is_integral(self.dtype(), true) ? ops::to(self, default_dtype()) : self;
    if (eps) x = ops::clamp_both(x, Scalar(*eps), Scalar(1 - *eps));
    return ops::log(x / (1.0 - x));
}

Tensor round(const Tensor& self, int64_t decimals) {
    if (decimals == 0 || is_integral(self.dtype(), true)) return ops::round(self);
    double scale = std::pow(10.0, double(std::abs(decimals)));
    return decimals > 0 ? ops::round(self * scale) / scale : ops::round(self / scale) * scale;
}

Tensor ldexp(const Tensor& self, const Tensor& other) { return self * ops::pow(number(2), other); }

Tensor conj_physical_(const Tensor& self) { return self.is_complex() ? ops::copy_(self, ops::conj(self)) : self; }
Tensor conj(const Tensor& self) { return self.is_complex() ? ops::conj_complex(self) : self; }

Tensor nan_to_num(const Tensor& self, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
    if (is_integral(self.dtype(), true)) return ops::clone(self);
    double largest = self.dtype() == DType::float64    ? std::numeric_limits<double>::max()
                     : self.dtype() == DType::float16  ? 65504.0
                     : self.dtype() == DType::bfloat16 ? 3.3895313892515355e38
                                                       : double(std::numeric_limits<float>::max());
    double inf = std::numeric_limits<double>::infinity();
    Tensor x = ops::where(ops::isnan(self), number(nan.value_or(0)), self);
    x = ops::where(x == inf, number(posinf.value_or(largest)), x);
    return ops::where(x == -inf, number(neginf.value_or(-largest)), x);
}

Tensor isinf(const Tensor& self) {
    if (is_integral(self.dtype(), true)) return ops::zeros_like(self, DType::bool_);
    if (self.is_complex()) return ops::logical_or(ops::isinf(ops::real(self)), ops::isinf(ops::imag(self)));
    return ops::abs(self) == std::numeric_limits<double>::infinity();
}
Tensor isfinite(const Tensor& self) {
    if (is_integral(self.dtype(), true)) return ops::ones_like(self, DType::bool_);
    if (self.is_complex()) return ops::logical_and(ops::isfinite(ops::real(self)), ops::isfinite(ops::imag(self)));
    return ops::abs(self) < std::numeric_limits<double>::infinity();
}
Tensor isneginf(const Tensor& self) {
    if (is_integral(self.dtype(), true)) return ops::zeros_like(self, DType::bool_);
    TAEDA_CHECK(!self.is_complex(), "isneginf does not support complex inputs.");
    return self == -std::numeric_limits<double>::infinity();
}
Tensor isposinf(const Tensor& self) {
    if (is_integral(self.dtype(), true)) return ops::zeros_like(self, DType::bool_);
    TAEDA_CHECK(!self.is_complex(), "isposinf does not support complex inputs.");
    return self == std::numeric_limits<double>::infinity();
}
Tensor isreal(const Tensor& self) {
    return self.is_complex() ? ops::imag(self) == 0 : ops::ones_like(self, DType::bool_);
}
Tensor signbit(const Tensor& self) {
    TAEDA_CHECK(!self.is_complex(), "signbit is not implemented for complex tensors.");
    if (!self.is_floating()) return self < 0;
    return ops::copysign(number(1), self) < 0;
}

Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) {
    TAEDA_CHECK(condition.dtype() == DType::bool_ || condition.dtype() == DType::uint8,
                "where expected condition to be a boolean tensor, but got a tensor with dtype ", condition.dtype(),
                "; compare to get one: condition != 0");
    return ops::where_select(ops::to(condition, DType::bool_), self, other);
}
Tensors where(const Tensor& condition) { return ops::unbind(ops::nonzero(condition), 1); }

Tensor clamp(const Tensor& self, const std::optional<Scalar>& min, const std::optional<Scalar>& max) {
    TAEDA_CHECK(min || max, "clamp: At least one of 'min' or 'max' must not be None");
    TAEDA_CHECK(!self.is_complex(), "clamp is not supported for complex types");
    Scalar limit = min ? *min : *max;
    bool widens = is_integral(self.dtype(), true) && ((min && min->is_floating()) || (max && max->is_floating()));
    Tensor x =
        widens || self.dtype() == DType::bool_ ? ops::to(self, result_type(self, widens ? Scalar(1.0) : limit)) : self;
    if (min && max) return ops::clamp_both(x, *min, *max);
    return min ? ops::clamp_min(x, *min) : ops::clamp_max(x, *max);
}
Tensor clamp(const Tensor& self, const Tensor& min, const Tensor& max) {
    TAEDA_CHECK(min.defined() || max.defined(), "clamp: At least one of 'min' or 'max' must not be None");
    Tensor x = min.defined() ? ops::maximum(self, min) : self;
    return max.defined() ? ops::minimum(x, max) : x;
}

Tensor clamp_min(const Tensor& self, const Tensor& min) { return ops::maximum(self, min); }
Tensor clamp_max(const Tensor& self, const Tensor& max) { return ops::minimum(self, max); }

// -- activations ------------------------------------------------------------------------------------------------------

Tensor gelu(const Tensor& self, const std::string& approximate) {
    if (approximate == "none") return ops::gelu_exact(self);
    TAEDA_CHECK(approximate == "tanh", "gelu: approximate argument must be either none or tanh, got '", approximate,
                "'");
    return ops::gelu_tanh(self);
}
Tensor gelu_tanh_backward(const Tensor& grad, const Tensor& x) {
    constexpr double a = 0.7978845608028654, b = 0.044715;
    Tensor t = ops::tanh((x + x * x * x * b) * a);
    return grad * ((t + 1) * 0.5 + x * 0.5 * (1 - t * t) * ((x * x) * (3 * a * b) + a));
}
Tensor silu_double_backward(const Tensor& grad, const Tensor& grad_output, const Tensor& x) {
    Tensor s = ops::sigmoid(x), d = s * (1 - s);
    return grad * grad_output * d * (2 + x * (1 - 2 * s));
}
Tensor mish(const Tensor& self) { return self * ops::tanh(ops::softplus(self)); }
Tensor elu_double_backward(const Tensor& grad, const Tensor& grad_output, const Scalar& alpha, const Scalar& scale,
                           const Scalar& input_scale, const Tensor& x) {
    double c = alpha.to_double() * scale.to_double() * input_scale.to_double() * input_scale.to_double();
    return ops::where(x > 0, number(0), grad * grad_output * ops::exp(x * input_scale) * c);
}
Tensor selu(const Tensor& self) { return ops::elu(self, 1.6732632423543772, 1.0507009873554805, 1.0); }
Tensor celu(const Tensor& self, const Scalar& alpha) {
    TAEDA_CHECK(alpha.to_double() != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
    return ops::elu(self, alpha, 1.0, 1.0 / alpha.to_double());
}
Tensor softplus_double_backward(const Tensor& grad, const Tensor& x, const Scalar& beta, const Scalar& threshold) {
    Tensor s = ops::sigmoid(x * beta);
    return ops::where(x * beta > threshold, number(0), grad * s * (1 - s) * beta);
}
Tensor hardswish_backward(const Tensor& grad, const Tensor& x) {
    return ops::where(x <= -3, number(0), ops::where(x < 3, grad * (x / 3 + 0.5), grad));
}
Tensor prelu(const Tensor& self, const Tensor& weight) {
    TAEDA_CHECK(weight.dim() <= 1 && (weight.numel() == 1 || self.dim() >= 1),
                "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
    Tensor w = weight;
    if (weight.numel() != 1) {
        int64_t channels = self.dim() > 1 ? self.size(1) : 1;
        TAEDA_CHECK(channels == weight.numel(),
                    "Mismatch of parameter numbers and input channel size. Found parameter numbers = ", weight.numel(),
                    " and channel size = ", channels, ".");
        Dims shape(size_t(std::max<int64_t>(self.dim(), 1)), 1);
        if (self.dim() > 1) shape[1] = weight.numel();
        w = ops::reshape(weight, shape);
    } else if (weight.dim() == 1) {
        w = ops::reshape(weight, Dims(size_t(self.dim()), 1));
    }
    return ops::where(self > 0, self, self * w);
}
Tensor glu(const Tensor& self, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "glu does not support 0-dimensional tensors");
    TAEDA_CHECK(self.size(dim) % 2 == 0, "Halving dimension must be even, but dimension ", dim, " is size ",
                self.size(dim));
    Tensors halves = ops::chunk(self, 2, dim);
    return halves[0] * ops::sigmoid(halves[1]);
}
Tensor rrelu(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, const Generator& generator) {
    if (!training) return ops::leaky_relu(self, (lower.to_double() + upper.to_double()) / 2);
    Tensor slope = ops::uniform_(ops::empty_like(self), lower.to_double(), upper.to_double(), generator);
    return ops::where(self >= 0, self, self * ops::detach(slope));
}

// -- derivatives ------------------------------------------------------------------------------------------------------

Tensor pow_backward_self(const Tensor& grad, const Tensor& self, const Tensor& exponent) {
    if (exponent.dim() == 0 && exponent.is_cpu() && !exponent.requires_grad() && !exponent.is_complex()) {
        double p = ops::to(exponent, DType::float64).data<double>()[0];
        if (p == 0) return ops::zeros_like(grad);
        if (p == 1) return grad;
        if (p == 2) return grad * ops::conj(self) * 2;
        return grad * ops::conj(ops::pow(self, exponent - 1) * p);
    }
    return ops::where(exponent == 0, number(0), grad * ops::conj(exponent * ops::pow(self, exponent - 1)));
}
Tensor pow_backward_exponent(const Tensor& grad, const Tensor& self, const Tensor& exponent, const Tensor& result) {
    Tensor zero_base = ops::logical_and(self == 0, exponent.is_complex() ? ops::real(exponent) >= 0 : exponent >= 0);
    Tensor base = self.is_floating() || self.is_complex() ? self : ops::to(self, result.dtype());
    return ops::where(zero_base, number(0), grad * ops::conj(result * ops::log(base)));
}
Tensor sgn_backward(const Tensor& x, const Tensor& grad) {
    if (!x.is_complex()) return ops::zeros_like(grad);
    Tensor magnitude = ops::abs(x), sgn = ops::sgn(x);
    Tensor g = (grad - (sgn * ops::real(ops::conj(sgn) * grad))) / magnitude;
    return ops::where(magnitude == 0, number(0), g);
}
Tensor xlogy_backward_self(const Tensor& grad, const Tensor& self, const Tensor& other) {
    return ops::where(ops::logical_and(self == 0, other <= 0), number(0), grad * ops::log(other));
}
Tensor sinc_backward(const Tensor& grad, const Tensor& x) {
    Tensor px = x * kPi;
    return ops::where(x == 0, number(0), grad * ((ops::cos(px) * px - ops::sin(px)) / (px * x)));
}
Tensor i1_backward(const Tensor& grad, const Tensor& x, const Tensor& result) {
    Tensor safe = ops::where(x == 0, number(1), x);
    return grad * ops::where(x == 0, number(0.5), ops::i0(safe) - result / safe);
}
Tensor i1e_backward(const Tensor& grad, const Tensor& x, const Tensor& result) {
    Tensor safe = ops::where(x == 0, number(1), x);
    return grad *
           ops::where(x == 0, number(0.5), ops::special_i0e(safe) - result * (ops::sgn(safe) + ops::reciprocal(safe)));
}
Tensor copysign_backward(const Tensor& grad, const Tensor& self, const Tensor& result) {
    return ops::where(self == 0, number(0), grad * (result / self));
}
Tensor angle_backward(const Tensor& grad, const Tensor& z) {
    if (!z.is_complex()) return ops::zeros_like(grad);
    Tensor re = ops::real(z), im = ops::imag(z), square = re * re + im * im;
    Tensor safe = ops::where(square == 0, number(1), square);
    return ops::where(square == 0, wrapped_number(Scalar(std::complex<double>(0, 0))),
                      ops::complex(-im / safe * grad, re / safe * grad));
}
// The gradient of maximum and minimum: halved where both are equal.
Tensor extreme_backward(const Tensor& grad, const Tensor& self, const Tensor& other, const Tensor& result) {
    Tensor mine = ops::logical_or(self == result, ops::isnan(self));
    Tensor share = ops::where(self == other, grad * 0.5, grad);
    return ops::where(mine, share, number(0));
}

}  // namespace taeda::native
