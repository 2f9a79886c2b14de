// Batch normalisation over (N, C, S) in memory: a reduction per channel, then a loop over all elements.
#include "kernels/cuda/channels.h"
#include "kernels/cuda/element.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/reduction.h"
#include "kernels/norm.h"

namespace taeda::cuda {
namespace {

ReductionShape per_channel(const Tensor& x) { return ReductionShape(x, {0, 2}, Tensor(), Tensor(), false); }

// Writes mean and 1 / sqrt(variance + eps), and updates the running ones, which may be null.
template <class Type> struct BatchStatistics : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    using A = Moments<C>;
    C *mean, *invstd, *running_mean, *running_var;
    C momentum, eps;

    __device__ A identity() const { return {C(0), C(0), C(0)}; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const { acc.add(x); }
    __device__ void merge(A& acc, const A& later) const { acc.merge(later); }
    __device__ void write(int64_t c, const A& acc) const {
        const C variance = acc.squares / acc.count;
        mean[c] = acc.mean;
        invstd[c] = C(1) / std::sqrt(variance + eps);
        if (running_mean) running_mean[c] = momentum * acc.mean + (1 - momentum) * running_mean[c];
        if (running_var)
            running_var[c] = momentum * (variance * (acc.count / (acc.count - 1))) + (1 - momentum) * running_var[c];
    }
};

// out = (x - mean) * (invstd * weight) + bias
template <class T> struct AffineLine {
    struct Terms {
        T mean, scale, shift;
    };
    const T *mean, *invstd, *weight, *bias;  // weight and bias may be null
    Division channels;

    __device__ Terms of(int64_t row) const {
        const int64_t c = channels.rest(row);
        return {mean[c], weight ? invstd[c] * weight[c] : invstd[c], bias ? bias[c] : T(0)};
    }
    __device__ T apply(const Terms& t, T x, T) const { return (x - t.mean) * t.scale + t.shift; }
};

void channel_affine_cuda(const Tensor& out, const Tensor& x, const Tensor& mean, const Tensor& invstd,
                         const Tensor& weight, const Tensor& bias) {
    const ChannelShape shape(x);
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        const AffineLine<T> line{mean.data<T>(), invstd.data<T>(), data_or_null<T>(weight), data_or_null<T>(bias),
                                 Division(shape.C)};
        run_lines<S>(line, shape, out, x, Tensor());
    });
}

void batch_norm_cuda(const Tensor& out, const Tensor& save_mean, const Tensor& save_invstd, const Tensor& x,
                     const Tensor& weight, const Tensor& bias, const Tensor& running_mean, const Tensor& running_var,
                     double momentum, double eps) {
    const Tensor channels = ChannelShape(x).view(x);
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        const BatchStatistics<S> op{{},
                                    save_mean.data<T>(),
                                    save_invstd.data<T>(),
                                    data_or_null<T>(running_mean),
                                    data_or_null<T>(running_var),
                                    T(momentum),
                                    T(eps)};
        run_reduction(op, per_channel(channels), channels);
    });
    channel_affine_cuda(out, x, save_mean, save_invstd, weight, bias);
}

// grad_x = (grad_out - offset - (x - mean) * slope) * scale. Offset and slope are null where they are zero.
template <class T> struct GradientLine {
    struct Terms {
        T mean, offset, slope, scale;
    };
    const T *mean, *invstd, *weight, *offset, *slope;
    Division channels;

    __device__ Terms of(int64_t row) const {
        const int64_t c = channels.rest(row);
        return {mean[c], offset ? offset[c] : T(0), slope ? slope[c] : T(0),
                weight ? invstd[c] * weight[c] : invstd[c]};
    }
    __device__ T apply(const Terms& t, T x, T grad) const {
        return (grad - t.offset - (x - t.mean) * t.slope) * t.scale;
    }
};

// Per channel the sums of grad_out and of grad_out * (x - mean), and what follows from them.
template <class Type> struct GradientSums : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    struct Context {
        C mean;
    };
    struct A {
        C sum, dot;
    };
    static constexpr bool is_paired = true;
    const C *mean, *invstd;
    C *grad_weight, *grad_bias, *offset, *slope;  // each may be null
    C count;

    __device__ Context begin(int64_t c) const { return {mean[c]}; }
    __device__ A identity() const { return {C(0), C(0)}; }
    template <int n>
    __device__ void add(A& acc, const Context& at, const C (&grad)[n], const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) acc.sum += grad[k], acc.dot += grad[k] * (x[k] - at.mean);
    }
    __device__ void merge(A& acc, const A& later) const { acc.sum += later.sum, acc.dot += later.dot; }
    __device__ void write(int64_t c, const A& acc) const {
        if (grad_weight) grad_weight[c] = acc.dot * invstd[c];
        if (grad_bias) grad_bias[c] = acc.sum;
        if (offset) offset[c] = acc.sum / count;
        if (slope) slope[c] = acc.dot * invstd[c] * invstd[c] / count;
    }
};

void batch_norm_grad_cuda(const Tensor& grad_x, const Tensor& grad_weight, const Tensor& grad_bias,
                          const Tensor& grad_out, const Tensor& x, const Tensor& weight, const Tensor& mean,
                          const Tensor& invstd, bool training) {
    const ChannelShape shape(x);
    visit_floating(x.dtype(), "batch_norm", [&]<class S>() {
        using T = op_type<S>;
        Workspace space(size_t(2 * shape.C) * sizeof(T), x);
        T* offset = training && grad_x.defined() ? space.as<T>() : nullptr;
        T* slope = offset ? offset + shape.C : nullptr;
        if (offset || grad_weight.defined() || grad_bias.defined()) {
            const GradientSums<S> op{
                {},     mean.data<T>(), invstd.data<T>(),    data_or_null<T>(grad_weight), data_or_null<T>(grad_bias),
                offset, slope,          T(shape.N * shape.S)};
            run_reduction(op, per_channel(shape.view(x)), shape.view(grad_out), shape.view(x));
        }
        if (!grad_x.defined()) return;
        const GradientLine<T> line{mean.data<T>(), invstd.data<T>(), data_or_null<T>(weight), offset,
                                   slope,          Division(shape.C)};
        run_lines<S>(line, shape, grad_x, x, grad_out);
    });
}

}  // namespace

TAEDA_REGISTER(cuda, batch_norm, batch_norm_cuda)
TAEDA_REGISTER(cuda, channel_affine, channel_affine_cuda)
TAEDA_REGISTER(cuda, batch_norm_grad, batch_norm_grad_cuda)

}  // namespace taeda::cuda
