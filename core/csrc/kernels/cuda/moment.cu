// Norms, variances and the logarithm of a sum of exponentials.
#include "kernels/cuda/moments.h"
#include "kernels/cuda/reduce_outputs.h"
#include "kernels/vec/scalar_math.h"

namespace taeda::cuda {
namespace {

enum class Power { zero, one, two, highest, lowest, general };

template <class Type> struct Norm : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    using A = C;
    Outputs out;
    Power power;
    C p, start;

    __device__ C contribution(C x) const {
        switch (power) {
            case Power::zero: return C(x != C(0));
            case Power::two: return x * x;
            case Power::general: return std::pow(std::abs(x), p);
            default: return std::abs(x);
        }
    }
    __device__ A identity() const { return start; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) merge(acc, contribution(x[k]));
    }
    __device__ void merge(A& acc, const A& later) const {
        if (power == Power::highest) acc = vm::maximum(acc, later);
        else if (power == Power::lowest) acc = vm::minimum(acc, later);
        else acc += later;
    }
    __device__ void write(int64_t output, const A& acc) const {
        const C root = power == Power::two ? std::sqrt(acc) : power == Power::general ? std::pow(acc, 1 / p) : acc;
        out.write(output, root);
    }
};

Power power_of(double p) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    return p == 0           ? Power::zero
           : p == 1         ? Power::one
           : p == 2         ? Power::two
           : p == infinity  ? Power::highest
           : p == -infinity ? Power::lowest
                            : Power::general;
}

// `in` with its last dimension of reals reduced as well, and `out` with a last dimension of one.
template <class F> void with_parts_reduced(const Tensor& out, const Tensor& in, Ints dims, F f) {
    Dims all(dims), sizes(out.sizes()), strides(out.strides());
    all.push_back(in.dim());
    sizes.push_back(1), strides.push_back(1);
    f(alias(out, sizes, strides, out.offset()), view_reals(in), all);
}

void norm_cuda(const Tensor& out, const Tensor& in, Ints dims, double p) {
    if (is_complex(in.dtype())) {
        TAEDA_CHECK_AS(NotImplementedError, p == 2,
                       "norm: of a complex tensor only p = 2 is computed directly, got p = ", p, "; take .abs() first");
        return with_parts_reduced(out, in, dims,
                                  [&](const Tensor& o, const Tensor& x, Ints d) { norm_cuda(o, x, d, p); });
    }
    visit_floating(in.dtype(), "norm", [&]<class T>() {
        using Op = Norm<T>;
        using C = typename Op::C;
        const Power power = power_of(p);
        const C start = power == Power::lowest ? std::numeric_limits<C>::infinity() : C(0);
        reduce_with<Op>(out, Tensor(), in, dims, [&](const Outputs& o) { return Op{{}, o, power, C(p), start}; });
    });
}

template <class Type> struct Variance : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    using A = Moments<C>;
    Outputs out;
    C correction;
    bool square_root;

    __device__ A identity() const { return {C(0), C(0), C(0)}; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const { acc.add(x); }
    __device__ void merge(A& acc, const A& later) const { acc.merge(later); }
    __device__ void write(int64_t output, const A& acc) const {
        const C degrees = acc.count > correction ? acc.count - correction : C(0), value = acc.squares / degrees;
        const C mean = acc.count == 0 ? std::numeric_limits<C>::quiet_NaN() : acc.mean;
        out.write(output, square_root ? std::sqrt(value) : value, mean);
    }
};

void var_mean_cuda(const Tensor& var, const Tensor& mean, const Tensor& in, Ints dims, double correction,
                   bool square_root) {
    TAEDA_CHECK_AS(NotImplementedError, !is_complex(in.dtype()),
                   "var_mean: add the variances of .real and .imag instead");
    visit_floating(in.dtype(), "var_mean", [&]<class T>() {
        using Op = Variance<T>;
        using C = typename Op::C;
        reduce_with<Op>(var, mean, in, dims, [&](const Outputs& o) { return Op{{}, o, C(correction), square_root}; });
    });
}

// The accumulator is the largest element and the sum of exponentials relative to it.
template <class Type> struct LogSumExp : PlainReduction {
    using S = Type;
    using C = op_type<Type>;
    struct A {
        C highest, sum;
    };
    Outputs out;

    // What to subtract: the largest element, unless that is infinite.
    __device__ static C anchor(C highest) { return std::isinf(highest) ? C(0) : highest; }
    __device__ static void raise_to(A& acc, C highest) {
        if (highest == acc.highest) return;
        if (acc.sum != C(0)) acc.sum *= std::exp(anchor(acc.highest) - anchor(highest));
        acc.highest = highest;
    }

    __device__ A identity() const { return {-std::numeric_limits<C>::infinity(), C(0)}; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        C highest = acc.highest;
        for (int k = 0; k < n; ++k) highest = vm::maximum(highest, x[k]);
        raise_to(acc, highest);
        for (int k = 0; k < n; ++k) acc.sum += std::exp(x[k] - anchor(highest));
    }
    __device__ void merge(A& acc, const A& later) const {
        A other = later;
        const C highest = vm::maximum(acc.highest, later.highest);
        raise_to(acc, highest), raise_to(other, highest);
        acc.sum += other.sum;
    }
    __device__ void write(int64_t output, const A& acc) const {
        out.write(output, anchor(acc.highest) + std::log(acc.sum));
    }
};

void logsumexp_cuda(const Tensor& out, const Tensor& in, Ints dims) {
    visit_floating(in.dtype(), "logsumexp", [&]<class T>() {
        using Op = LogSumExp<T>;
        reduce_with<Op>(out, Tensor(), in, dims, [](const Outputs& o) { return Op{{}, o}; });
    });
}

}  // namespace

TAEDA_REGISTER(cuda, norm, norm_cuda)
TAEDA_REGISTER(cuda, var_mean, var_mean_cuda)
TAEDA_REGISTER(cuda, logsumexp, logsumexp_cuda)

}  // namespace taeda::cuda
