// A loop over contiguous (N, C, S) tensors whose elements are changed by what is known of their row n * C + c.
#pragma once

#include "kernels/cuda/block.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/offsets.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

struct ChannelShape {
    int64_t N, C, S;
    explicit ChannelShape(const Tensor& x) : N(x.size(0)), C(x.size(1)), S(x.numel() / std::max<int64_t>(1, N * C)) {}
    // The tensor as (N, C, S).
    Tensor view(const Tensor& t) const { return alias(t, {N, C, S}, {C * S, S, 1}, t.offset()); }
};

// Line provides
//   Terms of(row)                 what the elements of a row need
//   T apply(terms, x, grad)       grad is x where there is no second tensor
template <class S, int size, class Line> __global__ void __launch_bounds__(256)
    apply_lines(Line line, S* out, const S* x, const S* grad, Division row_size, int64_t packs) {
    using T = op_type<S>;
    const int64_t step = int64_t(gridDim.x) * blockDim.x;
    const bool is_row_per_element = row_size.divisor == 1;
    for (int64_t p = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; p < packs; p += step) {
        const int64_t i = p * size, row = row_size.quotient(i);
        const Pack<S, size> from = load_pack<S, size>(x + i);
        const Pack<S, size> other = grad ? load_pack<S, size>(grad + i) : from;
        Pack<S, size> to;
        auto terms = line.of(row);
        for (int k = 0; k < size; ++k) {
            if (is_row_per_element && k > 0) terms = line.of(row + k);
            to.values[k] = S(line.apply(terms, T(from.values[k]), T(other.values[k])));
        }
        store_pack(out + i, to);
    }
}

// `grad` may be undefined.
template <class S, class Line>
void run_lines(const Line& line, const ChannelShape& shape, const Tensor& out, const Tensor& x, const Tensor& grad) {
    constexpr int size = kPackSize<S>;
    const int64_t n = shape.N * shape.C * shape.S;
    if (n == 0) return;
    const S* g = grad.defined() ? grad.data<S>() : nullptr;
    const bool is_packed = (shape.S == 1 ? n : shape.S) % size == 0 && is_aligned(out.raw(), 16) &&
                           is_aligned(x.raw(), 16) && (!g || is_aligned(g, 16));
    const int64_t packs = is_packed ? n / size : n;
    const Grid grid = loop_grid(packs, 2, limits(x.device().index).multiprocessors);
    launch(stream_of(out), is_packed ? apply_lines<S, size, Line> : apply_lines<S, 1, Line>, grid.blocks, grid.threads,
           0, line, out.data<S>(), x.data<S>(), g, Division(shape.S), packs);
}

}  // namespace taeda::cuda
