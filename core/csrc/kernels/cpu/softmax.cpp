#include "kernels/softmax.h"

#include "kernels/cpu/slices.h"
#include "kernels/vec/vec_math.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kGrainExponentials = kGrainElements / 4;

// One strip of work in registers. Along a row of memory the lanes of all steps belong to one slice and are combined
// at the end; across neighbouring slices each lane is a slice of its own.
template <class T, bool is_row> struct Strip {
    using C = op_type<T>;
    using V = Vec<C>;
    static constexpr int64_t width = V::size;
    int64_t steps, stride, last;  // `last`: lanes of the last step of a row, or of all steps across slices

    Strip(const Slices& s, int64_t columns)
        : steps(is_row ? (s.length + width - 1) / width : s.length),
          stride(is_row ? width : s.inner),
          last(is_row ? s.length - (steps - 1) * width : columns) {}

    // f(step, lanes)
    template <class F> void each(F f) const {
        for (int64_t i = 0; i + 1 < steps; ++i) f(i, is_row ? width : last);
        f(steps - 1, last);
    }
    V load(const T* p, int64_t i, int64_t n) const {
        return n == width ? load_vec(p + i * stride) : load_vec(p + i * stride, n);
    }
    void store(T* p, int64_t i, int64_t n, V x) const {
        if (n == width) store_vec(p + i * stride, x);
        else store_vec(p + i * stride, x, n);
    }
    // x with the lanes that hold no element replaced.
    static V padded(V x, int64_t n, V fill) { return n == width ? x : select(first_lanes<C>(n), x, fill); }
    static V total(V sum) { return is_row ? V(sum_lanes(sum)) : sum; }
    static V highest(V x) { return is_row ? V(max_lanes(x)) : x; }

    template <bool log> void softmax(T* out, const T* in) const {
        const V lowest(-std::numeric_limits<C>::infinity());
        V top = lowest, sum(0);
        // A NaN passes unseen here, but makes the sum NaN.
        each([&](int64_t i, int64_t n) { top = V(native::larger<C>(padded(load(in, i, n), n, lowest).v, top.v)); });
        top = highest(top);
        // float and double keep the exponentials in `out`; a 16-bit `out` would round them.
        constexpr bool keeps = std::is_same_v<T, C> && !log;
        each([&](int64_t i, int64_t n) {
            V e = vm::exp_nonpositive(load(in, i, n) - top);
            if constexpr (keeps) store(out, i, n, e);
            sum += padded(e, n, V(0));
        });
        sum = total(sum);
        V scale = V(1) / sum, shift = log ? top + vm::log(sum) : top;
        each([&](int64_t i, int64_t n) {
            if constexpr (keeps) store(out, i, n, load(out, i, n) * scale);
            else if constexpr (log) store(out, i, n, load(in, i, n) - shift);
            else store(out, i, n, vm::exp_nonpositive(load(in, i, n) - shift) * scale);
        });
    }
    template <bool log> void backward(T* grad_in, const T* grad, const T* result) const {
        V sum(0);
        each([&](int64_t i, int64_t n) {
            V g = load(grad, i, n);
            sum += log ? g : g * load(result, i, n);
        });
        sum = total(sum);
        each([&](int64_t i, int64_t n) {
            V g = load(grad, i, n), y = load(result, i, n);
            store(grad_in, i, n, log ? g - vm::exp(y) * sum : y * (g - sum));
        });
    }
};

// f(strip, offset) for all strips, the strip of the fitting kind.
template <class T, class F> void each_strip(const Slices& slices, F f) {
    slices.each_strip(
        Vec<op_type<T>>::size,
        [&](int64_t at, int64_t columns, int64_t, int64_t) {
            if (slices.inner == 1) f(Strip<T, true>(slices, columns), at);
            else f(Strip<T, false>(slices, columns), at);
        },
        kGrainExponentials);
}

template <bool log> void forward(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_floating(in.dtype(), log ? "log_softmax" : "softmax", [&]<class T>() {
        each_strip<T>(Slices(in, dim), [&](const auto& strip, int64_t at) {
            strip.template softmax<log>(out.data<T>() + at, in.data<T>() + at);
        });
    });
}
template <bool log> void backward(const Tensor& grad_in, const Tensor& grad, const Tensor& result, int64_t dim) {
    visit_floating(grad.dtype(), log ? "log_softmax_backward" : "softmax_backward", [&]<class T>() {
        each_strip<T>(Slices(grad, dim), [&](const auto& strip, int64_t at) {
            strip.template backward<log>(grad_in.data<T>() + at, grad.data<T>() + at, result.data<T>() + at);
        });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, softmax, forward<false>)
TAEDA_REGISTER(cpu, log_softmax, forward<true>)
TAEDA_REGISTER(cpu, softmax_backward, backward<false>)
TAEDA_REGISTER(cpu, log_softmax_backward, backward<true>)

}  // namespace taeda::cpu
