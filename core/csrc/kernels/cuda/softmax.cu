// Softmax and its logarithm: one pass keeps the largest element and the sum of exponentials relative to it, a second
// one, which finds the slice in a cache, writes.
#include "kernels/softmax.h"

#include "kernels/cuda/block.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/slices.h"

namespace taeda::cuda {
namespace {

constexpr int kThreads = 256, kLongRowThreads = 1024;

// The largest element and the sum of exp(element - largest); a NaN or +inf makes the sum NaN.
template <class C> struct Exponentials {
    C top, sum;

    __device__ static Exponentials none() { return {-std::numeric_limits<C>::infinity(), C(0)}; }
    __device__ void raise_to(C higher) {
        if (!(higher > top)) return;
        if (sum != C(0)) sum *= std::exp(top - higher);
        top = higher;
    }
    template <int n> __device__ void add(const C (&x)[n]) {
        C highest = top;
        for (int k = 0; k < n; ++k) highest = x[k] > highest ? x[k] : highest;
        raise_to(highest);
        const C shift = top == -std::numeric_limits<C>::infinity() ? C(0) : top;
        for (int k = 0; k < n; ++k) sum += std::exp(x[k] - shift);
    }
    __device__ void merge(Exponentials other) {
        raise_to(other.top), other.raise_to(top);
        sum += other.sum;
    }
};

// How the elements of a slice become the result, once its exponentials are known.
template <class C> struct Scale {
    C shift, factor;
    bool log;
    __device__ Scale(const Exponentials<C>& e, bool log)
        : shift(log ? e.top + std::log(e.sum) : e.top), factor(C(1) / e.sum), log(log) {}
    __device__ C operator()(C x) const { return log ? x - shift : std::exp(x - shift) * factor; }
};

// What the gradient of one slice needs: sum is that of grad (log) or grad * result.
template <class C> __device__ C input_gradient(C grad, C result, C sum, bool log) {
    return log ? grad - std::exp(result) * sum : result * (grad - sum);
}

// Threads in x share a row; threads in y are different rows.
template <class S>
__global__ void softmax_rows(S* out, const S* in, int64_t rows, int64_t length, bool is_packed, bool log) {
    using C = op_type<S>;
    constexpr int size = kPackSize<S>;
    __shared__ Exponentials<C> shared[kLongRowThreads / kWarp + 1];
    const int64_t row = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const bool is_inside = row < rows;
    in += row * length, out += row * length;
    auto e = Exponentials<C>::none();
    if (is_inside)
        each_pack<size>(length, is_packed, [&]<int n>(int64_t i) {
            C x[n];
            load_elements(x, in + i);
            e.add(x);
        });
    reduce_in_block(e, int(blockDim.x), shared, [](auto& a, const auto& b) { a.merge(b); });
    if (blockDim.x > kWarp) {
        if (threadIdx.x == 0) shared[0] = e;
        __syncthreads();
        e = shared[0];
    } else {
        e = {__shfl_sync(kFullWarp, e.top, 0), __shfl_sync(kFullWarp, e.sum, 0)};
    }
    if (!is_inside) return;
    const Scale<C> scale(e, log);
    each_pack<size>(length, is_packed, [&]<int n>(int64_t i) {
        C x[n];
        load_elements(x, in + i);
        Pack<S, n> y;
        for (int k = 0; k < n; ++k) y.values[k] = S(scale(x[k]));
        store_pack(out + i, y);
    });
}

template <class S> __global__ void softmax_rows_grad(S* grad_in, const S* grad, const S* result, int64_t rows,
                                                     int64_t length, bool is_packed, bool log) {
    using C = op_type<S>;
    constexpr int size = kPackSize<S>;
    __shared__ C shared[kLongRowThreads / kWarp];
    const int64_t row = int64_t(blockIdx.x) * blockDim.y + threadIdx.y, start = row * length;
    const bool is_inside = row < rows;
    C sum(0);
    if (is_inside)
        each_pack<size>(length, is_packed, [&]<int n>(int64_t i) {
            C g[n], y[n];
            load_elements(g, grad + start + i), load_elements(y, result + start + i);
            for (int k = 0; k < n; ++k) sum += log ? g[k] : g[k] * y[k];
        });
    sum = block_sum(sum, shared);
    if (!is_inside) return;
    each_pack<size>(length, is_packed, [&]<int n>(int64_t i) {
        C g[n], y[n];
        load_elements(g, grad + start + i), load_elements(y, result + start + i);
        Pack<S, n> x;
        for (int k = 0; k < n; ++k) x.values[k] = S(input_gradient(g[k], y[k], sum, log));
        store_pack(grad_in + start + i, x);
    });
}

// Where the thread's slice begins if the dimension is not the last: threads in x are neighbouring slices, threads in y
// share the elements of one.
struct Column {
    int64_t start;
    bool is_inside;
    __device__ explicit Column(const Slices& s) {
        const int64_t slice = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
        is_inside = slice < s.outer * s.inner;
        start = slice / s.inner * s.length * s.inner + slice % s.inner;
    }
};

// merge(a, b) over the threads in y; all of them get the result.
template <class A, class Merge> __device__ A over_y(A acc, A* shared, Merge merge) {
    const int at = int(threadIdx.y * blockDim.x + threadIdx.x);
    shared[at] = acc;
    for (int half = int(blockDim.y) / 2; half > 0; half /= 2) {
        __syncthreads();
        if (int(threadIdx.y) < half) merge(shared[at], shared[at + half * int(blockDim.x)]);
    }
    __syncthreads();
    return shared[threadIdx.x];
}

template <class S> __global__ void softmax_columns(S* out, const S* in, Slices s, bool log) {
    using C = op_type<S>;
    __shared__ Exponentials<C> shared[kThreads];
    const Column column(s);
    auto e = Exponentials<C>::none();
    if (column.is_inside)
        for (int64_t i = threadIdx.y; i < s.length; i += blockDim.y) {
            const C x[1] = {C(in[column.start + i * s.inner])};
            e.add(x);
        }
    e = over_y(e, shared, [](auto& a, const auto& b) { a.merge(b); });
    if (!column.is_inside) return;
    const Scale<C> scale(e, log);
    for (int64_t i = threadIdx.y; i < s.length; i += blockDim.y) {
        const int64_t at = column.start + i * s.inner;
        out[at] = S(scale(C(in[at])));
    }
}

template <class S>
__global__ void softmax_columns_grad(S* grad_in, const S* grad, const S* result, Slices s, bool log) {
    using C = op_type<S>;
    __shared__ C shared[kThreads];
    const Column column(s);
    C sum(0);
    if (column.is_inside)
        for (int64_t i = threadIdx.y; i < s.length; i += blockDim.y) {
            const int64_t at = column.start + i * s.inner;
            const C g = C(grad[at]);
            sum += log ? g : g * C(result[at]);
        }
    sum = over_y(sum, shared, [](C& a, C b) { a += b; });
    if (!column.is_inside) return;
    for (int64_t i = threadIdx.y; i < s.length; i += blockDim.y) {
        const int64_t at = column.start + i * s.inner;
        grad_in[at] = S(input_gradient(C(grad[at]), C(result[at]), sum, log));
    }
}

// A warp for a short row, a block for a long one.
dim3 row_threads(int64_t length) {
    const int x = length <= 1024 ? kWarp : length <= 16384 ? kThreads : kLongRowThreads;
    return dim3(unsigned(x), unsigned(std::max(1, kThreads / x)));
}
// Neighbouring slices side by side, as many threads for each as its length deserves.
dim3 column_threads(const Slices& s) {
    unsigned y = 1;
    while (y < 8 && y * 32 < s.length) y *= 2;
    return dim3(kThreads / y, y);
}

template <bool log> void forward(const Tensor& out, const Tensor& in, int64_t dim) {
    const Slices s(in, dim);
    if (s.numel() == 0) return;
    const cudaStream_t stream = stream_of(out);
    visit_floating(in.dtype(), log ? "log_softmax" : "softmax", [&]<class S>() {
        S* to = out.data<S>();
        const S* from = in.data<S>();
        if (s.inner == 1) {
            const dim3 threads = row_threads(s.length);
            return launch(stream, softmax_rows<S>, unsigned(divide_up(s.outer, threads.y)), threads, 0, to, from,
                          s.outer, s.length, can_pack_rows<S>(s.length, {&out, &in}), log);
        }
        const dim3 threads = column_threads(s);
        launch(stream, softmax_columns<S>, unsigned(divide_up(s.outer * s.inner, threads.x)), threads, 0, to, from, s,
               log);
    });
}

template <bool log> void backward(const Tensor& grad_in, const Tensor& grad, const Tensor& result, int64_t dim) {
    const Slices s(grad, dim);
    if (s.numel() == 0) return;
    const cudaStream_t stream = stream_of(grad_in);
    visit_floating(grad.dtype(), log ? "log_softmax_backward" : "softmax_backward", [&]<class S>() {
        S* to = grad_in.data<S>();
        const S *g = grad.data<S>(), *y = result.data<S>();
        if (s.inner == 1) {
            const dim3 threads = row_threads(s.length);
            return launch(stream, softmax_rows_grad<S>, unsigned(divide_up(s.outer, threads.y)), threads, 0, to, g, y,
                          s.outer, s.length, can_pack_rows<S>(s.length, {&grad_in, &grad, &result}), log);
        }
        const dim3 threads = column_threads(s);
        launch(stream, softmax_columns_grad<S>, unsigned(divide_up(s.outer * s.inner, threads.x)), threads, 0, to, g, y,
               s, log);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, softmax, forward<false>)
TAEDA_REGISTER(cuda, log_softmax, forward<true>)
TAEDA_REGISTER(cuda, softmax_backward, backward<false>)
TAEDA_REGISTER(cuda, log_softmax_backward, backward<true>)

}  // namespace taeda::cuda
