// Transform of one row of length N = P * Q in two steps that both work on vectors of neighbours in memory.
//
// With x[q + Q p] and X[u + P v]: first the transforms over p, for one vector of neighbouring q after the other; times
// the twiddles w^(q u); turned over, so that u lies along the vectors; then the transforms over q. Both steps touch every
// cache line once, and what they work on at a time stays in the first caches.
#pragma once

#include "kernels/cpu/fft_plan.h"
#include "kernels/cpu/parallel.h"
#include "tensor/storage.h"

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
    // Elements of T that a row needs between the steps.
    int64_t middle_size() const { return 2 * q_ * padded(); }

    // in and out have n elements each and may not overlap; `shared`: threads share the work.
    void run(const C* in, C* out, T* middle, bool forward, T scale, bool shared) const {
        T *re = middle, *im = middle + q_ * padded();
        auto first = [&](int64_t from, int64_t to) { transform_columns(in, re, im, forward, from, to); };
        auto second = [&](int64_t from, int64_t to) { transform_rows(re, im, out, forward, scale, from, to); };
        const int64_t column_groups = (q_ + L - 1) / L, row_groups = (p_ + L - 1) / L;
        if (shared) {
            parallel_for(0, column_groups, 1, first);
            parallel_for(0, row_groups, 1, second);
        } else {
            first(0, column_groups);
            second(0, row_groups);
        }
    }

private:
    static constexpr int64_t kMostUneven = 64;
    struct Twiddle {
        V re, im;
    };

    // Elements from one row between the steps to the next: whole vectors, and no power of two.
    int64_t padded() const { return (p_ + L - 1) / L * L + L; }

    void transform_columns(const C* in, T* re, T* im, bool forward, int64_t from, int64_t to) const {
        const int64_t length = padded(), work = columns_.work_size();
        FftBuffer<V> buffer(2 * length + 2 * work);
        V* memory = buffer.get();
        Split<V> data{memory, memory + length}, space{memory + 2 * length, memory + 2 * length + work};
        std::fill(memory, memory + 2 * length, V{});
        for (int64_t g = from; g < to; ++g) {
            const int64_t count = std::min(L, q_ - g * L);
            const C* x = in + g * L;
            for (int64_t p = 0; p < p_; ++p)
                load_complex(x + p * q_, forward ? data.re[p] : data.im[p], forward ? data.im[p] : data.re[p], count);
            columns_.run(data, space);
            const C* w = &across_[size_t(g * p_)];
            for (int64_t u = 0; u < p_; ++u) {
                const Twiddle& t = within_[size_t(u)];
                V wr = t.re * w[u].real() - t.im * w[u].imag(), wi = t.re * w[u].imag() + t.im * w[u].real();
                V xr = data.re[u], xi = data.im[u];
                data.re[u] = xr * wr - xi * wi;
                data.im[u] = xr * wi + xi * wr;
            }
            for (int64_t u = 0; u < p_; u += L) {
                turn(data.re + u, re + g * L * length + u, length, count);
                turn(data.im + u, im + g * L * length + u, length, count);
            }
        }
    }

    static void turn(V* block, T* to, int64_t stride, int64_t count) {
        transpose(block);
        for (int64_t l = 0; l < count; ++l) std::memcpy(to + l * stride, block + l, sizeof(V));
    }

    void transform_rows(const T* re, const T* im, C* out, bool forward, T scale, int64_t from, int64_t to) const {
        const int64_t length = padded(), work = rows_.work_size();
        FftBuffer<V> buffer(2 * q_ + 2 * work);
        V* memory = buffer.get();
        Split<V> data{memory, memory + q_}, space{memory + 2 * q_, memory + 2 * q_ + work};
        for (int64_t g = from; g < to; ++g) {
            const int64_t count = std::min(L, p_ - g * L);
            for (int64_t q = 0; q < q_; ++q) {
                std::memcpy(data.re + q, re + q * length + g * L, sizeof(V));
                std::memcpy(data.im + q, im + q * length + g * L, sizeof(V));
            }
            rows_.run(data, space);
            C* x = out + g * L;
            for (int64_t v = 0; v < q_; ++v) {
                V xr = data.re[v] * scale, xi = data.im[v] * scale;
                store_complex(x + v * p_, forward ? xr : xi, forward ? xi : xr, count);
            }
        }
    }

    int64_t p_, q_;
    FftPlan<T> columns_, rows_;
    std::vector<Twiddle> within_;  // w^(l u), l along the vector
    std::vector<C> across_;        // w^(g L u)
};

}  // namespace taeda::cpu
