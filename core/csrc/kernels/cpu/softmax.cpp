#include "kernels/softmax.h"

#include "kernels/cpu/slices.h"
#include "kernels/vec/vec_math.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kGrainExponentials = kGrainElements / 4;

// One strip of work in registers. Along a row of memory the lanes of all steps belong to one slice and are combined
// at the end; across neighbouring slices each lane is a slice of its own, and a step takes `parts` registers of them.
template <class T, bool is_row, int parts = 1> struct Strip {
    static_assert(!is_row || parts == 1);
    using C = op_type<T>;
    using V = Vec<C>;
    static constexpr int64_t width = V::size;
    int64_t steps, stride, length, last;  // `last`: lanes of the last step of a row, or of all steps across slices

    Strip(const Slices& s, int64_t columns)
        : steps(is_row ? (s.length + width - 1) / width : s.length),
          stride(is_row ? width : s.inner),
          length(s.length),
          last(is_row ? s.length - (steps - 1) * width : columns) {}

    // f(element, part, lanes) for all steps and parts.
    template <class F> void each(F f) const {
        auto step = [&](int64_t i, int64_t n) {
#pragma GCC unroll 8
            for (int k = 0; k < parts; ++k) f(i * stride + k * width, k, n);
        };
        for (int64_t i = 0; i + 1 < steps; ++i) step(i, is_row || parts > 1 ? width : last);
        step(steps - 1, parts > 1 ? width : last);
    }
    static V load(const T* p, int64_t n) { return n == width ? load_vec(p) : load_vec(p, n); }
    static void store(T* p, int64_t n, V x) {
        if (n == width) store_vec(p, x);
        else store_vec(p, x, n);
    }
    // The next row of memory is on its way while this one is computed.
    void expect(const T* p) const {
        if constexpr (is_row) __builtin_prefetch(p + length);
    }
    void expect_write(T* p) const {
        if constexpr (is_row) __builtin_prefetch(p + length, 1);
    }
    // x with the lanes that hold no element replaced.
    static V padded(V x, int64_t n, V fill) { return n == width ? x : select(first_lanes<C>(n), x, fill); }
    static V total(V sum) { return is_row ? V(sum_lanes(sum)) : sum; }
    static V highest(V x) { return is_row ? V(max_lanes(x)) : x; }

    template <bool log> void softmax(T* out, const T* in) const {
        const V lowest(-std::numeric_limits<C>::infinity());
        V top[parts], sum[parts], shift[parts], scale[parts];
        for (int k = 0; k < parts; ++k) top[k] = lowest, sum[k] = V(0);
        // A NaN passes unseen here, but makes the sum NaN.
        each([&](int64_t i, int k, int64_t n) {
            top[k] = V(native::larger<C>(padded(load(in + i, n), n, lowest).v, top[k].v));
        });
        for (int k = 0; k < parts; ++k) top[k] = highest(top[k]);
        // float and double keep the exponentials in `out`; a 16-bit `out` would round them.
        constexpr bool keeps = std::is_same_v<T, C> && !log;
        each([&](int64_t i, int k, int64_t n) {
            V e = vm::exp_nonpositive(load(in + i, n) - top[k]);
            expect(in + i), expect_write(out + i);
            if constexpr (keeps) store(out + i, n, e);
            sum[k] += padded(e, n, V(0));
        });
        for (int k = 0; k < parts; ++k) {
            V all = total(sum[k]);
            scale[k] = V(1) / all;
            shift[k] = log ? top[k] + vm::log(all) : top[k];
        }
        each([&](int64_t i, int k, int64_t n) {
            if constexpr (keeps) store(out + i, n, load(out + i, n) * scale[k]);
            else if constexpr (log) store(out + i, n, load(in + i, n) - shift[k]);
            else store(out + i, n, vm::exp_nonpositive(load(in + i, n) - shift[k]) * scale[k]);
        });
    }
    template <bool log> void backward(T* grad_in, const T* grad, const T* result) const {
        V sum[parts];
        for (int k = 0; k < parts; ++k) sum[k] = V(0);
        each([&](int64_t i, int k, int64_t n) {
            V g = load(grad + i, n);
            sum[k] += log ? g : g * load(result + i, n);
        });
        for (int k = 0; k < parts; ++k) sum[k] = total(sum[k]);
        each([&](int64_t i, int k, int64_t n) {
            V g = load(grad + i, n), y = load(result + i, n);
            expect(grad + i), expect(result + i), expect_write(grad_in + i);
            store(grad_in + i, n, log ? g - vm::exp(y) * sum[k] : y * (g - sum[k]));
        });
    }
};

// f(strip, offset) for all strips, the strip of the fitting kind.
template <class T, class F> void each_strip(const Slices& slices, F f) {
    constexpr int parts = 4;
    constexpr int64_t width = Vec<op_type<T>>::size;
    slices.each_strip(
        parts * width,
        [&](int64_t at, int64_t columns, int64_t, int64_t) {
            if (slices.inner == 1) f(Strip<T, true>(slices, columns), at);
            else if (columns == parts * width) f(Strip<T, false, parts>(slices, columns), at);
            else
                for (int64_t j = 0; j < columns; j += width)
                    f(Strip<T, false>(slices, std::min(width, columns - j)), at + j);
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
