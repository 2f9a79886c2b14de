// Elements of tensors: where they begin, and access by a dtype that is known at run time.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "kernels/cuda/block.h"
#include "tensor/tensor.h"

namespace taeda::cuda {

template <class T> T* data_or_null(const Tensor& t) { return t.defined() ? t.data<T>() : nullptr; }

// Whether rows of `length` elements of contiguous tensors consist of aligned 16-byte packs.
template <class S> bool can_pack_rows(int64_t length, std::initializer_list<const Tensor*> tensors) {
    return length % kPackSize<S> == 0 &&
           std::all_of(tensors.begin(), tensors.end(), [](const Tensor* t) { return is_aligned(t->raw(), 16); });
}

// f.operator()<n>(i): packs of n elements that start at i, shared out to the threads in x.
template <int size, class F> __device__ void each_pack(int64_t length, bool is_packed, F f) {
    if (is_packed)
        for (int64_t i = int64_t(threadIdx.x) * size; i < length; i += int64_t(blockDim.x) * size)
            f.template operator()<size>(i);
    else
        for (int64_t i = threadIdx.x; i < length; i += blockDim.x) f.template operator()<1>(i);
}
template <int n, class C, class S> __device__ void load_elements(C (&to)[n], const S* from) {
    const Pack<S, n> pack = load_pack<S, n>(from);
    for (int k = 0; k < n; ++k) to[k] = C(pack.values[k]);
}

// data[i] = value, whatever the dtype.
template <class R> __device__ [[gnu::noinline]] void store_as(void* data, DType dtype, int64_t i, R value) {
    switch (dtype) {
        case DType::uint8: static_cast<uint8_t*>(data)[i] = uint8_t(value); break;
        case DType::int8: static_cast<int8_t*>(data)[i] = int8_t(value); break;
        case DType::int16: static_cast<int16_t*>(data)[i] = int16_t(value); break;
        case DType::int32: static_cast<int32_t*>(data)[i] = int32_t(value); break;
        case DType::int64: static_cast<int64_t*>(data)[i] = int64_t(value); break;
        case DType::float16: static_cast<Half*>(data)[i] = Half(float(value)); break;
        case DType::bfloat16: static_cast<BFloat16*>(data)[i] = BFloat16(float(value)); break;
        case DType::float32: static_cast<float*>(data)[i] = float(value); break;
        case DType::float64: static_cast<double*>(data)[i] = double(value); break;
        case DType::bool_: static_cast<bool*>(data)[i] = value != R(0); break;
        case DType::complex64: static_cast<device_complex<float>*>(data)[i] = {float(value), 0}; break;
        case DType::complex128: static_cast<device_complex<double>*>(data)[i] = {double(value), 0}; break;
    }
}

// An integer or bool.
__device__ inline int64_t load_integer(const void* data, DType dtype, int64_t i) {
    switch (dtype) {
        case DType::int8: return static_cast<const int8_t*>(data)[i];
        case DType::int16: return static_cast<const int16_t*>(data)[i];
        case DType::int32: return static_cast<const int32_t*>(data)[i];
        case DType::int64: return static_cast<const int64_t*>(data)[i];
        default: return static_cast<const uint8_t*>(data)[i];
    }
}

// A contiguous tensor's elements: of type S, or (AnyInteger) of any integer dtype, as the type that they compute in.
template <class S> struct Elements {
    using C = op_type<S>;
    S* data;
    explicit Elements(const Tensor& t) : data(t.data<S>()) {}
    __device__ C load(int64_t i) const { return C(data[i]); }
    template <class A> __device__ void store(int64_t i, A value) const { data[i] = S(value); }
};
struct AnyInteger {};
template <> struct Elements<AnyInteger> {
    using C = int64_t;
    void* data;
    DType dtype;
    explicit Elements(const Tensor& t) : data(t.raw()), dtype(t.dtype()) {}
    __device__ C load(int64_t i) const { return load_integer(data, dtype, i); }
    __device__ void store(int64_t i, int64_t value) const { store_as(data, dtype, i, value); }
};

// f.operator()<S>() with S a floating type or AnyInteger; bool counts as an integer.
template <class F> void visit_elements(DType dtype, const char* op, F&& f) {
    if (is_integral(dtype, true)) f.template operator()<AnyInteger>();
    else visit_floating(dtype, op, f);
}

}  // namespace taeda::cuda
