// What the operators of kernels/reduce.h share: where results go, and the dtypes they are computed in.
#pragma once

#include "kernels/cuda/element.h"
#include "kernels/cuda/reduction.h"
#include "kernels/reduce.h"

namespace taeda::cuda {

// One or two results per output; the second or the first may be missing.
struct Outputs {
    void* data[2] = {nullptr, nullptr};
    DType dtype[2] = {DType::float32, DType::float32};
    OffsetMap<2> at;

    Outputs() = default;
    Outputs(const ReductionShape& shape, const Tensor& out0, const Tensor& out1) {
        if (out0.defined()) data[0] = out0.raw(), dtype[0] = out0.dtype();
        if (out1.defined()) data[1] = out1.raw(), dtype[1] = out1.dtype();
        std::vector<Axis<2>> axes;
        for (const ReduceAxis& axis : shape.kept) axes.push_back({axis.size, {axis.stride[1], axis.stride[2]}});
        at = OffsetMap<2>(axes);
    }
    template <class R> __device__ void write(int64_t output, R value) const {
        int64_t offset[2];
        at.locate(output, offset);
        store_as(data[0], dtype[0], offset[0], value);
    }
    template <class R0, class R1> __device__ void write(int64_t output, R0 value, R1 second) const {
        int64_t offset[2];
        at.locate(output, offset);
        if (data[0]) store_as(data[0], dtype[0], offset[0], value);
        if (data[1]) store_as(data[1], dtype[1], offset[1], second);
    }
};

// The type that sums of T are kept in, and that results are written from.
template <class T> using sum_type = std::conditional_t<std::is_integral_v<T>, int64_t, op_type<T>>;

// make(outputs) gives the operation, which then runs over `in`.
template <class Op, class Make>
void reduce_with(const Tensor& out0, const Tensor& out1, const Tensor& in, Ints dims, Make make) {
    const ReductionShape shape(in, dims, out0, out1, Op::is_ordered);
    run_reduction(make(Outputs(shape, out0, out1)), shape, in);
}

// The real and imaginary parts of a complex tensor as a last dimension of two.
inline Tensor view_reals(const Tensor& t) {
    Dims sizes(t.sizes()), strides(t.strides());
    for (int64_t& s : strides) s *= 2;
    sizes.push_back(2), strides.push_back(1);
    Tensor reals = alias(t, sizes, strides, 2 * t.offset());
    reals.impl()->dtype = real_dtype(t.dtype());
    return reals;
}

inline int64_t reduced_numel(const Tensor& in, Ints dims) {
    int64_t n = 1;
    for (int64_t d : dims) n *= in.size(d);
    return n;
}

}  // namespace taeda::cuda
