// What the threads of a warp or a block compute together, and loads of several elements at once.
#pragma once

#include <cstring>

#include "kernels/cuda/device.h"

namespace taeda::cuda {

constexpr int kWarp = 32;
template <class T> constexpr int kPackSize = 16 / int(sizeof(T));  // elements of one 16-byte access

template <class T, int size> __device__ Pack<T, size> load_pack(const T* p) {
    return *reinterpret_cast<const Pack<T, size>*>(p);
}
template <class T, int size> __device__ void store_pack(T* p, const Pack<T, size>& pack) {
    *reinterpret_cast<Pack<T, size>*>(p) = pack;
}
inline bool is_aligned(const void* p, int64_t bytes) { return reinterpret_cast<uintptr_t>(p) % uint64_t(bytes) == 0; }

// The value of the lane that is `distance` ahead among `width` neighbouring lanes; any type of whole 4-byte words.
template <class A> __device__ A lane_ahead(const A& value, int distance, int width = kWarp) {
    static_assert(sizeof(A) % 4 == 0);
    constexpr int words = int(sizeof(A) / 4);
    unsigned bits[words];
    memcpy(bits, &value, sizeof value);
    for (int i = 0; i < words; ++i) bits[i] = __shfl_down_sync(kFullWarp, bits[i], unsigned(distance), width);
    A ahead;
    memcpy(&ahead, bits, sizeof ahead);
    return ahead;
}

// Sums and maxima over the 32 lanes, in every lane.
template <class T> __device__ T warp_sum(T x) {
    for (int distance = kWarp / 2; distance > 0; distance /= 2) x += __shfl_xor_sync(kFullWarp, x, distance);
    return x;
}
template <class T> __device__ T warp_max(T x) {  // a NaN passes unseen
    for (int distance = kWarp / 2; distance > 0; distance /= 2) {
        const T other = __shfl_xor_sync(kFullWarp, x, distance);
        x = other > x ? other : x;
    }
    return x;
}

// The same over a block of whole warps, at most 32 of them; `shared` holds a value per warp.
template <class T> __device__ T block_sum(T x, T* shared) {
    const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp, warps = int(blockDim.x) / kWarp;
    x = warp_sum(x);
    if (warps == 1) return x;
    __syncthreads();
    if (lane == 0) shared[warp] = x;
    __syncthreads();
    return warp_sum(lane < warps ? shared[lane] : T(0));
}
template <class T> __device__ T block_max(T x, T* shared) {
    const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp, warps = int(blockDim.x) / kWarp;
    x = warp_max(x);
    if (warps == 1) return x;
    __syncthreads();
    if (lane == 0) shared[warp] = x;
    __syncthreads();
    return warp_max(shared[lane < warps ? lane : 0]);
}

// merge(A&, const A& later) over `width` threads in x (a power of two); the first of them holds the result. `shared`
// has room for one accumulator per warp of the block.
template <class A, class Merge> __device__ void reduce_in_block(A& acc, int width, A* shared, Merge merge) {
    const int within = width < kWarp ? width : kWarp;
    for (int distance = within / 2; distance > 0; distance /= 2) {
        const A ahead = lane_ahead(acc, distance, within);
        merge(acc, ahead);
    }
    if (width <= kWarp) return;
    const int warps = width / kWarp, lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp;
    A* row = shared + int(threadIdx.y) * warps;
    if (lane == 0) row[warp] = acc;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int w = 1; w < warps; ++w) merge(acc, row[w]);
    __syncthreads();
}

}  // namespace taeda::cuda
