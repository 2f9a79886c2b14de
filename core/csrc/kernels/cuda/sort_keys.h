// Slices of a tensor as keys to sort by, whatever the dtype.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/slices.h"
#include "kernels/sort_key.h"

namespace taeda::cuda {

__device__ inline uint64_t load_key(const void* data, DType dtype, int64_t i) {
    switch (dtype) {
        case DType::int8: return key_of(static_cast<const int8_t*>(data)[i]);
        case DType::int16: return key_of(static_cast<const int16_t*>(data)[i]);
        case DType::int32: return key_of(static_cast<const int32_t*>(data)[i]);
        case DType::int64: return key_of(static_cast<const int64_t*>(data)[i]);
        case DType::float16: return key_of(static_cast<const Half*>(data)[i]);
        case DType::bfloat16: return key_of(static_cast<const BFloat16*>(data)[i]);
        case DType::float32: return key_of(static_cast<const float*>(data)[i]);
        case DType::float64: return key_of(static_cast<const double*>(data)[i]);
        default: return static_cast<const uint8_t*>(data)[i];  // uint8 and bool
    }
}

__device__ inline void copy_element(void* to, int64_t i, const void* from, int64_t j, int bytes) {
    switch (bytes) {
        case 1: static_cast<uint8_t*>(to)[i] = static_cast<const uint8_t*>(from)[j]; break;
        case 2: static_cast<uint16_t*>(to)[i] = static_cast<const uint16_t*>(from)[j]; break;
        case 4: static_cast<uint32_t*>(to)[i] = static_cast<const uint32_t*>(from)[j]; break;
        default: static_cast<uint64_t*>(to)[i] = static_cast<const uint64_t*>(from)[j]; break;
    }
}

// What is sorted, and where the first `count` elements of each sorted slice go.
struct KeySlices {
    const void* in;
    void* values;
    int64_t* indices;
    Slices slices;
    int64_t count;
    DType dtype;
    int bits;       // of a key
    uint64_t flip;  // complements keys where the order is to be descending

    KeySlices(const Tensor& values, const Tensor& indices, const Tensor& in, int64_t dim, bool descending)
        : in(in.raw()),
          values(values.raw()),
          indices(indices.data<int64_t>()),
          slices(in, dim),
          count(values.dim() ? values.size(dim) : 1),
          dtype(in.dtype()),
          bits(8 * int(in.item_bytes())),
          flip(descending ? ~uint64_t(0) >> (64 - bits) : 0) {}

    int64_t slice_count() const { return slices.outer * slices.inner; }
    __device__ int64_t start(int64_t slice, int64_t length) const {
        return slice / slices.inner * length * slices.inner + slice % slices.inner;
    }
    __device__ uint64_t key(int64_t slice, int64_t i) const {
        return load_key(in, dtype, start(slice, slices.length) + i * slices.inner) ^ flip;
    }
    // Element `at` of the slice becomes the `rank`-th of the result.
    __device__ void write(int64_t slice, int64_t rank, int64_t at) const {
        const int64_t to = start(slice, count) + rank * slices.inner;
        copy_element(values, to, in, start(slice, slices.length) + at * slices.inner, bits / 8);
        indices[to] = at;
    }
};

}  // namespace taeda::cuda
