// Fourier transforms: dimensions brought to the end, normalisation, and the gradients of the real transforms.
#include <cmath>

#include "kernels/copy.h"
#include "kernels/fft.h"
#include "native.h"

namespace taeda::native {

namespace {

Tensor swapped_with_last(const Tensor& t, int64_t dim) {
    Dims sizes(t.sizes()), strides(t.strides());
    std::swap(sizes[size_t(dim)], sizes[sizes.size() - 1]);
    std::swap(strides[size_t(dim)], strides[strides.size() - 1]);
    return taeda::alias(t, sizes, strides, t.offset());
}

// Calls kernel(out, in) on contiguous tensors that have `dim` last; out has `length` elements there.
template <class Kernel> Tensor along(const Tensor& self, int64_t dim, int64_t length, DType dtype, Kernel kernel) {
    Tensor in = swapped_with_last(self, dim);
    Dims sizes(in.sizes());
    sizes[sizes.size() - 1] = length;
    Tensor out = empty_tensor(sizes, dtype, self.device());
    if (!out.is_meta() && out.numel()) {
        if (!in.is_contiguous()) {
            Tensor packed = empty_tensor(in.sizes(), in.dtype(), in.device());
            copy_kernel(in.device().type, packed, in);
            in = packed;
        }
        kernel(out, in);
    }
    return swapped_with_last(out, dim);
}

Tensor complex_along(const Tensor& self, int64_t dim, bool forward, double scale) {
    Tensor in = ops::contiguous(self), out = empty_tensor(self.sizes(), self.dtype(), self.device());
    if (out.is_meta() || out.numel() == 0) return out;
    const int64_t n = self.size(dim),
                  inner = product(self.sizes().slice(size_t(dim) + 1, size_t(self.dim() - dim - 1))),
                  outer = self.numel() / (n * inner);
    auto with_dim_last = [&](const Tensor& t) {
        return taeda::alias(t, {outer, inner, n}, {n * inner, 1, inner}, t.offset());
    };
    fft_kernel(out.device().type, with_dim_last(out), with_dim_last(in), forward, scale);
    return out;
}

enum Normalization { none, by_root, by_size };

// The factor of a transform over `dim`; `last` replaces the size of the last of them where it is not negative.
double scale_of(const Tensor& self, Ints dim, int64_t normalization, int64_t last = -1) {
    if (normalization == none) return 1.0;
    double count = 1;
    for (size_t i = 0; i < dim.size(); ++i)
        count *= double(i + 1 == dim.size() && last >= 0 ? last : self.size(dim[i]));
    return normalization == by_root ? 1 / std::sqrt(count) : 1 / count;
}

void check(const char* name, const Tensor& self, Ints dim, bool wants_complex) {
    TAEDA_CHECK(!dim.empty(), name, ": expected at least one dimension to transform");
    DType real = real_dtype(self.dtype());
    bool fits = self.is_complex() == wants_complex && (real == DType::float32 || real == DType::float64);
    if (!fits)
        raise<NotImplementedError>(name, ": not implemented for '", dtype_long_name(self.dtype()), "'; expected ",
                                   wants_complex ? "complex64 or complex128" : "float32 or float64");
    for (int64_t d : dim)
        TAEDA_CHECK(self.size(d) > 0, name, ": dimension ", d, " of shape ", self.sizes(),
                    " is empty; expected at least 1");
}

}  // namespace

Tensor _fft_c2c(const Tensor& self, Ints dim, int64_t normalization, bool forward) {
    check("fft", self, dim, true);
    double scale = scale_of(self, dim, normalization);
    Tensor result = self;
    for (int64_t d : dim) {
        result = complex_along(result, wrap_dim(d, self.dim()), forward, scale);
        scale = 1;
    }
    return result;
}

Tensor _fft_r2c(const Tensor& self, Ints dim, int64_t normalization) {
    check("rfft", self, dim, false);
    const int64_t last = wrap_dim(dim[dim.size() - 1], self.dim());
    const double scale = scale_of(self, dim, normalization);
    Tensor result =
        along(self, last, self.size(last) / 2 + 1, complex_dtype(self.dtype()),
              [&](const Tensor& out, const Tensor& in) { real_fft_kernel(out.device().type, out, in, scale); });
    for (size_t i = 0; i + 1 < dim.size(); ++i) result = complex_along(result, wrap_dim(dim[i], self.dim()), true, 1.0);
    return result;
}

Tensor _fft_c2r(const Tensor& self, Ints dim, int64_t normalization, int64_t last_dim_size) {
    check("irfft", self, dim, true);
    const int64_t last = wrap_dim(dim[dim.size() - 1], self.dim());
    TAEDA_CHECK(last_dim_size >= 1 && last_dim_size / 2 + 1 == self.size(last), "irfft: ", self.size(last),
                " frequencies do not make ", last_dim_size, " samples; expected ", last_dim_size / 2 + 1);
    const double scale = scale_of(self, dim, normalization, last_dim_size);
    Tensor result = self;
    for (size_t i = 0; i + 1 < dim.size(); ++i)
        result = complex_along(result, wrap_dim(dim[i], self.dim()), false, 1.0);
    return along(result, last, last_dim_size, real_dtype(self.dtype()), [&](const Tensor& out, const Tensor& in) {
        inverse_real_fft_kernel(out.device().type, out, in, scale);
    });
}

namespace {

// `value` for the frequencies that irfft mirrors, 1 for the others, to be multiplied with t.
Tensor mirror_weights(const Tensor& t, int64_t last, int64_t last_size, double value) {
    const int64_t frequencies = t.size(last), mirrored = last_size - frequencies;
    Tensor weights = empty_tensor(Ints{frequencies}, real_dtype(t.dtype()), t.device());
    ops::fill_(weights, Scalar(1.0));
    if (mirrored > 0) ops::fill_(ops::narrow(weights, 0, 1, mirrored), Scalar(value));
    Dims shape(size_t(t.dim()), 1);
    shape[size_t(last)] = frequencies;
    return ops::reshape(weights, shape);
}

}  // namespace

// The real part of the backward transform; irfft would count the frequencies that it mirrors twice.
Tensor fft_r2c_backward(const Tensor& grad, Ints dim, int64_t normalization, int64_t last_size) {
    const int64_t last = wrap_dim(dim[dim.size() - 1], grad.dim());
    return ops::_fft_c2r(ops::mul(grad, mirror_weights(grad, last, last_size, 0.5)), dim, normalization, last_size);
}

// A frequency that irfft mirrors counts twice.
Tensor fft_c2r_backward(const Tensor& grad, Ints dim, int64_t normalization, int64_t last_dim_size) {
    Tensor result = ops::_fft_r2c(grad, dim, normalization);
    const int64_t last = wrap_dim(dim[dim.size() - 1], grad.dim());
    return ops::mul(result, mirror_weights(result, last, last_dim_size, 2.0));
}

}  // namespace taeda::native
