// Sums, means and counts.
#include "kernels/cuda/reduce_outputs.h"

namespace taeda::cuda {
namespace {

// Divided by `divisor`; NaNs are left out if asked for.
template <class Type> struct Sum : PlainReduction {
    using S = Type;
    using C = sum_type<Type>;
    using A = C;
    Outputs out;
    C divisor;
    bool skips_nan;

    __device__ A identity() const { return C(0); }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) acc += skips_nan && x[k] != x[k] ? C(0) : x[k];
    }
    __device__ void merge(A& acc, const A& later) const { acc += later; }
    __device__ void write(int64_t output, const A& acc) const {
        out.write(output, divisor == C(1) ? acc : acc / divisor);
    }
};

template <class T>
void sum_of(const Tensor& out, const Tensor& in, Ints dims, double divisor = 1, bool skips_nan = false) {
    reduce_with<Sum<T>>(out, Tensor(), in, dims,
                        [&](const Outputs& o) { return Sum<T>{{}, o, sum_type<T>(divisor), skips_nan}; });
}

enum class Question { any, all, how_many };

template <class Element> struct Pair {
    Element first, second;
};

// Counts elements that are not zero, by their bits; `mask` leaves out the sign of a floating zero.
template <class Bits> struct Count : PlainReduction {
    using S = Bits;
    using C = Bits;
    using A = int64_t;
    Outputs out;
    Question question;
    int64_t numel;
    Bits mask;

    __device__ A identity() const { return 0; }
    template <int n> __device__ void add(A& acc, Context, const C (&x)[n], int64_t, int64_t) const {
        for (int k = 0; k < n; ++k) {
            if constexpr (std::is_integral_v<Bits>) acc += (x[k] & mask) != 0;
            else acc += (x[k].first & mask.first) != 0 || (x[k].second & mask.second) != 0;
        }
    }
    __device__ void merge(A& acc, const A& later) const { acc += later; }
    __device__ void write(int64_t output, const A& acc) const {
        const int64_t answer = question == Question::any ? acc > 0 : question == Question::all ? acc == numel : acc;
        out.write(output, answer);
    }
};

template <class Bits> void count_bits(const Tensor& out, const Tensor& in, Ints dims, Question question, Bits mask) {
    reduce_with<Count<Bits>>(out, Tensor(), in, dims, [&](const Outputs& o) {
        return Count<Bits>{{}, o, question, reduced_numel(in, dims), mask};
    });
}

void count(const Tensor& out, const Tensor& in, Ints dims, Question question) {
    auto mask = [&]<class U>() { return is_integral(in.dtype(), true) ? U(~U(0)) : U(U(~U(0)) >> 1); };
    switch (in.dtype()) {
        case DType::complex64: {
            const auto half = mask.template operator()<uint32_t>();
            return count_bits(out, in, dims, question, Pair<uint32_t>{half, half});
        }
        case DType::complex128: {
            const auto half = mask.template operator()<uint64_t>();
            return count_bits(out, in, dims, question, Pair<uint64_t>{half, half});
        }
        default: break;
    }
    switch (in.item_bytes()) {
        case 1: return count_bits(out, in, dims, question, mask.template operator()<uint8_t>());
        case 2: return count_bits(out, in, dims, question, mask.template operator()<uint16_t>());
        case 4: return count_bits(out, in, dims, question, mask.template operator()<uint32_t>());
        default: return count_bits(out, in, dims, question, mask.template operator()<uint64_t>());
    }
}

// A complex tensor is reduced as its reals, which stay apart as a last dimension.
template <class F> void on_reals(const char* op, const Tensor& out, const Tensor& in, F f) {
    if (!is_complex(in.dtype())) return f(out, in);
    TAEDA_CHECK(is_complex(out.dtype()), op, ": cannot write a complex result to ", out.dtype(), "; use a complex out");
    f(view_reals(out), view_reals(in));
}

void sum_cuda(const Tensor& out, const Tensor& in, Ints dims) {
    if (in.dtype() == DType::bool_) return count(out, in, dims, Question::how_many);
    on_reals("sum", out, in, [&](const Tensor& o, const Tensor& x) {
        visit_real(x.dtype(), "sum", [&]<class T>() { sum_of<T>(o, x, dims); });
    });
}
void mean_cuda(const Tensor& out, const Tensor& in, Ints dims) {
    const double numel = double(reduced_numel(in, dims));
    on_reals("mean", out, in, [&](const Tensor& o, const Tensor& x) {
        visit_floating(x.dtype(), "mean", [&]<class T>() { sum_of<T>(o, x, dims, numel); });
    });
}
void nansum_cuda(const Tensor& out, const Tensor& in, Ints dims) {
    if (!is_floating(in.dtype())) return sum_cuda(out, in, dims);
    visit_floating(in.dtype(), "nansum", [&]<class T>() { sum_of<T>(out, in, dims, 1, true); });
}
void any_cuda(const Tensor& out, const Tensor& in, Ints dims) { count(out, in, dims, Question::any); }
void all_cuda(const Tensor& out, const Tensor& in, Ints dims) { count(out, in, dims, Question::all); }
void count_nonzero_cuda(const Tensor& out, const Tensor& in, Ints dims) { count(out, in, dims, Question::how_many); }

}  // namespace

TAEDA_REGISTER(cuda, sum, sum_cuda)
TAEDA_REGISTER(cuda, mean, mean_cuda)
TAEDA_REGISTER(cuda, nansum, nansum_cuda)
TAEDA_REGISTER(cuda, any, any_cuda)
TAEDA_REGISTER(cuda, all, all_cuda)
TAEDA_REGISTER(cuda, count_nonzero, count_nonzero_cuda)

}  // namespace taeda::cuda
