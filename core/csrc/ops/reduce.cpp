// Reductions.
#include "kernels/reduce.h"

#include <cmath>

#include "native.h"
#include "ops/derivatives.h"
#include "ops/host.h"

namespace taeda::ops {

double reduced_count(Ints sizes, std::optional<Ints> dims) {
    double n = 1;
    if (sizes.empty()) return n;
    for (int64_t d : wrap_dims(dims.value_or(Ints()), int64_t(sizes.size()))) n *= double(sizes[size_t(d)]);
    return n;
}

}  // namespace taeda::ops

namespace taeda::native {

using ops::keep_reduced;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Wrapped dimensions of a reduction; none given means all.
Dims reduced_dims(const Tensor& self, std::optional<Ints> dim) {
    if (self.dim() == 0) {
        for (int64_t d : dim.value_or(Ints())) wrap_dim(d, 0);
        return {};
    }
    return wrap_dims(dim.value_or(Ints()), self.dim());
}

// A fresh output in keepdim form; drop() gives it its final shape.
struct Output {
    Tensor tensor;
    Dims dropped;
    Output(const Tensor& self, const Dims& dims, bool keepdim, DType dtype) {
        Dims kept(self.sizes());
        for (int64_t d : dims) kept[size_t(d)] = 1;
        for (size_t d = 0; d < kept.size(); ++d)
            if (keepdim || std::find(dims.begin(), dims.end(), int64_t(d)) == dims.end()) dropped.push_back(kept[d]);
        tensor = empty_tensor(kept, dtype, self.device());
    }
    Tensor drop() {
        tensor.impl()->set_contiguous(dropped);
        return tensor;
    }
};

template <class Kernel, class... Extra> Tensor reduce(Kernel& kernel, const Tensor& self, std::optional<Ints> dim,
                                                      bool keepdim, DType dtype, const Extra&... extra) {
    Dims dims = reduced_dims(self, dim);
    Output out(self, dims, keepdim, dtype);
    if (!self.is_meta() && out.tensor.numel()) kernel(self.device().type, out.tensor, self, Ints(dims), extra...);
    return out.drop();
}

DType sum_dtype(const Tensor& self, std::optional<DType> dtype) {
    return dtype.value_or(is_integral(self.dtype(), true) ? DType::int64 : self.dtype());
}

Tensor as(const Tensor& self, std::optional<DType> dtype) {
    return dtype && *dtype != self.dtype() && !is_integral(*dtype, true) ? ops::to(self, *dtype) : self;
}

void check_floating(const Tensor& self, std::optional<DType> dtype, const char* op) {
    DType d = dtype.value_or(self.dtype());
    TAEDA_CHECK(is_differentiable(d), op,
                "(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ",
                dtype_long_name(d), "; convert with .float() or pass dtype=");
}

void check_not_empty(const Tensor& self, std::optional<Ints> dim, const char* op) {
    for (int64_t d : reduced_dims(self, dim))
        TAEDA_CHECK_AS(IndexError, self.sizes()[size_t(d)] > 0, op, "(): Expected reduction dim ", d,
                       " to have non-zero size; the input has shape ", self.sizes());
    TAEDA_CHECK(!self.is_complex(), op, "(): not implemented for '", dtype_long_name(self.dtype()), "'");
}

std::optional<Ints> all_dims() { return std::nullopt; }

}  // namespace

Tensor sum(const Tensor& self, std::optional<Ints> dim, bool keepdim, std::optional<DType> dtype) {
    return reduce(sum_kernel, as(self, dtype), dim, keepdim, sum_dtype(self, dtype));
}
Tensor sum(const Tensor& self, std::optional<DType> dtype) { return native::sum(self, all_dims(), false, dtype); }

Tensor nansum(const Tensor& self, std::optional<Ints> dim, bool keepdim, std::optional<DType> dtype) {
    TAEDA_CHECK(!self.is_complex(), "nansum does not support complex inputs");
    if (!is_floating(self.dtype())) return native::sum(self, dim, keepdim, dtype);
    return reduce(nansum_kernel, as(self, dtype), dim, keepdim, sum_dtype(self, dtype));
}

Tensor mean(const Tensor& self, std::optional<Ints> dim, bool keepdim, std::optional<DType> dtype) {
    check_floating(self, dtype, "mean");
    return reduce(mean_kernel, as(self, dtype), dim, keepdim, dtype.value_or(self.dtype()));
}
Tensor mean(const Tensor& self, std::optional<DType> dtype) { return native::mean(self, all_dims(), false, dtype); }
Tensor nanmean(const Tensor& self, std::optional<Ints> dim, bool keepdim, std::optional<DType> dtype) {
    check_floating(self, dtype, "nanmean");
    Tensor count = ops::sum(ops::logical_not(ops::isnan(ops::detach(self))), dim, keepdim);
    return ops::nansum(self, dim, keepdim, dtype) / count;
}

Tensor prod(const Tensor& self, std::optional<DType> dtype) {
    return reduce(prod_kernel, as(self, dtype), all_dims(), false, sum_dtype(self, dtype));
}
Tensor prod(const Tensor& self, int64_t dim, bool keepdim, std::optional<DType> dtype) {
    return reduce(prod_kernel, as(self, dtype), Ints{wrap_dim(dim, self.dim())}, keepdim, sum_dtype(self, dtype));
}
// The product of all other elements: from both sides where a zero forbids the division.
Tensor prod_backward(const Tensor& grad, const Tensor& self, const Tensor& result, int64_t dim, Ints sizes) {
    if (self.dim() == 0 || self.numel() == 0) return ops::reshape(ops::expand(grad, self.sizes()), sizes);
    Tensor zeros = self == 0;
    if (!zeros.is_meta() && !host_truth(ops::any(zeros))) return ops::reshape(grad * ops::conj(result / self), sizes);
    int64_t n = self.size(dim);
    Tensor one = ops::ones_like(ops::narrow(self, dim, 0, 1));
    auto exclusive = [&](const Tensor& t) {
        return ops::cumprod(ops::cat(std::array{one, ops::narrow(t, dim, 0, n - 1)}, dim), dim);
    };
    Tensor others = exclusive(self) * ops::flip(exclusive(ops::flip(self, Ints{dim})), Ints{dim});
    return ops::reshape(grad * ops::conj(others), sizes);
}

// -- extremes ---------------------------------------------------------------------------------------------------------

Tensor amax(const Tensor& self, Ints dim, bool keepdim) {
    check_not_empty(self, dim, "amax");
    return reduce(amax_kernel, self, dim, keepdim, self.dtype());
}
Tensor amin(const Tensor& self, Ints dim, bool keepdim) {
    check_not_empty(self, dim, "amin");
    return reduce(amin_kernel, self, dim, keepdim, self.dtype());
}
Tensor spread_evenly(const Tensor& grad, const Tensor& self, const Tensor& result, Ints dim) {
    Tensor hits = ops::to(ops::logical_or(self == result, ops::isnan(self)), grad.dtype());
    return grad * hits / ops::sum(hits, self.dim() ? std::optional<Ints>(dim) : std::nullopt, true);
}

Tensor max(const Tensor& self) {
    TAEDA_CHECK(
        self.numel() > 0,
        "max(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.");
    return ops::amax(self, Ints(), false);
}
Tensor min(const Tensor& self) {
    TAEDA_CHECK(
        self.numel() > 0,
        "min(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.");
    return ops::amin(self, Ints(), false);
}

namespace {

template <class Kernel>
std::tuple<Tensor, Tensor> extreme(Kernel& kernel, const Tensor& self, int64_t dim, bool keepdim, const char* op) {
    Dims dims{wrap_dim(dim, self.dim())};
    check_not_empty(self, Ints(dims), op);
    if (self.dim() == 0) return {ops::clone(self), ops::zeros(Ints(), DType::int64, self.device())};
    Output values(self, dims, keepdim, self.dtype()), indices(self, dims, keepdim, DType::int64);
    if (!self.is_meta() && values.tensor.numel())
        kernel(self.device().type, values.tensor, indices.tensor, self, Ints(dims));
    return {values.drop(), indices.drop()};
}

template <class Kernel>
Tensor arg(Kernel& kernel, const Tensor& self, std::optional<int64_t> dim, bool keepdim, const char* op) {
    TAEDA_CHECK(
        self.numel() > 0 || dim, op,
        "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.");
    if (dim) {
        check_not_empty(self, Ints{*dim}, op);
        return reduce(kernel, self, Ints{*dim}, keepdim, DType::int64);
    }
    return reduce(kernel, self, std::nullopt, keepdim, DType::int64);
}

}  // namespace

std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim) {
    return extreme(max_index_kernel, self, dim, keepdim, "max");
}
std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim) {
    return extreme(min_index_kernel, self, dim, keepdim, "min");
}
Tensor max(const Tensor& self, const Tensor& other) { return ops::maximum(self, other); }
Tensor min(const Tensor& self, const Tensor& other) { return ops::minimum(self, other); }
Tensor argmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
    return arg(argmax_kernel, self, dim, keepdim, "argmax");
}
Tensor argmin(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
    return arg(argmin_kernel, self, dim, keepdim, "argmin");
}

Tensor select_values_backward(const Tensor& grad, Ints sizes, const Tensor& indices, int64_t dim, bool keepdim) {
    if (sizes.empty()) return grad;
    Tensor g = keepdim ? grad : ops::unsqueeze(grad, wrap_dim(dim, int64_t(sizes.size())));
    Tensor at = keepdim ? indices : ops::unsqueeze(indices, wrap_dim(dim, int64_t(sizes.size())));
    return ops::scatter(ops::zeros(sizes, grad.dtype(), grad.device()), dim, at, g);
}

std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim, bool keepdim) {
    TAEDA_CHECK(self.numel() > 0 || dim,
                "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
    Dims dims = dim ? Dims{*dim} : Dims();
    if (self.dim() == 0) dims = Dims();
    return {ops::amin(self, dims, keepdim), ops::amax(self, dims, keepdim)};
}

// -- truth ------------------------------------------------------------------------------------------------------------

namespace {

DType truth_dtype(const Tensor& self) { return self.dtype() == DType::uint8 ? DType::uint8 : DType::bool_; }

}  // namespace

Tensor any(const Tensor& self, std::optional<Ints> dim, bool keepdim) {
    return ops::to(reduce(any_kernel, self, dim, keepdim, DType::bool_), truth_dtype(self));
}
Tensor all(const Tensor& self, std::optional<Ints> dim, bool keepdim) {
    return ops::to(reduce(all_kernel, self, dim, keepdim, DType::bool_), truth_dtype(self));
}
Tensor any(const Tensor& self, int64_t dim, bool keepdim) {
    return native::any(self, std::optional<Ints>(Ints{dim}), keepdim);
}
Tensor all(const Tensor& self, int64_t dim, bool keepdim) {
    return native::all(self, std::optional<Ints>(Ints{dim}), keepdim);
}
Tensor any(const Tensor& self) { return native::any(self, all_dims(), false); }
Tensor all(const Tensor& self) { return native::all(self, all_dims(), false); }
Tensor count_nonzero(const Tensor& self, std::optional<Ints> dim) {
    return reduce(count_nonzero_kernel, self, dim, false, DType::int64);
}

// -- norms ------------------------------------------------------------------------------------------------------------

Tensor linalg_vector_norm(const Tensor& self, const Scalar& ord, std::optional<Ints> dim, bool keepdim,
                          std::optional<DType> dtype) {
    check_floating(self, dtype, "linalg.vector_norm");
    double p = ord.to_double();
    Tensor x = as(self, dtype);
    if (x.is_complex() && p != 2) x = ops::abs(x);
    if (p < 0 || p == kInfinity)
        for (int64_t d : reduced_dims(self, dim))
            TAEDA_CHECK(self.sizes()[size_t(d)] > 0, "linalg.vector_norm cannot compute the ", p,
                        " norm on the dimension ", d,
                        " because this dimension is empty and the operation does not have an identity");
    return reduce(norm_kernel, x, dim, keepdim, real_dtype(x.dtype()), p);
}
Tensor vector_norm_backward(const Tensor& grad, const Tensor& self, const Tensor& result, const Scalar& ord,
                            std::optional<Ints> dim) {
    double p = ord.to_double();
    Tensor zero = wrapped_number(Scalar(0.0));
    if (p == 0) return ops::zeros_like(self);
    if (p == 1) return grad * ops::sgn(self);
    if (p == 2) return grad * ops::where(result == 0, zero, self / result);
    Tensor magnitude = ops::abs(self);
    if (std::isinf(p)) {
        Tensor hits = ops::to(magnitude == result, result.dtype());
        return ops::sgn(self) * (grad * hits / ops::sum(hits, self.dim() ? dim : std::nullopt, true));
    }
    Tensor scale = ops::where(result == 0, zero, grad / ops::pow(result, wrapped_number(Scalar(p - 1))));
    if (p < 1)
        return ops::where(magnitude == 0, zero,
                          ops::sgn(self) * ops::pow(magnitude, wrapped_number(Scalar(p - 1))) * scale);
    return ops::sgn(self) * ops::pow(magnitude, wrapped_number(Scalar(p - 1))) * scale;
}
Tensor norm(const Tensor& self, const std::optional<Scalar>& p, std::optional<Ints> dim, bool keepdim,
            std::optional<DType> dtype) {
    return ops::linalg_vector_norm(self, p.value_or(Scalar(2)), dim, keepdim, dtype);
}
Tensor norm(const Tensor& self, const std::string& p, std::optional<Ints> dim, bool keepdim,
            std::optional<DType> dtype) {
    TAEDA_CHECK(p == "fro" || p == "nuc", "norm: p must be a number, 'fro' or 'nuc', got '", p,
                "'; other matrix norms are in taeda.linalg.matrix_norm");
    if (p == "nuc") return ops::linalg_matrix_norm(self, p, dim.value_or(Ints{0, 1}), keepdim, dtype);
    return ops::linalg_vector_norm(self, Scalar(2), dim, keepdim, dtype);
}

// -- moments ----------------------------------------------------------------------------------------------------------

Tensor var_correction(const Tensor& self, std::optional<Ints> dim, double correction, bool keepdim, bool square_root) {
    TAEDA_CHECK(is_differentiable(self.dtype()), "std and var only support floating point and complex dtypes, got ",
                self.dtype());
    if (self.is_complex()) {  // the sum of the variances of both parts
        Tensor both = ops::var_correction(ops::real(self), dim, correction, keepdim, false) +
                      ops::var_correction(ops::imag(self), dim, correction, keepdim, false);
        return square_root ? ops::sqrt(both) : both;
    }
    Dims dims = reduced_dims(self, dim);
    Output out(self, dims, keepdim, real_dtype(self.dtype()));
    if (!self.is_meta() && out.tensor.numel())
        var_mean_kernel(self.device().type, out.tensor, Tensor(), self, Ints(dims), correction, square_root);
    return out.drop();
}
Tensor var_backward(const Tensor& grad, const Tensor& self, std::optional<Ints> dim, double correction, bool keepdim) {
    double n = ops::reduced_count(self.sizes(), dim);
    Tensor centered = self - ops::mean(self, self.dim() ? dim : std::nullopt, true);
    return keep_reduced(grad, self.sizes(), dim, keepdim) * centered * (2 / std::max(0.0, n - correction));
}
Tensor std_backward(const Tensor& grad, const Tensor& self, const Tensor& result, std::optional<Ints> dim,
                    double correction, bool keepdim) {
    Tensor g = ops::where(result == 0, wrapped_number(Scalar(0.0)), grad / (result * 2));
    return ops::var_backward(g, self, dim, correction, keepdim);
}

#define TAEDA_MOMENT(name, root) \
    Tensor name(const Tensor& self, std::optional<Ints> dim, const std::optional<Scalar>& correction, bool keepdim) { \
        return ops::var_correction(self, dim, correction.value_or(Scalar(1)).to_double(), keepdim, root); \
    } \
    Tensor name(const Tensor& self, bool unbiased) { \
        return ops::var_correction(self, all_dims(), unbiased, false, root); \
    } \
    Tensor name(const Tensor& self, std::optional<Ints> dim, bool unbiased, bool keepdim) { \
        return ops::var_correction(self, dim, unbiased, keepdim, root); \
    } \
    std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, std::optional<Ints> dim, \
                                           const std::optional<Scalar>& correction, bool keepdim) { \
        return {native::name(self, dim, correction, keepdim), ops::mean(self, dim, keepdim)}; \
    } \
    std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, bool unbiased) { \
        return {native::name(self, unbiased), ops::mean(self)}; \
    } \
    std::tuple<Tensor, Tensor> name##_mean(const Tensor& self, std::optional<Ints> dim, bool unbiased, bool keepdim) { \
        return {native::name(self, dim, unbiased, keepdim), ops::mean(self, dim, keepdim)}; \
    }
TAEDA_MOMENT(var, false)
TAEDA_MOMENT(std, true)
#undef TAEDA_MOMENT

Tensor logsumexp(const Tensor& self, Ints dim, bool keepdim) {
    Tensor x = is_integral(self.dtype(), true) ? ops::to(self, default_dtype()) : self;
    if (x.is_complex()) {
        Tensor largest = ops::amax(ops::real(x), dim, true);
        largest = ops::where(ops::isfinite(largest), largest, wrapped_number(Scalar(0.0)));
        Tensor result = ops::log(ops::sum(ops::exp(x - largest), dim, true)) + largest;
        return keepdim ? result : ops::squeeze(result, Ints(reduced_dims(self, dim)));
    }
    TAEDA_CHECK(is_floating(x.dtype()),
                "logsumexp(): Expected floating point type for result tensor, but got: ", x.dtype());
    return reduce(logsumexp_kernel, x, dim, keepdim, x.dtype());
}
Tensor logsumexp_backward(const Tensor& grad, const Tensor& self, const Tensor& result) {
    Tensor weights = ops::conj(ops::exp(self - result));
    return grad * ops::where(ops::isinf(result), wrapped_number(Scalar(0.0)), weights);
}

// -- comparisons of whole tensors -------------------------------------------------------------------------------------

bool equal(const Tensor& self, const Tensor& other) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "equal: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    TAEDA_CHECK(self.device() == other.device(), "equal: Expected all tensors to be on the same device");
    if (self.sizes() != other.sizes()) return false;
    return self.numel() == 0 || host_truth(ops::all(self == other));
}
Tensor isclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
    TAEDA_CHECK(self.dtype() == other.dtype(), dtype_long_name(self.dtype()), " did not match ",
                dtype_long_name(other.dtype()));
    TAEDA_CHECK(rtol >= 0 && atol >= 0, "isclose: rtol and atol must be greater than or equal to zero, but got ", rtol,
                " and ", atol);
    Tensor close = self == other;
    if (equal_nan && is_differentiable(self.dtype()))
        close = ops::logical_or(close, ops::logical_and(ops::isnan(self), ops::isnan(other)));
    if (rtol == 0 && atol == 0) return close;
    Tensor x = self, y = other;
    if (is_integral(self.dtype(), true)) x = ops::to(self, DType::float64), y = ops::to(other, DType::float64);
    Tensor distance = ops::abs(x - y);
    return ops::logical_or(close, ops::logical_and(ops::isfinite(distance), distance <= ops::abs(y) * rtol + atol));
}
bool allclose(const Tensor& self, const Tensor& other, double rtol, double atol, bool equal_nan) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "allclose: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor close = ops::isclose(self, other, rtol, atol, equal_nan);
    return close.numel() == 0 || host_truth(ops::all(close));
}
Tensor trace(const Tensor& self) {
    TAEDA_CHECK(self.dim() == 2, "trace: expected a matrix, but got tensor with dim ", self.dim());
    return ops::sum(ops::diagonal(self));
}

}  // namespace taeda::native
