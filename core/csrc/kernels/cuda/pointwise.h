// The loop of all pointwise operators on a GPU: any functor over device types, contiguous or strided.
//
// Contiguous operands, and operands of one element, go through accesses of 16 bytes. Everything else takes the strided
// kernel, which turns a linear index into offsets with multiplications instead of divisions.
#pragma once

#include "kernels/cuda/divisor.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/pointwise.h"

namespace taeda::cuda {

// One input: elements in device memory, one repeated element there (step 0), or a number from the host (no data).
template <class T> struct Operand {
    const T* data;
    int step;
    T number;

    __device__ T first() const { return data && step == 0 ? *data : number; }
    __device__ bool varies() const { return data && step != 0; }
};

template <class T> T host_number(const char* data) {
    T value;
    std::memcpy(&value, data, sizeof value);
    return value;
}
template <class T> Operand<T> operand(const PointwiseArgs& args, int k) {
    if (args.host_operands >> k & 1) return {nullptr, 0, host_number<T>(args.data[k])};
    return {reinterpret_cast<const T*>(args.data[k]), args.strides[k][0] != 0, T()};
}

template <class To, class From> __device__ To stored(From value) {
    if constexpr (std::is_same_v<To, From>) return value;
    else if constexpr (is_reduced_float<To>) return To(float(value));
    else return static_cast<To>(value);
}

template <class T, int V> __device__ Pack<T, V> load_pack(const Operand<T>& in, T first, int64_t at) {
    Pack<T, V> pack;
    if (in.varies()) {
        pack = *reinterpret_cast<const Pack<T, V>*>(in.data + at);
    } else {
        for (int i = 0; i < V; ++i) pack.values[i] = first;
    }
    return pack;
}

// Each thread takes V elements at a time, all inputs loaded before anything is computed.
template <int V, class Out, class F, class... In>
__global__ void contiguous_kernel(int64_t n, F f, Out* out, Operand<In>... in) {
    int64_t step = int64_t(gridDim.x) * blockDim.x * V;
    auto run = [&](auto... first) {
        int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) * V;
        for (; i + V <= n; i += step) {
            auto compute = [&](auto... packs) {
                Pack<Out, V> result;
#pragma unroll
                for (int k = 0; k < V; ++k) result.values[k] = stored<Out>(f(op_type<In>(packs.values[k])...));
                *reinterpret_cast<Pack<Out, V>*>(out + i) = result;
            };
            compute(load_pack<In, V>(in, first, i)...);
        }
        for (; i < n; ++i) out[i] = stored<Out>(f(op_type<In>(in.varies() ? in.data[i] : first)...));
    };
    run(in.first()...);
}

template <int operands> struct StridedLayout {
    int ndim;
    Divisor sizes[16];              // the innermost dimension last
    int64_t strides[operands][16];  // in bytes

    TAEDA_HD void offsets(uint32_t index, int64_t (&at)[operands]) const {
        for (int k = 0; k < operands; ++k) at[k] = 0;
        for (int d = ndim - 1; d >= 0; --d) {
            uint32_t rest = sizes[d].quotient(index), position = index - rest * sizes[d].value;
            for (int k = 0; k < operands; ++k) at[k] += int64_t(position) * strides[k][d];
            index = rest;
        }
    }
};

template <class T> __device__ T load_at(const Operand<T>& in, int64_t offset) {
    return in.data ? *reinterpret_cast<const T*>(reinterpret_cast<const char*>(in.data) + offset) : in.number;
}

template <class F, class... In, int... k>
__device__ auto apply_at(const F& f, const int64_t* at, std::integer_sequence<int, k...>, const Operand<In>&... in) {
    return f(op_type<In>(load_at(in, at[k + 1]))...);
}

template <class Out, class F, class... In>
__global__ void strided_kernel(uint32_t n, F f, StridedLayout<1 + sizeof...(In)> layout, Out* out, Operand<In>... in) {
    uint32_t step = gridDim.x * blockDim.x;
    for (uint32_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += step) {
        int64_t at[1 + sizeof...(In)];
        layout.offsets(i, at);
        auto result = apply_at(f, at, std::make_integer_sequence<int, int(sizeof...(In))>(), in...);
        *reinterpret_cast<Out*>(reinterpret_cast<char*>(out) + at[0]) = stored<Out>(result);
    }
}

// Whether the contiguous kernel can run, with accesses of V elements.
template <int V, class Out, class... In> bool vectorizes(const PointwiseArgs& args) {
    if (args.ndim != 1) return false;
    const int64_t sizes[] = {int64_t(sizeof(Out)), int64_t(sizeof(In))...};
    for (int k = 0; k < 1 + int(sizeof...(In)); ++k) {
        if (args.host_operands >> k & 1) continue;
        bool single = k > 0 && (args.strides[k][0] == 0 || args.numel == 1);
        if (!single && args.strides[k][0] != sizes[k]) return false;
        if (!single && reinterpret_cast<uintptr_t>(args.data[k]) % size_t(sizes[k] * V) != 0) return false;
    }
    return true;
}

// Calls launch_part(args) for parts of at most 2^30 elements, cut along the outermost dimensions.
template <class F> void in_parts(PointwiseArgs& args, int operands, F&& launch_part) {
    if (fits_32_bits(args.numel)) return launch_part(args);
    int d = 0;
    while (args.sizes[d] == 1) ++d;
    int64_t half = args.sizes[d] / 2;
    PointwiseArgs second = args;
    args.numel = args.numel / args.sizes[d] * half;
    second.numel -= args.numel;
    second.sizes[d] -= half;
    args.sizes[d] = half;
    for (int k = 0; k < operands; ++k)
        if (!(args.host_operands >> k & 1)) second.data[k] += half * args.strides[k][d];
    in_parts(args, operands, launch_part);
    in_parts(second, operands, launch_part);
}

template <class Out, class... In, class F, int... k>
void contiguous_loop(const PointwiseArgs& args, F f, std::integer_sequence<int, k...>) {
    constexpr int V = int(16 / std::max({sizeof(Out), sizeof(In)...}));
    Grid grid = loop_grid(args.numel, V, limits(args.device.index).multiprocessors);
    launch(current_stream(args.device.index), contiguous_kernel<V, Out, F, In...>, grid.blocks, grid.threads, 0,
           args.numel, f, reinterpret_cast<Out*>(args.data[0]), operand<In>(args, k + 1)...);
}

template <class Out, class... In, class F, int... k>
void strided_loop(const PointwiseArgs& args, F f, std::integer_sequence<int, k...>) {
    constexpr int operands = 1 + int(sizeof...(In));
    PointwiseArgs whole = args;
    in_parts(whole, operands, [&](const PointwiseArgs& part) {
        StridedLayout<operands> layout;
        layout.ndim = part.ndim;
        for (int d = 0; d < part.ndim; ++d) layout.sizes[d] = Divisor(uint32_t(part.sizes[d]));
        for (int i = 0; i < operands; ++i) std::copy(part.strides[i], part.strides[i] + part.ndim, layout.strides[i]);
        Grid grid = loop_grid(part.numel, 4, limits(args.device.index).multiprocessors);
        launch(current_stream(args.device.index), strided_kernel<Out, F, In...>, grid.blocks, grid.threads, 0,
               uint32_t(part.numel), f, layout, reinterpret_cast<Out*>(part.data[0]), operand<In>(part, k + 1)...);
    });
}

// out = f(inputs...) for device types Out and In; what the generated pointwise files call.
template <class Out, class... In, class F> void pointwise_loop(const PointwiseArgs& args, F f) {
    constexpr auto inputs = std::make_integer_sequence<int, int(sizeof...(In))>();
    use_device(args.device.index);
    if (vectorizes<int(16 / std::max({sizeof(Out), sizeof(In)...})), Out, In...>(args))
        contiguous_loop<Out, In...>(args, f, inputs);
    else strided_loop<Out, In...>(args, f, inputs);
}

}  // namespace taeda::cuda
