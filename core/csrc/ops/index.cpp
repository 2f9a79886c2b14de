// Reading and writing by indices and masks.
#include "kernels/index.h"

#include "autograd/meta.h"
#include "kernels/copy.h"
#include "native.h"
#include "ops/derivatives.h"
#include "ops/host.h"

namespace taeda::native {

namespace {

Tensor as_index(const Tensor& index, const char* op) {
    TAEDA_CHECK_AS(IndexError, index.dtype() == DType::int64 || index.dtype() == DType::int32, op,
                   "(): Expected dtype int32 or int64 for index, got ", index.dtype());
    return ops::contiguous(ops::to(index, DType::int64));
}

// Which dimensions are indexed, with indices of one broadcast shape.
struct Advanced {
    Dims dims;
    Tensors indices;
    Dims shape;  // of an index
};

// Masks stand for the coordinates of their true elements.
Tensors without_masks(TensorList indices) {
    Tensors plain;
    for (const Tensor& t : indices) {
        if (!t.defined() || (t.dtype() != DType::bool_ && t.dtype() != DType::uint8)) {
            plain.push_back(t);
            continue;
        }
        for (const Tensor& coordinate : ops::unbind(ops::nonzero_coordinates(t), 1)) plain.push_back(coordinate);
    }
    return plain;
}

Advanced prepare(const Tensor& self, TensorList given) {
    const Tensors indices = without_masks(given);
    TAEDA_CHECK_AS(IndexError, int64_t(indices.size()) <= self.dim(), "too many indices for tensor of dimension ",
                   self.dim(), " (got ", indices.size(), ")");
    Advanced a;
    for (size_t d = 0; d < indices.size(); ++d) {
        if (!indices[d].defined()) continue;
        a.dims.push_back(int64_t(d));
        try {
            a.shape = broadcast_shapes(a.shape, indices[d].sizes(), "index");
        } catch (const Error&) {
            raise<IndexError>("shape mismatch: indexing tensors could not be broadcast together with shapes ", a.shape,
                              ", ", indices[d].sizes());
        }
    }
    for (int64_t d : a.dims) {
        Tensor i = ops::to(indices[size_t(d)], DType::int64);
        a.indices.push_back(ops::contiguous(i.sizes() == Ints(a.shape) ? i : ops::expand(i, a.shape)));
    }
    return a;
}

// NumPy's rule: indexed dimensions that are adjacent stay where they were, others go to the front.
int64_t place_of(const Advanced& a) {
    for (size_t i = 1; i < a.dims.size(); ++i)
        if (a.dims[i] != a.dims[i - 1] + 1) return 0;
    return a.dims.empty() ? 0 : a.dims[0];
}

Dims kernel_sizes(const Tensor& self, const Advanced& a) {
    Dims sizes(a.shape);
    for (int64_t d = 0; d < self.dim(); ++d)
        if (std::find(a.dims.begin(), a.dims.end(), d) == a.dims.end()) sizes.push_back(self.sizes()[size_t(d)]);
    return sizes;
}

// The kernel's layout (index shape first) and the result's, as a permutation.
Dims result_order(const Tensor& self, const Advanced& a) {
    int64_t place = place_of(a), shape = int64_t(a.shape.size()), rest = self.dim() - int64_t(a.dims.size());
    Dims order;
    for (int64_t d = 0; d < place; ++d) order.push_back(shape + d);
    for (int64_t d = 0; d < shape; ++d) order.push_back(d);
    for (int64_t d = place; d < rest; ++d) order.push_back(shape + d);
    return order;
}

}  // namespace

Tensor index(const Tensor& self, TensorList indices) {
    Advanced a = prepare(self, indices);
    if (a.dims.empty()) return ops::clone(self);
    Tensor out = empty_tensor(kernel_sizes(self, a), self.dtype(), self.device());
    if (!out.is_meta() && out.numel()) index_kernel(out.device().type, out, self, Ints(a.dims), a.indices);
    if (place_of(a) == 0) return out;
    return ops::contiguous(ops::permute(out, result_order(self, a)));
}
Tensor index_backward(const Tensor& grad, Ints sizes, TensorList indices) {
    return ops::index_put_(ops::zeros(sizes, grad.dtype(), grad.device()), indices, grad, true);
}
Tensor index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
    TAEDA_CHECK(self.dtype() == values.dtype(), "Index put requires the source and destination dtypes match, got ",
                dtype_long_name(self.dtype()), " for the destination and ", dtype_long_name(values.dtype()),
                " for the source.");
    Advanced a = prepare(self, indices);
    if (a.dims.empty()) return accumulate ? ops::add_(self, values) : ops::copy_(self, values);
    Dims kernel = kernel_sizes(self, a), order = result_order(self, a), shape(order.size());
    for (size_t i = 0; i < order.size(); ++i) shape[i] = kernel[size_t(order[i])];
    Tensor v = values;
    while (v.dim() > int64_t(shape.size()) && v.sizes()[0] == 1) v = ops::squeeze(v, 0);
    TAEDA_CHECK(is_expandable_to(v.sizes(), shape), "shape mismatch: value tensor of shape ", values.sizes(),
                " cannot be broadcast to indexing result of shape ", shape);
    v = ops::contiguous(ops::permute(ops::expand(v, shape), ops::inverse_permutation(order)));
    if (!self.is_meta() && v.numel())
        index_put_kernel(self.device().type, self, Ints(a.dims), a.indices, v, accumulate);
    return self;
}

Tensor nonzero_coordinates(const Tensor& self) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "nonzero: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor mask = ops::contiguous(self.dtype() == DType::bool_ ? self : self != 0);
    int64_t count = host_value<int64_t>(ops::count_nonzero(mask));
    Tensor out = empty_tensor(Ints{count, self.dim()}, DType::int64, self.device());
    if (out.numel()) nonzero_kernel(out.device().type, out, mask);
    return out;
}
Tensor nonzero(const Tensor& self) { return ops::nonzero_coordinates(self); }
Tensor argwhere(const Tensor& self) { return ops::nonzero_coordinates(self); }

// -- gather and scatter -----------------------------------------------------------------------------------------------

namespace {

Tensor at_least_one_dim(const Tensor& t) { return t.dim() ? t : ops::reshape(t, Ints{1}); }

void check_index(const Tensor& self, const Tensor& index, const Tensor* src, int64_t dim, const char* op) {
    TAEDA_CHECK(index.dtype() == DType::int64 || index.dtype() == DType::int32 || index.numel() == 0, op,
                "(): Expected dtype int64 for index, got ", index.dtype(), "; convert it with .long()");
    if (index.numel() == 0) return;
    int64_t n = std::max<int64_t>(self.dim(), 1);
    TAEDA_CHECK(std::max<int64_t>(index.dim(), 1) == n, "Index tensor must have the same number of dimensions as ",
                src ? "self" : "input", " tensor: ", op, " of ", self.sizes(), " with index ", index.sizes());
    TAEDA_CHECK(!src || std::max<int64_t>(src->dim(), 1) == n,
                "Index tensor must have the same number of dimensions as src tensor: ", op, " with index ",
                index.sizes(), " and src ", src ? Dims(src->sizes()) : Dims());
    for (int64_t d = 0; d < self.dim() && d < index.dim(); ++d) {
        bool fits = d == dim || index.sizes()[size_t(d)] <= self.sizes()[size_t(d)];
        TAEDA_CHECK(
            fits, src ? "Expected index " : "Size does not match at dimension ",
            src ? join(index.sizes(), " to be no larger than self ", self.sizes(), " apart from dimension ", dim)
                : join(d, " expected index ", index.sizes(), " to be no larger than self ", self.sizes(),
                       " apart from dimension ", dim));
        TAEDA_CHECK(!src || index.sizes()[size_t(d)] <= src->sizes()[size_t(d)], "Expected index ", index.sizes(),
                    " to be no larger than src ", src ? Dims(src->sizes()) : Dims(), " in all dimensions (", op, ")");
    }
}

// The part of src that an index of these sizes reads.
Tensor leading(Tensor t, Ints sizes) {
    for (size_t d = 0; d < sizes.size(); ++d)
        if (t.sizes()[d] != sizes[d]) t = ops::slice(t, int64_t(d), 0, sizes[d], 1);
    return t;
}

void run_scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, Combine how, const char* op) {
    int64_t d = wrap_dim(dim, self.dim());
    check_index(self, index, &src, d, op);
    TAEDA_CHECK(self.dtype() == src.dtype(), op, "(): Expected self.dtype to be equal to src.dtype, got ", self.dtype(),
                " and ", src.dtype());
    if (self.is_meta() || index.numel() == 0) return;
    Tensor i = ops::contiguous(ops::to(at_least_one_dim(index), DType::int64));
    Tensor s = ops::contiguous(leading(at_least_one_dim(src), i.sizes()));
    scatter_kernel(self.device().type, at_least_one_dim(self), d, i, s, how);
}

Tensor filled_like(const Tensor& index, const Scalar& value, DType dtype) {
    return ops::full(index.sizes(), value, dtype, index.device());
}

}  // namespace

Tensor gather(const Tensor& self, int64_t dim, const Tensor& index) {
    int64_t d = wrap_dim(dim, self.dim());
    check_index(self, index, nullptr, d, "gather");
    Tensor out = empty_tensor(index.sizes(), self.dtype(), self.device());
    if (out.is_meta() || out.numel() == 0) return out;
    Tensor i = ops::contiguous(ops::to(at_least_one_dim(index), DType::int64));
    gather_kernel(out.device().type, at_least_one_dim(out), at_least_one_dim(self), d, i);
    return out;
}
Tensor gather_backward(const Tensor& grad, Ints sizes, int64_t dim, const Tensor& index) {
    return ops::scatter_add(ops::zeros(sizes, grad.dtype(), grad.device()), dim, index, grad);
}
Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim) {
    TAEDA_CHECK(is_integral(indices.dtype()), "take_along_dim(): dtype of indices should be Long but got ",
                dtype_long_name(indices.dtype()));
    if (!dim) return ops::gather(ops::reshape(self, Ints{-1}), 0, ops::reshape(indices, Ints{-1}));
    TAEDA_CHECK(self.dim() == indices.dim(),
                "take_along_dim(): input and indices should have the same number of dimensions, but got ", self.dim(),
                " dimensions for input, and ", indices.dim(), " dimensions for indices");
    int64_t d = wrap_dim(*dim, self.dim());
    Dims a(self.sizes()), b(indices.sizes());
    if (self.dim()) a[size_t(d)] = b[size_t(d)] = 1;
    Dims common = broadcast_shapes(a, b, "take_along_dim"), for_self(common), for_index(common);
    if (self.dim()) {
        for_self[size_t(d)] = self.sizes()[size_t(d)];
        for_index[size_t(d)] = indices.sizes()[size_t(d)];
    }
    Tensor wrapped = ops::where(indices < 0, indices + self.size(d), indices);
    return ops::gather(ops::expand(self, for_self), d, ops::expand(wrapped, for_index));
}
Tensor take(const Tensor& self, const Tensor& index) {
    TAEDA_CHECK(index.dtype() == DType::int64, "take(): Expected a long tensor for index, but got ",
                dtype_long_name(index.dtype()));
    TAEDA_CHECK_AS(IndexError, self.numel() > 0 || index.numel() == 0, "take(): tried to take from an empty tensor");
    const Tensor flat[] = {ops::reshape(index, Ints{-1})};
    return ops::reshape(ops::index(ops::reshape(self, Ints{-1}), flat), index.sizes());
}
Tensor put_(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
    TAEDA_CHECK(index.dtype() == DType::int64, "put_(): Expected a long tensor for index, but got ",
                dtype_long_name(index.dtype()));
    TAEDA_CHECK(self.dtype() == source.dtype(),
                "put_(): self and source expected to have the same dtype, but got self.dtype = ", self.dtype(),
                " and source.dtype = ", source.dtype());
    TAEDA_CHECK(index.numel() == source.numel(),
                "put_(): Expected source and index to have the same number of elements, but got source.numel() = ",
                source.numel(), ", index.numel() = ", index.numel());
    Tensor flat = ops::contiguous(self), view = ops::reshape(flat, Ints{-1});
    const Tensor at[] = {ops::reshape(index, Ints{-1})};
    native::index_put_(view, at, ops::reshape(source, Ints{-1}), accumulate);
    return flat.is_same(self) ? self : ops::copy_(self, flat);
}

Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    bool number = src.impl()->is_wrapped_number;
    run_scatter(self, dim, index, number ? ops::expand(ops::to(src, self.dtype()), index.sizes()) : src, Combine::set,
                "scatter");
    return self;
}
Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
    run_scatter(self, dim, index, filled_like(index, value, self.dtype()), Combine::set, "scatter");
    return self;
}
Tensor scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    run_scatter(self, dim, index, src, Combine::add, "scatter_add");
    return self;
}
Tensor gather_part(const Tensor& grad, int64_t dim, const Tensor& index, Ints sizes) {
    Tensor part = ops::gather(grad, dim, index);
    if (part.sizes() == sizes) return part;
    Tensor whole = ops::zeros(sizes, grad.dtype(), grad.device());
    ops::copy_(leading(whole, part.sizes()), part);
    return whole;
}
Tensor scatter_combine(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                       const std::string& how) {
    Tensor out = ops::clone(self);
    Combine c = how == "prod"   ? Combine::multiply
                : how == "amax" ? Combine::largest
                : how == "amin" ? Combine::smallest
                                : Combine::add;
    run_scatter(out, dim, index, src, c, "scatter_reduce");
    return out;
}
Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, const std::string& reduce) {
    if (reduce == "add") return ops::scatter_add(self, dim, index, src);
    TAEDA_CHECK(reduce == "multiply", "reduce argument must be either add or multiply, got '", reduce, "'");
    return ops::scatter_reduce(self, dim, index, src, "prod", true);
}

namespace {

// Differentiable forms: the combined value itself has no gradient; what each contributes is worked out from it.
Tensor scatter_extreme(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                       const std::string& reduce) {
    Tensor value = ops::scatter_combine(self, dim, index, src, reduce);
    if (!grad_wanted(self) && !grad_wanted(src)) return value;
    Tensor hit_self = ops::to(self == value, value.dtype());
    Tensor hit_src =
        ops::to(leading(at_least_one_dim(src), index.sizes()) == ops::gather(value, dim, index), value.dtype());
    Tensor count = ops::scatter_add(hit_self, dim, index, hit_src);
    Tensor zero = wrapped_number(Scalar(0.0));
    Tensor from_src = ops::where(hit_src != 0, leading(at_least_one_dim(src), index.sizes()), zero);
    return ops::scatter_add(ops::where(hit_self != 0, self, zero), dim, index, from_src) / count;
}

}  // namespace

Tensor scatter_product(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
    return native::scatter_combine(self, dim, index, src, "prod");
}
// Each factor's gradient is the product of the others. Where a factor is zero that is the product with 1 in its place.
Tensor scatter_product_backward_self(const Tensor& grad, const Tensor& self, int64_t dim, const Tensor& index,
                                     const Tensor& src) {
    Tensor others = ops::masked_fill(self, self == Scalar(0), Scalar(1));
    return grad * ops::scatter_product(others, dim, index, src) / others;
}
Tensor scatter_product_backward_src(const Tensor& grad, const Tensor& self, int64_t dim, const Tensor& index,
                                    const Tensor& src, const Tensor& result) {
    Tensor part = leading(at_least_one_dim(src), index.sizes());
    Tensor is_zero = part == Scalar(0);
    Tensor zeros = ops::scatter_add(ops::zeros_like(self), dim, index, ops::to(is_zero, self.dtype()));
    Tensor is_only_zero = ops::logical_and(is_zero, ops::gather(zeros, dim, index) == Scalar(1));
    Tensor without = ops::scatter_product(self, dim, index, ops::masked_fill(part, is_only_zero, Scalar(1)));
    Tensor found = ops::where(is_only_zero, ops::gather(grad * without, dim, index),
                              ops::gather(grad * result, dim, index) / ops::masked_fill(part, is_zero, Scalar(1)));
    if (found.sizes() == src.sizes()) return found;
    Tensor whole = ops::zeros(at_least_one_dim(src).sizes(), grad.dtype(), grad.device());
    ops::copy_(leading(whole, part.sizes()), found);
    return ops::reshape(whole, src.sizes());
}

Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                      const std::string& reduce, bool include_self) {
    TAEDA_CHECK(reduce == "sum" || reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin",
                "reduce argument must be either sum, prod, mean, amax or amin, got ", reduce);
    TAEDA_CHECK(self.dtype() == src.dtype(), "scatter(): Expected self.dtype to be equal to src.dtype");
    Tensor start = self;
    if (!include_self && index.numel()) {
        bool lowest = reduce == "amax";
        if (reduce == "sum" || reduce == "mean") start = ops::scatter(self, dim, index, Scalar(0));
        else if (reduce == "prod") start = ops::scatter(self, dim, index, Scalar(1));
        else
            start = ops::scatter_add(ops::scatter(self, dim, index, Scalar(0)), dim, index,
                                     ops::zeros(index.sizes(), self.dtype(), self.device()));
        if (reduce == "amax" || reduce == "amin") {
            Scalar limit = is_floating(self.dtype())      ? Scalar(lowest ? -std::numeric_limits<double>::infinity()
                                                                          : std::numeric_limits<double>::infinity())
                           : self.dtype() == DType::bool_ ? Scalar(!lowest)
                                                          : Scalar(lowest ? INT64_MIN : INT64_MAX);
            if (is_integral(self.dtype()) && self.dtype() != DType::int64) {
                int64_t bits = self.item_bytes() * 8,
                        top = (int64_t(1) << (bits - (is_signed(self.dtype()) ? 1 : 0))) - 1;
                limit = Scalar(lowest ? (is_signed(self.dtype()) ? -top - 1 : 0) : top);
            }
            start = ops::scatter(self, dim, index, limit);
        }
    }
    if (reduce == "sum") return ops::scatter_add(start, dim, index, src);
    if (reduce == "prod") return ops::scatter_product(start, dim, index, src);
    if (reduce != "mean") return scatter_extreme(start, dim, index, src, reduce);
    Tensor total = ops::scatter_add(start, dim, index, src);
    Tensor count = ops::full(self.sizes(), Scalar(include_self ? 1 : 0), total.dtype(), self.device());
    Tensor once = ops::ones(index.sizes(), total.dtype(), self.device());
    count = ops::clamp_min(ops::scatter_add(count, dim, index, once), Scalar(1));
    return is_integral(total.dtype()) ? ops::floor_divide(total, count) : total / count;
}

// -- whole slices -----------------------------------------------------------------------------------------------------

Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) {
    int64_t d = wrap_dim(dim, self.dim());
    TAEDA_CHECK_AS(IndexError, index.dim() <= 1, "index_select(): Index is supposed to be a vector, got shape ",
                   index.sizes());
    Tensor i = as_index(at_least_one_dim(index), "index_select"), in = ops::contiguous(at_least_one_dim(self));
    Dims sizes(in.sizes());
    sizes[size_t(d)] = i.numel();
    Tensor out = empty_tensor(sizes, self.dtype(), self.device());
    TAEDA_CHECK(self.dim() || i.numel() == 1, "index_select(): Index to scalar can have only 1 value, got ", i.numel(),
                " value(s)");
    if (!out.is_meta() && out.numel()) index_select_kernel(out.device().type, out, in, d, i);
    if (self.dim() == 0) out.impl()->set_contiguous(Ints());
    return out;
}
Tensor index_select_backward(const Tensor& grad, Ints sizes, int64_t dim, const Tensor& index) {
    return ops::index_add(ops::zeros(sizes, grad.dtype(), grad.device()), dim, index, grad);
}
Tensor index_select_like(const Tensor& grad, int64_t dim, const Tensor& index, Ints sizes) {
    Tensor t = ops::index_select(grad, dim, index);
    return t.sizes() == sizes ? t : ops::sum_to_size(t, sizes);
}

namespace {

Tensor combine_slices(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, Combine how,
                      const char* op) {
    int64_t d = wrap_dim(dim, self.dim());
    TAEDA_CHECK_AS(IndexError, index.dim() <= 1, op, "(): Index is supposed to be a vector, got shape ", index.sizes());
    Tensor i = as_index(at_least_one_dim(index), op), s = at_least_one_dim(source), target = at_least_one_dim(self);
    TAEDA_CHECK(self.dtype() == source.dtype(), op, "(): self and source must have the same scalar type, got ",
                self.dtype(), " and ", source.dtype());
    TAEDA_CHECK_AS(IndexError, s.dim() == target.dim() && s.sizes()[size_t(d)] == i.numel(), op,
                   "(): Number of indices (", i.numel(), ") should be equal to source.size(dim): (",
                   s.dim() > d ? s.sizes()[size_t(d)] : 1, "), for dim: ", dim, " of source ", source.sizes());
    for (int64_t k = 0; k < target.dim(); ++k)
        TAEDA_CHECK(
            k == d || target.sizes()[size_t(k)] == s.sizes()[size_t(k)],
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got self.shape = ",
            self.sizes(), " source.shape = ", source.sizes());
    if (self.is_meta() || s.numel() == 0) return self;
    Tensor dense = ops::contiguous(target);
    index_combine_kernel(self.device().type, dense, d, i, ops::contiguous(s), how, op);
    if (!self.is_contiguous()) ops::copy_(self, ops::reshape(dense, self.sizes()));
    return self;
}

}  // namespace

Tensor index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha) {
    return combine_slices(self, dim, index, alpha.equals(1) ? source : ops::to(source * alpha, source.dtype()),
                          Combine::add, "index_add");
}
Tensor index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
    return combine_slices(self, dim, index, source, Combine::set, "index_copy");
}
Tensor index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
    Dims sizes(at_least_one_dim(self).sizes());
    sizes[size_t(wrap_dim(dim, self.dim()))] = index.numel();
    TAEDA_CHECK(!value.is_complex() || self.is_complex(),
                "index_fill_(): Converting complex Scalar to non-complex type is not supported");
    return combine_slices(self, dim, index, ops::full(sizes, value, self.dtype(), self.device()), Combine::set,
                          "index_fill");
}
Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) {
    TAEDA_CHECK(value.dim() == 0, "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
                value.dim(), " dimension(s).");
    // Through a mask: a slice that is named twice is written once, and so its gradient counts once.
    Tensor base = at_least_one_dim(self);
    const int64_t d = wrap_dim(dim, base.dim());
    Dims sizes(size_t(base.dim()), 1);
    sizes[size_t(d)] = base.size(d);
    Tensor mask = ops::zeros(Ints{base.size(d)}, DType::bool_, self.device());
    mask = ops::index_fill(mask, 0, at_least_one_dim(index), Scalar(true));
    return ops::reshape(ops::where_select(ops::reshape(mask, sizes), ops::to(value, self.dtype()), base), self.sizes());
}

Tensor index_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                    const std::string& reduce, bool include_self) {
    TAEDA_CHECK(reduce == "prod" || reduce == "mean" || reduce == "amax" || reduce == "amin",
                "index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got ", reduce, ".");
    TAEDA_CHECK_AS(IndexError, index.dim() <= 1,
                   "index_reduce(): Index is supposed to be a vector, but got dim: ", index.dim());
    Tensor base = at_least_one_dim(self), given = at_least_one_dim(source);
    const int64_t d = wrap_dim(dim, base.dim());
    TAEDA_CHECK(given.size(d) == index.numel(), "index_reduce(): Number of indices (", index.numel(),
                ") should be equal to source.size(dim): (", given.size(d), "), for dim: ", dim);
    Dims sizes(size_t(base.dim()), 1);
    sizes[size_t(d)] = index.numel();
    Tensor spread = ops::expand(ops::reshape(ops::to(index, DType::int64), sizes), given.sizes());
    return ops::reshape(ops::scatter_reduce(base, d, spread, given, reduce, include_self), self.sizes());
}

// -- masks ------------------------------------------------------------------------------------------------------------

namespace {

void check_mask(const Tensor& mask, const char* op) {
    TAEDA_CHECK(mask.dtype() == DType::bool_, op, " only supports boolean masks, but got mask with dtype ",
                mask.dtype(), "; compare to get one: mask != 0");
}

}  // namespace

Tensor masked_fill(const Tensor& self, const Tensor& mask, const Scalar& value) {
    check_mask(mask, "masked_fill");
    TAEDA_CHECK(!value.is_complex() || self.is_complex(), "value cannot be converted to type ",
                dtype_name(self.dtype()), " without overflow");
    return ops::where_select(mask, wrapped_number(value, self.dtype()), self);
}
Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value) {
    check_mask(mask, "masked_fill");
    TAEDA_CHECK(value.dim() == 0, "masked_fill only supports a 0-dimensional value tensor, but got tensor with ",
                value.dim(), " dimension(s).");
    return ops::where_select(mask, ops::to(value, self.dtype()), self);
}
Tensor masked_select(const Tensor& self, const Tensor& mask) {
    check_mask(mask, "masked_select");
    Tensors both = ops::broadcast_tensors(std::array{self, mask});
    return ops::raw_masked_select(both[0], both[1]);
}
Tensor raw_masked_select(const Tensor& self, const Tensor& mask) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "masked_select: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor m = ops::contiguous(mask);
    Tensor out = empty_tensor(Ints{host_value<int64_t>(ops::count_nonzero(m))}, self.dtype(), self.device());
    if (out.numel()) masked_select_kernel(out.device().type, out, ops::contiguous(self), m);
    return out;
}
Tensor masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) {
    TAEDA_CHECK(mask.dtype() == DType::bool_, "masked_scatter only supports boolean masks, but got mask with dtype ",
                mask.dtype());
    TAEDA_CHECK(self.dtype() == source.dtype(), "masked_scatter: expected self and source to have same dtypes but got ",
                self.dtype(), " and ", source.dtype());
    TAEDA_CHECK(is_expandable_to(mask.sizes(), self.sizes()), "masked_scatter_: the mask of shape ", mask.sizes(),
                " must broadcast to the shape ", self.sizes(), " of the tensor");
    Tensor m = ops::contiguous(ops::expand(mask, self.sizes()));
    if (self.is_meta()) return self;
    int64_t count = host_value<int64_t>(ops::count_nonzero(m));
    TAEDA_CHECK(source.numel() >= count, "masked_scatter: Expected at least ", count,
                " elements in source to fill the mask, got ", source.numel());
    if (count == 0) return self;
    Tensor dense = ops::contiguous(self);
    masked_scatter_kernel(dense.device().type, dense, m, ops::contiguous(source));
    return dense.is_same(self) ? self : ops::copy_(self, dense);
}
Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) {
    Dims sizes = broadcast_shapes(Dims(self.sizes()), mask.sizes(), "masked_scatter");
    return ops::masked_scatter_(ops::clone(ops::expand(self, sizes)), mask, source);
}
Tensor masked_scatter_source(const Tensor& grad, const Tensor& mask, Ints sizes) {
    Tensor used = ops::masked_select(grad, mask);
    Tensor flat = ops::zeros(Ints{product(sizes)}, grad.dtype(), grad.device());
    ops::copy_(ops::slice(flat, 0, 0, used.numel(), 1), used);
    return ops::reshape(flat, sizes);
}

// -- rearranging ------------------------------------------------------------------------------------------------------

namespace {

Tensor triangle(const Tensor& self, int64_t diagonal, bool upper, const char* op) {
    TAEDA_CHECK(self.dim() >= 2, op, ": input tensor must have at least 2 dimensions, got shape ", self.sizes());
    Tensor out = empty_tensor(self.sizes(), self.dtype(), self.device());
    if (!out.is_meta() && out.numel()) triangle_kernel(out.device().type, out, ops::contiguous(self), diagonal, upper);
    return out;
}

}  // namespace

Tensor tril(const Tensor& self, int64_t diagonal) { return triangle(self, diagonal, false, "tril"); }
Tensor triu(const Tensor& self, int64_t diagonal) { return triangle(self, diagonal, true, "triu"); }

Tensor flip(const Tensor& self, Ints dims) {
    Dims wrapped = dims.empty() || self.dim() == 0 ? Dims() : wrap_dims(dims, self.dim());
    if (self.dim() == 0)
        for (int64_t d : dims) wrap_dim(d, 0);
    Tensor out = empty_like_tensor(self);
    if (out.is_meta() || out.numel() == 0) return out;
    Dims strides(self.strides());
    int64_t offset = self.offset();
    for (int64_t d : wrapped) {
        offset += (self.size(d) - 1) * strides[size_t(d)];
        strides[size_t(d)] = -strides[size_t(d)];
    }
    copy_kernel(out.device().type, out, taeda::alias(self, self.sizes(), strides, offset));
    return out;
}
Tensor fliplr(const Tensor& self) {
    TAEDA_CHECK(self.dim() >= 2, "Input must be >= 2-d.");
    return ops::flip(self, Ints{1});
}
Tensor flipud(const Tensor& self) {
    TAEDA_CHECK(self.dim() >= 1, "Input must be >= 1-d.");
    return ops::flip(self, Ints{0});
}
Tensor roll(const Tensor& self, Ints shifts, Ints dims) {
    TAEDA_CHECK(!shifts.empty(), "`shifts` required");
    if (dims.empty()) {
        TAEDA_CHECK(shifts.size() == 1, "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:0");
        return ops::reshape(ops::roll(ops::reshape(self, Ints{-1}), shifts, Ints{0}), self.sizes());
    }
    TAEDA_CHECK(shifts.size() == dims.size(), "shifts and dimensions must align. shifts: ", shifts.size(),
                ", dims:", dims.size());
    Tensor out = self;
    for (size_t i = 0; i < dims.size(); ++i) {
        int64_t n = self.size(dims[i]);
        if (n == 0) continue;
        int64_t by = ((shifts[i] % n) + n) % n;
        if (by)
            out = ops::cat(std::array{ops::narrow(out, dims[i], n - by, by), ops::narrow(out, dims[i], 0, n - by)},
                           dims[i]);
    }
    return out.is_same(self) ? ops::clone(self, MemoryFormat::contiguous) : out;
}

Tensor one_hot(const Tensor& self, int64_t num_classes) {
    TAEDA_CHECK_AS(NotImplementedError, !self.is_meta(),
                   "one_hot: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    TAEDA_CHECK(self.dtype() == DType::int64, "one_hot is only applicable to index tensor of type LongTensor, got ",
                self.dtype(), "; convert it with .long()");
    TAEDA_CHECK(self.numel() > 0 || num_classes > 0, "Can not infer total number of classes from empty tensor.");
    int64_t classes = num_classes;
    if (self.numel() > 0) {
        int64_t low = host_value<int64_t>(ops::min(self)), high = host_value<int64_t>(ops::max(self));
        TAEDA_CHECK(low >= 0, "Class values must be non-negative, got ", low);
        if (classes == -1) classes = high + 1;
        TAEDA_CHECK(high < classes, "Class values must be smaller than num_classes: got class ", high,
                    " for num_classes=", classes);
    }
    Dims sizes(self.sizes());
    sizes.push_back(classes);
    Tensor out = ops::zeros(sizes, DType::int64, self.device());
    if (!self.is_cpu()) return ops::scatter_(out, -1, ops::unsqueeze(self, -1), Scalar(1));
    Tensor in = ops::contiguous(self);
    for (int64_t i = 0; i < in.numel(); ++i) out.data<int64_t>()[i * classes + in.data<int64_t>()[i]] = 1;
    return out;
}

Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
                         std::optional<int64_t>) {
    TAEDA_CHECK_AS(NotImplementedError, !repeats.is_meta(),
                   "repeat_interleave: the result depends on values, which meta tensors do not have; "
                   "use a tensor on another device");
    Tensor x = dim ? self : ops::reshape(self, Ints{-1});
    int64_t d = dim.value_or(0), n = x.size(d);
    TAEDA_CHECK(is_integral(repeats.dtype()), "repeats has to be Long or Int tensor, got ", repeats.dtype());
    TAEDA_CHECK(repeats.dim() <= 1 && (repeats.numel() == 1 || repeats.numel() == n),
                "repeats must have the same size as input along dim, but got repeats.size(0) = ", repeats.numel(),
                " and input.size(", d, ") = ", n);
    Tensor counts = on_host(ops::contiguous(ops::expand(ops::to(at_least_one_dim(repeats), DType::int64), Ints{n})));
    int64_t total = 0;
    for (int64_t i = 0; i < n; ++i) {
        TAEDA_CHECK(counts.data<int64_t>()[i] >= 0, "repeats can not be negative");
        total += counts.data<int64_t>()[i];
    }
    Tensor index = empty_tensor(Ints{total}, DType::int64);
    int64_t* to = index.data<int64_t>();
    for (int64_t i = 0; i < n; ++i)
        for (int64_t k = 0; k < counts.data<int64_t>()[i]; ++k) *to++ = i;
    return ops::index_select(x, d, on_device(index, x.device()));
}
Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim, std::optional<int64_t> size) {
    return native::repeat_interleave(self, ops::full(Ints{1}, Scalar(repeats), DType::int64, self.device()), dim, size);
}

}  // namespace taeda::native
