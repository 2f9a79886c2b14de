// Complex numbers in SIMD vectors: interleaved in memory, real and imaginary parts apart in registers.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <type_traits>
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
template <class V> [[gnu::always_inline]] inline void transpose(V* rows) {
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

// f(first, count) for blocks of `size` that cover 0 .. n - 1: the last one overlaps, unless n is below a block.
template <class F> void each_block(int64_t n, int64_t size, F f) {
    if (n < size) return f(0, n);
    for (int64_t k = 0; k < n; k += size) f(k + size <= n ? k : n - size, size);
}
template <class V, class F> void each_vector(int64_t n, F f) { each_block(n, LaneTraits<V>::count, f); }

// A block of complex numbers to transpose: `size` numbers of each of as many rows as V has lanes. Numbers of 8 bytes
// move as a whole, half the lanes at a time, so that everything stays in registers.
template <class V> class RowBlock {
    using C = std::complex<typename LaneTraits<V>::Element>;
    using indices = lanes_detail::Indices<V>;
    static constexpr int64_t lanes = LaneTraits<V>::count;
    static constexpr bool whole = lanes > 1 && sizeof(C) == sizeof(double);
    using Moved = std::conditional_t<whole, Lanes<double>, V>;

public:
    static constexpr int64_t size = LaneTraits<Moved>::count;

    // Numbers from[l * stride + i] into lane l of vector i.
    static void load(const C* from, int64_t stride, int64_t rows, int64_t count, Split<V> to) {
        Moved first[size] = {}, second[size] = {};
        for (int64_t l = 0; l < std::min(rows, size); ++l) {
            if constexpr (whole) copy(&first[l], from + l * stride, count);
            else load_complex(from + l * stride, first[l], second[l], count);
        }
        if constexpr (whole)
            for (int64_t l = size; l < rows; ++l) copy(&second[l - size], from + l * stride, count);
        transpose(first);
        transpose(second);
        for (int64_t i = 0; i < count; ++i) {
            if constexpr (whole) {
                const V a = std::bit_cast<V>(first[i]), b = std::bit_cast<V>(second[i]);
                to.re[i] = lanes_detail::evens(a, b, indices()), to.im[i] = lanes_detail::odds(a, b, indices());
            } else to.re[i] = first[i], to.im[i] = second[i];
        }
    }

    static void store(C* to, int64_t stride, int64_t rows, int64_t count, Split<V> from,
                      typename LaneTraits<V>::Element scale) {
        Moved first[size] = {}, second[size] = {};
        for (int64_t i = 0; i < count; ++i) {
            const V re = from.re[i] * scale, im = from.im[i] * scale;
            if constexpr (whole) {
                first[i] = std::bit_cast<Moved>(lanes_detail::zip_low(re, im, indices()));
                second[i] = std::bit_cast<Moved>(lanes_detail::zip_high(re, im, indices()));
            } else first[i] = re, second[i] = im;
        }
        transpose(first);
        transpose(second);
        for (int64_t l = 0; l < std::min(rows, size); ++l) {
            if constexpr (whole) copy(to + l * stride, &first[l], count);
            else store_complex(to + l * stride, first[l], second[l], count);
        }
        if constexpr (whole)
            for (int64_t l = size; l < rows; ++l) copy(to + l * stride, &second[l - size], count);
    }

private:
    static void copy(void* to, const void* from, int64_t count) {
        if (count == size) std::memcpy(to, from, size_t(size) * sizeof(C));
        else std::memcpy(to, from, size_t(count) * sizeof(C));
    }
};

// `rows` rows of n complex numbers, `stride` apart, one into each lane of n vectors.
template <class V> void load_rows(const std::complex<typename LaneTraits<V>::Element>* from, int64_t stride,
                                  int64_t rows, int64_t n, Split<V> to) {
    each_block(n, RowBlock<V>::size, [&](int64_t k, int64_t count) {
        RowBlock<V>::load(from + k, stride, rows, count, {to.re + k, to.im + k});
    });
}

template <class V> void store_rows(std::complex<typename LaneTraits<V>::Element>* to, int64_t stride, int64_t rows,
                                   int64_t n, Split<V> from, typename LaneTraits<V>::Element scale) {
    each_block(n, RowBlock<V>::size, [&](int64_t k, int64_t count) {
        RowBlock<V>::store(to + k, stride, rows, count, {from.re + k, from.im + k}, scale);
    });
}

}  // namespace taeda::cpu
