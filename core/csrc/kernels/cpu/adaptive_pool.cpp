// Adaptive pooling: windows that cover the input in `output` nearly equal parts.
#include <cmath>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/rows.h"
#include "kernels/pool.h"

namespace taeda {
namespace {

struct Span {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
};
Span window(const PoolGeometry& g, int d, int64_t out) {
    return {out * g.input[d] / g.output[d], ((out + 1) * g.input[d] + g.output[d] - 1) / g.output[d]};
}

// f(plane, output position in the plane, spans of depth, height, width)
template <class F> void each_window(int64_t planes, const PoolGeometry& g, F&& f) {
    cpu::parallel_for(0, planes, cpu::row_grain(g.input_size()), [&](int64_t from, int64_t to) {
        for (int64_t p = from; p < to; ++p)
            for (int64_t od = 0; od < g.output[0]; ++od)
                for (int64_t oh = 0; oh < g.output[1]; ++oh)
                    for (int64_t ow = 0; ow < g.output[2]; ++ow)
                        f(p, (od * g.output[1] + oh) * g.output[2] + ow, window(g, 0, od), window(g, 1, oh),
                          window(g, 2, ow));
    });
}

// f(start of the row piece in the plane) for every row of a window.
template <class F> void each_row(const PoolGeometry& g, Span depth, Span height, Span width, F&& f) {
    if (width.size() == g.input[2] && height.size() == g.input[1] && depth.size() == 1)
        return f(depth.begin * g.input[1] * g.input[2],
                 height.size() * width.size());  // rows lie one behind the other
    for (int64_t d = depth.begin; d < depth.end; ++d)
        for (int64_t h = height.begin; h < height.end; ++h)
            f((d * g.input[1] + h) * g.input[2] + width.begin, width.size());
}

void adaptive_avg_pool_cpu(const Tensor& out, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    visit_floating(x.dtype(), "adaptive_avg_pool", [&]<class S>() {
        using T = op_type<S>;
        each_window(out.numel() / g.output_size(), g, [&](int64_t p, int64_t at, Span d, Span h, Span w) {
            T sum = 0;
            const S* plane = x.data<S>() + p * g.input_size();
            each_row(g, d, h, w, [&](int64_t start, int64_t n) {
                sum += cpu::vector_sum<T>(
                    n, [&](int64_t i, auto count) { return cpu::load_some(plane + start + i, count); });
            });
            out.data<S>()[p * g.output_size() + at] = S(sum / T(d.size() * h.size() * w.size()));
        });
    });
}

void adaptive_avg_pool_grad_cpu(const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g) {
    if (grad_x.numel() == 0) return;
    visit_floating(grad_x.dtype(), "adaptive_avg_pool", [&]<class S>() {
        using T = op_type<S>;
        std::memset(grad_x.raw(), 0, size_t(grad_x.numel()) * sizeof(S));
        each_window(grad_x.numel() / g.input_size(), g, [&](int64_t p, int64_t at, Span d, Span h, Span w) {
            T share = T(grad_out.data<S>()[p * g.output_size() + at]) / T(d.size() * h.size() * w.size());
            S* plane = grad_x.data<S>() + p * g.input_size();
            each_row(g, d, h, w, [&](int64_t start, int64_t n) {
                cpu::each_vector<T>(n, [&](int64_t i, auto count) {
                    cpu::store_some(plane + start + i, cpu::load_some(plane + start + i, count) + Vec<T>(share), count);
                });
            });
        });
    });
}

void adaptive_max_pool_cpu(const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    visit_floating(x.dtype(), "adaptive_max_pool", [&]<class S>() {
        using T = op_type<S>;
        each_window(out.numel() / g.output_size(), g, [&](int64_t p, int64_t at, Span d, Span h, Span w) {
            const S* plane = x.data<S>() + p * g.input_size();
            int64_t best = (d.begin * g.input[1] + h.begin) * g.input[2] + w.begin;
            T value = -std::numeric_limits<T>::infinity();
            each_row(g, d, h, w, [&](int64_t start, int64_t n) {
                for (int64_t i = start; i < start + n; ++i)
                    if (T v = T(plane[i]); v > value || std::isnan(v)) value = v, best = i;
            });
            out.data<S>()[p * g.output_size() + at] = S(value);
            indices.data<int64_t>()[p * g.output_size() + at] = best;
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, adaptive_avg_pool, adaptive_avg_pool_cpu)
TAEDA_REGISTER(cpu, adaptive_avg_pool_grad, adaptive_avg_pool_grad_cpu)
TAEDA_REGISTER(cpu, adaptive_max_pool, adaptive_max_pool_cpu)

}  // namespace taeda
