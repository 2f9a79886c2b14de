// FftPlan: a transform of one length, as passes of small transforms (Stockham's order: no bit reversal).
//
// The element type V of the buffers is a number, or a SIMD vector that holds the same element of several rows; the
// arithmetic is the same for both. Lengths with a prime factor above kLargestRadix go through a convolution (Bluestein).
// Twiddles are computed in long double, so that errors are those of the arithmetic alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <memory>
#include <numbers>
#include <utility>
#include <vector>

#include "kernels/cpu/fft_lanes.h"
#include "tensor/storage.h"

namespace taeda::cpu {

// cos and sin of 2 pi k / n with the angle reduced to an eighth of a turn, where both are exact to the last place.
inline std::complex<long double> unit_root(int64_t k, int64_t n) {
    constexpr long double pi = std::numbers::pi_v<long double>;
    k %= n;
    if (k < 0) k += n;
    if (8 * k > 4 * n) return std::conj(unit_root(n - k, n));
    if (8 * k > 2 * n) {  // past a quarter turn: by symmetry to the vertical axis
        auto mirrored = n % 2 == 0 ? unit_root(n / 2 - k, n) : std::polar(1.0L, pi * (n - 2 * k) / n);
        return {-mirrored.real(), mirrored.imag()};
    }
    if (8 * k > n) {
        long double rest = pi * (n - 4 * k) / (2 * n);
        return {std::sin(rest), std::cos(rest)};
    }
    return std::polar(1.0L, 2 * pi * k / n);
}

// Memory for n elements, aligned for vectors, from the caching allocator.
template <class V> class FftBuffer {
public:
    explicit FftBuffer(int64_t n) : bytes_(size_t(n) * sizeof(V)), data_(static_cast<V*>(allocate_bytes(bytes_))) {}
    FftBuffer(const FftBuffer&) = delete;
    FftBuffer& operator=(const FftBuffer&) = delete;
    ~FftBuffer() { free_bytes(data_, bytes_); }
    V* get() const { return data_; }

private:
    size_t bytes_;
    V* data_;
};

template <class T> class FftPlan {
public:
    static constexpr int kLargestRadix = 31;

    explicit FftPlan(int64_t n) : n_(n) {
        int64_t rest = n;
        std::vector<int> radices;
        for (int radix : {4, 2, 3, 5})
            while (rest % radix == 0) radices.push_back(radix), rest /= radix;
        for (int radix = 7; radix <= kLargestRadix; radix += 2)
            while (rest % radix == 0) radices.push_back(radix), rest /= radix;
        if (rest > 1) {
            prepare_convolution();
            return;
        }
        int64_t length = n, stride = 1;
        for (int radix : radices) {
            Pass pass{radix, length / radix, stride, {}, {}};
            for (int64_t p = 0; p < pass.count; ++p)
                for (int j = 1; j < radix; ++j) pass.twiddles.push_back(root(-p * j, length));
            if (radix > 5)
                for (int j = 0; j < radix; ++j) pass.roots.push_back(root(j, radix));
            passes_.push_back(std::move(pass));
            length /= radix;
            stride *= radix;
        }
    }

    int64_t size() const { return n_; }
    // Elements that `run` needs as work space.
    int64_t work_size() const { return convolution_ ? 2 * convolution_->size() : n_; }

    // Forward transform of `data`; its result is in the buffer that is returned, one of the two. Swapping re and im
    // makes it the backward one.
    template <class V> Split<V> run(Split<V> data, Split<V> work) const {
        if (convolution_) return convolve(data, work);
        Split<V> from = data, to = work;
        for (const Pass& pass : passes_) {
            switch (pass.radix) {
                case 2: radix2(pass, from, to); break;
                case 3: radix3(pass, from, to); break;
                case 4: radix4(pass, from, to); break;
                case 5: radix5(pass, from, to); break;
                default: any_radix(pass, from, to);
            }
            std::swap(from, to);
        }
        return from;
    }
    template <class V> Split<V> run_backward(Split<V> data, Split<V> work) const {
        Split<V> swapped = run(Split<V>{data.im, data.re}, Split<V>{work.im, work.re});
        return {swapped.im, swapped.re};
    }

private:
    using C = std::complex<T>;

    // One pass: `count` times `stride` transforms of `radix` points each, then twiddles.
    struct Pass {
        int radix;
        int64_t count, stride;
        std::vector<C> twiddles;  // count x (radix - 1)
        std::vector<C> roots;     // of unity, for radices without a routine of their own
    };

    static C root(int64_t k, int64_t n) {
        auto w = unit_root(k, n);
        return C(T(w.real()), T(w.imag()));
    }

    template <class V> static void store(Split<V> to, int64_t at, V re, V im, C w) {
        to.re[at] = re * w.real() - im * w.imag();
        to.im[at] = re * w.imag() + im * w.real();
    }

    template <class V> static void radix2(const Pass& pass, Split<V> x, Split<V> y) {
        const int64_t m = pass.count, s = pass.stride;
        for (int64_t p = 0; p < m; ++p) {
            C w = pass.twiddles[size_t(p)];
            for (int64_t q = 0; q < s; ++q) {
                int64_t a = q + s * p, b = a + s * m, at = q + s * 2 * p;
                V ar = x.re[a], ai = x.im[a], br = x.re[b], bi = x.im[b];
                y.re[at] = ar + br;
                y.im[at] = ai + bi;
                store<V>(y, at + s, ar - br, ai - bi, w);
            }
        }
    }

    template <class V> static void radix3(const Pass& pass, Split<V> x, Split<V> y) {
        const int64_t m = pass.count, s = pass.stride;
        const T sine = T(std::numbers::sqrt3_v<long double> / 2);
        for (int64_t p = 0; p < m; ++p) {
            const C* w = &pass.twiddles[size_t(2 * p)];
            for (int64_t q = 0; q < s; ++q) {
                int64_t a = q + s * p, b = a + s * m, c = b + s * m, at = q + s * 3 * p;
                V sum_r = x.re[b] + x.re[c], sum_i = x.im[b] + x.im[c];
                V turn_r = (x.im[b] - x.im[c]) * sine, turn_i = (x.re[c] - x.re[b]) * sine;
                V mid_r = x.re[a] - sum_r * T(0.5), mid_i = x.im[a] - sum_i * T(0.5);
                y.re[at] = x.re[a] + sum_r;
                y.im[at] = x.im[a] + sum_i;
                store<V>(y, at + s, mid_r + turn_r, mid_i + turn_i, w[0]);
                store<V>(y, at + 2 * s, mid_r - turn_r, mid_i - turn_i, w[1]);
            }
        }
    }

    template <class V> static void radix4(const Pass& pass, Split<V> x, Split<V> y) {
        const int64_t m = pass.count, s = pass.stride;
        for (int64_t p = 0; p < m; ++p) {
            const C* w = &pass.twiddles[size_t(3 * p)];
            for (int64_t q = 0; q < s; ++q) {
                int64_t a = q + s * p, b = a + s * m, c = b + s * m, d = c + s * m, at = q + s * 4 * p;
                V even_r = x.re[a] + x.re[c], even_i = x.im[a] + x.im[c];
                V far_r = x.re[a] - x.re[c], far_i = x.im[a] - x.im[c];
                V odd_r = x.re[b] + x.re[d], odd_i = x.im[b] + x.im[d];
                V turn_r = x.im[b] - x.im[d], turn_i = x.re[d] - x.re[b];  // -i (b - d)
                y.re[at] = even_r + odd_r;
                y.im[at] = even_i + odd_i;
                store<V>(y, at + s, far_r + turn_r, far_i + turn_i, w[0]);
                store<V>(y, at + 2 * s, even_r - odd_r, even_i - odd_i, w[1]);
                store<V>(y, at + 3 * s, far_r - turn_r, far_i - turn_i, w[2]);
            }
        }
    }

    template <class V> static void radix5(const Pass& pass, Split<V> x, Split<V> y) {
        const int64_t m = pass.count, s = pass.stride;
        const C one = root(1, 5), two = root(2, 5);
        const T c1 = one.real(), s1 = one.imag(), c2 = two.real(), s2 = two.imag();
        for (int64_t p = 0; p < m; ++p) {
            const C* w = &pass.twiddles[size_t(4 * p)];
            for (int64_t q = 0; q < s; ++q) {
                int64_t a = q + s * p, b = a + s * m, c = b + s * m, d = c + s * m, e = d + s * m;
                int64_t at = q + s * 5 * p;
                V be_r = x.re[b] + x.re[e], be_i = x.im[b] + x.im[e], cd_r = x.re[c] + x.re[d],
                  cd_i = x.im[c] + x.im[d];
                V eb_r = x.re[b] - x.re[e], eb_i = x.im[b] - x.im[e], dc_r = x.re[c] - x.re[d],
                  dc_i = x.im[c] - x.im[d];
                V near_r = x.re[a] + be_r * c1 + cd_r * c2, near_i = x.im[a] + be_i * c1 + cd_i * c2;
                V far_r = x.re[a] + be_r * c2 + cd_r * c1, far_i = x.im[a] + be_i * c2 + cd_i * c1;
                V near_tr = eb_i * s1 + dc_i * s2, near_ti = -(eb_r * s1 + dc_r * s2);
                V far_tr = eb_i * s2 - dc_i * s1, far_ti = dc_r * s1 - eb_r * s2;
                y.re[at] = x.re[a] + be_r + cd_r;
                y.im[at] = x.im[a] + be_i + cd_i;
                store<V>(y, at + s, near_r + near_tr, near_i + near_ti, w[0]);
                store<V>(y, at + 2 * s, far_r + far_tr, far_i + far_ti, w[1]);
                store<V>(y, at + 3 * s, far_r - far_tr, far_i - far_ti, w[2]);
                store<V>(y, at + 4 * s, near_r - near_tr, near_i - near_ti, w[3]);
            }
        }
    }

    // Odd radices: points i and radix - i enter by their sum and difference.
    template <class V> static void any_radix(const Pass& pass, Split<V> x, Split<V> y) {
        const int r = pass.radix, half = r / 2;
        const int64_t m = pass.count, s = pass.stride;
        V sum_r[kLargestRadix / 2], sum_i[kLargestRadix / 2], dif_r[kLargestRadix / 2], dif_i[kLargestRadix / 2];
        for (int64_t p = 0; p < m; ++p) {
            const C* w = &pass.twiddles[size_t((r - 1) * p)];
            for (int64_t q = 0; q < s; ++q) {
                const int64_t first = q + s * p, at = q + s * r * p;
                const V zero_r = x.re[first], zero_i = x.im[first];
                V all_r = zero_r, all_i = zero_i;
                for (int i = 1; i <= half; ++i) {
                    int64_t a = first + s * m * i, b = first + s * m * (r - i);
                    sum_r[i - 1] = x.re[a] + x.re[b];
                    sum_i[i - 1] = x.im[a] + x.im[b];
                    dif_r[i - 1] = x.re[a] - x.re[b];
                    dif_i[i - 1] = x.im[a] - x.im[b];
                    all_r += sum_r[i - 1];
                    all_i += sum_i[i - 1];
                }
                y.re[at] = all_r;
                y.im[at] = all_i;
                for (int j = 1; j <= half; ++j) {
                    V mid_r = zero_r, mid_i = zero_i, turn_r = zero_r - zero_r, turn_i = turn_r;
                    for (int i = 1; i <= half; ++i) {
                        C c = pass.roots[size_t(i * j % r)];
                        mid_r += sum_r[i - 1] * c.real();
                        mid_i += sum_i[i - 1] * c.real();
                        turn_r += dif_i[i - 1] * c.imag();
                        turn_i -= dif_r[i - 1] * c.imag();
                    }
                    store<V>(y, at + s * j, mid_r + turn_r, mid_i + turn_i, w[j - 1]);
                    store<V>(y, at + s * (r - j), mid_r - turn_r, mid_i - turn_i, w[r - j - 1]);
                }
            }
        }
    }

    // Bluestein: 2 j k = j^2 + k^2 - (k - j)^2 makes the transform a convolution with a chirp.
    void prepare_convolution() {
        int64_t size = 1;
        while (size < 2 * n_ - 1) size *= 2;
        convolution_ = std::make_unique<FftPlan>(size);
        chirp_.resize(size_t(n_));
        response_.assign(size_t(size), C(0));
        for (int64_t k = 0; k < n_; ++k) {
            auto square = int64_t((__int128(k) * k) % (2 * n_));
            chirp_[size_t(k)] = root(-square, 2 * n_);
            response_[size_t(k)] = response_[size_t((size - k) % size)] = std::conj(chirp_[size_t(k)]);
        }
        const size_t points = response_.size();
        std::vector<T> re(points), im(points), work(2 * points);
        for (size_t k = 0; k < points; ++k) re[k] = response_[k].real(), im[k] = response_[k].imag();
        Split<T> result = convolution_->run(Split<T>{re.data(), im.data()}, Split<T>{work.data(), work.data() + size});
        for (size_t k = 0; k < points; ++k) response_[k] = C(result.re[k], result.im[k]) / T(size);
    }

    template <class V> Split<V> convolve(Split<V> data, Split<V> work) const {
        const int64_t size = convolution_->size();
        Split<V> more{work.re + size, work.im + size};
        for (int64_t k = 0; k < n_; ++k) store<V>(work, k, data.re[k], data.im[k], chirp_[size_t(k)]);
        std::fill(work.re + n_, work.re + size, V{});
        std::fill(work.im + n_, work.im + size, V{});
        Split<V> now = convolution_->run(work, more), other = now.re == work.re ? more : work;
        for (int64_t k = 0; k < size; ++k) store<V>(now, k, now.re[k], now.im[k], response_[size_t(k)]);
        now = convolution_->run_backward(now, other);
        for (int64_t k = 0; k < n_; ++k) store<V>(data, k, now.re[k], now.im[k], chirp_[size_t(k)]);
        return data;
    }

    int64_t n_;
    std::vector<Pass> passes_;
    std::unique_ptr<FftPlan> convolution_;
    std::vector<C> chirp_, response_;
};

}  // namespace taeda::cpu
