// Optimizer steps. One launch covers many parameters of one dtype: a table of their pointers travels as an argument of
// the kernel, and blocks find their parameter in it.
#include "kernels/optim.h"

#include <cmath>
#include <vector>

#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

constexpr int kThreads = 256, kPerThread = 4, kRounds = 4;
constexpr int64_t kBlockElements = int64_t(kThreads) * kPerThread * kRounds;
constexpr int kLists = 5;        // parameter, gradient, up to three states
constexpr int kParameters = 60;  // of one launch: the table fits the 4 KiB that arguments may always have

// What depends on how often a parameter was stepped; both one for optimizers that do not count steps.
struct Correction {
    double first = 1, second = 1;
};

struct Row {
    void* lists[kLists];
    int64_t elements;
    const Correction* correction;  // on the device; null: that of the table
};

struct Table {
    Row rows[kParameters];
    int32_t first_block[kParameters + 1];
    int32_t count = 0;
    Correction correction;
};
static_assert(sizeof(Table) <= 4000);

// The last row whose first block is not behind `block`.
__device__ int row_of(const Table& table, int block) {
    int low = 0, high = table.count;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (table.first_block[middle] <= block) low = middle;
        else high = middle;
    }
    return low;
}

template <class S, class Step> __global__ void step_all(const Table table, const Step step) {
    using T = op_type<S>;
    const Row& row = table.rows[row_of(table, int(blockIdx.x))];
    int64_t from = (int64_t(blockIdx.x) - table.first_block[row_of(table, int(blockIdx.x))]) * kBlockElements;
    Correction correction = row.correction ? *row.correction : table.correction;
    auto work = step.template prepare<T>(correction);
    S* lists[kLists];
    bool aligned = true;
    for (int l = 0; l < kLists; ++l) {
        lists[l] = static_cast<S*>(row.lists[l]);
        aligned = aligned && reinterpret_cast<uintptr_t>(lists[l]) % sizeof(Pack<S, kPerThread>) == 0;
    }
    for (int round = 0; round < kRounds; ++round) {
        int64_t i = from + (int64_t(round) * kThreads + threadIdx.x) * kPerThread;
        if (i >= row.elements) return;
        int count = row.elements - i < kPerThread ? int(row.elements - i) : kPerThread;
        bool whole = aligned && count == kPerThread;
        Pack<S, kPerThread> packs[kLists];
        for (int l = 0; l < kLists; ++l) {
            if (!lists[l]) continue;
            if (whole) packs[l] = *reinterpret_cast<const Pack<S, kPerThread>*>(lists[l] + i);
            else
                for (int k = 0; k < count; ++k) packs[l].values[k] = lists[l][i + k];
        }
        for (int k = 0; k < count; ++k) {
            T v[kLists];
            for (int l = 0; l < kLists; ++l) v[l] = lists[l] ? T(packs[l].values[k]) : T(0);
            work(v);
            for (int l = 0; l < kLists; ++l)
                if (l != 1 && lists[l]) packs[l].values[k] = S(v[l]);
        }
        for (int l = 0; l < kLists; ++l) {
            if (l == 1 || !lists[l]) continue;
            if (whole) *reinterpret_cast<Pack<S, kPerThread>*>(lists[l] + i) = packs[l];
            else
                for (int k = 0; k < count; ++k) lists[l][i + k] = packs[l].values[k];
        }
    }
}

// -- the formulas: v holds parameter, gradient and the states, in the order of the kernel's lists -----------------------

template <class T> __device__ T signed_gradient(const T* v, bool maximize, T weight_decay) {
    T g = maximize ? -v[1] : v[1];
    return weight_decay != 0 ? g + weight_decay * v[0] : g;
}

struct Sgd {
    SgdOptions o;
    bool has_momentum;
    template <class T> struct Work {
        T lr, weight_decay, keep, share;
        bool has_momentum, is_first_step, nesterov, maximize;
        __device__ void operator()(T* v) const {
            T g = signed_gradient(v, maximize, weight_decay);
            if (has_momentum) {
                v[2] = is_first_step ? g : keep * v[2] + share * g;
                g = nesterov ? g + keep * v[2] : v[2];
            }
            v[0] -= lr * g;
        }
    };
    template <class T> __device__ Work<T> prepare(Correction) const {
        return {T(o.lr),      T(o.weight_decay), T(o.momentum), T(1 - o.dampening),
                has_momentum, o.is_first_step,   o.nesterov,    o.maximize};
    }
    TAEDA_HD Correction correction(double) const { return {}; }
};

struct Adam {
    AdamOptions o;
    bool has_max;
    template <class T> struct Work {
        T step, root, share, keep, fresh, eps, shrink, weight_decay;
        bool decoupled, maximize, has_max;
        __device__ void operator()(T* v) const {
            T g = signed_gradient(v, maximize, decoupled ? T(0) : weight_decay);
            if (decoupled && weight_decay != 0) v[0] *= shrink;
            v[2] += share * (g - v[2]);
            v[3] = keep * v[3] + fresh * g * g;
            T square = v[3];
            if (has_max) square = v[4] = v[3] > v[4] ? v[3] : v[4];
            v[0] -= step * v[2] / (std::sqrt(square) / root + eps);
        }
    };
    template <class T> __device__ Work<T> prepare(Correction c) const {
        return {T(c.first),
                T(c.second),
                T(1 - o.beta1),
                T(o.beta2),
                T(1 - o.beta2),
                T(o.eps),
                T(1 - o.lr * o.weight_decay),
                T(o.weight_decay),
                o.decoupled,
                o.maximize,
                has_max};
    }
    TAEDA_HD Correction correction(double t) const {
        return {o.lr / (1 - std::pow(o.beta1, t)), std::sqrt(1 - std::pow(o.beta2, t))};
    }
};

struct Rmsprop {
    RmspropOptions o;
    bool has_average, has_momentum;
    template <class T> struct Work {
        T lr, weight_decay, keep, fresh, eps, mass;
        bool maximize, has_average, has_momentum;
        __device__ void operator()(T* v) const {
            T g = signed_gradient(v, maximize, weight_decay);
            T d = v[2] = keep * v[2] + fresh * g * g;
            if (has_average) {
                v[3] += fresh * (g - v[3]);
                d -= v[3] * v[3];
            }
            g /= std::sqrt(d) + eps;
            if (has_momentum) g = v[4] = mass * v[4] + g;
            v[0] -= lr * g;
        }
    };
    template <class T> __device__ Work<T> prepare(Correction) const {
        return {T(o.lr),       T(o.weight_decay), T(o.alpha),  T(1 - o.alpha), T(o.eps),
                T(o.momentum), o.maximize,        has_average, has_momentum};
    }
    TAEDA_HD Correction correction(double) const { return {}; }
};

struct Adagrad {
    AdagradOptions o;
    template <class T> struct Work {
        T rate, weight_decay, eps;
        bool maximize;
        __device__ void operator()(T* v) const {
            T g = signed_gradient(v, maximize, weight_decay);
            v[2] += g * g;
            v[0] -= rate * g / (std::sqrt(v[2]) + eps);
        }
    };
    template <class T> __device__ Work<T> prepare(Correction c) const {
        return {T(c.first), T(o.weight_decay), T(o.eps), o.maximize};
    }
    TAEDA_HD Correction correction(double t) const { return {o.lr / (1 + (t - 1) * o.lr_decay), 1}; }
};

// Not a step, but as many tensors at once: list 0 holds gradients, which are multiplied by a factor.
struct Unscale {
    float* found;
    const float* inverse_scale;
    template <class T> struct Work {
        T factor;
        float* found;
        __device__ void operator()(T* v) const {
            if (!std::isfinite(v[0])) *found = 1;
            v[0] *= factor;
        }
    };
    template <class T> __device__ Work<T> prepare(Correction) const { return {T(*inverse_scale), found}; }
    TAEDA_HD Correction correction(double) const { return {}; }
};

// -- counting steps -----------------------------------------------------------------------------------------------------

struct Counter {
    void* step;
    bool is_double;
};
struct Counters {
    Counter rows[kParameters];
};

// Advances counters that lie on the device, and derives the corrections there: nothing waits for the host.
template <class Step>
__global__ void advance(const Counters counters, int count, const Step step, Correction* results) {
    int i = int(blockIdx.x * blockDim.x + threadIdx.x);
    if (i >= count) return;
    const Counter& c = counters.rows[i];
    double t = c.is_double ? *static_cast<double*>(c.step) += 1 : *static_cast<float*>(c.step) += 1;
    results[i] = step.correction(t);
}

double advance_on_host(const Tensor& step) {
    return step.dtype() == DType::float64 ? *step.data<double>() += 1 : *step.data<float>() += 1;
}

// -- launches -------------------------------------------------------------------------------------------------------------

using Lists = std::initializer_list<TensorList>;

// Parameters of one dtype and, for counters on the host, of one count, collected until the table is full.
template <class Step> class Launcher {
public:
    Launcher(const char* op, const Step& step, const Tensor& sample) : op_(op), step_(step), sample_(sample) {}

    void add(size_t i, Lists lists, const Correction& host, const Correction* device) {
        const Tensor& parameter = lists.begin()[0][i];
        int64_t elements = parameter.is_complex() ? 2 * parameter.numel() : parameter.numel();
        if (elements == 0) return;
        DType dtype = real_dtype(parameter.dtype());
        bool same = dtype == dtype_ && host.first == table_.correction.first && host.second == table_.correction.second;
        if (table_.count == kParameters || (table_.count && !same)) flush();
        dtype_ = dtype;
        table_.correction = host;
        Row& row = table_.rows[table_.count];
        row = Row{{}, elements, device};
        for (size_t l = 0; l < lists.size(); ++l)
            row.lists[l] = lists.begin()[l].empty() ? nullptr : lists.begin()[l][i].raw();
        int32_t end = table_.first_block[table_.count] + int32_t(divide_up(elements, kBlockElements));
        table_.first_block[++table_.count] = end;
    }

    void flush() {
        if (table_.count == 0) return;
        visit_floating(dtype_, op_, [&]<class S>() {
            launch(stream_of(sample_), step_all<S, Step>, dim3(unsigned(table_.first_block[table_.count])),
                   dim3(kThreads), 0, table_, step_);
        });
        table_.count = 0;
    }

private:
    const char* op_;
    const Step& step_;
    const Tensor& sample_;
    DType dtype_ = DType::float32;
    Table table_{};
};

template <class Step> void run(const char* op, const Step& step, Lists lists, TensorList steps = {}) {
    TensorList params = *lists.begin();
    if (params.empty()) return;
    cudaStream_t stream = stream_of(params[0]);
    std::vector<size_t> counted;  // parameters whose counters lie on the device
    std::vector<int> order(params.size(), -1);
    for (size_t i = 0; i < steps.size(); ++i)
        if (!steps[i].is_cpu()) order[i] = int(counted.size()), counted.push_back(i);
    Workspace corrections(counted.size() * sizeof(Correction), params[0]);
    for (size_t from = 0; from < counted.size(); from += kParameters) {
        int count = int(std::min<size_t>(kParameters, counted.size() - from));
        Counters counters{};
        for (int k = 0; k < count; ++k) {
            const Tensor& s = steps[counted[from + size_t(k)]];
            counters.rows[k] = {s.raw(), s.dtype() == DType::float64};
        }
        launch(stream, advance<Step>, 1u, kParameters + 4, 0, counters, count, step,
               corrections.as<Correction>() + from);
    }
    Launcher<Step> launcher(op, step, params[0]);
    for (size_t i = 0; i < params.size(); ++i) {
        bool on_device = order[i] >= 0;
        Correction host = steps.empty() || on_device ? Correction{} : step.correction(advance_on_host(steps[i]));
        launcher.add(i, lists, host, on_device ? corrections.as<Correction>() + order[i] : nullptr);
    }
    launcher.flush();
}

void sgd_step_cuda(TensorList params, TensorList grads, TensorList momenta, const SgdOptions& o) {
    run("_fused_sgd_", Sgd{o, !momenta.empty()}, {params, grads, momenta});
}

void adam_step_cuda(TensorList params, TensorList grads, TensorList averages, TensorList squares,
                    TensorList max_squares, TensorList steps, const AdamOptions& o) {
    run("_fused_adam_", Adam{o, !max_squares.empty()}, {params, grads, averages, squares, max_squares}, steps);
}

void rmsprop_step_cuda(TensorList params, TensorList grads, TensorList squares, TensorList averages, TensorList momenta,
                       TensorList steps, const RmspropOptions& o) {
    run("_fused_rmsprop_", Rmsprop{o, !averages.empty(), !momenta.empty()}, {params, grads, squares, averages, momenta},
        steps);
}

void adagrad_step_cuda(TensorList params, TensorList grads, TensorList sums, TensorList steps,
                       const AdagradOptions& o) {
    run("_fused_adagrad_", Adagrad{o}, {params, grads, sums}, steps);
}

void unscale_gradients_cuda(TensorList grads, const Tensor& found_inf, const Tensor& inverse_scale) {
    run("_amp_foreach_non_finite_check_and_unscale_", Unscale{found_inf.data<float>(), inverse_scale.data<float>()},
        {grads});
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, sgd_step, cuda::sgd_step_cuda)
TAEDA_REGISTER(cuda, adam_step, cuda::adam_step_cuda)
TAEDA_REGISTER(cuda, rmsprop_step, cuda::rmsprop_step_cuda)
TAEDA_REGISTER(cuda, adagrad_step, cuda::adagrad_step_cuda)
TAEDA_REGISTER(cuda, unscale_gradients, cuda::unscale_gradients_cuda)
}  // namespace taeda
