// Pooling: shapes, checks and calls of the kernels.
#include "kernels/pool.h"
#include "autograd/state.h"
#include "kernels/index.h"
#include "native.h"

namespace taeda::native {

namespace {

constexpr const char* kLayouts[] = {"(N, C, L) or (C, L)", "(N, C, H, W) or (C, H, W)",
                                    "(N, C, D, H, W) or (C, D, H, W)"};

void check_input(const Tensor& x, size_t dims, const char* op) {
    bool fits = x.dim() == int64_t(dims) + 1 || x.dim() == int64_t(dims) + 2;
    TAEDA_CHECK(fits, op, ": expected input of shape ", kLayouts[dims - 1], ", got shape ", x.sizes());
    for (size_t d = x.sizes().size() - dims - 1; d < x.sizes().size(); ++d)
        TAEDA_CHECK(x.sizes()[d] > 0, op,
                    ": expected input whose dimensions are not empty (but for the batch), got shape ", x.sizes());
}

// The three lists of a window as the last entries of the geometry.
PoolGeometry window(Ints sizes, Ints kernel, Ints stride, Ints padding, Ints dilation, bool ceil_mode, const char* op) {
    PoolGeometry g;
    size_t n = kernel.size(), first = 3 - n;
    for (size_t i = 0; i < n; ++i) {
        size_t d = first + i;
        int64_t k = g.kernel[d] = kernel[i], s = g.stride[d] = stride.empty() ? kernel[i] : stride[i];
        int64_t p = g.padding[d] = padding[i], apart = g.dilation[d] = dilation.empty() ? 1 : dilation[i];
        int64_t in = g.input[d] = sizes[sizes.size() - n + i], extent = apart * (k - 1) + 1;
        TAEDA_CHECK(k > 0 && s > 0 && apart > 0, op,
                    ": kernel_size, stride and dilation must be greater than zero, got ", kernel, ", ", stride, " and ",
                    dilation);
        TAEDA_CHECK(p >= 0 && p <= extent / 2, op,
                    ": pad should be at most half of effective kernel size, and not negative; got pad=", p,
                    ", kernel_size=", k, " and dilation=", apart);
        int64_t room = in + 2 * p - extent + (ceil_mode ? s - 1 : 0);
        int64_t out = (room >= 0 ? room / s : -1) + 1;
        if (ceil_mode && (out - 1) * s >= in + p) --out;
        TAEDA_CHECK(out >= 1, op, ": the window (kernel_size ", kernel, ", padding ", padding,
                    ") does not fit into an input of shape ", sizes, "; its output would be empty");
        g.output[d] = out;
    }
    return g;
}

PoolGeometry parts(Ints sizes, Ints output_size, const char* op) {
    PoolGeometry g;
    size_t n = output_size.size(), first = 3 - n;
    for (size_t i = 0; i < n; ++i) {
        TAEDA_CHECK(output_size[i] >= 0, op, ": elements of output_size must be greater than or equal to 0, got ",
                    output_size);
        g.output[first + i] = output_size[i];
        g.input[first + i] = sizes[sizes.size() - n + i];
    }
    return g;
}

Dims pooled_sizes(Ints sizes, const PoolGeometry& g, size_t dims) {
    Dims result(sizes);
    for (size_t i = 0; i < dims; ++i) result[sizes.size() - dims + i] = g.output[3 - dims + i];
    return result;
}

using Pair = std::tuple<Tensor, Tensor>;

Pair max_pool_pair(const Tensor& self, Ints kernel, Ints stride, Ints padding, Ints dilation, bool ceil_mode,
                   const char* op) {
    check_input(self, kernel.size(), op);
    PoolGeometry g = window(self.sizes(), kernel, stride, padding, dilation, ceil_mode, op);
    Dims sizes = pooled_sizes(self.sizes(), g, kernel.size());
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    Tensor indices = empty_tensor(sizes, DType::int64, self.device());
    if (!out.is_meta()) max_pool_kernel(out.device().type, out, indices, ops::contiguous(self), g);
    return {out, indices};
}

// Without a gradient to come, nobody asks where the maxima were.
Tensor max_pool_of(const Tensor& self, Ints kernel, Ints stride, Ints padding, Ints dilation, bool ceil_mode,
                   Pair (*with_indices)(const Tensor&, Ints, Ints, Ints, Ints, bool)) {
    if (thread_state.grad_enabled && self.requires_grad())
        return std::get<0>(with_indices(self, kernel, stride, padding, dilation, ceil_mode));
    return ops::max_pool_values(self, kernel, stride, padding, dilation, ceil_mode);
}

Pair adaptive_max_pool_pair(const Tensor& self, Ints output_size, const char* op) {
    check_input(self, output_size.size(), op);
    PoolGeometry g = parts(self.sizes(), output_size, op);
    Dims sizes = pooled_sizes(self.sizes(), g, output_size.size());
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    Tensor indices = empty_tensor(sizes, DType::int64, self.device());
    if (!out.is_meta()) adaptive_max_pool_kernel(out.device().type, out, indices, ops::contiguous(self), g);
    return {out, indices};
}

Tensor avg_pool_of(const Tensor& self, Ints kernel, Ints stride, Ints padding, bool ceil_mode, bool count_include_pad,
                   std::optional<int64_t> divisor, const char* op) {
    check_input(self, kernel.size(), op);
    TAEDA_CHECK(!divisor || *divisor != 0, op, ": divisor must be not zero");
    PoolGeometry g = window(self.sizes(), kernel, stride, padding, {}, ceil_mode, op);
    Tensor out = empty_tensor(pooled_sizes(self.sizes(), g, kernel.size()), self.dtype(), self.device());
    if (!out.is_meta())
        avg_pool_kernel(out.device().type, out, ops::contiguous(self), g, count_include_pad, divisor.value_or(0));
    return out;
}

Tensor adaptive_avg_pool_of(const Tensor& self, Ints output_size, const char* op) {
    check_input(self, output_size.size(), op);
    PoolGeometry g = parts(self.sizes(), output_size, op);
    Tensor out = empty_tensor(pooled_sizes(self.sizes(), g, output_size.size()), self.dtype(), self.device());
    if (!out.is_meta()) adaptive_avg_pool_kernel(out.device().type, out, ops::contiguous(self), g);
    return out;
}

}  // namespace

#define TAEDA_POOLS(N) \
    Pair max_pool##N##d_with_indices(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, Ints dilation, \
                                     bool ceil_mode) { \
        return max_pool_pair(self, kernel_size, stride, padding, dilation, ceil_mode, "max_pool" #N "d"); \
    } \
    Tensor max_pool##N##d(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, Ints dilation, \
                          bool ceil_mode) { \
        return max_pool_of(self, kernel_size, stride, padding, dilation, ceil_mode, ops::max_pool##N##d_with_indices); \
    } \
    Pair adaptive_max_pool##N##d(const Tensor& self, Ints output_size) { \
        return adaptive_max_pool_pair(self, output_size, "adaptive_max_pool" #N "d"); \
    } \
    Tensor adaptive_avg_pool##N##d(const Tensor& self, Ints output_size) { \
        return adaptive_avg_pool_of(self, output_size, "adaptive_avg_pool" #N "d"); \
    }
TAEDA_POOLS(1)
TAEDA_POOLS(2)
TAEDA_POOLS(3)
#undef TAEDA_POOLS

Tensor max_pool_values(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, Ints dilation, bool ceil_mode) {
    constexpr const char* kNames[] = {"max_pool1d", "max_pool2d", "max_pool3d"};
    const char* name = kNames[kernel_size.size() - 1];
    check_input(self, kernel_size.size(), name);
    PoolGeometry g = window(self.sizes(), kernel_size, stride, padding, dilation, ceil_mode, name);
    Tensor out = empty_tensor(pooled_sizes(self.sizes(), g, kernel_size.size()), self.dtype(), self.device());
    if (!out.is_meta()) max_pool_values_kernel(out.device().type, out, ops::contiguous(self), g);
    return out;
}

Tensor avg_pool1d(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad) {
    return avg_pool_of(self, kernel_size, stride, padding, ceil_mode, count_include_pad, {}, "avg_pool1d");
}
Tensor avg_pool2d(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override) {
    return avg_pool_of(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                       "avg_pool2d");
}
Tensor avg_pool3d(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override) {
    return avg_pool_of(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override,
                       "avg_pool3d");
}

Tensor avg_pool(const Tensor& self, Ints kernel_size, Ints stride, Ints padding, bool ceil_mode, bool count_include_pad,
                std::optional<int64_t> divisor_override) {
    if (kernel_size.size() == 1)
        return ops::avg_pool1d(self, kernel_size, stride, padding, ceil_mode, count_include_pad);
    auto pool = kernel_size.size() == 2 ? ops::avg_pool2d : ops::avg_pool3d;
    return pool(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override);
}

Tensor adaptive_avg_pool(const Tensor& self, Ints output_size) {
    size_t n = output_size.size();
    return (n == 1   ? ops::adaptive_avg_pool1d
            : n == 2 ? ops::adaptive_avg_pool2d
                     : ops::adaptive_avg_pool3d)(self, output_size);
}

// -- gradients ---------------------------------------------------------------------------------------------------------

Tensor max_pool_backward(const Tensor& grad, const Tensor& indices, Ints sizes, int64_t dims) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (out.is_meta()) return out;
    int64_t planes = product(sizes.slice(0, sizes.size() - size_t(dims)));
    max_pool_grad_kernel(out.device().type, out, ops::contiguous(grad), indices, planes);
    return out;
}

Tensor pick_from_planes(const Tensor& self, const Tensor& indices, int64_t dims) {
    Tensor out = empty_tensor(indices.sizes(), self.dtype(), self.device());
    if (out.is_meta()) return out;
    size_t leading = self.sizes().size() - size_t(dims);
    Tensor planes = ops::contiguous(self);
    int64_t count = product(self.sizes().slice(0, leading)), size = product(self.sizes().slice(leading, size_t(dims)));
    int64_t picked = count ? indices.numel() / count : 0;
    auto flat = [&](const Tensor& t, int64_t width) { return alias(t, {count, width}, {width, 1}, t.offset()); };
    gather_kernel(out.device().type, flat(out, picked), flat(planes, size), 1, flat(indices, picked));
    return out;
}

Tensor avg_pool_backward(const Tensor& grad, Ints sizes, Ints kernel_size, Ints stride, Ints padding, bool ceil_mode,
                         bool count_include_pad, std::optional<int64_t> divisor_override) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (out.is_meta()) return out;
    PoolGeometry g = window(sizes, kernel_size, stride, padding, {}, ceil_mode, "avg_pool");
    avg_pool_grad_kernel(out.device().type, out, ops::contiguous(grad), g, count_include_pad,
                         divisor_override.value_or(0));
    return out;
}

Tensor adaptive_avg_pool_backward(const Tensor& grad, Ints sizes, Ints output_size) {
    Tensor out = empty_tensor(sizes, grad.dtype(), grad.device());
    if (out.is_meta()) return out;
    adaptive_avg_pool_grad_kernel(out.device().type, out, ops::contiguous(grad),
                                  parts(sizes, output_size, "adaptive_avg_pool"));
    return out;
}

}  // namespace taeda::native
