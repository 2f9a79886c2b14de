#include "kernels/softmax.h"

#include "kernels/cpu/slices.h"
#include "kernels/vec/vec_math.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kGrainExponentials = kGrainElements / 4;

template <class C> constexpr C lowest = -std::numeric_limits<C>::infinity();

// The first n lanes, at most a register full.
template <class T> Vec<op_type<T>> load(const T* p, int64_t n) {
    return n == Vec<op_type<T>>::size ? load_vec(p) : load_vec(p, n);
}
template <class T> void store(T* p, int64_t n, Vec<op_type<T>> x) {
    if (n == Vec<op_type<T>>::size) store_vec(p, x);
    else store_vec(p, x, n);
}

// float and double keep the exponentials in the result; a 16-bit result would round them.
template <class T, bool log> constexpr bool keeps_exponentials = std::is_same_v<T, op_type<T>> && !log;

// The result, from the exponentials in `out` where they were kept.
template <class T, bool log>
void normalize(T* out, const T* in, int64_t n, Vec<op_type<T>> shift, Vec<op_type<T>> scale) {
    if constexpr (keeps_exponentials<T, log>) store<T>(out, n, load<T>(out, n) * scale);
    else if constexpr (log) store<T>(out, n, load<T>(in, n) - shift);
    else store<T>(out, n, vm::exp_nonpositive(load<T>(in, n) - shift) * scale);
}

// What an element adds to the sum that the gradient needs; the gradient.
template <class T, bool log> Vec<op_type<T>> weight(const T* grad, const T* result, int64_t n) {
    Vec<op_type<T>> g = load<T>(grad, n);
    if constexpr (log) return g;
    else return g * load<T>(result, n);
}
template <class T, bool log> void gradient(T* grad_in, const T* grad, const T* result, int64_t n, Vec<op_type<T>> sum) {
    Vec<op_type<T>> g = load<T>(grad, n), y = load<T>(result, n);
    if constexpr (log) store<T>(grad_in, n, g - vm::exp(y) * sum);
    else store<T>(grad_in, n, y * (g - sum));
}

// A strip of neighbouring slices: each lane is a slice of its own, and a step takes `parts` registers of them.
template <class T, int parts = 1> struct Strip {
    using C = op_type<T>;
    using V = Vec<C>;
    static constexpr int64_t width = V::size;
    int64_t steps, stride, columns;  // `columns`: lanes in use where there is but one part

    // f(element, part, lanes) for all steps and parts.
    template <class F> void each(F f) const {
        for (int64_t i = 0; i < steps; ++i)
#pragma GCC unroll 8
            for (int k = 0; k < parts; ++k) f(i * stride + k * width, k, parts > 1 ? width : columns);
    }

    template <bool log> void softmax(T* out, const T* in) const {
        V top[parts], sum[parts], shift[parts], scale[parts];
        for (int k = 0; k < parts; ++k) top[k] = V(lowest<C>), sum[k] = V(0);
        // A NaN passes unseen here, but makes the sum NaN.
        each([&](int64_t i, int k, int64_t n) { top[k] = V(native::larger<C>(load<T>(in + i, n).v, top[k].v)); });
        each([&](int64_t i, int k, int64_t n) {
            V e = vm::exp_nonpositive(load<T>(in + i, n) - top[k]);
            if constexpr (keeps_exponentials<T, log>) store<T>(out + i, n, e);
            sum[k] += e;
        });
        for (int k = 0; k < parts; ++k) {
            scale[k] = V(1) / sum[k];
            shift[k] = log ? top[k] + vm::log(sum[k]) : top[k];
        }
        each([&](int64_t i, int k, int64_t n) { normalize<T, log>(out + i, in + i, n, shift[k], scale[k]); });
    }
    template <bool log> void backward(T* grad_in, const T* grad, const T* result) const {
        V sum[parts];
        for (int k = 0; k < parts; ++k) sum[k] = V(0);
        each([&](int64_t i, int k, int64_t n) { sum[k] += weight<T, log>(grad + i, result + i, n); });
        each([&](int64_t i, int k, int64_t n) { gradient<T, log>(grad_in + i, grad + i, result + i, n, sum[k]); });
    }
};

// Rows of memory. The passes of a softmax take three short rows at a time in one loop, the row in a pass being followed
// by the next one in the pass before: combining the lanes at the end of a row holds up nothing, and memory is read while
// exponentials are computed.
template <class T> struct Rows {
    using C = op_type<T>;
    using V = Vec<C>;
    static constexpr int64_t width = V::size;
    static constexpr int64_t kShortBytes = 6 << 10;  // of a row: several stay in the first-level cache
    static constexpr unsigned kLargest = 1, kSum = 2, kNormalize = 4;
    int64_t length;

    template <class F> void each(F f) const {
        int64_t i = 0;
        for (; i + width <= length; i += width) f(i, width);
        if (i < length) f(i, length - i);
    }
    // x with the lanes that hold no element replaced.
    static V padded(V x, int64_t n, V fill) { return n == width ? x : select(first_lanes<C>(n), x, fill); }

    // What a pass found out for the next one.
    struct Found {
        V top{0}, shift{0}, scale{0};
    };
    // The largest element of `row`, the sum of the exponentials of the row before, the result of the one before that.
    template <bool log, unsigned passes> void pass(T* out, const T* in, int64_t row, Found& found) const {
        const Found before = found;
        const int64_t a = row * length, b = a - length, c = b - length;
        V top(lowest<C>), sum(0);
        each([&](int64_t i, int64_t n) {
            // The other way round: a load soon after a store at the same place of another page waits for it.
            const int64_t down = passes & kSum ? length - i - n : i;
            // A NaN passes unseen here, but makes the sum NaN.
            if constexpr (passes & kLargest)
                top = V(native::larger<C>(padded(load<T>(in + a + down, n), n, V(lowest<C>)).v, top.v));
            if constexpr (passes & kSum) {
                V e = vm::exp_nonpositive(load<T>(in + b + i, n) - before.top);
                if constexpr (keeps_exponentials<T, log>) store<T>(out + b + i, n, e);
                sum += padded(e, n, V(0));
                __builtin_prefetch(out + (passes & kLargest ? a : b) + i, 1);
            }
            if constexpr (passes & kNormalize)
                normalize<T, log>(out + c + down, in + c + down, n, before.shift, before.scale);
        });
        if constexpr (passes & kSum) {
            V total(sum_lanes(sum));
            found.scale = V(1) / total;
            found.shift = log ? before.top + vm::log(total) : before.top;
        }
        if constexpr (passes & kLargest) found.top = V(max_lanes(top));
    }
    template <bool log> void softmax(T* out, const T* in, int64_t from, int64_t to) const {
        const bool is_short = length * int64_t(sizeof(T)) <= kShortBytes;
        Found found;
        for (int64_t row = from; row < to + 2; ++row) {
            if (is_short && row >= from + 2 && row < to) {
                pass<log, kLargest | kSum | kNormalize>(out, in, row, found);
            } else if (is_short) {
                if (row >= from + 2) pass<log, kNormalize>(out, in, row, found);
                if (row > from && row <= to) pass<log, kSum>(out, in, row, found);
                if (row < to) pass<log, kLargest>(out, in, row, found);
            } else if (row < to) {
                pass<log, kLargest>(out, in, row, found);
                pass<log, kSum>(out, in, row + 1, found);
                pass<log, kNormalize>(out, in, row + 2, found);
            }
        }
    }
    template <bool log> void backward(T* grad_in, const T* grad, const T* result, int64_t from, int64_t to) const {
        for (int64_t at = from * length; at < to * length; at += length) {
            V sum(0);
            each([&](int64_t i, int64_t n) {
                sum += weight<T, log>(grad + at + i, result + at + i, n);
                __builtin_prefetch(grad_in + at + i, 1);
            });
            const V total(sum_lanes(sum));
            each([&](int64_t i, int64_t n) {
                __builtin_prefetch(grad + at + length + i), __builtin_prefetch(result + at + length + i);
                gradient<T, log>(grad_in + at + i, grad + at + i, result + at + i, n, total);
            });
        }
    }
};

// rows(Rows, from, to) for pieces of the slices that are rows of memory, otherwise strip(Strip, offset) for all strips.
template <class T, class R, class S> void each_slice(const Slices& slices, R rows, S strip) {
    constexpr int parts = 4;
    constexpr int64_t width = Vec<op_type<T>>::size;
    if (slices.numel() == 0) return;
    if (slices.inner == 1)
        return parallel_for(0, slices.outer, row_grain(slices.length, kGrainExponentials),
                            [&](int64_t from, int64_t to) { rows(Rows<T>{slices.length}, from, to); });
    slices.each_strip(
        parts * width,
        [&](int64_t at, int64_t columns, int64_t, int64_t) {
            if (columns == parts * width) return strip(Strip<T, parts>{slices.length, slices.inner, width}, at);
            for (int64_t j = 0; j < columns; j += width)
                strip(Strip<T>{slices.length, slices.inner, std::min(width, columns - j)}, at + j);
        },
        kGrainExponentials);
}

template <bool log> void forward(const Tensor& out, const Tensor& in, int64_t dim) {
    visit_floating(in.dtype(), log ? "log_softmax" : "softmax", [&]<class T>() {
        T* to = out.data<T>();
        const T* x = in.data<T>();
        each_slice<T>(
            Slices(in, dim),
            [&](const auto& rows, int64_t from, int64_t end) { rows.template softmax<log>(to, x, from, end); },
            [&](const auto& strip, int64_t at) { strip.template softmax<log>(to + at, x + at); });
    });
}
template <bool log> void backward(const Tensor& grad_in, const Tensor& grad, const Tensor& result, int64_t dim) {
    visit_floating(grad.dtype(), log ? "log_softmax_backward" : "softmax_backward", [&]<class T>() {
        T* to = grad_in.data<T>();
        const T *g = grad.data<T>(), *y = result.data<T>();
        each_slice<T>(
            Slices(grad, dim),
            [&](const auto& rows, int64_t from, int64_t end) { rows.template backward<log>(to, g, y, from, end); },
            [&](const auto& strip, int64_t at) { strip.template backward<log>(to + at, g + at, y + at); });
    });
}

}  // namespace

TAEDA_REGISTER(cpu, softmax, forward<false>)
TAEDA_REGISTER(cpu, log_softmax, forward<true>)
TAEDA_REGISTER(cpu, softmax_backward, backward<false>)
TAEDA_REGISTER(cpu, log_softmax_backward, backward<true>)

}  // namespace taeda::cpu
