// Group normalisation: a group is a contiguous row of channels, each with its own weight and bias.
#include "kernels/cuda/channels.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/reduction.h"
#include "kernels/norm.h"

namespace taeda::cuda {
namespace {

Tensor matrix(const Tensor& t, int64_t rows, int64_t columns) {
    return alias(t, {rows, columns}, {columns, 1}, t.offset());
}
ReductionShape per_row(const Tensor& m) { return ReductionShape(m, {1}, Tensor(), Tensor(), false); }

template <class Type> struct GroupStatistics : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    using A = Moments<C>;
    C *mean, *rstd, eps;

    __device__ A identity() const { return {C(0), C(0), C(0)}; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const { acc.add(x); }
    __device__ void merge(A& acc, const A& later) const { acc.merge(later); }
    __device__ void write(int64_t group, const A& acc) const {
        mean[group] = acc.mean;
        rstd[group] = C(1) / std::sqrt(acc.squares / acc.count + eps);
    }
};

// out = (x - mean) * (rstd * weight) + bias
template <class T> struct GroupLine {
    struct Terms {
        T mean, scale, shift;
    };
    const T *mean, *rstd, *weight, *bias;  // weight and bias may be null
    Division channels, group_channels;

    __device__ Terms of(int64_t row) const {
        const int64_t c = channels.rest(row), group = group_channels.quotient(row);
        return {mean[group], weight ? rstd[group] * weight[c] : rstd[group], bias ? bias[c] : T(0)};
    }
    __device__ T apply(const Terms& t, T x, T) const { return (x - t.mean) * t.scale + t.shift; }
};

void group_norm_cuda(const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& x, const Tensor& weight,
                     const Tensor& bias, int64_t groups, double eps) {
    const ChannelShape shape(x);
    visit_floating(x.dtype(), "group_norm", [&]<class S>() {
        using T = op_type<S>;
        const Tensor rows = matrix(x, shape.N * groups, shape.C / groups * shape.S);
        run_reduction(GroupStatistics<S>{{}, mean.data<T>(), rstd.data<T>(), T(eps)}, per_row(rows), rows);
        const GroupLine<T> line{mean.data<T>(),        rstd.data<T>(),    data_or_null<T>(weight),
                                data_or_null<T>(bias), Division(shape.C), Division(shape.C / groups)};
        run_lines<S>(line, shape, out, x, Tensor());
    });
}

// Per row (n, c) the sums of grad_out and of grad_out * (x - mean).
template <class Type> struct RowSums : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    struct Context {
        C mean;
    };
    struct A {
        C sum, dot;
    };
    static constexpr bool is_paired = true;
    const C* mean;
    A* sums;
    Division group_channels;

    __device__ Context begin(int64_t row) const { return {mean[group_channels.quotient(row)]}; }
    __device__ A identity() const { return {C(0), C(0)}; }
    template <int n>
    __device__ void add(A& acc, const Context& at, const C (&grad)[n], const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) acc.sum += grad[k], acc.dot += grad[k] * (x[k] - at.mean);
    }
    __device__ void merge(A& acc, const A& later) const { acc.sum += later.sum, acc.dot += later.dot; }
    __device__ void write(int64_t row, const A& acc) const { sums[row] = acc; }
};

// grad_x = grad * weight * rstd - offset - (x - mean) * slope, offset and slope per group: a warp for each.
template <class T, class Sums> __global__ void __launch_bounds__(256)
    group_terms(T* offset, T* slope, const Sums* sums, const T* rstd, const T* weight, int64_t all_groups,
                int64_t groups, int64_t channels, T size) {
    const int64_t g = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    T sum = 0, dot = 0;
    if (g < all_groups)
        for (int64_t c = threadIdx.x; c < channels; c += kWarp) {
            const Sums row = sums[g * channels + c];
            const T factor = weight ? weight[g % groups * channels + c] : T(1);
            sum += row.sum * factor, dot += row.dot * factor;
        }
    sum = warp_sum(sum), dot = warp_sum(dot);
    if (threadIdx.x != 0 || g >= all_groups) return;
    const T scale = rstd[g];
    offset[g] = sum / size * scale;
    slope[g] = dot / size * scale * scale * scale;
}

// A thread per channel, over the batch in order.
template <class T, class Sums> __global__ void __launch_bounds__(256)
    parameter_gradients(T* grad_weight, T* grad_bias, const Sums* sums, const T* rstd, int64_t N, int64_t C,
                        int64_t channels) {
    const int64_t c = int64_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (c >= C) return;
    T of_weight = 0, of_bias = 0;
    for (int64_t n = 0; n < N; ++n) {
        const Sums row = sums[n * C + c];
        of_weight += row.dot * rstd[(n * C + c) / channels];
        of_bias += row.sum;
    }
    if (grad_weight) grad_weight[c] = of_weight;
    if (grad_bias) grad_bias[c] = of_bias;
}

template <class T> struct GroupGradientLine {
    struct Terms {
        T mean, offset, slope, scale;
    };
    const T *mean, *rstd, *weight, *offset, *slope;  // weight may be null
    Division channels, group_channels;

    __device__ Terms of(int64_t row) const {
        const int64_t c = channels.rest(row), group = group_channels.quotient(row);
        return {mean[group], offset[group], slope[group], weight ? rstd[group] * weight[c] : rstd[group]};
    }
    __device__ T apply(const Terms& t, T x, T grad) const { return grad * t.scale - t.offset - (x - t.mean) * t.slope; }
};

void group_norm_grad_cuda(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                          const Tensor& grad_out, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                          const Tensor& weight, int64_t groups) {
    const ChannelShape shape(x);
    const int64_t rows = shape.N * shape.C, all_groups = shape.N * groups, channels = shape.C / groups;
    const cudaStream_t stream = stream_of(x);
    visit_floating(x.dtype(), "group_norm", [&]<class S>() {
        using T = op_type<S>;
        using Sums = typename RowSums<S>::A;
        Workspace sums_space(size_t(rows) * sizeof(Sums), x), terms(size_t(2 * all_groups) * sizeof(T), x);
        Sums* sums = sums_space.as<Sums>();
        T *offset = terms.as<T>(), *slope = offset + all_groups;
        const T* w = data_or_null<T>(weight);
        const Tensor gradients = matrix(grad_out, rows, shape.S);
        run_reduction(RowSums<S>{{}, mean.data<T>(), sums, Division(channels)}, per_row(gradients), gradients,
                      matrix(x, rows, shape.S));
        if (grad_weight.defined() || grad_bias.defined())
            launch(stream, parameter_gradients<T, Sums>, unsigned(divide_up(shape.C, 256)), 256, 0,
                   data_or_null<T>(grad_weight), data_or_null<T>(grad_bias), sums, rstd.data<T>(), shape.N, shape.C,
                   channels);
        if (!grad_x.defined() || x.numel() == 0) return;
        launch(stream, group_terms<T, Sums>, unsigned(divide_up(all_groups, 8)), dim3(kWarp, 8), 0, offset, slope, sums,
               rstd.data<T>(), w, all_groups, groups, channels, T(channels * shape.S));
        const GroupGradientLine<T> line{mean.data<T>(),    rstd.data<T>(),    w, offset, slope,
                                        Division(shape.C), Division(channels)};
        run_lines<S>(line, shape, grad_x, x, grad_out);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, group_norm, group_norm_cuda)
TAEDA_REGISTER(cuda, group_norm_grad, group_norm_grad_cuda)

}  // namespace taeda::cuda
