// CUDA's language for an ordinary C++ compiler: kernels run on the CPU, so that tests need no GPU.
//
// Blocks run one after another. The threads of a block are fibers that change places at barriers and warp exchanges;
// a barrier that some threads of a block never reach raises. Only one kernel runs at a time.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/cuda/emulated/runtime_api.h"
#include "kernels/cuda/emulated/streams.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __shared__ static
#define __constant__ static
#define __align__(n) alignas(n)

namespace taeda::emulated {

// Runs body(context) once for every thread of every block.
using Body = void (*)(void* context);
void run(dim3 grid, dim3 block, size_t shared_bytes, Body body, void* context);
// Gives the same to a stream; `thread` is what each thread does. Raises for sizes that no launch can have.
void launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, Work thread);
void* dynamic_shared();
void block_barrier();
// The number of threads of the block that passed a true predicate.
int block_count(bool predicate);
// Waits for all lanes of the mask; what each of them passed, by lane.
const uint64_t* warp_exchange(unsigned mask, uint64_t value);
int lane();

template <class T> T shuffle(unsigned mask, T value, int source) {
    static_assert(sizeof(T) <= sizeof(uint64_t), "shuffle values of at most 8 bytes");
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    bits = warp_exchange(mask, bits)[source];
    std::memcpy(&value, &bits, sizeof value);
    return value;
}
inline unsigned ballot(unsigned mask, bool predicate) {
    const uint64_t* all = warp_exchange(mask, predicate);
    unsigned bits = 0;
    for (int i = 0; i < 32; ++i)
        if (mask >> i & 1 && all[i]) bits |= 1u << i;
    return bits;
}

// The lanes of the mask that passed the same value.
inline unsigned match(unsigned mask, uint64_t value) {
    const uint64_t* all = warp_exchange(mask, value);
    unsigned bits = 0;
    for (int i = 0; i < 32; ++i)
        if (mask >> i & 1 && all[i] == value) bits |= 1u << i;
    return bits;
}

}  // namespace taeda::emulated

inline uint3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;
constexpr int warpSize = 32;

inline void __syncthreads() { taeda::emulated::block_barrier(); }
inline int __syncthreads_count(int predicate) { return taeda::emulated::block_count(predicate != 0); }
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }
inline void __syncwarp(unsigned mask = 0xffffffffu) { taeda::emulated::warp_exchange(mask, 0); }
inline void __threadfence() {}
inline void __threadfence_block() {}

template <class T> T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
    int lane = taeda::emulated::lane();
    return taeda::emulated::shuffle(mask, value, (lane & ~(width - 1)) + (source & (width - 1)));
}
template <class T> T __shfl_xor_sync(unsigned mask, T value, int bits, int width = 32) {
    int lane = taeda::emulated::lane(), source = lane ^ bits;
    return taeda::emulated::shuffle(mask, value, source / width > lane / width ? lane : source);
}
template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = taeda::emulated::lane(), source = lane + int(delta);
    return taeda::emulated::shuffle(mask, value, source / width != lane / width ? lane : source);
}
template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
    int lane = taeda::emulated::lane(), source = lane - int(delta);
    return taeda::emulated::shuffle(mask, value, source < (lane & ~(width - 1)) ? lane : source);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) { return taeda::emulated::ballot(mask, predicate != 0); }
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
template <class T> unsigned __match_any_sync(unsigned mask, T value) {
    return taeda::emulated::match(mask, uint64_t(value));
}
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, !predicate) == 0; }

// Fibers change places at barriers alone, so plain reads and writes are atomic. The old value is returned.
template <class T, class U> T atomicAdd(T* at, U value) {
    T old = *at;
    *at = T(old + value);
    return old;
}
template <class T, class U> T atomicMax(T* at, U value) {
    T old = *at;
    if (old < T(value)) *at = T(value);
    return old;
}
template <class T, class U> T atomicMin(T* at, U value) {
    T old = *at;
    if (T(value) < old) *at = T(value);
    return old;
}
template <class T, class U> T atomicExch(T* at, U value) {
    T old = *at;
    *at = T(value);
    return old;
}
template <class T, class U> T atomicOr(T* at, U value) {
    T old = *at;
    *at = T(old | T(value));
    return old;
}
template <class T, class U, class V> T atomicCAS(T* at, U expected, V value) {
    T old = *at;
    if (old == T(expected)) *at = T(value);
    return old;
}

template <class T> T __ldg(const T* at) { return *at; }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
inline int __clzll(long long x) { return std::countl_zero((unsigned long long)x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t(a) * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1 / std::sqrt(x); }
