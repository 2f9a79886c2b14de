// Real transforms of even length n = 2 m from complex ones of length m, on pairs of reals.
#pragma once

#include "kernels/cpu/fft_plan.h"

namespace taeda::cpu {

template <class T> class RealStep {
    using C = std::complex<T>;

public:
    explicit RealStep(int64_t n) : m_(n / 2) {
        for (int64_t k = 0; 4 * k <= n; ++k) {
            auto w = unit_root(-k, n);
            re_.push_back(T(w.real()));
            im_.push_back(T(w.imag()));
        }
    }
    int64_t size() const { return 2 * m_; }

    // z, the transform of x[2 j] + i x[2 j + 1], becomes that of x, elements 0 to m. One row in each lane.
    template <class V> void take_apart(Split<V> z) const {
        V first = z.re[0];
        z.re[0] = first + z.im[0];
        z.re[m_] = first - z.im[0];
        z.im[0] = z.im[m_] = V{};
        for (int64_t k = 1; 2 * k <= m_; ++k)
            apart(z.re[k], z.im[k], z.re[m_ - k], z.im[m_ - k], re_[size_t(k)], im_[size_t(k)]);
    }
    // The way back, times two.
    template <class V> void put_together(Split<V> z) const {
        V first = z.re[0];
        z.re[0] = first + z.re[m_];
        z.im[0] = first - z.re[m_];
        for (int64_t k = 1; 2 * k <= m_; ++k)
            together(z.re[k], z.im[k], z.re[m_ - k], z.im[m_ - k], re_[size_t(k)], im_[size_t(k)]);
    }

    // The same for one row of interleaved numbers, whose neighbours fill the vectors; from z, which may be `to`.
    void take_apart(const C* z, C* to) const {
        const C first = z[0];
        each_pair(z, to, [](auto&... values) { apart(values...); });
        to[0] = {first.real() + first.imag(), 0};
        to[m_] = {first.real() - first.imag(), 0};
    }
    void put_together(const C* z, C* to) const {
        const T first = z[0].real(), last = z[m_].real();
        each_pair(z, to, [](auto&... values) { together(values...); });
        to[0] = {first + last, first - last};
    }

private:
    template <class V, class W> static void apart(V& kr, V& ki, V& mr, V& mi, const W& wr, const W& wi) {
        V even_r = (kr + mr) * T(0.5), even_i = (ki - mi) * T(0.5);
        V odd_r = (ki + mi) * T(0.5), odd_i = (mr - kr) * T(0.5);
        V turn_r = odd_r * wr - odd_i * wi, turn_i = odd_r * wi + odd_i * wr;
        kr = even_r + turn_r;
        ki = even_i + turn_i;
        mr = even_r - turn_r;
        mi = turn_i - even_i;
    }
    template <class V, class W> static void together(V& kr, V& ki, V& mr, V& mi, const W& wr, const W& wi) {
        V even_r = kr + mr, even_i = ki - mi, odd_r = kr - mr, odd_i = ki + mi;
        V turn_r = odd_r * wi - odd_i * wr, turn_i = odd_r * wr + odd_i * wi;  // i conj(w) odd
        kr = even_r + turn_r;
        ki = even_i + turn_i;
        mr = even_r - turn_r;
        mi = turn_i - even_i;
    }

    // f(elements k, elements m - k, twiddles k) for every pair, by vectors as long as the two do not meet.
    template <class F> void each_pair(const C* z, C* to, F f) const {
        constexpr int64_t L = kLanes<T>;
        int64_t k = 1;
        for (; 2 * (k + L) <= m_ + 1; k += L) pair<Lanes<T>>(z, to, k, m_ - k - L + 1, f);
        for (; 2 * k <= m_; ++k) pair<T>(z, to, k, m_ - k, f);
    }
    template <class V, class F> void pair(const C* z, C* to, int64_t k, int64_t back, F f) const {
        V kr, ki, mr, mi, wr, wi;
        load_complex(z + k, kr, ki);
        load_complex(z + back, mr, mi);
        std::memcpy(&wr, &re_[size_t(k)], sizeof(V));
        std::memcpy(&wi, &im_[size_t(k)], sizeof(V));
        mr = turned(mr), mi = turned(mi);
        f(kr, ki, mr, mi, wr, wi);
        if (k != back) store_complex(to + back, turned(mr), turned(mi));
        store_complex(to + k, kr, ki);
    }
    template <class V> static V turned(V v) {
        if constexpr (LaneTraits<V>::count == 1) return v;
        else return reversed(v);
    }

    int64_t m_;
    std::vector<T> re_, im_;
};

}  // namespace taeda::cpu
