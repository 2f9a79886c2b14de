// Joining tensors.
#include "kernels/copy.h"
#include "native.h"

namespace taeda::native {

namespace {

bool counts(const Tensor& t) { return !(t.dim() == 1 && t.numel() == 0); }  // torch lets legacy empty tensors pass

Dims joined_sizes(TensorList tensors, int64_t& dim) {
    TAEDA_CHECK(!tensors.empty(), "cat(): expected a non-empty list of Tensors");
    const Tensor* first = nullptr;
    for (const Tensor& t : tensors) {
        TAEDA_CHECK(t.dim() > 0, "zero-dimensional tensor (at position ", &t - tensors.data(),
                    ") cannot be concatenated; use stack()");
        if (!first && counts(t)) first = &t;
    }
    if (!first) first = &tensors[0];
    dim = wrap_dim(dim, first->dim());
    Dims sizes(first->sizes());
    sizes[size_t(dim)] = 0;
    for (const Tensor& t : tensors) {
        if (!counts(t) && first->dim() != 1) continue;
        TAEDA_CHECK(t.dim() == first->dim(), "cat: Tensors must have same number of dimensions: got ", first->dim(),
                    " and ", t.dim(), "; unsqueeze() adds one");
        for (size_t d = 0; d < sizes.size(); ++d)
            TAEDA_CHECK(int64_t(d) == dim || t.sizes()[d] == sizes[d],
                        "cat: Sizes of tensors must match except in dimension ", dim, ". Expected size ", sizes[d],
                        " but got size ", t.sizes()[d], " for tensor number ", &t - tensors.data(),
                        " in the list (shapes ", first->sizes(), " and ", t.sizes(), ")");
        sizes[size_t(dim)] += t.sizes()[size_t(dim)];
    }
    return sizes;
}

}  // namespace

Tensor cat(TensorList tensors, int64_t dim) {
    Dims sizes = joined_sizes(tensors, dim);
    DType dtype = result_type(tensors);
    Tensor out = empty_tensor(sizes, dtype, tensors[0].device());
    if (out.is_meta()) return out;
    Tensors plain;
    bool fits = out.is_cpu();
    for (const Tensor& t : tensors) {
        if (t.numel() == 0) continue;
        fits = fits && t.is_contiguous() && t.dtype() == dtype && t.is_cpu();
        if (fits) plain.push_back(t);
    }
    if (fits) {
        if (!plain.empty()) cat_kernel(DeviceType::cpu, out, plain, dim);
        return out;
    }
    int64_t at = 0;
    for (const Tensor& t : tensors) {
        if (t.numel() == 0) continue;
        Tensor part = alias(out, t.sizes(), out.strides(), at * out.strides()[size_t(dim)]);
        copy_kernel(out.device().type, part, t);
        at += t.sizes()[size_t(dim)];
    }
    return out;
}

Tensor stack(TensorList tensors, int64_t dim) {
    TAEDA_CHECK(!tensors.empty(), "stack expects a non-empty TensorList");
    int64_t d = wrap_dim(dim, tensors[0].dim() + 1);
    Tensors parts;
    for (const Tensor& t : tensors) {
        TAEDA_CHECK(t.sizes() == tensors[0].sizes(), "stack expects each tensor to be equal size, but got ",
                    tensors[0].sizes(), " at entry 0 and ", t.sizes(), " at entry ", parts.size());
        parts.push_back(ops::unsqueeze(t, d));
    }
    return ops::cat(parts, d);
}

namespace {

// Each tensor with at least `n` dimensions, as NumPy's stacking functions see it.
Tensors at_least(TensorList tensors, int64_t n) {
    Tensors result;
    for (const Tensor& t : tensors) {
        Tensor u = t;
        if (n >= 1 && u.dim() == 0) u = ops::reshape(u, Ints{1});
        if (n >= 2 && u.dim() == 1) u = ops::unsqueeze(u, 0);
        if (n >= 3 && u.dim() == 2) u = ops::unsqueeze(u, -1);
        result.push_back(u);
    }
    return result;
}

}  // namespace

Tensor hstack(TensorList tensors) {
    Tensors parts = at_least(tensors, 1);
    TAEDA_CHECK(!parts.empty(), "hstack expects a non-empty TensorList");
    return ops::cat(parts, parts[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(TensorList tensors) { return ops::cat(at_least(tensors, 2), 0); }
Tensor dstack(TensorList tensors) { return ops::cat(at_least(tensors, 3), 2); }
Tensor column_stack(TensorList tensors) {
    Tensors columns;
    for (const Tensor& t : tensors) columns.push_back(t.dim() <= 1 ? ops::reshape(t, Ints{t.numel(), 1}) : t);
    return ops::hstack(columns);
}

}  // namespace taeda::native
