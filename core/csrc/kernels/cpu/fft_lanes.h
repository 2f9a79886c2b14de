// Complex numbers in SIMD vectors: interleaved in memory, real and imaginary parts apart in registers.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <cstring>
#include <utility>

namespace taeda::cpu {

// Real and imaginary parts of n elements.
template <class V> struct Split {
    V* re;
    V* im;
};

template <class T> struct LanesOf {
    typedef T type __attribute__((vector_size(TAEDA_VEC_BYTES)));
};
template <class T> using Lanes = typename LanesOf<T>::type;
template <class T> constexpr int64_t kLanes = TAEDA_VEC_BYTES / int64_t(sizeof(T));

// The element type and the number of elements of V, a number or a vector.
template <class V> struct LaneTraits {
    using Element = V;
    static constexpr int64_t count = 1;
};
template <> struct LaneTraits<Lanes<float>> {
    using Element = float;
    static constexpr int64_t count = kLanes<float>;
};
template <> struct LaneTraits<Lanes<double>> {
    using Element = double;
    static constexpr int64_t count = kLanes<double>;
};

namespace lanes_detail {

template <class V, size_t... I> V evens(V a, V b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, int(2 * I)...);
}
template <class V, size_t... I> V odds(V a, V b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, int(2 * I + 1)...);
}
// Elements of a and b in turn, from the lower or the upper halves of both.
template <class V, size_t... I> V zip_low(V a, V b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, int(I / 2 + I % 2 * sizeof...(I))...);
}
template <class V, size_t... I> V zip_high(V a, V b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, int(I / 2 + I % 2 * sizeof...(I) + sizeof...(I) / 2)...);
}
template <class V, size_t... I> V reversed(V a, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, a, int(sizeof...(I) - 1 - I)...);
}
template <class V> using Indices = std::make_index_sequence<size_t(LaneTraits<V>::count)>;

}  // namespace lanes_detail

template <class V> V reversed(V a) { return lanes_detail::reversed(a, lanes_detail::Indices<V>()); }

// Loads the vector's lanes from consecutive complex numbers; the first `count` of them, zeros after these.
template <class V> void load_complex(const std::complex<typename LaneTraits<V>::Element>* from, V& re, V& im,
                                     int64_t count = LaneTraits<V>::count) {
    if constexpr (LaneTraits<V>::count == 1) {
        re = from->real(), im = from->imag();
    } else {
        using indices = lanes_detail::Indices<V>;
        constexpr int64_t lanes = LaneTraits<V>::count;
        V both[2] = {};
        if (count == lanes) {
            std::memcpy(both, from, sizeof(V));
            std::memcpy(both + 1, from + lanes / 2, sizeof(V));
        } else std::memcpy(both, from, size_t(count) * sizeof(*from));
        re = lanes_detail::evens(both[0], both[1], indices());
        im = lanes_detail::odds(both[0], both[1], indices());
    }
}

template <class V> void store_complex(std::complex<typename LaneTraits<V>::Element>* to, V re, V im,
                                      int64_t count = LaneTraits<V>::count) {
    if constexpr (LaneTraits<V>::count == 1) {
        *to = {re, im};
    } else {
        using indices = lanes_detail::Indices<V>;
        V both[2] = {lanes_detail::zip_low(re, im, indices()), lanes_detail::zip_high(re, im, indices())};
        constexpr int64_t lanes = LaneTraits<V>::count;
        if (count == lanes) {
            std::memcpy(static_cast<void*>(to), both, sizeof(V));
            std::memcpy(static_cast<void*>(to + lanes / 2), both + 1, sizeof(V));
        } else std::memcpy(static_cast<void*>(to), both, size_t(count) * sizeof(*to));
    }
}

// Exchanges rows and lanes of as many vectors as one has lanes. Spelled out, so that they stay in registers.
template <class V> void transpose(V* rows) {
    constexpr size_t n = size_t(LaneTraits<V>::count);
    if constexpr (n > 1) {
        [rows]<size_t... I>(std::index_sequence<I...> indices) {
            V now[n] = {rows[I]...};
            auto step = [&] {
                V next[n] = {(I % 2 ? lanes_detail::zip_high(now[I / 2], now[I / 2 + n / 2], indices)
                                    : lanes_detail::zip_low(now[I / 2], now[I / 2 + n / 2], indices))...};
                ((now[I] = next[I]), ...);
            };
            step();
            if constexpr (n > 2) step();
            if constexpr (n > 4) step();
            if constexpr (n > 8) step();
            ((rows[I] = now[I]), ...);
        }(std::make_index_sequence<n>());
    }
}

// f(first, count) for vectors of neighbours that cover 0 .. n - 1: the last one overlaps, unless n is below a vector.
template <class V, class F> void each_vector(int64_t n, F f) {
    constexpr int64_t lanes = LaneTraits<V>::count;
    if (n < lanes) return f(0, n);
    for (int64_t k = 0; k < n; k += lanes) f(k + lanes <= n ? k : n - lanes, lanes);
}

// `rows` rows of n complex numbers, `stride` apart, one into each lane of n vectors.
template <class V> void load_rows(const std::complex<typename LaneTraits<V>::Element>* from, int64_t stride,
                                  int64_t rows, int64_t n, Split<V> to) {
    constexpr int64_t lanes = LaneTraits<V>::count;
    each_vector<V>(n, [&](int64_t k, int64_t count) {
        V re[lanes] = {}, im[lanes] = {};
        for (int64_t l = 0; l < rows; ++l) load_complex(from + l * stride + k, re[l], im[l], count);
        transpose(re);
        transpose(im);
        for (int64_t i = 0; i < count; ++i) to.re[k + i] = re[i], to.im[k + i] = im[i];
    });
}

template <class V> void store_rows(std::complex<typename LaneTraits<V>::Element>* to, int64_t stride, int64_t rows,
                                   int64_t n, Split<V> from, typename LaneTraits<V>::Element scale) {
    constexpr int64_t lanes = LaneTraits<V>::count;
    each_vector<V>(n, [&](int64_t k, int64_t count) {
        V re[lanes] = {}, im[lanes] = {};
        for (int64_t i = 0; i < count; ++i) re[i] = from.re[k + i] * scale, im[i] = from.im[k + i] * scale;
        transpose(re);
        transpose(im);
        for (int64_t l = 0; l < rows; ++l) store_complex(to + l * stride + k, re[l], im[l], count);
    });
}

}  // namespace taeda::cpu
