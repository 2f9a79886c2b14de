#include "tensor/tensor.h"

#include <numeric>

#include "autograd/meta.h"
#include "tensor/cast.h"

namespace taeda {

namespace {

bool contiguous(Ints sizes, Ints strides) {
    int64_t step = 1;
    for (size_t d = sizes.size(); d-- > 0;) {
        if (sizes[d] == 1) continue;
        if (strides[d] != step) return false;
        step *= sizes[d];
    }
    return true;
}

// Whatever their dtype, so many elements have a number of bytes that fits into 64 bits.
constexpr int64_t kMostElements = int64_t(1) << 58;

int64_t checked_numel(Ints sizes) {
    int64_t steps = 1;  // the product of all sizes but zeros, which strides are made of
    bool empty = false;
    for (int64_t s : sizes) {
        TAEDA_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", sizes);
        empty = empty || s == 0;
        TAEDA_CHECK(!__builtin_mul_overflow(steps, std::max<int64_t>(s, 1), &steps) && steps <= kMostElements,
                    "the shape ", sizes, " has more elements than memory can address; check the sizes");
    }
    return empty ? 0 : steps;
}

Tensor make(Ref<TensorImpl> impl, Storage storage, DType dtype) {
    impl->device = storage->device;
    impl->storage = std::move(storage);
    impl->dtype = dtype;
    impl->is_inference = thread_state.inference;
    return Tensor(std::move(impl));
}

size_t span_bytes(Ints sizes, Ints strides, DType dtype) {
    int64_t last = 0;
    for (size_t d = 0; d < sizes.size(); ++d) {
        if (sizes[d] == 0) return 0;
        int64_t reach;
        TAEDA_CHECK(!__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) &&
                        !__builtin_add_overflow(last, reach, &last) && last < kMostElements,
                    "strides ", strides, " of shape ", sizes, " reach further than memory; check the strides");
    }
    return size_t(last + 1) * size_t(item_size(dtype));
}

}  // namespace

void TensorImpl::destroy(TensorImpl* t) {
    delete t->autograd;
    delete t;
}

void TensorImpl::set_geometry(Ints new_sizes, Ints new_strides) {
    sizes = new_sizes;
    strides = new_strides;
    numel = checked_numel(new_sizes);
    is_contiguous = numel == 0 || contiguous(new_sizes, new_strides);
}

void TensorImpl::set_contiguous(Ints new_sizes) {
    numel = checked_numel(new_sizes);
    sizes = new_sizes;
    strides.resize(new_sizes.size());
    int64_t step = 1;
    for (size_t d = new_sizes.size(); d-- > 0;) {
        strides[d] = step;
        step *= std::max<int64_t>(new_sizes[d], 1);
    }
    is_contiguous = true;
}

const Ref<VersionCounter>& Tensor::version_counter() const {
    if (!impl_->version) impl_->version = Ref<VersionCounter>(new VersionCounter);
    return impl_->version;
}

void Tensor::bump_version() const {
    if (!impl_->is_inference) version_counter()->value.fetch_add(1, std::memory_order_relaxed);
}

Tensor empty_tensor(Ints sizes, DType dtype, Device device) {
    Ref<TensorImpl> impl(new TensorImpl);
    impl->set_contiguous(sizes);
    auto storage = allocate(size_t(impl->numel) * size_t(item_size(dtype)), device);
    return make(std::move(impl), std::move(storage), dtype);
}

Tensor empty_strided_tensor(Ints sizes, Ints strides, DType dtype, Device device) {
    TAEDA_CHECK(sizes.size() == strides.size(), "dimensionality of sizes (", sizes.size(),
                ") must match dimensionality of strides (", strides.size(), ")");
    for (int64_t s : strides) TAEDA_CHECK(s >= 0, "strides must not be negative, got ", strides);
    checked_numel(sizes);
    Ref<TensorImpl> impl(new TensorImpl);
    impl->set_geometry(sizes, strides);
    auto storage = allocate(span_bytes(sizes, strides, dtype), device);
    return make(std::move(impl), std::move(storage), dtype);
}

Tensor empty_like_tensor(const Tensor& like, std::optional<DType> dtype, std::optional<Device> device) {
    DType type = dtype.value_or(like.dtype());
    Device to = device.value_or(like.device());
    size_t n = like.sizes().size();
    if (like.is_contiguous() || n < 2) return empty_tensor(like.sizes(), type, to);
    Dims order(n);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return like.strides()[size_t(a)] > like.strides()[size_t(b)]; });
    Dims strides(n);
    int64_t step = 1;
    bool dense = true;
    for (size_t i = n; i-- > 0;) {
        auto d = size_t(order[i]);
        strides[d] = step;
        if (like.sizes()[d] != 1 && like.strides()[d] != step) dense = false;
        step *= std::max<int64_t>(like.sizes()[d], 1);
    }
    if (!dense && std::find(like.strides().begin(), like.strides().end(), 0) != like.strides().end())
        return empty_tensor(like.sizes(), type, to);
    return empty_strided_tensor(like.sizes(), strides, type, to);
}

Tensor empty_tensor(const Meta& meta) {
    if (meta.strides.empty()) return empty_tensor(Ints(meta.sizes), meta.dtype, meta.device);
    return empty_strided_tensor(meta.sizes, meta.strides, meta.dtype, meta.device);
}

Tensor alias(const Tensor& base, Ints sizes, Ints strides, int64_t offset) {
    Ref<TensorImpl> impl(new TensorImpl);
    impl->dtype = base.dtype();
    impl->device = base.device();
    impl->storage = base.storage();
    impl->offset = offset;
    impl->is_inference = base.impl()->is_inference;
    impl->version = base.version_counter();
    impl->set_geometry(sizes, strides);
    return Tensor(std::move(impl));
}

Tensor wrapped_number(const Scalar& value, std::optional<DType> dtype) {
    // Stored as exactly as can be; in promotion it counts as the default dtype of its kind.
    DType exact = value.is_complex() ? DType::complex128 : value.is_floating() ? DType::float64 : value.dtype();
    DType type = dtype.value_or(exact);
    Tensor t = empty_tensor(Ints(), type);
    visit_all(type, [&]<class T>() { *t.data<T>() = value.to<T>(); });
    t.impl()->is_wrapped_number = true;
    return t;
}

namespace {

// Operands fall into three ranks: with dimensions, 0-dim, and Python numbers. A lower rank only raises the category.
struct Ranks {
    std::optional<DType> dims, zero, number;
    static void add(std::optional<DType>& to, DType d) { to = to ? promote(*to, d) : d; }
    static DType combine(std::optional<DType> higher, std::optional<DType> lower) {
        if (!higher) return *lower;
        if (!lower) return *higher;
        auto category = [](DType d) { return is_complex(d) ? 3 : is_floating(d) ? 2 : d == DType::bool_ ? 0 : 1; };
        if (category(*lower) <= category(*higher)) return *higher;
        if (is_complex(*lower) && is_floating(*higher)) return complex_dtype(*higher);
        return promote(*higher, *lower);
    }
    DType result() const {
        if (!zero && !number) return *dims;
        DType low = zero && number ? combine(zero, number) : zero ? *zero : *number;
        return combine(dims, low);
    }
};

}  // namespace

DType result_type(TensorList operands) {
    Ranks ranks;
    for (const Tensor& t : operands) {
        if (!t.defined()) continue;
        DType d = t.dtype();
        if (t.impl()->is_wrapped_number) {
            if (is_complex(d)) d = complex_dtype(default_dtype());
            else if (is_floating(d)) d = default_dtype();
            Ranks::add(ranks.number, d);
        } else {
            Ranks::add(t.dim() ? ranks.dims : ranks.zero, d);
        }
    }
    return ranks.result();
}

DType result_type(const Tensor& a, const Scalar& b) {
    Ranks ranks;
    (a.impl()->is_wrapped_number ? ranks.number : a.dim() ? ranks.dims : ranks.zero) = a.dtype();
    Ranks::add(ranks.number, b.dtype());
    return ranks.result();
}

bool can_cast(DType from, DType to) {
    return from == to || (is_complex(from) <= is_complex(to) && is_floating(from) <= is_differentiable(to) &&
                          (to != DType::bool_ || from == DType::bool_));
}

void check_in_place_dtype(const Tensor& self, DType result, const char* op) {
    TAEDA_CHECK(can_cast(result, self.dtype()), op, "_: result type ", dtype_long_name(result),
                " can't be cast to the desired output type ", dtype_long_name(self.dtype()), "; use ", op,
                "(), or convert the tensor first with .to(", result, ")");
}

void check_in_place_result(const Tensor& self, const Tensor& changed, const char* op) {
    TAEDA_CHECK(self.sizes() == changed.sizes(), op, "_: the result has shape ", changed.sizes(),
                " but the tensor to change has shape ", self.sizes(), "; use ", op, "()");
    check_in_place_dtype(self, changed.dtype(), op);
}

void resize_output(const Tensor& out, const Meta& meta, const char* op) {
    TAEDA_CHECK(can_cast(meta.dtype, out.dtype()), op, ": result type ", dtype_long_name(meta.dtype),
                " can't be cast to the desired output type ", dtype_long_name(out.dtype()),
                "; pass an out= tensor of dtype ", meta.dtype);
    TAEDA_CHECK(out.device() == meta.device, op, ": expected out= on device ", meta.device, ", got ", out.device());
    for (size_t d = 0; d < out.sizes().size(); ++d)
        TAEDA_CHECK(out.strides()[d] != 0 || out.sizes()[d] <= 1, op,
                    ": unsupported operation: more than one element of the written-to tensor refers to a single "
                    "memory location. Please clone() the tensor before performing the operation.");
    if (out.sizes() == Ints(meta.sizes)) return;
    TensorImpl* impl = out.impl();
    impl->set_contiguous(meta.sizes);
    size_t wanted = (size_t(impl->numel) + size_t(impl->offset)) * size_t(item_size(impl->dtype));
    if (impl->storage->bytes < wanted) { impl->storage = allocate(wanted, impl->device); }
}

}  // namespace taeda
