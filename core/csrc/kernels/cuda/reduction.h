// The driver of all reductions: it walks the memory, an operation takes elements and merges what it got from them.
//
// Every output is computed by a group of threads in an order that the shapes alone determine; where outputs are few,
// blocks share the reduced elements and a second kernel merges their parts, again in a fixed order. No result depends
// on the device or on timing.
//
// An operation Op provides
//   using S, C, A;           elements in memory, as they are computed with, accumulators (plain, of 4-byte words)
//   is_ordered, is_paired    wants positions in the order of the dimensions; reads a second tensor of the same layout
//   Context begin(output)    what it needs to know of an output before its elements come
//   A identity()
//   add(acc, context, x, position, step) for C x[n], at positions position, position + step, ...; paired: (.., x, y, ..)
//   merge(acc, later)
//   write(output, acc)       outputs are numbered along the kept axes
#pragma once

#include "kernels/cuda/block.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/offsets.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

// What most operations share: no second tensor, no order, nothing known in advance.
struct PlainReduction {
    struct Context {};
    static constexpr bool is_ordered = false, is_paired = false;
    __device__ Context begin(int64_t) const { return {}; }
};

constexpr int kReduceThreads = 256;
constexpr int kUnrolled = 4;             // loads in flight per thread
constexpr int64_t kReduceBlocks = 1056;  // that fill a large GPU; with fewer outputs the reduced axes are split
constexpr int64_t kMaxParts = 1024;

// Strides of the input and of up to two outputs.
using ReduceAxis = Axis<3>;

struct ReductionShape {
    std::vector<ReduceAxis> kept, reduced;
    int64_t outputs = 1, total = 1;

    // Undefined outputs have strides of zero.
    ReductionShape(const Tensor& in, Ints dims, const Tensor& out0, const Tensor& out1, bool keep_order) {
        std::vector<bool> is_reduced(size_t(in.dim()));
        for (int64_t d : dims) is_reduced[size_t(d)] = true;
        for (size_t d = 0; d < is_reduced.size(); ++d) {
            ReduceAxis axis{in.sizes()[d], {in.strides()[d], 0, 0}};
            (is_reduced[d] ? total : outputs) *= axis.size;
            if (!is_reduced[d]) {
                if (out0.defined()) axis.stride[1] = out0.strides()[d];
                if (out1.defined()) axis.stride[2] = out1.strides()[d];
            }
            (is_reduced[d] ? reduced : kept).push_back(axis);
        }
        auto sort = [](std::vector<ReduceAxis>& axes) {
            std::stable_sort(axes.begin(), axes.end(), [](const ReduceAxis& a, const ReduceAxis& b) {
                return std::abs(a.stride[0]) > std::abs(b.stride[0]);
            });
        };
        sort(kept);
        if (!keep_order) sort(reduced);
        join_axes(kept), join_axes(reduced);
    }
};

// How a kernel walks the input.
struct Walk {
    OffsetMap<1> reduced, kept;
    int64_t outputs, inner;   // of the kept axes: all, and the last one
    int64_t units, per_part;  // reduced elements or, in packed rows, packs of them; how many a block takes
    int64_t tail = 0;         // elements behind the last whole pack
    bool is_packed = false;
};

inline OffsetMap<1> offsets_in(const std::vector<ReduceAxis>& axes, int64_t pack) {
    std::vector<Axis<1>> plain;
    for (const ReduceAxis& axis : axes) plain.push_back({axis.size, {axis.stride[0]}});
    if (pack > 1) plain.back().size /= pack, plain.back().stride[0] *= pack;
    return OffsetMap<1>(plain);
}

template <class Op, int n, class S> __device__ void add_loaded(const Op& op, typename Op::A& acc,
                                                               const typename Op::Context& context, const S (&x)[n],
                                                               const S (&y)[n], int64_t position, int64_t step) {
    using C = typename Op::C;
    C a[n];
    for (int k = 0; k < n; ++k) a[k] = C(x[k]);
    if constexpr (Op::is_paired) {
        C b[n];
        for (int k = 0; k < n; ++k) b[k] = C(y[k]);
        op.add(acc, context, a, b, position, step);
    } else {
        op.add(acc, context, a, position, step);
    }
}

// One thread's share of a row: packs or single elements `first`, `first + stride`, ... below `end`.
template <class Op, int size> __device__ void add_row(const Op& op, typename Op::A& acc,
                                                      const typename Op::Context& context, const Walk& walk,
                                                      const typename Op::S* in, const typename Op::S* paired,
                                                      int64_t first, int64_t end, int64_t stride) {
    using S = typename Op::S;
    using P = Pack<S, size>;
    int64_t unit = first;
    for (; unit + (kUnrolled - 1) * stride < end; unit += kUnrolled * stride) {
        P x[kUnrolled], y[kUnrolled];
#pragma unroll
        for (int k = 0; k < kUnrolled; ++k) {
            const int64_t at = walk.reduced(unit + k * stride);
            x[k] = load_pack<S, size>(in + at);
            if constexpr (Op::is_paired) y[k] = load_pack<S, size>(paired + at);
        }
        if constexpr (size == 1) {
            S flat_x[kUnrolled], flat_y[kUnrolled];
            for (int k = 0; k < kUnrolled; ++k) {
                flat_x[k] = x[k].values[0];
                flat_y[k] = (Op::is_paired ? y[k] : x[k]).values[0];
            }
            add_loaded(op, acc, context, flat_x, flat_y, unit, stride);
        } else {
#pragma unroll
            for (int k = 0; k < kUnrolled; ++k)
                add_loaded(op, acc, context, x[k].values, (Op::is_paired ? y[k] : x[k]).values,
                           (unit + k * stride) * size, 1);
        }
    }
    for (; unit < end; unit += stride) {
        const int64_t at = walk.reduced(unit);
        P x = load_pack<S, size>(in + at), y = x;
        if constexpr (Op::is_paired) y = load_pack<S, size>(paired + at);
        add_loaded(op, acc, context, x.values, y.values, unit * size, 1);
    }
}

// Threads in x share the elements of an output, threads in y are different outputs, blocks in y are parts.
template <class Op> __global__ void __launch_bounds__(kReduceThreads)
    reduce_rows(Op op, Walk walk, const typename Op::S* in, const typename Op::S* paired, typename Op::A* parts) {
    using A = typename Op::A;
    __shared__ A shared[kReduceThreads / kWarp];
    constexpr int size = kPackSize<typename Op::S>;
    const int64_t output = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    A acc = op.identity();
    if (output < walk.outputs) {
        const auto context = op.begin(output);
        const int64_t base = walk.kept(output), first = int64_t(blockIdx.y) * walk.per_part;
        const int64_t end = first + walk.per_part < walk.units ? first + walk.per_part : walk.units;
        in += base;
        if constexpr (Op::is_paired) paired += base;
        if (walk.is_packed) add_row<Op, size>(op, acc, context, walk, in, paired, first + threadIdx.x, end, blockDim.x);
        else add_row<Op, 1>(op, acc, context, walk, in, paired, first + threadIdx.x, end, blockDim.x);
        if (blockIdx.y + 1 == gridDim.y && threadIdx.x < walk.tail) {
            const int64_t at = walk.units * size + threadIdx.x;
            typename Op::S x[1] = {in[at]}, y[1] = {x[0]};
            if constexpr (Op::is_paired) y[0] = paired[at];
            add_loaded(op, acc, context, x, y, at, 1);
        }
    }
    reduce_in_block(acc, int(blockDim.x), shared, [&](A& a, const A& b) { op.merge(a, b); });
    if (threadIdx.x != 0 || output >= walk.outputs) return;
    if (parts) parts[int64_t(blockIdx.y) * walk.outputs + output] = acc;
    else op.write(output, acc);
}

// Merges acc over the threads in y; those with y = 0 hold the result.
template <class Op> __device__ void merge_over_y(const Op& op, typename Op::A& acc, typename Op::A* shared) {
    const int at = int(threadIdx.y * blockDim.x + threadIdx.x);
    for (int half = int(blockDim.y) / 2; half > 0; half /= 2) {
        __syncthreads();
        shared[at] = acc;
        __syncthreads();
        if (int(threadIdx.y) < half) op.merge(acc, shared[at + half * int(blockDim.x)]);
    }
}

template <class S> constexpr int kColumnPack = sizeof(S) <= 4 ? 4 : 16 / int(sizeof(S));

template <class Op, int size>
__device__ void reduce_columns_packed(const Op& op, const Walk& walk, const typename Op::S* in,
                                      const typename Op::S* paired, typename Op::A* parts, typename Op::A* shared) {
    using S = typename Op::S;
    using A = typename Op::A;
    const int64_t per_block = int64_t(blockDim.x) * size, groups = (walk.inner + per_block - 1) / per_block;
    const int64_t column = blockIdx.x % groups * per_block + int64_t(threadIdx.x) * size;
    const int64_t output = blockIdx.x / groups * walk.inner + column;
    const bool is_inside = column < walk.inner;
    A acc[size];
    for (int k = 0; k < size; ++k) acc[k] = op.identity();
    if (is_inside) {
        typename Op::Context context[size];
        for (int k = 0; k < size; ++k) context[k] = op.begin(output + k);
        const int64_t base = walk.kept(output), step = blockDim.y, first = int64_t(blockIdx.y) * walk.per_part;
        const int64_t end = first + walk.per_part < walk.units ? first + walk.per_part : walk.units;
        in += base;
        if constexpr (Op::is_paired) paired += base;
        auto add = [&]<int rows>(int64_t row) {
            Pack<S, size> x[rows], y[rows];
#pragma unroll
            for (int r = 0; r < rows; ++r) {
                const int64_t at = walk.reduced(row + r * step);
                x[r] = load_pack<S, size>(in + at);
                if constexpr (Op::is_paired) y[r] = load_pack<S, size>(paired + at);
            }
#pragma unroll
            for (int k = 0; k < size; ++k) {
                S a[rows], b[rows];
                for (int r = 0; r < rows; ++r) a[r] = x[r].values[k], b[r] = Op::is_paired ? y[r].values[k] : a[r];
                add_loaded(op, acc[k], context[k], a, b, row, step);
            }
        };
        int64_t row = first + threadIdx.y;
        for (; row + (kUnrolled - 1) * step < end; row += kUnrolled * step) add.template operator()<kUnrolled>(row);
        for (; row < end; row += step) add.template operator()<1>(row);
    }
    for (int k = 0; k < size; ++k) {
        merge_over_y(op, acc[k], shared);
        if (threadIdx.y != 0 || !is_inside) continue;
        if (parts) parts[int64_t(blockIdx.y) * walk.outputs + output + k] = acc[k];
        else op.write(output + k, acc[k]);
    }
}

// Threads in x are neighbouring outputs, threads in y share their elements, blocks in y are parts.
template <class Op> __global__ void __launch_bounds__(kReduceThreads)
    reduce_columns(Op op, Walk walk, const typename Op::S* in, const typename Op::S* paired, typename Op::A* parts) {
    __shared__ typename Op::A shared[kReduceThreads];
    if (walk.is_packed) reduce_columns_packed<Op, kColumnPack<typename Op::S>>(op, walk, in, paired, parts, shared);
    else reduce_columns_packed<Op, 1>(op, walk, in, paired, parts, shared);
}

// Threads in x are outputs, threads in y share their parts.
template <class Op> __global__ void __launch_bounds__(kReduceThreads)
    merge_parts(Op op, const typename Op::A* parts, int64_t outputs, int64_t count) {
    __shared__ typename Op::A shared[kReduceThreads];
    const int64_t output = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    typename Op::A acc = op.identity();
    if (output < outputs)
        for (int64_t part = threadIdx.y; part < count; part += blockDim.y)
            op.merge(acc, parts[part * outputs + output]);
    merge_over_y(op, acc, shared);
    if (threadIdx.y == 0 && output < outputs) op.write(output, acc);
}

// The smallest power of two that is at least n, at most `most`.
inline int power_of_two(int64_t n, int most) {
    int power = 1;
    while (power < n && power < most) power *= 2;
    return power;
}

// Block and grid of a reduction, and into how many parts it is cut.
struct ReductionLaunch {
    int threads_x, threads_y;
    int64_t blocks, parts;
    bool by_columns;
};

template <class S>
bool can_pack(const ReductionShape& shape, const void* in, const void* paired, int64_t size, bool by_columns) {
    const std::vector<ReduceAxis>& packed = by_columns ? shape.kept : shape.reduced;
    if (size == 1 || packed.empty() || packed.back().stride[0] != 1) return false;
    const int64_t bytes = size * int64_t(sizeof(S));
    if (!is_aligned(in, bytes) || (paired && !is_aligned(paired, bytes))) return false;
    const bool has_tail = !by_columns && shape.reduced.size() == 1;  // packs of one long row may leave a rest
    if (!has_tail && packed.back().size % size) return false;
    auto fits = [&](const ReduceAxis& axis) { return &axis == &packed.back() || axis.stride[0] % size == 0; };
    return std::all_of(shape.kept.begin(), shape.kept.end(), fits) &&
           std::all_of(shape.reduced.begin(), shape.reduced.end(), fits);
}

// Threads for a reduction of `units` (packs of) elements along rows. Without a contiguous row, many outputs get a thread
// each: neighbouring outputs are near each other in memory.
inline void plan_rows(ReductionLaunch& plan, const Walk& walk, bool is_contiguous) {
    const bool is_thread_each = !is_contiguous && walk.outputs >= kReduceBlocks * kReduceThreads;
    plan.threads_x = is_thread_each ? 1
                                    : std::max(power_of_two(divide_up(walk.units, kUnrolled), kReduceThreads),
                                               power_of_two(std::max(walk.units, walk.tail), 16));
    plan.threads_y = kReduceThreads / plan.threads_x;
    plan.blocks = divide_up(walk.outputs, plan.threads_y);
}

// Threads for rows of `inner` neighbouring outputs: 32 side by side at least, more where there is little to add up.
// False if that leaves most of a block without work.
inline bool plan_columns(ReductionLaunch& plan, const Walk& walk, int64_t pack) {
    const int64_t packs = divide_up(walk.inner, pack);
    const int narrow = power_of_two(packs, kWarp);
    plan.threads_y = power_of_two(divide_up(walk.units, kUnrolled), kReduceThreads / narrow);
    plan.threads_x = power_of_two(packs, kReduceThreads / plan.threads_y);
    plan.blocks = walk.outputs / walk.inner * divide_up(walk.inner, plan.threads_x * pack);
    return plan.threads_x * plan.threads_y >= 64 || walk.outputs == walk.inner;
}

template <class S>
ReductionLaunch plan_reduction(const ReductionShape& shape, const void* in, const void* paired, Walk& walk) {
    ReductionLaunch plan;
    walk.outputs = shape.outputs;
    walk.inner = shape.kept.empty() ? 1 : shape.kept.back().size;
    walk.units = shape.total;
    walk.kept = offsets_in(shape.kept, 1);
    plan.by_columns = false;
    if (walk.inner > 1 && shape.kept.back().stride[0] == 1) {
        walk.is_packed = can_pack<S>(shape, in, paired, kColumnPack<S>, true);
        plan.by_columns = plan_columns(plan, walk, walk.is_packed ? kColumnPack<S> : 1);
    }
    int64_t pack = 1;
    if (!plan.by_columns) {
        walk.is_packed = can_pack<S>(shape, in, paired, kPackSize<S>, false);
        pack = walk.is_packed ? kPackSize<S> : 1;
        walk.units = shape.total / pack;
        walk.tail = shape.total % pack;
        plan_rows(plan, walk, shape.reduced.empty() || shape.reduced.back().stride[0] == 1);
    }
    walk.reduced = offsets_in(shape.reduced, pack);
    const int64_t along = int64_t(plan.by_columns ? plan.threads_y : plan.threads_x) * kUnrolled;
    const int64_t possible = std::clamp<int64_t>(walk.units / (2 * along), 1, kMaxParts);
    walk.per_part = divide_up(walk.units, std::clamp<int64_t>(kReduceBlocks / plan.blocks, 1, possible));
    plan.parts = walk.per_part ? divide_up(walk.units, walk.per_part) : 1;
    return plan;
}

// Runs `op` over the memory of `in_tensor`, which has the shape's layout, as has the second tensor of a paired operation.
template <class Op> void run_reduction(const Op& op, const ReductionShape& shape, const Tensor& in_tensor,
                                       const Tensor& paired_tensor = Tensor()) {
    using A = typename Op::A;
    using S = typename Op::S;
    if (shape.outputs == 0) return;
    const S *in = in_tensor.data<S>(), *paired = paired_tensor.defined() ? paired_tensor.data<S>() : nullptr;
    Walk walk;
    const ReductionLaunch plan = plan_reduction<S>(shape, in, paired, walk);
    const dim3 grid(unsigned(plan.blocks), unsigned(plan.parts));
    const dim3 block(unsigned(plan.threads_x), unsigned(plan.threads_y));
    const cudaStream_t stream = stream_of(in_tensor);
    auto reduce = [&](A* parts) {
        auto kernel = plan.by_columns ? reduce_columns<Op> : reduce_rows<Op>;
        launch(stream, kernel, grid, block, 0, op, walk, in, paired, parts);
    };
    if (plan.parts == 1) return reduce(nullptr);
    Workspace parts(size_t(plan.parts * shape.outputs) * sizeof(A), in_tensor);
    reduce(parts.as<A>());
    const unsigned x = unsigned(power_of_two(shape.outputs, kWarp));
    launch(stream, merge_parts<Op>, unsigned(divide_up(shape.outputs, x)), dim3(x, kReduceThreads / x), 0, op,
           parts.as<A>(), shape.outputs, plan.parts);
}

}  // namespace taeda::cuda
