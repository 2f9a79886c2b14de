#include "kernels/fold.h"

#include <vector>

#include "kernels/cpu/parallel.h"

namespace taeda {
namespace {

// f(tap, output row, input row, first and end of the output columns inside, input column of the first) for a plane.
template <class F> void each_row(const PoolGeometry& g, F&& f) {
    for (int64_t tap = 0; tap < g.kernel[1] * g.kernel[2]; ++tap) {
        int64_t start = tap % g.kernel[2] * g.dilation[2] - g.padding[2], stride = g.stride[2];
        int64_t first = start < 0 ? (-start + stride - 1) / stride : 0, room = g.input[2] - start;
        int64_t end = room <= 0 ? 0 : std::min(g.output[2], (room + stride - 1) / stride);
        for (int64_t oh = 0; oh < g.output[1]; ++oh) {
            int64_t h = oh * g.stride[1] - g.padding[1] + tap / g.kernel[2] * g.dilation[1];
            bool inside = h >= 0 && h < g.input[1];
            f(tap, oh, h, inside ? std::min(first, g.output[2]) : 0, inside ? std::max(first, end) : 0, start);
        }
    }
}

int64_t taps(const PoolGeometry& g) { return g.kernel[1] * g.kernel[2]; }

void im2col_cpu(const Tensor& columns, const Tensor& x, const PoolGeometry& g) {
    if (columns.numel() == 0) return;
    int64_t in = g.input_size(), out = g.output_size(), planes = columns.numel() / (out * taps(g));
    visit_size(x.item_bytes(), [&]<class T>() {
        cpu::parallel_for(0, planes, cpu::row_grain(out * taps(g)), [&](int64_t from, int64_t to) {
            for (int64_t p = from; p < to; ++p) {
                const T* plane = x.data<T>() + p * in;
                T* rows = columns.data<T>() + p * out * taps(g);
                each_row(g, [&](int64_t tap, int64_t oh, int64_t h, int64_t first, int64_t end, int64_t start) {
                    T* row = rows + (tap * g.output[1] + oh) * g.output[2];
                    for (int64_t o = 0; o < first; ++o) row[o] = T{};
                    for (int64_t o = first; o < end; ++o) row[o] = plane[h * g.input[2] + start + o * g.stride[2]];
                    for (int64_t o = end; o < g.output[2]; ++o) row[o] = T{};
                });
            }
        });
    });
}

void col2im_cpu(const Tensor& x, const Tensor& columns, const PoolGeometry& g) {
    if (x.numel() == 0) return;
    int64_t in = g.input_size(), out = g.output_size(), planes = x.numel() / in;
    visit_all(x.dtype(), [&]<class S>() {
        using T = op_type<S>;
        cpu::parallel_for(0, planes, cpu::row_grain(out * taps(g)), [&](int64_t from, int64_t to) {
            std::vector<std::conditional_t<std::is_same_v<T, bool>, char, T>> sums(static_cast<size_t>(in));
            for (int64_t p = from; p < to; ++p) {
                std::fill(sums.begin(), sums.end(), T{});
                const S* rows = columns.data<S>() + p * out * taps(g);
                each_row(g, [&](int64_t tap, int64_t oh, int64_t h, int64_t first, int64_t end, int64_t start) {
                    const S* row = rows + (tap * g.output[1] + oh) * g.output[2];
                    auto* line = sums.data() + h * g.input[2] + start;
                    for (int64_t o = first; o < end; ++o) line[o * g.stride[2]] += T(row[o]);
                });
                for (int64_t i = 0; i < in; ++i) x.data<S>()[p * in + i] = S(sums[size_t(i)]);
            }
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, im2col, im2col_cpu)
TAEDA_REGISTER(cpu, col2im, col2im_cpu)

}  // namespace taeda
