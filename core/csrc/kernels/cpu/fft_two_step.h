// Transform of one row of length N = P * Q in two steps that both work on vectors of neighbours in memory.
//
// With x[q + Q p] and X[u + P v]: first the transforms over p, for one vector of neighbouring q after the other; times
// the twiddles w^(q u); turned over, so that u lies along the vectors; then the transforms over q. Both steps touch every
// cache line once, and what they work on at a time stays in the first caches.
#pragma once

#include "kernels/cpu/fft_plan.h"
#include "kernels/cpu/parallel.h"

namespace taeda::cpu {

template <class T> class TwoStepPlan {
    using V = Lanes<T>;
    using C = std::complex<T>;
    static constexpr int64_t L = kLanes<T>;

public:
    // The factor P nearest below or at the root of n such that P and n / P fill vectors and have small primes; 0: none.
    static int64_t split(int64_t n) {
        int64_t rest = n;
        for (int64_t radix = 2; radix <= FftPlan<T>::kLargestRadix; ++radix)
            while (rest % radix == 0) rest /= radix;
        if (rest > 1) return 0;
        for (auto p = int64_t(std::sqrt(double(n))); p >= L; --p)
            if (n % p == 0 && n / p <= kMostUneven * p) return p;
        return 0;
    }

    TwoStepPlan(int64_t n, int64_t p) : p_(p), q_(n / p), columns_(p), rows_(n / p) {
        const int64_t groups = (q_ + L - 1) / L;
        for (int64_t u = 0; u < p_; ++u) {
            V re = {}, im = {};
            for (int64_t l = 0; l < L; ++l) {
                auto w = unit_root(-l * u, n);
                re[l] = T(w.real()), im[l] = T(w.imag());
            }
            within_.push_back({re, im});
        }
        for (int64_t g = 0; g < groups; ++g)
            for (int64_t u = 0; u < p_; ++u) {
                auto w = unit_root(-g * L * u, n);
                across_.emplace_back(T(w.real()), T(w.imag()));
            }
    }

    int64_t size() const { return p_ * q_; }
    // Vectors that `run` needs as work space.
    int64_t work_size() const { return 2 * middle_size() + std::max(column_work(), row_work()); }

    // in and out have n elements each and may not overlap. Without work space, threads share the work.
    void run(const C* in, C* out, V* work, bool forward, T scale) const {
        const int64_t column_groups = (q_ + L - 1) / L, row_groups = (p_ + L - 1) / L;
        if (work) {
            V* rest = work + 2 * middle_size();
            Split<V> middle{work, work + middle_size()};
            transform_columns(in, middle, rest, forward, 0, column_groups);
            transform_rows(middle, out, rest, forward, scale, 0, row_groups);
            return;
        }
        FftBuffer<V> shared(2 * middle_size());
        Split<V> middle{shared.get(), shared.get() + middle_size()};
        parallel_for(0, column_groups, 1, [&](int64_t from, int64_t to) {
            transform_columns(in, middle, FftBuffer<V>(column_work()).get(), forward, from, to);
        });
        parallel_for(0, row_groups, 1, [&](int64_t from, int64_t to) {
            transform_rows(middle, out, FftBuffer<V>(row_work()).get(), forward, scale, from, to);
        });
    }

private:
    static constexpr int64_t kMostUneven = 64;
    struct Twiddle {
        V re, im;
    };

    // Vectors from one row between the steps to the next: no power of two.
    int64_t stride() const { return (p_ + L - 1) / L + 1; }
    int64_t middle_size() const { return q_ * stride(); }
    int64_t column_work() const { return 2 * std::max(stride() * L, columns_.work_size()) + 2 * stride() * L; }
    int64_t row_work() const { return 2 * q_ + 2 * rows_.work_size(); }

    void transform_columns(const C* in, Split<V> middle, V* memory, bool forward, int64_t from, int64_t to) const {
        const int64_t length = stride() * L, work = std::max(length, columns_.work_size());
        const Split<V> data{memory, memory + length}, space{memory + 2 * length, memory + 2 * length + work};
        std::fill(memory, memory + column_work(), V{});  // the last block may reach past p
        for (int64_t g = from; g < to; ++g) {
            const int64_t count = std::min(L, q_ - g * L);
            const C* x = in + g * L;
            for (int64_t p = 0; p < p_; ++p) load_complex(x + p * q_, data.re[p], data.im[p], count);
            const Split<V> y = forward ? columns_.run(data, space) : columns_.run_backward(data, space);
            const C* w = &across_[size_t(g * p_)];
            for (int64_t u = 0; u < p_; ++u) {
                const Twiddle& t = within_[size_t(u)];
                const T ar = w[u].real(), ai = forward ? w[u].imag() : -w[u].imag();
                const V ti = forward ? t.im : -t.im;
                V wr = t.re * ar - ti * ai, wi = t.re * ai + ti * ar;
                V xr = y.re[u], xi = y.im[u];
                y.re[u] = xr * wr - xi * wi;
                y.im[u] = xr * wi + xi * wr;
            }
            for (int64_t block = 0; block * L < p_; ++block) {
                const int64_t at = g * L * stride() + block;
                turn(y.re + block * L, middle.re + at, count);
                turn(y.im + block * L, middle.im + at, count);
            }
        }
    }

    void turn(V* block, V* to, int64_t count) const {
        transpose(block);
        for (int64_t l = 0; l < count; ++l) to[l * stride()] = block[l];
    }

    void transform_rows(Split<V> middle, C* out, V* memory, bool forward, T scale, int64_t from, int64_t to) const {
        const int64_t work = rows_.work_size();
        const Split<V> data{memory, memory + q_}, space{memory + 2 * q_, memory + 2 * q_ + work};
        for (int64_t g = from; g < to; ++g) {
            const int64_t count = std::min(L, p_ - g * L);
            for (int64_t q = 0; q < q_; ++q) {
                data.re[q] = middle.re[q * stride() + g];
                data.im[q] = middle.im[q * stride() + g];
            }
            const Split<V> y = forward ? rows_.run(data, space) : rows_.run_backward(data, space);
            C* x = out + g * L;
            for (int64_t v = 0; v < q_; ++v) store_complex(x + v * p_, y.re[v] * scale, y.im[v] * scale, count);
        }
    }

    int64_t p_, q_;
    FftPlan<T> columns_, rows_;
    std::vector<Twiddle> within_;  // w^(l u), l along the vector
    std::vector<C> across_;        // w^(g L u)
};

}  // namespace taeda::cpu
