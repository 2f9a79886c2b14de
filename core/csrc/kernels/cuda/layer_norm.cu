// Layer and root-mean-square normalisation of contiguous rows, which stay in registers between the passes over them.
#include "kernels/cuda/element.h"
#include "kernels/cuda/reduction.h"
#include "kernels/norm.h"

namespace taeda::cuda {
namespace {

constexpr int kCached = 4;  // packs of a row that a thread keeps
constexpr int kMaxThreads = 1024;

// A row that the threads in x share in packs of `size`; what does not fit into registers is read again.
template <class S, int size> struct Row {
    using P = Pack<S, size>;
    const S* data;
    int64_t width;
    P kept[kCached];

    __device__ Row(const S* data, int64_t width) : data(data), width(width) {
#pragma unroll
        for (int k = 0; k < kCached; ++k)
            if (place(k) < width) kept[k] = load_pack<S, size>(data + place(k));
    }
    __device__ static int64_t place(int k) { return (int64_t(k) * blockDim.x + threadIdx.x) * size; }
    // f(first element, pack)
    template <class F> __device__ void each(F f) const {
#pragma unroll
        for (int k = 0; k < kCached; ++k)
            if (place(k) < width) f(place(k), kept[k]);
        for (int k = kCached; place(k) < width; ++k) f(place(k), load_pack<S, size>(data + place(k)));
    }
    // f(first element, pack, pack of the other row)
    template <class F> __device__ void each_with(const Row& other, F f) const {
#pragma unroll
        for (int k = 0; k < kCached; ++k)
            if (place(k) < width) f(place(k), kept[k], other.kept[k]);
        for (int k = kCached; place(k) < width; ++k)
            f(place(k), load_pack<S, size>(data + place(k)), load_pack<S, size>(other.data + place(k)));
    }
};

template <class S> struct Rows {
    using T = op_type<S>;
    int64_t rows, width;
    const T *weight, *bias;  // or null
};

// Threads in y are different rows; every thread of a block takes part in the sums.
template <class S, int size> __global__ void __launch_bounds__(kMaxThreads)
    normalize_rows(Rows<S> a, S* out, op_type<S>* mean, op_type<S>* rstd, const S* x, op_type<S> eps) {
    using T = op_type<S>;
    __shared__ T shared[kMaxThreads / kWarp];
    const int64_t r = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const bool is_inside = r < a.rows;
    const Row<S, size> row(x + (is_inside ? r : 0) * a.width, a.width);
    T center = 0;
    if (mean) {
        T sum = 0;
        row.each([&](int64_t, const Pack<S, size>& p) {
            for (int k = 0; k < size; ++k) sum += T(p.values[k]);
        });
        center = block_sum(sum, shared) / T(a.width);
    }
    T squares = 0;
    row.each([&](int64_t, const Pack<S, size>& p) {
        for (int k = 0; k < size; ++k) squares += (T(p.values[k]) - center) * (T(p.values[k]) - center);
    });
    const T scale = T(1) / std::sqrt(block_sum(squares, shared) / T(a.width) + eps);
    if (!is_inside) return;
    if (threadIdx.x == 0) {
        if (mean) mean[r] = center;
        rstd[r] = scale;
    }
    out += r * a.width;
    row.each([&](int64_t i, const Pack<S, size>& p) {
        Pack<S, size> y;
        for (int k = 0; k < size; ++k) {
            T v = (T(p.values[k]) - center) * scale;
            if (a.weight) v *= a.weight[i + k];
            if (a.bias) v += a.bias[i + k];
            y.values[k] = S(v);
        }
        store_pack(out + i, y);
    });
}

template <class S, int size> __global__ void __launch_bounds__(kMaxThreads)
    input_gradient(Rows<S> a, S* grad_x, const S* grad, const S* x, const op_type<S>* mean, const op_type<S>* rstd) {
    using T = op_type<S>;
    __shared__ T shared[kMaxThreads / kWarp];
    const int64_t r = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const bool is_inside = r < a.rows;
    const int64_t start = (is_inside ? r : 0) * a.width;
    const Row<S, size> grad_row(grad + start, a.width), x_row(x + start, a.width);
    const T center = mean && is_inside ? mean[r] : T(0), scale = is_inside ? rstd[r] : T(0);
    T sum = 0, dot = 0;
    grad_row.each_with(x_row, [&](int64_t i, const Pack<S, size>& g, const Pack<S, size>& p) {
        for (int k = 0; k < size; ++k) {
            const T weighted = a.weight ? T(g.values[k]) * a.weight[i + k] : T(g.values[k]);
            sum += weighted;
            dot += weighted * ((T(p.values[k]) - center) * scale);
        }
    });
    const T offset = mean ? block_sum(sum, shared) / T(a.width) : T(0);
    const T slope = block_sum(dot, shared) / T(a.width);
    if (!is_inside) return;
    grad_row.each_with(x_row, [&](int64_t i, const Pack<S, size>& g, const Pack<S, size>& p) {
        Pack<S, size> to;
        for (int k = 0; k < size; ++k) {
            const T weighted = a.weight ? T(g.values[k]) * a.weight[i + k] : T(g.values[k]);
            const T normal = (T(p.values[k]) - center) * scale;
            to.values[k] = S((weighted - offset - normal * slope) * scale);
        }
        store_pack(grad_x + start + i, to);
    });
}

// grad_weight and grad_bias: over the rows, of grad * normalised x and of grad.
template <class Type> struct ParameterGradient : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    struct A {
        C weight, bias;
    };
    static constexpr bool is_paired = true;
    const C *mean, *rstd;        // mean may be null
    C *grad_weight, *grad_bias;  // either may be null

    __device__ A identity() const { return {C(0), C(0)}; }
    template <int n>
    __device__ void add(A& acc, Context, const C (&grad)[n], const C (&x)[n], int64_t row, int64_t step) const {
        for (int k = 0; k < n; ++k) {
            const int64_t r = row + k * step;
            acc.weight += grad[k] * ((x[k] - (mean ? mean[r] : C(0))) * rstd[r]);
            acc.bias += grad[k];
        }
    }
    __device__ void merge(A& acc, const A& later) const { acc.weight += later.weight, acc.bias += later.bias; }
    __device__ void write(int64_t column, const A& acc) const {
        if (grad_weight) grad_weight[column] = acc.weight;
        if (grad_bias) grad_bias[column] = acc.bias;
    }
};

// A warp for a short row, so many threads for a longer one that registers hold it.
dim3 row_threads(int64_t packs) {
    const int x =
        packs <= kWarp * kCached ? kWarp : std::max(128, power_of_two(divide_up(packs, kCached), kMaxThreads));
    return dim3(unsigned(x), x == kWarp ? 8u : 1u);
}

void layer_norm_cuda(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x, const Tensor& weight,
                     const Tensor& bias, double eps) {
    const int64_t rows = rstd.numel(), width = rows ? x.numel() / rows : 0;
    if (rows == 0) return;
    const cudaStream_t stream = stream_of(out);
    visit_floating(x.dtype(), "layer_norm", [&]<class S>() {
        using T = op_type<S>;
        const Rows<S> a{rows, width, data_or_null<T>(weight), data_or_null<T>(bias)};
        const bool is_packed = can_pack_rows<S>(width, {&out, &x});
        const dim3 threads = row_threads(is_packed ? width / kPackSize<S> : width);
        launch(stream, is_packed ? normalize_rows<S, kPackSize<S>> : normalize_rows<S, 1>,
               unsigned(divide_up(rows, threads.y)), threads, 0, a, out.data<S>(), data_or_null<T>(mean),
               rstd.data<T>(), x.data<S>(), T(eps));
    });
}

void layer_norm_grad_cuda(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                          const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                          const Tensor& weight) {
    const int64_t rows = rstd.numel(), width = rows ? x.numel() / rows : 0;
    const cudaStream_t stream = stream_of(grad_out);
    visit_floating(x.dtype(), "layer_norm", [&]<class S>() {
        using T = op_type<S>;
        if (grad_x.defined() && rows > 0) {
            const Rows<S> a{rows, width, data_or_null<T>(weight), nullptr};
            const bool is_packed = can_pack_rows<S>(width, {&grad_x, &grad_out, &x});
            const dim3 threads = row_threads(is_packed ? width / kPackSize<S> : width);
            launch(stream, is_packed ? input_gradient<S, kPackSize<S>> : input_gradient<S, 1>,
                   unsigned(divide_up(rows, threads.y)), threads, 0, a, grad_x.data<S>(), grad_out.data<S>(),
                   x.data<S>(), data_or_null<T>(mean), rstd.data<T>());
        }
        const Tensor& parameters = grad_weight.defined() ? grad_weight : grad_bias;
        if (!parameters.defined()) return;
        const int64_t columns = parameters.numel();
        auto matrix = [&](const Tensor& t) { return alias(t, {rows, columns}, {columns, 1}, t.offset()); };
        const ParameterGradient<S> op{
            {}, data_or_null<T>(mean), rstd.data<T>(), data_or_null<T>(grad_weight), data_or_null<T>(grad_bias)};
        const ReductionShape shape(matrix(grad_out), {0}, Tensor(), Tensor(), false);
        run_reduction(op, shape, matrix(grad_out), matrix(x));
    });
}

}  // namespace

TAEDA_REGISTER(cuda, layer_norm, layer_norm_cuda)
TAEDA_REGISTER(cuda, layer_norm_grad, layer_norm_grad_cuda)

}  // namespace taeda::cuda
