// Sums, means, products and counts.
#include "kernels/cpu/reduction.h"
#include "kernels/reduce.h"

namespace taeda::cpu {
namespace {

template <class Type> struct Sum {
    using T = Type;
    using A = Type;
    using R = Type;
    T identity() const { return T(0); }
    template <class X> X lift(X x) const { return x; }
    template <class X> X merge(X a, X b) const { return a + b; }
    R result(A a) const { return a; }
};
template <class Type> struct Mean : Sum<Type> {
    Type count;
    Type result(Type a) const { return a / count; }
};
template <class Type> struct NanSum : Sum<Type> {
    template <class X> X lift(X x) const { return vm::where(x != x, X(0), x); }
};
template <class Type> struct Product : Sum<Type> {
    Type identity() const { return Type(1); }
    template <class X> X merge(X a, X b) const { return a * b; }
};

enum class Question { any, all, how_many };

// Counts elements that are not zero.
struct Count {
    using A = int64_t;
    using R = int64_t;
    Question question;
    int64_t numel;
    A identity() const { return 0; }
    A merge(A a, A b) const { return a + b; }
    R result(A count) const {
        return question == Question::any ? count > 0 : question == Question::all ? count == numel : count;
    }
};
// Real dtypes by their bits: `Bits` is an integer of the element's size.
template <class Bits> struct Nonzero : Count {
    using T = Bits;
    Bits mask;  // leaves out the sign of a floating zero
    A lift(Bits x) const { return (x & mask) != 0; }
};
template <class C> struct NonzeroComplex : Count {
    using T = C;
    A lift(C x) const { return x != C(0); }
};

void reduce_bits(const Tensor& out, const Tensor& in, Ints dims, Question question) {
    int64_t numel = reduced_numel(in, dims);
    if (in.dtype() == DType::complex64)
        return reduce_with(NonzeroComplex<complex64>{question, numel}, {&out}, in, dims);
    if (in.dtype() == DType::complex128)
        return reduce_with(NonzeroComplex<complex128>{question, numel}, {&out}, in, dims);
    Tensor bits = alias(in);
    auto reduce = [&]<class Bits>(DType same_size) {
        bits.impl()->dtype = same_size;
        using U = std::make_unsigned_t<Bits>;
        U mask = is_floating(in.dtype()) ? U(U(~U(0)) >> 1) : U(~U(0));
        reduce_with(Nonzero<Bits>{{question, numel}, Bits(mask)}, {&out}, bits, dims);
    };
    switch (in.item_bytes()) {
        case 1: return reduce.template operator()<uint8_t>(DType::uint8);
        case 2: return reduce.template operator()<int16_t>(DType::int16);
        case 4: return reduce.template operator()<int32_t>(DType::int32);
        default: return reduce.template operator()<int64_t>(DType::int64);
    }
}

// A complex tensor is reduced as its reals, which stay apart as a last dimension.
template <class F> void on_reals(const Tensor& out, const Tensor& in, F f) {
    if (!is_complex(in.dtype())) return f(out, in);
    TAEDA_CHECK(is_complex(out.dtype()), "sum: cannot write a complex result to ", out.dtype(), "; use a complex out");
    f(view_reals(out), view_reals(in));
}

void sum(const Tensor& out, const Tensor& in, Ints dims) {
    if (in.dtype() == DType::bool_) return reduce_bits(out, in, dims, Question::how_many);
    on_reals(out, in, [&](const Tensor& o, const Tensor& x) {
        visit_compute(x.dtype(), [&]<class T>() { reduce_with(Sum<T>{}, {&o}, x, dims); });
    });
}
void mean(const Tensor& out, const Tensor& in, Ints dims) {
    double count = double(reduced_numel(in, dims));
    on_reals(out, in, [&](const Tensor& o, const Tensor& x) {
        visit_compute_floating(x.dtype(), "mean",
                               [&]<class T>() { reduce_with(Mean<T>{{}, T(count)}, {&o}, x, dims); });
    });
}
void nansum(const Tensor& out, const Tensor& in, Ints dims) {
    if (!is_floating(in.dtype())) return sum(out, in, dims);
    visit_compute_floating(in.dtype(), "nansum", [&]<class T>() { reduce_with(NanSum<T>{}, {&out}, in, dims); });
}
void prod(const Tensor& out, const Tensor& in, Ints dims) {
    if (in.dtype() == DType::complex64) reduce_with(Product<complex64>{}, {&out}, in, dims);
    else if (in.dtype() == DType::complex128) reduce_with(Product<complex128>{}, {&out}, in, dims);
    else visit_compute(in.dtype(), [&]<class T>() { reduce_with(Product<T>{}, {&out}, in, dims); });
}

void any(const Tensor& out, const Tensor& in, Ints dims) { reduce_bits(out, in, dims, Question::any); }
void all(const Tensor& out, const Tensor& in, Ints dims) { reduce_bits(out, in, dims, Question::all); }
void count_nonzero(const Tensor& out, const Tensor& in, Ints dims) { reduce_bits(out, in, dims, Question::how_many); }

}  // namespace

TAEDA_REGISTER(cpu, sum, sum)
TAEDA_REGISTER(cpu, mean, mean)
TAEDA_REGISTER(cpu, nansum, nansum)
TAEDA_REGISTER(cpu, prod, prod)
TAEDA_REGISTER(cpu, any, any)
TAEDA_REGISTER(cpu, all, all)
TAEDA_REGISTER(cpu, count_nonzero, count_nonzero)

}  // namespace taeda::cpu
