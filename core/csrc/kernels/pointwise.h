// What every pointwise kernel gets: operands as pointers with byte strides over one common, broadcast shape.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

constexpr int kMaxOperands = 6;  // outputs first, then inputs
constexpr int kMaxParams = 4;

// Filled by dispatch/pointwise.cpp: dimensions are coalesced and ordered, the innermost last; broadcast dimensions have
// stride 0. All operands have the dtypes that the kernel was generated for.
struct PointwiseArgs {
    int outputs = 1, inputs = 0, ndim = 1;
    int64_t numel = 0;
    int64_t sizes[16];  // ndim of them
    char* data[kMaxOperands];
    int64_t strides[kMaxOperands][16];  // in bytes
    DType dtype = DType::float32;       // of the computation: the inputs' common dtype
    DType out_dtype = DType::float32;
    Device device;
    uint32_t host_operands = 0;  // bit k: operand k is one number in host memory, though the device is not the CPU
    Scalar params[kMaxParams];
};

using PointwiseFunction = void (*)(const PointwiseArgs&);

}  // namespace taeda
