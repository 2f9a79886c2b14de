// Cross entropy in one pass over the logits, and negative log-likelihood.
#include "kernels/loss.h"

#include "kernels/cuda/element.h"
#include "kernels/cuda/indexing.h"
#include "kernels/cuda/reduction.h"
#include "kernels/reduce.h"

namespace taeda::cuda {
namespace {

// The weight of a target class: 0 if it is ignored.
template <class T> struct ClassWeights {
    const T* weight;  // or null
    int64_t classes, ignore;

    ClassWeights(const ClassLoss& a, int64_t classes)
        : weight(data_or_null<T>(a.weight)), classes(classes), ignore(a.ignore_index) {}
    __device__ bool is_wrong(int64_t target) const { return target != ignore && (target < 0 || target >= classes); }
    __device__ T of_class(int64_t c) const { return weight ? weight[c] : T(1); }
    __device__ T operator()(int64_t target) const {
        return target == ignore || is_wrong(target) ? T(0) : of_class(target);
    }
};

void raise_class_fault(const Fault& fault, const char* op, const Tensor& target, int64_t classes,
                       int64_t ignore_index) {
    if (const std::optional<int64_t> wrong = fault.read())
        raise_wrong_class(op, read_value(target.data<int64_t>() + *wrong, stream_of(target)), classes, ignore_index);
}

// -- the result of a batch --------------------------------------------------------------------------------------------

// Sums of the samples' losses and weights, and what the reduction makes of them.
template <class Loss, class Type> struct TotalLoss : PlainReduction {
    using S = Type;
    using C = Type;
    struct A {
        C loss, weight;
    };
    static constexpr bool is_paired = true;
    Loss* result;
    C* total_weight;
    Reduction reduction;

    __device__ A identity() const { return {C(0), C(0)}; }
    template <int n>
    __device__ void add(A& acc, Context, const C (&loss)[n], const C (&weight)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) acc.loss += loss[k], acc.weight += weight[k];
    }
    __device__ void merge(A& acc, const A& later) const { acc.loss += later.loss, acc.weight += later.weight; }
    __device__ void write(int64_t, const A& acc) const {
        *total_weight = acc.weight;
        if (reduction == Reduction::none) return;
        *result = Loss(reduction == Reduction::mean ? acc.loss / acc.weight : acc.loss);
    }
};

// Losses and weights of the samples, one after the other, until they are reduced.
template <class S> struct Samples {
    using T = op_type<S>;
    Tensor losses, weights;
    Samples(int64_t n, Device device)
        : losses(empty_tensor({n}, dtype_of<T>, device)), weights(empty_tensor({n}, dtype_of<T>, device)) {}
    void reduce(const Tensor& loss, const Tensor& total_weight, Reduction reduction) const {
        const ReductionShape shape(losses, {0}, Tensor(), Tensor(), false);
        run_reduction(TotalLoss<S, T>{{}, loss.data<S>(), total_weight.data<T>(), reduction}, shape, losses, weights);
    }
};

// What one sample's loss is multiplied with on the way back.
template <class S> struct GradientScale {
    using T = op_type<S>;
    const S* grad;
    const T* total_weight;
    Reduction reduction;

    __device__ T operator()(int64_t i) const {
        if (reduction == Reduction::none) return T(grad[i]);
        return reduction == Reduction::mean ? T(grad[0]) / total_weight[0] : T(grad[0]);
    }
};

// -- cross entropy ----------------------------------------------------------------------------------------------------

template <class S> struct CrossEntropy {
    using T = op_type<S>;
    const S* logits;
    const int64_t* target;
    int64_t N, C;
    ClassWeights<T> weight_of;
    T smoothing;
    const T* all_weights;  // the sum of the class weights; null where there is no smoothing or no weight

    __device__ T spread() const { return smoothing / T(C); }
    __device__ T sum_of_weights() const { return all_weights ? *all_weights : T(C); }
};

constexpr int kThreads = 256;

// Threads in x share a row, threads in y are different rows.
template <class S> __global__ void __launch_bounds__(kThreads)
    cross_entropy_rows(CrossEntropy<S> a, S* each_loss, op_type<S>* losses, op_type<S>* weights, op_type<S>* logsumexp,
                       bool is_packed, unsigned long long* fault) {
    using T = op_type<S>;
    constexpr int size = kPackSize<S>;
    __shared__ T shared[kThreads / kWarp];
    const int64_t n = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    const bool is_inside = n < a.N;
    const S* row = a.logits + (is_inside ? n : 0) * a.C;
    T highest = -std::numeric_limits<T>::infinity(), weighted = 0;
    bool has_nan = false;
    each_pack<size>(a.C, is_packed, [&]<int count>(int64_t i) {
        T x[count];
        load_elements(x, row + i);
        for (int k = 0; k < count; ++k) {
            highest = x[k] > highest ? x[k] : highest;
            has_nan = has_nan || x[k] != x[k];
            if (a.smoothing > 0) weighted += x[k] * a.weight_of.of_class(i + k);
        }
    });
    highest = block_max(highest, shared);
    T sum = 0;
    const bool is_finite = std::isfinite(highest);
    each_pack<size>(a.C, is_packed, [&]<int count>(int64_t i) {
        T x[count];
        load_elements(x, row + i);
        for (int k = 0; k < count; ++k) sum += std::exp(x[k] - (is_finite ? highest : T(0)));
    });
    sum = block_sum(has_nan ? std::numeric_limits<T>::quiet_NaN() : sum, shared);
    if (a.smoothing > 0) weighted = block_sum(weighted, shared);
    if (threadIdx.x != 0 || !is_inside) return;
    const T lse = is_finite || sum != sum ? highest + std::log(sum) : highest;
    const int64_t t = a.target[n];
    const T weight = a.weight_of(t);
    T value = 0;
    if (a.weight_of.is_wrong(t)) report_fault(fault, n);
    else if (t != a.weight_of.ignore) {
        value = weight * (lse - T(row[t]));
        if (a.smoothing > 0) value = (1 - a.smoothing) * value + a.spread() * (a.sum_of_weights() * lse - weighted);
    }
    logsumexp[n] = lse, losses[n] = value, weights[n] = weight;
    if (each_loss) each_loss[n] = S(value);
}

template <class S> __global__ void __launch_bounds__(kThreads)
    cross_entropy_rows_grad(CrossEntropy<S> a, S* grad_logits, GradientScale<S> scale_of, const op_type<S>* logsumexp,
                            bool is_packed) {
    using T = op_type<S>;
    constexpr int size = kPackSize<S>;
    const int64_t n = int64_t(blockIdx.x) * blockDim.y + threadIdx.y;
    if (n >= a.N) return;
    const S* row = a.logits + n * a.C;
    S* grad = grad_logits + n * a.C;
    const int64_t t = a.target[n];
    const bool is_ignored = t == a.weight_of.ignore;
    const T scale = is_ignored ? T(0) : scale_of(n), hit = scale * a.weight_of(t) * (1 - a.smoothing);
    const T share = scale * a.spread(), factor = hit + share * a.sum_of_weights(), lse = logsumexp[n];
    each_pack<size>(a.C, is_packed, [&]<int count>(int64_t i) {
        T x[count];
        load_elements(x, row + i);
        Pack<S, count> g;
        for (int k = 0; k < count; ++k) {
            T value = is_ignored ? T(0) : std::exp(x[k] - lse) * factor;
            if (a.smoothing > 0 && !is_ignored) value -= share * a.weight_of.of_class(i + k);
            if (i + k == t && !is_ignored) value -= hit;
            g.values[k] = S(value);
        }
        store_pack(grad + i, g);
    });
}

dim3 row_threads(int64_t length) { return length <= 1024 ? dim3(kWarp, 8) : dim3(kThreads, 1); }

// f(arguments): with the sum of the class weights where smoothing needs it.
template <class S, class F> void with_arguments(const Tensor& logits, const Tensor& target, const ClassLoss& a, F f) {
    using T = op_type<S>;
    const bool needs_sum = a.label_smoothing > 0 && a.weight.defined();
    Tensor sum;
    if (needs_sum) {
        sum = empty_tensor({1}, dtype_of<T>, logits.device());
        sum_kernel(DeviceType::cuda, sum, a.weight, {0});
    }
    f(CrossEntropy<S>{logits.data<S>(), target.data<int64_t>(), logits.size(0), logits.size(1),
                      ClassWeights<T>(a, logits.size(1)), T(a.label_smoothing), data_or_null<T>(sum)});
}

void cross_entropy_cuda(const Tensor& loss, const Tensor& logsumexp, const Tensor& total_weight, const Tensor& logits,
                        const Tensor& target, const ClassLoss& a) {
    const int64_t N = logits.size(0), C = logits.size(1);
    const cudaStream_t stream = stream_of(logits);
    visit_floating(logits.dtype(), "cross_entropy", [&]<class S>() {
        using T = op_type<S>;
        const Samples<S> samples(N, logits.device());
        if (N > 0) {
            const Fault fault(logits);
            const dim3 threads = row_threads(C);
            with_arguments<S>(logits, target, a, [&](const CrossEntropy<S>& args) {
                launch(stream, cross_entropy_rows<S>, unsigned(divide_up(N, threads.y)), threads, 0, args,
                       a.reduction == Reduction::none ? loss.data<S>() : nullptr, samples.losses.template data<T>(),
                       samples.weights.template data<T>(), logsumexp.data<T>(), can_pack_rows<S>(C, {&logits}),
                       fault.device());
            });
            raise_class_fault(fault, "cross_entropy", target, C, a.ignore_index);
        }
        samples.reduce(loss, total_weight, a.reduction);
    });
}

void cross_entropy_grad_cuda(const Tensor& grad_logits, const Tensor& grad_loss, const Tensor& logits,
                             const Tensor& target, const Tensor& logsumexp, const Tensor& total_weight,
                             const ClassLoss& a) {
    const int64_t N = logits.size(0), C = logits.size(1);
    if (N * C == 0) return;
    const cudaStream_t stream = stream_of(logits);
    const dim3 threads = row_threads(C);
    visit_floating(logits.dtype(), "cross_entropy", [&]<class S>() {
        using T = op_type<S>;
        const GradientScale<S> scale{grad_loss.data<S>(), total_weight.data<T>(), a.reduction};
        with_arguments<S>(logits, target, a, [&](const CrossEntropy<S>& args) {
            launch(stream, cross_entropy_rows_grad<S>, unsigned(divide_up(N, threads.y)), threads, 0, args,
                   grad_logits.data<S>(), scale, logsumexp.data<T>(), can_pack_rows<S>(C, {&logits, &grad_logits}));
        });
    });
}

// -- negative log-likelihood ------------------------------------------------------------------------------------------

// Position (n, class, s) of input for sample i = n * inner + s.
struct ClassPositions {
    int64_t classes, inner;
    explicit ClassPositions(const Tensor& input)
        : classes(input.size(1)),
          inner(std::max<int64_t>(1, input.numel() / std::max<int64_t>(1, input.size(0) * classes))) {}
    __device__ int64_t at(int64_t i, int64_t c) const { return (i / inner * classes + c) * inner + i % inner; }
};

template <class S> __global__ void nll_samples(const S* input, const int64_t* target, int64_t n,
                                               ClassPositions position, ClassWeights<op_type<S>> weight_of,
                                               S* each_loss, op_type<S>* losses, op_type<S>* weights,
                                               unsigned long long* fault) {
    using T = op_type<S>;
    TAEDA_GRID_LOOP(i, n) {
        const int64_t t = target[i];
        const T weight = weight_of(t);
        T value = 0;
        if (weight_of.is_wrong(t)) report_fault(fault, i);
        else if (t != weight_of.ignore) value = -weight * T(input[position.at(i, t)]);
        losses[i] = value, weights[i] = weight;
        if (each_loss) each_loss[i] = S(value);
    }
}

void nll_loss_cuda(const Tensor& loss, const Tensor& total_weight, const Tensor& input, const Tensor& target,
                   const ClassLoss& a) {
    const int64_t n = target.numel(), classes = input.size(1);
    const cudaStream_t stream = stream_of(input);
    visit_floating(input.dtype(), "nll_loss", [&]<class S>() {
        using T = op_type<S>;
        const Samples<S> samples(n, input.device());
        if (n > 0) {
            const Fault fault(input);
            const Grid grid = grid_for(n, 1, input);
            launch(stream, nll_samples<S>, grid.blocks, grid.threads, 0, input.data<S>(), target.data<int64_t>(), n,
                   ClassPositions(input), ClassWeights<T>(a, classes),
                   a.reduction == Reduction::none ? loss.data<S>() : nullptr, samples.losses.template data<T>(),
                   samples.weights.template data<T>(), fault.device());
            raise_class_fault(fault, "nll_loss", target, classes, a.ignore_index);
        }
        samples.reduce(loss, total_weight, a.reduction);
    });
}

template <class S> __global__ void nll_samples_grad(S* grad_input, const int64_t* target, int64_t n,
                                                    ClassPositions position, ClassWeights<op_type<S>> weight_of,
                                                    GradientScale<S> scale_of) {
    TAEDA_GRID_LOOP(i, n) {
        const int64_t t = target[i];
        if (t != weight_of.ignore && !weight_of.is_wrong(t))
            grad_input[position.at(i, t)] = S(-weight_of(t) * scale_of(i));
    }
}

void nll_loss_grad_cuda(const Tensor& grad_input, const Tensor& grad_loss, const Tensor& target,
                        const Tensor& total_weight, const ClassLoss& a) {
    const int64_t n = target.numel();
    if (grad_input.numel() == 0) return;
    const cudaStream_t stream = stream_of(grad_input);
    const size_t bytes = size_t(grad_input.numel() * grad_input.item_bytes());
    TAEDA_CUDA_CHECK(cudaMemsetAsync(grad_input.raw(), 0, bytes, stream));
    visit_floating(grad_input.dtype(), "nll_loss", [&]<class S>() {
        using T = op_type<S>;
        const Grid grid = grid_for(n, 1, grad_input);
        launch(stream, nll_samples_grad<S>, grid.blocks, grid.threads, 0, grad_input.data<S>(), target.data<int64_t>(),
               n, ClassPositions(grad_input), ClassWeights<T>(a, grad_input.size(1)),
               GradientScale<S>{grad_loss.data<S>(), total_weight.data<T>(), a.reduction});
    });
}

}  // namespace

TAEDA_REGISTER(cuda, cross_entropy, cross_entropy_cuda)
TAEDA_REGISTER(cuda, cross_entropy_grad, cross_entropy_grad_cuda)
TAEDA_REGISTER(cuda, nll_loss, nll_loss_cuda)
TAEDA_REGISTER(cuda, nll_loss_grad, nll_loss_grad_cuda)

}  // namespace taeda::cuda
