// The driver of all scans along one dimension of contiguous tensors.
//
// Where slices are many, a thread runs along each. Otherwise a slice is cut into chunks: blocks total their chunks, one
// block scans the totals, and blocks scan their chunks from there. The order of combination depends on the shape alone.
//
// An operation provides
//   using A;                          plain, of 4-byte words
//   A identity()
//   A load(at, i)                     the element at offset `at`, the i-th of its slice
//   A combine(earlier, later)         associative
//   void store(at, A)
#pragma once

#include "kernels/cuda/block.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/slices.h"

namespace taeda::cuda {

constexpr int kScanThreads = 256, kScanItems = 4;
constexpr int64_t kScanChunk = 4096;    // elements of a block
constexpr int64_t kManySlices = 16384;  // from here on a thread runs along each

template <class A> __device__ A lane_behind(const A& value, int distance) {
    static_assert(sizeof(A) % 4 == 0);
    constexpr int words = int(sizeof(A) / 4);
    unsigned bits[words];
    memcpy(bits, &value, sizeof value);
    for (int i = 0; i < words; ++i) bits[i] = __shfl_up_sync(kFullWarp, bits[i], unsigned(distance));
    A behind;
    memcpy(&behind, bits, sizeof behind);
    return behind;
}

// The combination of what the threads before this one hold, and in `total` of all; `shared` has room for kScanThreads /
// kWarp accumulators.
template <class Op, class A> __device__ A scan_block(const Op& op, A mine, A* shared, A& total) {
    const int lane = int(threadIdx.x) % kWarp, warp = int(threadIdx.x) / kWarp;
    for (int distance = 1; distance < kWarp; distance *= 2) {
        const A behind = lane_behind(mine, distance);
        if (lane >= distance) mine = op.combine(behind, mine);
    }
    if (lane == kWarp - 1) shared[warp] = mine;
    A before = lane_behind(mine, 1);
    if (lane == 0) before = op.identity();
    __syncthreads();
    A earlier = op.identity();
    total = op.identity();
    for (int w = 0; w < kScanThreads / kWarp; ++w) {
        if (w == warp) earlier = total;
        total = op.combine(total, shared[w]);
    }
    __syncthreads();
    return op.combine(earlier, before);
}

struct ScanChunks {
    Slices slices;
    int64_t chunks;
    __device__ int64_t start_of(int64_t slice) const {
        return slice / slices.inner * slices.length * slices.inner + slice % slices.inner;
    }
};

// f(i, items): the thread's next items of the chunk, the first of them the i-th element of the slice.
template <class F> __device__ void each_scan_step(const ScanChunks& c, int64_t chunk, F f) {
    const int64_t first = chunk * kScanChunk;
    const int64_t end = first + kScanChunk < c.slices.length ? first + kScanChunk : c.slices.length;
    for (int64_t begin = first; begin < end; begin += kScanThreads * kScanItems) {
        const int64_t i = begin + int64_t(threadIdx.x) * kScanItems, rest = end - i;
        f(i, rest < 0 ? 0 : rest < kScanItems ? int(rest) : kScanItems);
    }
}

template <class Op> __global__ void __launch_bounds__(kScanThreads)
    total_chunks(Op op, ScanChunks c, typename Op::A* totals) {
    using A = typename Op::A;
    __shared__ A shared[kScanThreads / kWarp];
    const int64_t slice = blockIdx.x / c.chunks, chunk = blockIdx.x % c.chunks, start = c.start_of(slice);
    A all = op.identity();
    each_scan_step(c, chunk, [&](int64_t i, int items) {
        A mine = op.identity(), total;
        for (int k = 0; k < items; ++k) mine = op.combine(mine, op.load(start + (i + k) * c.slices.inner, i + k));
        scan_block(op, mine, shared, total);
        all = op.combine(all, total);
    });
    if (threadIdx.x == 0) totals[blockIdx.x] = all;
}

// Each slice's totals become what lies before each chunk: one block per slice.
template <class Op> __global__ void __launch_bounds__(kScanThreads)
    scan_totals(Op op, ScanChunks c, typename Op::A* totals) {
    using A = typename Op::A;
    __shared__ A shared[kScanThreads / kWarp];
    totals += blockIdx.x * c.chunks;
    A carry = op.identity();
    for (int64_t begin = 0; begin < c.chunks; begin += kScanThreads) {
        const int64_t i = begin + threadIdx.x;
        A total;
        const A before = scan_block(op, i < c.chunks ? totals[i] : op.identity(), shared, total);
        if (i < c.chunks) totals[i] = op.combine(carry, before);
        carry = op.combine(carry, total);
    }
}

template <class Op> __global__ void __launch_bounds__(kScanThreads)
    scan_chunks(Op op, ScanChunks c, const typename Op::A* before) {
    using A = typename Op::A;
    __shared__ A shared[kScanThreads / kWarp];
    const int64_t slice = blockIdx.x / c.chunks, chunk = blockIdx.x % c.chunks, start = c.start_of(slice);
    A carry = before ? before[blockIdx.x] : op.identity();
    each_scan_step(c, chunk, [&](int64_t i, int items) {
        A item[kScanItems], mine = op.identity(), total;
        for (int k = 0; k < items; ++k) {
            item[k] = op.load(start + (i + k) * c.slices.inner, i + k);
            mine = op.combine(mine, item[k]);
        }
        A running = op.combine(carry, scan_block(op, mine, shared, total));
        for (int k = 0; k < items; ++k) {
            running = op.combine(running, item[k]);
            op.store(start + (i + k) * c.slices.inner, running);
        }
        carry = op.combine(carry, total);
    });
}

template <class Op> __global__ void __launch_bounds__(kScanThreads) scan_slices(Op op, ScanChunks c) {
    const int64_t slice = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (slice >= c.slices.outer * c.slices.inner) return;
    const int64_t start = c.start_of(slice);
    typename Op::A running = op.identity();
    for (int64_t i = 0; i < c.slices.length; ++i) {
        const int64_t at = start + i * c.slices.inner;
        running = op.combine(running, op.load(at, i));
        op.store(at, running);
    }
}

template <class Op> void run_scan(const Op& op, const Slices& s, const Tensor& beside) {
    using A = typename Op::A;
    if (s.numel() == 0) return;
    const cudaStream_t stream = stream_of(beside);
    const int64_t slices = s.outer * s.inner;
    const ScanChunks c{s, divide_up(s.length, kScanChunk)};
    if (slices >= kManySlices && (s.inner >= kWarp || s.length <= kWarp))
        return launch(stream, scan_slices<Op>, unsigned(divide_up(slices, kScanThreads)), kScanThreads, 0, op, c);
    const A* before = nullptr;
    std::optional<Workspace> totals;
    if (c.chunks > 1) {
        totals.emplace(size_t(slices * c.chunks) * sizeof(A), beside);
        launch(stream, total_chunks<Op>, unsigned(slices * c.chunks), kScanThreads, 0, op, c, totals->as<A>());
        launch(stream, scan_totals<Op>, unsigned(slices), kScanThreads, 0, op, c, totals->as<A>());
        before = totals->as<A>();
    }
    launch(stream, scan_chunks<Op>, unsigned(slices * c.chunks), kScanThreads, 0, op, c, before);
}

}  // namespace taeda::cuda
