// Views: new sizes, strides and offset over the same memory; and what is made of views.
#include "autograd/meta.h"
#include "native.h"

namespace taeda::native {

namespace {

Tensor with(const Tensor& self, Ints sizes, Ints strides, int64_t offset) {
    return taeda::alias(self, sizes, strides, offset);
}

}  // namespace

Tensor alias(const Tensor& self) { return taeda::alias(self); }
Tensor detach_view(const Tensor& self) { return taeda::alias(self); }
Tensor detach(const Tensor& self) { return ops::detach_view(self); }
Tensor detach_(const Tensor& self) {
    if (self.impl()->autograd) {
        TAEDA_CHECK(!self.impl()->autograd->view || !self.requires_grad(),
                    "Can't detach views in-place. Use detach() instead.");
        self.impl()->autograd->grad_fn = {};
        self.impl()->autograd->output_index = 0;
    }
    self.impl()->requires_grad = false;
    return self;
}

Tensor as_strided(const Tensor& self, Ints size, Ints stride, std::optional<int64_t> offset) {
    TAEDA_CHECK(size.size() == stride.size(), "mismatch in length of strides and shape: ", size, " and ", stride);
    int64_t start = offset.value_or(self.offset()), last = start;
    bool empty = false;
    for (size_t d = 0; d < size.size(); ++d) {
        TAEDA_CHECK(size[d] >= 0 && stride[d] >= 0, "as_strided: Negative strides are not supported, got strides ",
                    stride, " and size ", size);
        empty = empty || size[d] == 0;
        int64_t reach;
        TAEDA_CHECK(!__builtin_mul_overflow(size[d] - 1, stride[d], &reach) &&
                        !__builtin_add_overflow(last, reach, &last) && last < INT64_MAX,
                    "as_strided: sizes ", size, ", strides ", stride, " reach further than memory");
    }
    int64_t available = int64_t(self.storage()->bytes) / self.item_bytes();
    TAEDA_CHECK(start >= 0 && (empty || last < available), "setStorage: sizes ", size, ", strides ", stride,
                ", storage offset ", start, " require ", last + 1, " elements, the storage holds ", available);
    return with(self, size, stride, start);
}

Tensor as_strided_backward(const Tensor& grad, Ints base_sizes, Ints base_strides, int64_t base_offset, Ints sizes,
                           Ints strides, int64_t offset) {
    if (!grad.defined()) return {};
    int64_t first = std::min(base_offset, offset), last = first;
    auto reach = [&](Ints s, Ints t, int64_t o) {
        for (size_t d = 0; d < s.size(); ++d) o += std::max<int64_t>(s[d] - 1, 0) * t[d];
        last = std::max(last, o);
    };
    reach(base_sizes, base_strides, base_offset);
    reach(sizes, strides, offset);
    Tensor memory = ops::zeros(Ints{last - first + 1}, grad.dtype(), grad.device());
    // Every element of the view adds to its memory cell: overlapping windows sum up.
    Tensor cells = ops::as_strided(ops::arange(Scalar(last - first + 1), DType::int64, grad.device()), sizes, strides,
                                   offset - first);
    const Tensor index[] = {ops::reshape(cells, Ints{-1})};
    memory = ops::index_put(memory, index, ops::reshape(grad, Ints{-1}), true);
    return ops::as_strided(memory, base_sizes, base_strides, base_offset - first);
}

Tensor select(const Tensor& self, int64_t dim, int64_t index) {
    TAEDA_CHECK_AS(IndexError, self.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
    auto d = size_t(wrap_dim(dim, self.dim()));
    int64_t size = self.sizes()[d];
    TAEDA_CHECK_AS(IndexError, index >= -size && index < size, "index ", index, " is out of bounds for dimension ", d,
                   " with size ", size, "; indices must lie in [", -size, ", ", size, ")");
    Dims sizes(self.sizes()), strides(self.strides());
    int64_t offset = self.offset() + (index < 0 ? index + size : index) * strides[d];
    sizes.erase(d);
    strides.erase(d);
    return with(self, sizes, strides, offset);
}
Tensor select_backward(const Tensor& grad, Ints sizes, int64_t dim, int64_t index) {
    Tensor whole = ops::zeros(sizes, grad.dtype(), grad.device());
    ops::copy_(ops::select(whole, dim, index), grad);
    return whole;
}

Tensor slice(const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end, int64_t step) {
    TAEDA_CHECK(self.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
    auto d = size_t(wrap_dim(dim, self.dim()));
    TAEDA_CHECK_AS(ValueError, step > 0, "slice step must be positive, got ", step);
    int64_t size = self.sizes()[d], from = start.value_or(0), to = end.value_or(INT64_MAX);
    from = std::clamp<int64_t>(from < 0 ? from + size : from, 0, size);
    to = std::clamp<int64_t>(to < 0 ? to + size : to, from, size);
    Dims sizes(self.sizes()), strides(self.strides());
    int64_t offset = self.offset() + from * strides[d];
    sizes[d] = (to - from + step - 1) / step;
    strides[d] *= step;
    return with(self, sizes, strides, offset);
}
Tensor slice_backward(const Tensor& grad, Ints sizes, int64_t dim, std::optional<int64_t> start,
                      std::optional<int64_t> end, int64_t step) {
    Tensor whole = ops::zeros(sizes, grad.dtype(), grad.device());
    ops::copy_(ops::slice(whole, dim, start, end, step), grad);
    return whole;
}
Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
    TAEDA_CHECK(self.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
    int64_t size = self.size(dim), from = start < 0 ? start + size : start;
    TAEDA_CHECK(length >= 0, "narrow(): length must be non-negative, got ", length);
    TAEDA_CHECK_AS(IndexError, start >= -size && start <= size, "start out of range (expected to be in range of [",
                   -size, ", ", size, "], but got ", start, ")");
    TAEDA_CHECK(from + length <= size, "start (", start, ") + length (", length, ") exceeds dimension size (", size,
                "); at most ", size - from, " elements are left from there");
    return ops::slice(self, dim, from, from + length, 1);
}
Tensor narrow_copy(const Tensor& self, int64_t dim, int64_t start, int64_t length) {
    return ops::clone(ops::narrow(self, dim, start, length), MemoryFormat::contiguous);
}

Tensor unsqueeze(const Tensor& self, int64_t dim) {
    auto d = size_t(wrap_dim(dim, self.dim() + 1));
    Dims sizes(self.sizes()), strides(self.strides());
    int64_t stride = d < sizes.size() ? sizes[d] * strides[d] : 1;
    sizes.insert(d, 1);
    strides.insert(d, stride);
    return with(self, sizes, strides, self.offset());
}
Tensor squeeze_dims(const Tensor& self, Ints dims) {
    Dims drop = dims.empty() ? Dims() : wrap_dims(dims, self.dim()), sizes, strides;
    for (size_t d = 0; d < self.sizes().size(); ++d) {
        bool dropped = self.sizes()[d] == 1 && std::find(drop.begin(), drop.end(), int64_t(d)) != drop.end();
        if (dropped) continue;
        sizes.push_back(self.sizes()[d]);
        strides.push_back(self.strides()[d]);
    }
    return with(self, sizes, strides, self.offset());
}
Tensor squeeze(const Tensor& self) {
    Dims all;
    for (int64_t d = 0; d < self.dim(); ++d) all.push_back(d);
    return ops::squeeze_dims(self, all);
}
Tensor squeeze(const Tensor& self, int64_t dim) { return ops::squeeze_dims(self, Ints{wrap_dim(dim, self.dim())}); }
Tensor squeeze(const Tensor& self, Ints dim) { return ops::squeeze_dims(self, dim); }

Tensor permute(const Tensor& self, Ints dims) {
    TAEDA_CHECK(
        int64_t(dims.size()) == self.dim(),
        "permute: number of dimensions in the tensor input does not match the length of the desired ordering of "
        "dimensions: ",
        self.dim(), " dimensions of shape ", self.sizes(), ", but ", dims.size(), " in ", dims,
        "; name each dimension once");
    Dims sizes(dims.size()), strides(dims.size());
    std::vector<bool> seen(dims.size());
    for (size_t i = 0; i < dims.size(); ++i) {
        auto d = size_t(wrap_dim(dims[i], self.dim()));
        TAEDA_CHECK(!seen[d], "permute(): duplicate dims are not allowed, got ", dims);
        seen[d] = true;
        sizes[i] = self.sizes()[d];
        strides[i] = self.strides()[d];
    }
    return with(self, sizes, strides, self.offset());
}
Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) {
    auto a = size_t(wrap_dim(dim0, self.dim())), b = size_t(wrap_dim(dim1, self.dim()));
    Dims sizes(self.sizes()), strides(self.strides());
    if (!sizes.empty()) {
        std::swap(sizes[a], sizes[b]);
        std::swap(strides[a], strides[b]);
    }
    return with(self, sizes, strides, self.offset());
}
Tensor t(const Tensor& self) {
    TAEDA_CHECK(self.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", self.dim(), "D");
    return self.dim() < 2 ? ops::alias(self) : ops::transpose(self, 0, 1);
}
Tensor adjoint(const Tensor& self) { return ops::conj(ops::transpose(self, -2, -1)); }

Tensor movedim(const Tensor& self, Ints source, Ints destination) {
    TAEDA_CHECK(source.size() == destination.size(), "movedim: Invalid source or destination dims: source (", source,
                " dims) should contain the same number of dims as destination (", destination, " dims)");
    if (self.dim() == 0) return ops::alias(self);
    auto unique = [&](Ints dims) { return dims.empty() ? Dims() : wrap_dims(dims, self.dim()); };
    Dims from = unique(source), to = unique(destination), order(size_t(self.dim()), -1);
    for (size_t i = 0; i < from.size(); ++i) order[size_t(to[i])] = from[i];
    int64_t next = 0;
    for (int64_t& slot : order) {
        if (slot >= 0) continue;
        while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
        slot = next++;
    }
    return ops::permute(self, order);
}

Tensor expand(const Tensor& self, Ints size, bool) {
    size_t n = size.size(), own = self.sizes().size();
    TAEDA_CHECK(n >= own, "expand(taeda.", dtype_long_name(self.dtype()), "Tensor{", self.sizes(), "}, size=", size,
                "): the number of sizes provided (", n,
                ") must be greater or equal to the number of dimensions in the tensor (", own, ")");
    Dims sizes(size), strides(n);
    for (size_t i = 0; i < n; ++i) {
        bool fresh = i < n - own;
        int64_t mine = fresh ? 1 : self.sizes()[i - (n - own)];
        if (size[i] == -1) {
            TAEDA_CHECK(
                !fresh,
                "expand: the expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension ", i);
            sizes[i] = mine;
        }
        TAEDA_CHECK(sizes[i] >= 0, "expand: negative size ", sizes[i], " at dimension ", i);
        TAEDA_CHECK(mine == sizes[i] || mine == 1, "The expanded size of the tensor (", sizes[i],
                    ") must match the existing size (", mine, ") at non-singleton dimension ", i,
                    ".  Target sizes: ", size, ".  Tensor sizes: ", self.sizes(), "; only dimensions of size 1 expand");
        strides[i] = mine == sizes[i] && !fresh ? self.strides()[i - (n - own)] : 0;
    }
    return with(self, sizes, strides, self.offset());
}
Tensor expand_as(const Tensor& self, const Tensor& other) { return ops::expand(self, other.sizes()); }
Tensor broadcast_to(const Tensor& self, Ints size) { return ops::expand(self, size); }
Tensors broadcast_tensors(TensorList tensors) {
    Dims sizes;
    for (const Tensor& t : tensors) sizes = broadcast_shapes(sizes, t.sizes(), "broadcast_tensors");
    Tensors result;
    for (const Tensor& t : tensors) result.push_back(ops::expand(t, sizes));
    return result;
}

Tensor view_as_shape(const Tensor& self, Ints size) {
    Dims sizes = infer_size(size, self.numel());
    auto strides = view_strides(self.sizes(), self.strides(), sizes);
    TAEDA_CHECK(
        strides,
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous subspaces). "
        "Use .reshape(...) instead. (shape ",
        self.sizes(), ", strides ", self.strides(), ", wanted ", size, ")");
    return with(self, sizes, *strides, self.offset());
}
Tensor view(const Tensor& self, Ints size) { return ops::view_as_shape(self, size); }
Tensor view_as(const Tensor& self, const Tensor& other) { return ops::view_as_shape(self, other.sizes()); }
Tensor reshape(const Tensor& self, Ints shape) {
    Dims sizes = infer_size(shape, self.numel());
    if (view_strides(self.sizes(), self.strides(), sizes)) return ops::view_as_shape(self, sizes);
    return ops::view_as_shape(ops::clone(self, MemoryFormat::contiguous), sizes);
}
Tensor reshape_as(const Tensor& self, const Tensor& other) { return ops::reshape(self, other.sizes()); }
Tensor flatten(const Tensor& self, int64_t start_dim, int64_t end_dim) {
    int64_t from = wrap_dim(start_dim, self.dim()), to = wrap_dim(end_dim, self.dim());
    TAEDA_CHECK(from <= to, "flatten() has invalid args: start_dim cannot come after end_dim (", start_dim, ", ",
                end_dim, ")");
    if (self.dim() == 0) return ops::reshape(self, Ints{1});
    if (from == to) return self;
    Dims sizes;
    for (int64_t d = 0; d < self.dim(); ++d) {
        if (d <= from || d > to) sizes.push_back(self.sizes()[size_t(d)]);
        else sizes.back() *= self.sizes()[size_t(d)];
    }
    return ops::reshape(self, sizes);
}
Tensor unflatten(const Tensor& self, int64_t dim, Ints sizes) {
    TAEDA_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
    auto d = size_t(wrap_dim(dim, self.dim()));
    Dims inner = infer_size(sizes, self.sizes()[d]), whole;
    for (size_t i = 0; i < self.sizes().size(); ++i) {
        if (i != d) whole.push_back(self.sizes()[i]);
        else
            for (int64_t s : inner) whole.push_back(s);
    }
    return ops::view_as_shape(self, whole);
}
Tensor ravel(const Tensor& self) { return ops::reshape(ops::contiguous(self), Ints{-1}); }

Tensor diagonal(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
    auto a = size_t(wrap_dim(dim1, self.dim())), b = size_t(wrap_dim(dim2, self.dim()));
    TAEDA_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
    int64_t length = std::max<int64_t>(0, offset >= 0 ? std::min(self.sizes()[a], self.sizes()[b] - offset)
                                                      : std::min(self.sizes()[a] + offset, self.sizes()[b]));
    int64_t start = self.offset() + (length == 0   ? 0
                                     : offset >= 0 ? offset * self.strides()[b]
                                                   : -offset * self.strides()[a]);
    Dims sizes(self.sizes()), strides(self.strides());
    int64_t stride = strides[a] + strides[b];
    sizes.erase(std::max(a, b));
    sizes.erase(std::min(a, b));
    strides.erase(std::max(a, b));
    strides.erase(std::min(a, b));
    sizes.push_back(length);
    strides.push_back(stride);
    return with(self, sizes, strides, start);
}
Tensor diagonal_backward(const Tensor& grad, Ints sizes, int64_t offset, int64_t dim1, int64_t dim2) {
    Tensor whole = ops::zeros(sizes, grad.dtype(), grad.device());
    ops::copy_(ops::diagonal(whole, offset, dim1, dim2), grad);
    return whole;
}
Tensor diag_embed(const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
    int64_t n = self.dim() + 1, a = wrap_dim(dim1, n), b = wrap_dim(dim2, n);
    TAEDA_CHECK(a != b, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
    int64_t side = self.size(-1) + std::abs(offset);
    Dims sizes(self.sizes().slice(0, self.sizes().size() - 1));
    sizes.insert(size_t(std::min(a, b)), side);
    sizes.insert(size_t(std::max(a, b)), side);
    Tensor whole = ops::zeros(sizes, self.dtype(), self.device());
    ops::copy_(ops::diagonal(whole, offset, a, b), self);
    return whole;
}
Tensor diag(const Tensor& self, int64_t diagonal) {
    TAEDA_CHECK(self.dim() == 1 || self.dim() == 2, "diag(): Supports 1D or 2D tensors. Got ", self.dim(), "D");
    return self.dim() == 1 ? ops::diag_embed(self, diagonal) : ops::clone(ops::diagonal(self, diagonal));
}
Tensor diagflat(const Tensor& self, int64_t offset) { return ops::diag_embed(ops::reshape(self, Ints{-1}), offset); }

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
    TAEDA_CHECK(step > 0, "step is ", step, " but must be > 0");
    Dims sizes(self.sizes()), strides(self.strides());
    if (self.dim() == 0) {
        TAEDA_CHECK(size >= 0 && size <= 1, "maximum size for tensor at dimension 0 is 1 but size is ", size);
        return with(self, Ints{size}, Ints{1}, self.offset());
    }
    auto d = size_t(wrap_dim(dimension, self.dim()));
    TAEDA_CHECK(size >= 0 && size <= sizes[d], "maximum size for tensor at dimension ", d, " is ", sizes[d],
                " but size is ", size);
    sizes.push_back(size);
    strides.push_back(strides[d]);
    sizes[d] = (sizes[d] - size) / step + 1;
    strides[d] *= step;
    return with(self, sizes, strides, self.offset());
}
Tensor unfold_backward(const Tensor& grad, Ints sizes, int64_t dimension, int64_t size, int64_t step) {
    if (sizes.empty()) return ops::reshape(grad, sizes);
    Dims strides = contiguous_strides(sizes);
    Dims out_sizes(sizes), out_strides(strides);
    auto d = size_t(wrap_dim(dimension, int64_t(sizes.size())));
    out_sizes.push_back(size);
    out_strides.push_back(strides[d]);
    out_sizes[d] = (sizes[d] - size) / step + 1;
    out_strides[d] *= step;
    return ops::as_strided_backward(grad, sizes, strides, 0, out_sizes, out_strides, 0);
}

Tensors unbind(const Tensor& self, int64_t dim) {
    int64_t d = wrap_dim(dim, self.dim());
    TAEDA_CHECK_AS(IndexError, self.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
    Tensors parts;
    parts.reserve(size_t(self.sizes()[size_t(d)]));
    for (int64_t i = 0; i < self.sizes()[size_t(d)]; ++i) parts.push_back(ops::select(self, d, i));
    return parts;
}
Tensors split(const Tensor& self, int64_t split_size, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "split expects at least a 1-dimensional tensor");
    TAEDA_CHECK(split_size >= 0, "split expects split_size be non-negative, but got split_size=", split_size);
    int64_t size = self.size(dim);
    TAEDA_CHECK(split_size > 0 || size == 0,
                "split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
    Tensors parts;
    for (int64_t at = 0; at < size || parts.empty(); at += std::max<int64_t>(split_size, 1))
        parts.push_back(ops::slice(self, dim, at, std::min(at + split_size, size), 1));
    return parts;
}
Tensors split_with_sizes(const Tensor& self, Ints sizes, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "split expects at least a 1-dimensional tensor");
    int64_t size = self.size(dim), total = 0, at = 0;
    for (int64_t s : sizes) {
        TAEDA_CHECK(s >= 0,
                    "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=", sizes);
        total += s;
    }
    TAEDA_CHECK(total == size, "split_with_sizes expects split_sizes to sum exactly to ", size,
                " (input tensor's size at dimension ", dim, "), but got split_sizes=", sizes);
    Tensors parts;
    for (int64_t s : sizes) {
        parts.push_back(ops::slice(self, dim, at, at + s, 1));
        at += s;
    }
    return parts;
}
Tensors split(const Tensor& self, Ints sizes, int64_t dim) { return native::split_with_sizes(self, sizes, dim); }
Tensors chunk(const Tensor& self, int64_t chunks, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "chunk expects at least a 1-dimensional tensor");
    TAEDA_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
    int64_t size = self.size(dim), each = (size + chunks - 1) / chunks;
    if (each == 0) return native::split_with_sizes(self, Dims(size_t(chunks), 0), dim);
    return native::split(self, each, dim);
}
Tensors tensor_split(const Tensor& self, int64_t sections, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    TAEDA_CHECK(sections > 0, "number of sections must be larger than 0, got ", sections);
    int64_t size = self.size(dim);
    Dims sizes;
    for (int64_t i = 0; i < sections; ++i) sizes.push_back(size / sections + (i < size % sections));
    return native::split_with_sizes(self, sizes, dim);
}
Tensors tensor_split(const Tensor& self, const Tensor& tensor_indices_or_sections, int64_t dim) {
    const Tensor& given = tensor_indices_or_sections;
    TAEDA_CHECK(
        given.dtype() == DType::int64 && given.dim() <= 1 && given.is_cpu(),
        "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional CPU tensor "
        "of dtype int64, but got a tensor on ",
        given.device(), " with shape ", given.sizes(), " and dtype ", given.dtype());
    Tensor dense = ops::contiguous(given);
    if (given.dim() == 0) return native::tensor_split(self, *dense.data<int64_t>(), dim);
    return native::tensor_split(self, Ints(dense.data<int64_t>(), size_t(dense.numel())), dim);
}
Tensors tensor_split(const Tensor& self, Ints indices, int64_t dim) {
    TAEDA_CHECK(self.dim() > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims");
    Tensors parts;
    int64_t at = 0;
    for (int64_t end : indices) {
        parts.push_back(ops::slice(self, dim, at, end, 1));
        at = end;
    }
    parts.push_back(ops::slice(self, dim, at, std::nullopt, 1));
    return parts;
}

Tensor view_as_real(const Tensor& self) {
    TAEDA_CHECK(self.is_complex(), "view_as_real is only supported for complex tensors, got ", self.dtype());
    Tensor t = taeda::alias(self);
    Dims sizes(self.sizes()), strides(self.strides());
    for (int64_t& s : strides) s *= 2;
    sizes.push_back(2);
    strides.push_back(1);
    t.impl()->dtype = real_dtype(self.dtype());
    t.impl()->offset *= 2;
    t.impl()->set_geometry(sizes, strides);
    return t;
}
Tensor view_as_complex(const Tensor& self) {
    TAEDA_CHECK(
        self.dtype() == DType::float32 || self.dtype() == DType::float64,
        "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: ",
        dtype_long_name(self.dtype()));
    TAEDA_CHECK(self.dim() > 0 && self.size(-1) == 2, "Tensor must have a last dimension of size 2, got shape ",
                self.sizes());
    TAEDA_CHECK(self.strides().back() == 1, "Tensor must have a last dimension with stride 1");
    Dims sizes(self.sizes()), strides(self.strides());
    sizes.erase(sizes.size() - 1);
    strides.erase(strides.size() - 1);
    for (int64_t& s : strides) {
        TAEDA_CHECK(s % 2 == 0, "Tensor must have a stride divisible by 2 for all but last dimension");
        s /= 2;
    }
    TAEDA_CHECK(self.offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
    Tensor t = taeda::alias(self);
    t.impl()->dtype = complex_dtype(self.dtype());
    t.impl()->offset /= 2;
    t.impl()->set_geometry(sizes, strides);
    return t;
}
Tensor view_dtype(const Tensor& self, DType dtype) {
    int64_t from = self.item_bytes(), to = item_size(dtype);
    Tensor t = taeda::alias(self);
    t.impl()->dtype = dtype;
    if (from == to) return t;
    TAEDA_CHECK(self.dim() > 0, "self.dim() cannot be 0 to view ", self.dtype(), " as ", dtype,
                " (different element sizes)");
    TAEDA_CHECK(self.strides().back() == 1, "self.stride(-1) must be 1 to view ", self.dtype(), " as ", dtype,
                " (different element sizes), but got ", self.strides().back());
    Dims sizes(self.sizes()), strides(self.strides());
    auto scale = [&](int64_t v, const char* what) {
        TAEDA_CHECK(v * from % to == 0, what, " must be divisible by ", to / from, " to view ", self.dtype(), " as ",
                    dtype, ", but got ", v);
        return v * from / to;
    };
    sizes.back() = scale(sizes.back(), "self.size(-1)");
    for (size_t d = 0; d + 1 < strides.size(); ++d) strides[d] = scale(strides[d], "self.stride()");
    t.impl()->offset = scale(self.offset(), "self.storage_offset()");
    t.impl()->set_geometry(sizes, strides);
    return t;
}
Tensor view(const Tensor& self, DType dtype) {
    return self.dtype() == dtype ? ops::alias(self) : ops::view_dtype(self, dtype);
}

Tensor real(const Tensor& self) { return self.is_complex() ? ops::select(ops::view_as_real(self), -1, 0) : self; }
Tensor imag(const Tensor& self) {
    TAEDA_CHECK(self.is_complex(), "imag is not implemented for tensors with non-complex dtypes.");
    return ops::select(ops::view_as_real(self), -1, 1);
}

Tensor sum_to_size(const Tensor& self, Ints size) {
    if (self.sizes() == size) return self;
    TAEDA_CHECK(is_expandable_to(size, self.sizes()), "size {", size, "} is not expandable to size {", self.sizes(),
                "}.");
    int64_t lead = self.dim() - int64_t(size.size());
    Dims dims;
    for (int64_t d = 0; d < self.dim(); ++d)
        if (d < lead || (size[size_t(d - lead)] == 1 && self.sizes()[size_t(d)] != 1)) dims.push_back(d);
    Tensor summed = dims.empty() ? self : ops::sum(self, Ints(dims), true);
    return lead > 0 ? ops::reshape(summed, size) : summed;
}
Tensor atleast_1d(const Tensor& self) { return self.dim() == 0 ? ops::reshape(self, Ints{1}) : self; }

Tensor rot90(const Tensor& self, int64_t k, Ints dims) {
    TAEDA_CHECK(dims.size() == 2, "expected total rotation dims == 2, but got dims = ", dims.size());
    int64_t a = wrap_dim(dims[0], self.dim()), b = wrap_dim(dims[1], self.dim());
    TAEDA_CHECK(a != b, "expected rotation dims to be different, but got dim0 = ", a, " and dim1 = ", b);
    switch (((k % 4) + 4) % 4) {
        case 1: return ops::transpose(ops::flip(self, Ints{b}), a, b);
        case 2: return ops::flip(self, Ints{a, b});
        case 3: return ops::flip(ops::transpose(self, a, b), Ints{b});
        default: return ops::clone(self, MemoryFormat::contiguous);
    }
}

Tensor repeat(const Tensor& self, Ints repeats) {
    TAEDA_CHECK(int64_t(repeats.size()) >= self.dim(),
                "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got ",
                repeats, " for shape ", self.sizes());
    size_t lead = repeats.size() - self.sizes().size();
    Dims spread, wide, sizes;  // (r0, s0, r1, s1, ...)
    for (size_t d = 0; d < repeats.size(); ++d) {
        TAEDA_CHECK(repeats[d] >= 0, "repeat: repeats must not be negative, got ", repeats);
        int64_t s = d < lead ? 1 : self.sizes()[d - lead];
        spread.push_back(1);
        spread.push_back(s);
        wide.push_back(repeats[d]);
        wide.push_back(s);
        sizes.push_back(repeats[d] * s);
    }
    return ops::reshape(ops::clone(ops::expand(ops::reshape(self, spread), wide), MemoryFormat::contiguous), sizes);
}
Tensor tile(const Tensor& self, Ints dims) {
    Dims repeats(dims);
    while (int64_t(repeats.size()) < self.dim()) repeats.insert(0, 1);
    return ops::repeat(self, repeats);
}

// -- changes of geometry in place --------------------------------------------------------------------------------------

namespace {

// Gives `self` the geometry and the history of `view`, which is a view of it.
const Tensor& take_geometry(const Tensor& self, const Tensor& view, const char* op) {
    check_inplace(self, op, self.requires_grad());
    TensorImpl* impl = self.impl();
    Ref<Node> node = grad_fn(view);
    impl->offset = view.offset();
    impl->numel = view.numel();
    impl->set_geometry(Dims(view.sizes()), Dims(view.strides()));
    self.bump_version();  // whoever saved the tensor saved its geometry too
    if (!impl->autograd) return self;
    if (impl->autograd->view) {
        impl->autograd->view->version = self.version() - 1;  // stale: its history is rebuilt from the base
    } else if (node) {
        impl->autograd->grad_fn = node;
        impl->autograd->output_index = view.impl()->autograd->output_index;
    }
    return self;
}

}  // namespace

Tensor unsqueeze_(const Tensor& self, int64_t dim) {
    return take_geometry(self, ops::unsqueeze(self, dim), "unsqueeze_");
}
Tensor squeeze_(const Tensor& self) { return take_geometry(self, ops::squeeze(self), "squeeze_"); }
Tensor squeeze_(const Tensor& self, int64_t dim) { return take_geometry(self, ops::squeeze(self, dim), "squeeze_"); }
Tensor squeeze_(const Tensor& self, Ints dim) { return take_geometry(self, ops::squeeze(self, dim), "squeeze_"); }
Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) {
    return take_geometry(self, ops::transpose(self, dim0, dim1), "transpose_");
}
Tensor t_(const Tensor& self) { return take_geometry(self, ops::t(self), "t_"); }
Tensor as_strided_(const Tensor& self, Ints size, Ints stride, std::optional<int64_t> offset) {
    return take_geometry(self, ops::as_strided(self, size, stride, offset), "as_strided_");
}

}  // namespace taeda::native
