// Pooling: a thread for each element that is written, or a warp where windows are large. Gradients gather from the
// windows that cover an element, so that sums have a fixed order.
#include "kernels/pool.h"

#include <limits>

#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

struct Position {
    int64_t plane, d, h, w;
};

__device__ Position position_of(int64_t i, const int64_t (&size)[3]) {
    Position p;
    p.w = i % size[2], i /= size[2];
    p.h = i % size[1], i /= size[1];
    p.d = i % size[0];
    p.plane = i / size[0];
    return p;
}

// Places [first, last) along one dimension.
struct Span {
    int64_t first, last;
    TAEDA_HD int64_t size() const { return last > first ? last - first : 0; }
};

TAEDA_HD int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
TAEDA_HD int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Taps of window `out` that lie inside the input.
TAEDA_HD Span taps(const PoolGeometry& g, int d, int64_t out) {
    int64_t start = out * g.stride[d] - g.padding[d], dilation = g.dilation[d];
    int64_t first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    int64_t room = g.input[d] - start;
    return {first, most(first, room <= 0 ? 0 : least(g.kernel[d], (room + dilation - 1) / dilation))};
}

// Windows of average pooling that cover input element `in`.
TAEDA_HD Span windows(const PoolGeometry& g, int d, int64_t in) {
    int64_t reach = in + g.padding[d] - g.kernel[d] + 1;
    return {reach <= 0 ? 0 : (reach + g.stride[d] - 1) / g.stride[d],
            least(g.output[d], (in + g.padding[d]) / g.stride[d] + 1)};
}

// What adaptive window `out` covers, and the windows that cover input element `in`.
TAEDA_HD Span adaptive_window(const PoolGeometry& g, int d, int64_t out) {
    return {out * g.input[d] / g.output[d], ((out + 1) * g.input[d] + g.output[d] - 1) / g.output[d]};
}
TAEDA_HD Span adaptive_windows(const PoolGeometry& g, int d, int64_t in) {
    return {in * g.output[d] / g.input[d], ((in + 1) * g.output[d] + g.input[d] - 1) / g.input[d]};
}

template <class T> struct Maximum {
    T best = -std::numeric_limits<T>::infinity();
    int64_t at;
    __device__ void take(T value, int64_t place) {
        if (value > best || value != value) best = value, at = place;
    }
};

// indices: null where they are not wanted.
template <class S> __global__ void max_pool(S* out, int64_t* indices, const S* x, int64_t n, PoolGeometry g) {
    using T = op_type<S>;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        Position o = position_of(i, g.output);
        Span d = taps(g, 0, o.d), h = taps(g, 1, o.h), w = taps(g, 2, o.w);
        int64_t start[3] = {o.d * g.stride[0] - g.padding[0], o.h * g.stride[1] - g.padding[1],
                            o.w * g.stride[2] - g.padding[2]};
        auto place = [&](int64_t kd, int64_t kh, int64_t kw) {
            return ((start[0] + kd * g.dilation[0]) * g.input[1] + start[1] + kh * g.dilation[1]) * g.input[2] +
                   start[2] + kw * g.dilation[2];
        };
        const S* plane = x + o.plane * g.input_size();
        Maximum<T> maximum;
        maximum.at = place(d.first, h.first, w.first);
        for (int64_t kd = d.first; kd < d.last; ++kd)
            for (int64_t kh = h.first; kh < h.last; ++kh)
                for (int64_t kw = w.first; kw < w.last; ++kw) {
                    int64_t at = place(kd, kh, kw);
                    maximum.take(T(plane[at]), at);
                }
        out[i] = S(maximum.best);
        if (indices) indices[i] = maximum.at;
    }
}

template <class S> __global__ void adaptive_max_pool(S* out, int64_t* indices, const S* x, int64_t n, PoolGeometry g) {
    using T = op_type<S>;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        Position o = position_of(i, g.output);
        Span d = adaptive_window(g, 0, o.d), h = adaptive_window(g, 1, o.h), w = adaptive_window(g, 2, o.w);
        const S* plane = x + o.plane * g.input_size();
        Maximum<T> maximum;
        maximum.at = (d.first * g.input[1] + h.first) * g.input[2] + w.first;
        for (int64_t id = d.first; id < d.last; ++id)
            for (int64_t ih = h.first; ih < h.last; ++ih)
                for (int64_t iw = w.first; iw < w.last; ++iw) {
                    int64_t at = (id * g.input[1] + ih) * g.input[2] + iw;
                    maximum.take(T(plane[at]), at);
                }
        out[i] = S(maximum.best);
        indices[i] = maximum.at;
    }
}

// One warp a plane, which takes the outputs in order, 32 at a time: of lanes with one index the first adds up all.
template <class S, class T> __global__ void max_pool_grad(T* sums, const S* grad_out, const int64_t* indices,
                                                          int64_t planes, int64_t in, int64_t n) {
    int lane = int(threadIdx.x) % 32, warps = int(blockDim.x) / 32;
    for (int64_t p = int64_t(blockIdx.x) * warps + threadIdx.x / 32; p < planes; p += int64_t(gridDim.x) * warps) {
        for (int64_t i = lane; i - lane < n; i += 32) {
            int64_t at = i < n ? indices[p * n + i] : -1 - lane;  // no two lanes without an element share an index
            T own = i < n ? T(grad_out[p * n + i]) : T(0), sum = 0;
            unsigned rest = __match_any_sync(kFullWarp, (long long)at);
            bool first = __ffs(int(rest)) - 1 == lane;
            while (__any_sync(kFullWarp, rest != 0)) {
                T other = __shfl_sync(kFullWarp, own, rest ? __ffs(int(rest)) - 1 : lane);
                if (rest) sum += other;
                rest &= rest - 1;
            }
            if (first && i < n) sums[p * in + at] += sum;
            __syncwarp();
        }
    }
}

template <class S, class T> __global__ void narrow(S* out, const T* in, int64_t n) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x)
        out[i] = S(in[i]);
}

// How many elements the divisor of a window counts along one dimension.
TAEDA_HD int64_t counted(const PoolGeometry& g, int d, int64_t out, bool count_padding) {
    int64_t start = out * g.stride[d] - g.padding[d], end = least(start + g.kernel[d], g.input[d] + g.padding[d]);
    return count_padding ? end - start : least(end, g.input[d]) - most(start, 0);
}

template <class T> struct Divisor {
    bool count_padding;
    int64_t fixed;
    __device__ T of(const PoolGeometry& g, int64_t d, int64_t h, int64_t w) const {
        if (fixed) return T(fixed);
        return T(counted(g, 0, d, count_padding) * counted(g, 1, h, count_padding)) *
               T(counted(g, 2, w, count_padding));
    }
};

template <class S, class T>
__global__ void avg_pool(S* out, const S* x, int64_t n, PoolGeometry g, Divisor<T> divisor) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        Position o = position_of(i, g.output);
        Span d = taps(g, 0, o.d), h = taps(g, 1, o.h), w = taps(g, 2, o.w);
        const S* first = x + o.plane * g.input_size() + o.w * g.stride[2] - g.padding[2];
        T sum = 0;
        for (int64_t kd = d.first; kd < d.last; ++kd)
            for (int64_t kh = h.first; kh < h.last; ++kh) {
                int64_t id = o.d * g.stride[0] - g.padding[0] + kd, ih = o.h * g.stride[1] - g.padding[1] + kh;
                const S* row = first + (id * g.input[1] + ih) * g.input[2];
                for (int64_t kw = w.first; kw < w.last; ++kw) sum += T(row[kw]);
            }
        out[i] = S(sum / divisor.of(g, o.d, o.h, o.w));
    }
}

template <class S, class T>
__global__ void avg_pool_grad(S* grad_x, const S* grad_out, int64_t n, PoolGeometry g, Divisor<T> divisor) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        Position x = position_of(i, g.input);
        Span d = windows(g, 0, x.d), h = windows(g, 1, x.h), w = windows(g, 2, x.w);
        const S* plane = grad_out + x.plane * g.output_size();
        T sum = 0;
        for (int64_t od = d.first; od < d.last; ++od)
            for (int64_t oh = h.first; oh < h.last; ++oh)
                for (int64_t ow = w.first; ow < w.last; ++ow)
                    sum += T(plane[(od * g.output[1] + oh) * g.output[2] + ow]) / divisor.of(g, od, oh, ow);
        grad_x[i] = S(sum);
    }
}

// `lanes` threads (1 or 32) a window.
template <class S, class T>
__global__ void adaptive_avg_pool(S* out, const S* x, int64_t n, int lanes, PoolGeometry g) {
    int64_t step = int64_t(gridDim.x) * blockDim.x / lanes;
    int lane = int(threadIdx.x) % lanes;
    for (int64_t i = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / lanes; i < n; i += step) {
        Position o = position_of(i, g.output);
        Span d = adaptive_window(g, 0, o.d), h = adaptive_window(g, 1, o.h), w = adaptive_window(g, 2, o.w);
        const S* plane = x + o.plane * g.input_size();
        int64_t count = d.size() * h.size() * w.size();
        T sum = 0;
        for (int64_t e = lane; e < count; e += lanes) {
            int64_t iw = w.first + e % w.size(), ih = h.first + e / w.size() % h.size();
            int64_t id = d.first + e / (w.size() * h.size());
            sum += T(plane[(id * g.input[1] + ih) * g.input[2] + iw]);
        }
        for (int bit = lanes / 2; bit; bit /= 2) sum += __shfl_xor_sync(kFullWarp, sum, bit);
        if (lane == 0) out[i] = S(sum / T(count));
    }
}

template <class S, class T>
__global__ void adaptive_avg_pool_grad(S* grad_x, const S* grad_out, int64_t n, PoolGeometry g) {
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += int64_t(gridDim.x) * blockDim.x) {
        Position x = position_of(i, g.input);
        Span d = adaptive_windows(g, 0, x.d), h = adaptive_windows(g, 1, x.h), w = adaptive_windows(g, 2, x.w);
        const S* plane = grad_out + x.plane * g.output_size();
        T sum = 0;
        for (int64_t od = d.first; od < d.last; ++od)
            for (int64_t oh = h.first; oh < h.last; ++oh)
                for (int64_t ow = w.first; ow < w.last; ++ow) {
                    int64_t count = adaptive_window(g, 0, od).size() * adaptive_window(g, 1, oh).size() *
                                    adaptive_window(g, 2, ow).size();
                    sum += T(plane[(od * g.output[1] + oh) * g.output[2] + ow]) / T(count);
                }
        grad_x[i] = S(sum);
    }
}

// -- launches -------------------------------------------------------------------------------------------------------------

struct Launch {
    cudaStream_t stream;
    Grid grid;
    int64_t n;
    explicit Launch(const Tensor& written, int64_t threads_each = 1)
        : stream(stream_of(written)),
          grid(loop_grid(written.numel() * threads_each, 1, limits(written.device().index).multiprocessors)),
          n(written.numel()) {}
};

void max_pool_cuda(const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    Launch l(out);
    visit_floating(x.dtype(), "max_pool", [&]<class S>() {
        launch(l.stream, max_pool<S>, l.grid.blocks, l.grid.threads, 0, out.data<S>(), indices.data<int64_t>(),
               x.data<S>(), l.n, g);
    });
}

void max_pool_values_cuda(const Tensor& out, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    Launch l(out);
    visit_floating(x.dtype(), "max_pool", [&]<class S>() {
        launch(l.stream, max_pool<S>, l.grid.blocks, l.grid.threads, 0, out.data<S>(), nullptr, x.data<S>(), l.n, g);
    });
}

void adaptive_max_pool_cuda(const Tensor& out, const Tensor& indices, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    Launch l(out);
    visit_floating(x.dtype(), "adaptive_max_pool", [&]<class S>() {
        launch(l.stream, adaptive_max_pool<S>, l.grid.blocks, l.grid.threads, 0, out.data<S>(), indices.data<int64_t>(),
               x.data<S>(), l.n, g);
    });
}

void max_pool_grad_cuda(const Tensor& grad_x, const Tensor& grad_out, const Tensor& indices, int64_t planes) {
    if (grad_x.numel() == 0) return;
    Launch l(grad_x);
    Grid warps = loop_grid(planes * 32, 1, limits(grad_x.device().index).multiprocessors);
    int64_t in = grad_x.numel() / planes, n = grad_out.numel() / planes;
    visit_floating(grad_x.dtype(), "max_pool", [&]<class S>() {
        using T = op_type<S>;
        // 16-bit gradients add up in float32 beside the result.
        Workspace wide(is_reduced_float<S> ? size_t(grad_x.numel()) * sizeof(T) : 0, grad_x);
        T* sums = is_reduced_float<S> ? wide.as<T>() : reinterpret_cast<T*>(grad_x.data<S>());
        TAEDA_CUDA_CHECK(cudaMemsetAsync(sums, 0, size_t(grad_x.numel()) * sizeof(T), l.stream));
        if (n)
            launch(l.stream, max_pool_grad<S, T>, warps.blocks, warps.threads, 0, sums, grad_out.data<S>(),
                   indices.data<int64_t>(), planes, in, n);
        if constexpr (is_reduced_float<S>)
            launch(l.stream, narrow<S, T>, l.grid.blocks, l.grid.threads, 0, grad_x.data<S>(), sums, l.n);
    });
}

void avg_pool_cuda(const Tensor& out, const Tensor& x, const PoolGeometry& g, bool count_padding, int64_t divisor) {
    if (out.numel() == 0) return;
    Launch l(out);
    visit_floating(x.dtype(), "avg_pool", [&]<class S>() {
        using T = op_type<S>;
        launch(l.stream, avg_pool<S, T>, l.grid.blocks, l.grid.threads, 0, out.data<S>(), x.data<S>(), l.n, g,
               Divisor<T>{count_padding, divisor});
    });
}

void avg_pool_grad_cuda(const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g, bool count_padding,
                        int64_t divisor) {
    if (grad_x.numel() == 0) return;
    Launch l(grad_x);
    visit_floating(grad_x.dtype(), "avg_pool", [&]<class S>() {
        using T = op_type<S>;
        launch(l.stream, avg_pool_grad<S, T>, l.grid.blocks, l.grid.threads, 0, grad_x.data<S>(), grad_out.data<S>(),
               l.n, g, Divisor<T>{count_padding, divisor});
    });
}

void adaptive_avg_pool_cuda(const Tensor& out, const Tensor& x, const PoolGeometry& g) {
    if (out.numel() == 0) return;
    int lanes = g.input_size() / g.output_size() >= 32 ? 32 : 1;
    Launch l(out, lanes);
    visit_floating(x.dtype(), "adaptive_avg_pool", [&]<class S>() {
        launch(l.stream, adaptive_avg_pool<S, op_type<S>>, l.grid.blocks, l.grid.threads, 0, out.data<S>(), x.data<S>(),
               l.n, lanes, g);
    });
}

void adaptive_avg_pool_grad_cuda(const Tensor& grad_x, const Tensor& grad_out, const PoolGeometry& g) {
    if (grad_x.numel() == 0) return;
    Launch l(grad_x);
    visit_floating(grad_x.dtype(), "adaptive_avg_pool", [&]<class S>() {
        launch(l.stream, adaptive_avg_pool_grad<S, op_type<S>>, l.grid.blocks, l.grid.threads, 0, grad_x.data<S>(),
               grad_out.data<S>(), l.n, g);
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, max_pool, cuda::max_pool_cuda)
TAEDA_REGISTER(cuda, max_pool_values, cuda::max_pool_values_cuda)
TAEDA_REGISTER(cuda, max_pool_grad, cuda::max_pool_grad_cuda)
TAEDA_REGISTER(cuda, avg_pool, cuda::avg_pool_cuda)
TAEDA_REGISTER(cuda, avg_pool_grad, cuda::avg_pool_grad_cuda)
TAEDA_REGISTER(cuda, adaptive_avg_pool, cuda::adaptive_avg_pool_cuda)
TAEDA_REGISTER(cuda, adaptive_avg_pool_grad, cuda::adaptive_avg_pool_grad_cuda)
TAEDA_REGISTER(cuda, adaptive_max_pool, cuda::adaptive_max_pool_cuda)
}  // namespace taeda
