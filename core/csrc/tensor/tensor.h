// Tensor: a handle to a strided view of shared storage.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/scalar.h"
#include "tensor/shape.h"
#include "tensor/storage.h"

namespace taeda {

struct AutogradMeta;  // autograd/meta.h

// Counts in-place changes; shared by all views of a storage that descend from each other.
struct VersionCounter {
    std::atomic<int32_t> refs{0};
    std::atomic<uint32_t> value{0};
    static void destroy(VersionCounter* v) { delete v; }
};

struct TensorImpl {
    std::atomic<int32_t> refs{0};
    DType dtype = DType::float32;
    Device device;
    bool requires_grad = false;      // leaf asked for gradients
    bool is_contiguous = true;       // kept by set_geometry
    bool is_inference = false;       // made in inference_mode
    bool is_wrapped_number = false;  // came from a Python number: weak in type promotion
    Storage storage;
    int64_t offset = 0;  // in elements
    int64_t numel = 1;
    Dims sizes, strides;
    Ref<VersionCounter> version;       // made on first need, see version_counter()
    AutogradMeta* autograd = nullptr;  // owned; null for tensors that never met autograd
    void* python = nullptr;            // the Python object that wraps this, borrowed

    static void destroy(TensorImpl* t);
    void set_geometry(Ints new_sizes, Ints new_strides);
    void set_contiguous(Ints new_sizes);
};

class Tensor {
public:
    Tensor() = default;
    explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

    bool defined() const { return bool(impl_); }
    TensorImpl* impl() const { return impl_.get(); }
    const Ref<TensorImpl>& ref() const { return impl_; }
    bool is_same(const Tensor& o) const { return impl_.get() == o.impl_.get(); }

    DType dtype() const { return impl_->dtype; }
    Device device() const { return impl_->device; }
    bool is_cpu() const { return impl_->device.is_cpu(); }
    bool is_meta() const { return impl_->device.is_meta(); }
    int64_t dim() const { return int64_t(impl_->sizes.size()); }
    Ints sizes() const { return impl_->sizes; }
    Ints strides() const { return impl_->strides; }
    int64_t size(int64_t d) const { return impl_->sizes[size_t(wrap_dim(d, dim(), false))]; }
    int64_t stride(int64_t d) const { return impl_->strides[size_t(wrap_dim(d, dim(), false))]; }
    int64_t numel() const { return impl_->numel; }
    int64_t item_bytes() const { return item_size(dtype()); }
    int64_t offset() const { return impl_->offset; }
    const Storage& storage() const { return impl_->storage; }
    bool is_contiguous() const { return impl_->is_contiguous; }
    bool is_floating() const { return taeda::is_floating(dtype()); }
    bool is_complex() const { return taeda::is_complex(dtype()); }

    // The first element. Reading through it is only meaningful on the CPU.
    void* raw() const { return static_cast<char*>(impl_->storage->data) + impl_->offset * item_size(impl_->dtype); }
    template <class T> T* data() const { return static_cast<T*>(raw()); }

    // Autograd (autograd/meta.cpp).
    bool requires_grad() const { return impl_ && (impl_->requires_grad || (impl_->autograd && has_grad_fn())); }
    bool has_grad_fn() const;
    uint32_t version() const { return impl_->version ? impl_->version->value.load() : 0; }
    const Ref<VersionCounter>& version_counter() const;
    void bump_version() const;

private:
    Ref<TensorImpl> impl_;
};

using TensorList = std::span<const Tensor>;
using Tensors = std::vector<Tensor>;

// Uninitialised; contiguous unless strides are given.
Tensor empty_tensor(Ints sizes, DType dtype, Device device = {});
Tensor empty_strided_tensor(Ints sizes, Ints strides, DType dtype, Device device = {});
// Fresh memory that keeps the dimension order of a dense `like` (torch's preserve_format).
Tensor empty_like_tensor(const Tensor& like, std::optional<DType> dtype = {}, std::optional<Device> device = {});
// A view of the same storage without any autograd relation (shares the version counter).
Tensor alias(const Tensor& base, Ints sizes, Ints strides, int64_t offset);
inline Tensor alias(const Tensor& base) { return alias(base, base.sizes(), base.strides(), base.offset()); }
// A 0-dim CPU tensor that holds a Python number and is weak in type promotion.
Tensor wrapped_number(const Scalar& value, std::optional<DType> dtype = {});

// torch.result_type for operands that may be wrapped numbers or 0-dim.
DType result_type(TensorList operands);
inline DType result_type(const Tensor& a, const Tensor& b) {
    if (a.dtype() == b.dtype()) return a.dtype();
    const Tensor both[] = {a, b};
    return result_type(TensorList(both, 2));
}
DType result_type(const Tensor& a, const Scalar& b);

// What an infer rule says about an output.
struct Meta {
    Dims sizes;
    DType dtype;
    Device device = {};
    Dims strides = {};  // empty: contiguous
};
Tensor empty_tensor(const Meta& meta);
// For out=: makes `out` have these sizes (a warning if it was not empty) and checks its dtype and device.
void resize_output(const Tensor& out, const Meta& meta, const char* op);

}  // namespace taeda
