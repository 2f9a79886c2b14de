// What the generated operator files need besides their own text.
#pragma once

#include <array>

#include "autograd/meta.h"
#include "dispatch/pointwise.h"
#include "dispatch/registry.h"
#include "ops.h"
#include "ops/derivatives.h"
#include "ops/linalg_backward.h"
#include "tensor/cast.h"

namespace taeda::ops {

// For the checks of records. An integer has no negative power that is an integer: raises where the exponent is a number.
void check_exponent(const Tensor& base, const Tensor& exponent);

inline Dims fact_sizes(const Tensor& t) { return t.defined() ? Dims(t.sizes()) : Dims(); }
inline Dims fact_strides(const Tensor& t) { return t.defined() ? Dims(t.strides()) : Dims(); }
inline int64_t fact_offset(const Tensor& t) { return t.defined() ? t.offset() : 0; }
inline DType fact_dtype(const Tensor& t) { return t.defined() ? t.dtype() : DType::float32; }
inline GradientMeta fact_meta(const Tensor& t) {
    return t.defined() ? GradientMeta{t.sizes(), t.dtype(), t.device()} : GradientMeta{};
}
inline std::vector<Dims> list_sizes(TensorList list) {
    std::vector<Dims> all;
    for (const Tensor& t : list) all.push_back(fact_sizes(t));
    return all;
}
inline std::vector<DType> list_dtype(TensorList list) {
    std::vector<DType> all;
    for (const Tensor& t : list) all.push_back(fact_dtype(t));
    return all;
}
inline std::vector<GradientMeta> list_meta(TensorList list) {
    std::vector<GradientMeta> all;
    for (const Tensor& t : list) all.push_back(fact_meta(t));
    return all;
}
inline std::vector<SavedTensor> save_list(TensorList list) {
    std::vector<SavedTensor> all;
    for (const Tensor& t : list) all.emplace_back(t, false);
    return all;
}
inline Tensors unpack_list(const std::vector<SavedTensor>& saved, Node& owner) {
    Tensors all;
    for (const SavedTensor& s : saved) all.push_back(s.unpack(owner));
    return all;
}

// Gradients of outputs that nothing used are zeros for formulas that combine several.
inline void fill_gradient(Tensors& grads, const Node& node, size_t i) {
    if (!grads[i].defined() && i < node.outputs.size() && !node.outputs[i].device.is_meta() &&
        is_differentiable(node.outputs[i].dtype))
        grads[i] = zeros(node.outputs[i].sizes, node.outputs[i].dtype, node.outputs[i].device);
}
inline void fill_undefined(Tensors& grads, const Node& node, std::initializer_list<size_t> which) {
    for (size_t i : which) fill_gradient(grads, node, i);
}
inline void fill_undefined(Tensors& grads, const Node& node) {
    for (size_t i = 0; i < grads.size(); ++i) fill_gradient(grads, node, i);
}

inline void put_list(Tensors& out, size_t start, Tensors grads) {
    for (size_t i = 0; i < grads.size(); ++i) out[start + i] = std::move(grads[i]);
}
inline void put_results(Tensors& out, std::initializer_list<size_t> at, Tensors grads) {
    size_t i = 0;
    for (size_t position : at) out[position] = std::move(grads[i++]);
}
template <class... T> void put_results(Tensors& out, std::initializer_list<size_t> at, std::tuple<T...> grads) {
    const size_t* position = at.begin();
    std::apply([&](auto&... g) { ((out[*position++] = std::move(g)), ...); }, grads);
}

inline void write_output(const Tensor& out, const Tensor& result, const char* op) {
    resize_output(out, {result.sizes(), result.dtype(), result.device()}, op);
    copy_(out, result);
}

// Native operators compute on one device; 0-dim CPU tensors count as numbers anywhere, and nothing is computed where the
// first tensor is on the meta device.
inline void check_device(const char* op, std::optional<Device>& common, const Tensor& t) {
    if (!t.defined() || (t.dim() == 0 && t.is_cpu())) return;
    if (!common) common = t.device();
    TAEDA_CHECK(common->type == DeviceType::meta || *common == t.device(), op,
                ": Expected all tensors to be on the same device, but found at least two devices, ", *common, " and ",
                t.device(), "; move one with .to(device)");
}
inline void check_device(const char* op, std::optional<Device>& common, TensorList list) {
    for (const Tensor& t : list) check_device(op, common, t);
}
template <class... T> void check_same_device(const char* op, const T&... arguments) {
    std::optional<Device> common;
    (check_device(op, common, arguments), ...);
}

template <class T> auto unbox(const Value& v) { return boxing::Unpack<std::remove_cvref_t<T>>::get(v); }

}  // namespace taeda::ops
