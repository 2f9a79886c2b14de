// Norms, variances and the logarithm of a sum of exponentials.
#include "kernels/cpu/reduction.h"
#include "kernels/reduce.h"

namespace taeda::cpu {
namespace {

enum class Power { zero, one, two, highest, lowest, general };

template <class Type, Power power> struct Norm {
    using T = Type;
    using A = Type;
    using R = Type;
    T p;
    T identity() const { return power == Power::lowest ? std::numeric_limits<T>::infinity() : T(0); }
    template <class X> X lift(X x) const {
        if constexpr (power == Power::zero) return vm::where(x != X(0), X(1), X(0));
        else if constexpr (power == Power::two) return x * x;
        else if constexpr (power == Power::general) return vm::pow(vm::abs(x), X(p));
        else return vm::abs(x);
    }
    template <class X> X merge(X a, X b) const {
        if constexpr (power == Power::highest) return vm::maximum(a, b);
        else if constexpr (power == Power::lowest) return vm::minimum(a, b);
        else return a + b;
    }
    R result(A a) const {
        if constexpr (power == Power::two) return std::sqrt(a);
        else if constexpr (power == Power::general) return std::pow(a, 1 / p);
        else return a;
    }
};

template <class T> void norm_of(const Tensor& out, const Tensor& in, Ints dims, double p) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (p == 0) return reduce_with(Norm<T, Power::zero>{T(p)}, {&out}, in, dims);
    if (p == 1) return reduce_with(Norm<T, Power::one>{T(p)}, {&out}, in, dims);
    if (p == 2) return reduce_with(Norm<T, Power::two>{T(p)}, {&out}, in, dims);
    if (p == infinity) return reduce_with(Norm<T, Power::highest>{T(p)}, {&out}, in, dims);
    if (p == -infinity) return reduce_with(Norm<T, Power::lowest>{T(p)}, {&out}, in, dims);
    reduce_with(Norm<T, Power::general>{T(p)}, {&out}, in, dims);
}

// `in` with its last dimension of reals reduced as well, and `out` with a last dimension of one.
template <class F> void with_parts_reduced(const Tensor& out, const Tensor& in, Ints dims, F f) {
    Dims all(dims), sizes(out.sizes()), strides(out.strides());
    all.push_back(in.dim());
    sizes.push_back(1), strides.push_back(1);
    f(alias(out, sizes, strides, out.offset()), view_reals(in), all);
}

void norm(const Tensor& out, const Tensor& in, Ints dims, double p) {
    if (is_complex(in.dtype())) {
        TAEDA_CHECK_AS(NotImplementedError, p == 2,
                       "norm: of a complex tensor only p = 2 is computed directly, got p = ", p, "; take .abs() first");
        return with_parts_reduced(out, in, dims, [&](const Tensor& o, const Tensor& x, Ints d) { norm(o, x, d, p); });
    }
    visit_compute_floating(in.dtype(), "norm", [&]<class T>() { norm_of<T>(out, in, dims, p); });
}

// Two passes over each block, blocks combined by Chan's formula in double.
template <class Type> struct Variance {
    using T = Type;
    using R = Type;
    using R2 = Type;
    struct A {
        double mean, squares;  // the sum of squared distances from the mean
        double count;
    };
    double correction;
    bool square_root;

    static void row(const void*, void* acc, const void* in, int64_t n, int64_t) {
        using V = Vec<T>;
        constexpr int64_t w = V::size;
        const T* p = static_cast<const T*>(in);
        A& a = *static_cast<A*>(acc);
        a = {0, 0, double(n)};
        if (n == 0) return;
        V sum(0), more(0), squares(0), other(0);
        int64_t i = 0;
        for (; i + 2 * w <= n; i += 2 * w) sum += V::load(p + i), more += V::load(p + i + w);
        for (; i < n; i += w) sum += load(p + i, n - i);
        T mean = sum_lanes(sum + more) / T(n);
        for (i = 0; i + 2 * w <= n; i += 2 * w) {
            V x = V::load(p + i) - V(mean), y = V::load(p + i + w) - V(mean);
            squares = mul_add(x, x, squares), other = mul_add(y, y, other);
        }
        for (; i < n; i += w) {
            V x = select(first_lanes<T>(n - i), load(p + i, n - i) - V(mean), V(0));
            squares = mul_add(x, x, squares);
        }
        a.mean = double(mean), a.squares = double(sum_lanes(squares + other));
    }
    static Vec<T> load(const T* p, int64_t n) { return n < Vec<T>::size ? Vec<T>::load(p, n) : Vec<T>::load(p); }

    static void columns(const void*, void* acc, const void* in, int64_t rows, int64_t columns, int64_t row_stride,
                        int64_t, int64_t) {
        using V = Vec<T>;
        A* a = static_cast<A*>(acc);
        const char* p = static_cast<const char*>(in);
        for (int64_t j = 0; j < columns; j += V::size) {
            int64_t n = std::min<int64_t>(V::size, columns - j);
            auto at = [&](int64_t i) { return load(reinterpret_cast<const T*>(p + i * row_stride) + j, n); };
            V sum(0), squares(0);
            for (int64_t i = 0; i < rows; ++i) sum += at(i);
            V mean = sum / V(T(rows));
            for (int64_t i = 0; i < rows; ++i) {
                V x = at(i) - mean;
                squares = mul_add(x, x, squares);
            }
            for (int64_t k = 0; k < n; ++k) a[j + k] = {double(mean[int(k)]), double(squares[int(k)]), double(rows)};
        }
    }
    static void combine(const void*, void* acc, const void* later, int64_t count) {
        A* a = static_cast<A*>(acc);
        const A* b = static_cast<const A*>(later);
        for (int64_t j = 0; j < count; ++j) {
            double total = a[j].count + b[j].count, delta = b[j].mean - a[j].mean;
            a[j].squares += b[j].squares + delta * delta * (a[j].count * b[j].count / total);
            a[j].mean += delta * (b[j].count / total);
            a[j].count = total;
        }
    }
    static void finish(const void* o, void* vars, void* means, const void* acc, int64_t count) {
        const auto& op = *static_cast<const Variance*>(o);
        const A* a = static_cast<const A*>(acc);
        for (int64_t j = 0; j < count; ++j) {
            double nan = std::numeric_limits<double>::quiet_NaN();
            double value = a[j].squares / std::max(0.0, a[j].count - op.correction);
            static_cast<T*>(vars)[j] = T(op.square_root ? std::sqrt(value) : value);
            static_cast<T*>(means)[j] = T(a[j].count == 0 ? nan : a[j].mean);
        }
    }
};

void var_mean(const Tensor& var, const Tensor& mean, const Tensor& in, Ints dims, double correction, bool square_root) {
    TAEDA_CHECK_AS(NotImplementedError, !is_complex(in.dtype()),
                   "var_mean: add the variances of .real and .imag instead");
    visit_compute_floating(in.dtype(), "var_mean", [&]<class T>() {
        using Op = Variance<T>;
        reduce_with<Op, Op>(Op{correction, square_root}, {&var, &mean}, in, dims);
    });
}

// The accumulator is the largest element and the sum of exponentials relative to it.
template <class Type> struct LogSumExp {
    using T = Type;
    using R = Type;
    struct A {
        T highest, sum;
    };
    // What to subtract: the largest element, unless that is infinite.
    template <class X> static X anchor(X highest) { return vm::where(vm::isinf(highest), X(0), highest); }

    static void row(const void*, void* acc, const void* in, int64_t n, int64_t) {
        using V = Vec<T>;
        const T* p = static_cast<const T*>(in);
        const int64_t whole = n / V::size * V::size;
        V highest(-std::numeric_limits<T>::infinity()), sum(0);
        V rest = n == whole ? highest : select(first_lanes<T>(n - whole), V::load(p + whole, n - whole), highest);
        for (int64_t i = 0; i < whole; i += V::size) highest = vm::maximum(highest, V::load(p + i));
        T top = max_lanes(vm::maximum(highest, rest));
        V base(anchor(top));
        for (int64_t i = 0; i < whole; i += V::size) sum += vm::exp(V::load(p + i) - base);
        sum += vm::exp(rest - base);
        *static_cast<A*>(acc) = {top, sum_lanes(sum)};
    }
    static void columns(const void*, void* acc, const void* in, int64_t rows, int64_t columns, int64_t row_stride,
                        int64_t, int64_t) {
        using V = Vec<T>;
        A* a = static_cast<A*>(acc);
        const char* p = static_cast<const char*>(in);
        for (int64_t j = 0; j < columns; j += V::size) {
            int64_t n = std::min<int64_t>(V::size, columns - j);
            auto at = [&](int64_t i) {
                const T* from = reinterpret_cast<const T*>(p + i * row_stride) + j;
                return n < V::size ? V::load(from, n) : V::load(from);
            };
            V highest = at(0), sum(0);
            for (int64_t i = 1; i < rows; ++i) highest = vm::maximum(highest, at(i));
            for (int64_t i = 0; i < rows; ++i) sum += vm::exp(at(i) - anchor(highest));
            for (int64_t k = 0; k < n; ++k) a[j + k] = {highest[int(k)], sum[int(k)]};
        }
    }
    static void combine(const void*, void* acc, const void* later, int64_t count) {
        A* a = static_cast<A*>(acc);
        const A* b = static_cast<const A*>(later);
        for (int64_t j = 0; j < count; ++j) {
            T top = vm::maximum(a[j].highest, b[j].highest), base = anchor(top);
            auto relative = [&](const A& x) { return x.sum == 0 ? T(0) : x.sum * std::exp(anchor(x.highest) - base); };
            a[j].sum = relative(a[j]) + relative(b[j]);
            a[j].highest = top;
        }
    }
    static void finish(const void*, void* result, void*, const void* acc, int64_t count) {
        const A* a = static_cast<const A*>(acc);
        for (int64_t j = 0; j < count; ++j) static_cast<T*>(result)[j] = anchor(a[j].highest) + std::log(a[j].sum);
    }
};

void logsumexp(const Tensor& out, const Tensor& in, Ints dims) {
    visit_compute_floating(in.dtype(), "logsumexp", [&]<class T>() {
        using Op = LogSumExp<T>;
        reduce_with<Op, Op>(Op{}, {&out}, in, dims);
    });
}

}  // namespace

TAEDA_REGISTER(cpu, norm, norm)
TAEDA_REGISTER(cpu, var_mean, var_mean)
TAEDA_REGISTER(cpu, logsumexp, logsumexp)

}  // namespace taeda::cpu
