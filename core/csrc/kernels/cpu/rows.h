// Loops over one contiguous row by vectors, for kernels that need more than one pass over it.
#pragma once

#include <type_traits>

#include "kernels/vec/vec.h"

namespace taeda::cpu {

// 0, 1, 2, ... in the lanes.
template <class T> Vec<T> lane_numbers() {
    T lanes[Vec<T>::size];
    for (int i = 0; i < Vec<T>::size; ++i) lanes[i] = T(i);
    return Vec<T>::load(lanes);
}

// How many elements a step of a loop takes: Whole<T> is known when compiling, the rest of a row is an
// int64_t.
template <class T> using Whole = std::integral_constant<int64_t, Vec<T>::size>;

// `count` elements from p or to p.
template <class S, class Count> Vec<op_type<S>> load_some(const S* p, Count count) {
    if constexpr (std::is_same_v<Count, int64_t>) return load_vec(p, count);
    else return load_vec(p);
}
template <class S, class Count> void store_some(S* p, Vec<op_type<S>> v, Count count) {
    if constexpr (std::is_same_v<Count, int64_t>) store_vec(p, v, count);
    else store_vec(p, v);
}

// f(i, count) for consecutive vectors of n elements; count is Whole<T> but for the last.
template <class T, class F> inline void each_vector(int64_t n, F&& f) {
    constexpr int64_t V = Vec<T>::size;
    int64_t i = 0;
    for (; i + V <= n; i += V) f(i, Whole<T>());
    if (i < n) f(i, n - i);
}

// Sum of the vectors f(i, count) over n elements, in a fixed order; lanes behind `count` do not count.
template <class T, class F> inline T vector_sum(int64_t n, F&& f) {
    using V = Vec<T>;
    V sums[4] = {V(0), V(0), V(0), V(0)};
    int64_t i = 0;
    for (; i + 4 * V::size <= n; i += 4 * V::size) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) sums[j] += f(i + j * V::size, Whole<T>());
    }
    for (; i + V::size <= n; i += V::size) sums[0] += f(i, Whole<T>());
    if (i < n) sums[1] += select(lane_numbers<T>() < V(T(n - i)), f(i, n - i), V(0));
    return sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Two sums at once: f(i, count, a, b) sets the vectors to add; lanes behind `count` must be set to zero by
// the loads.
template <class T> struct Pair {
    T first, second;
};
template <class T, class F> inline Pair<T> vector_sums(int64_t n, F&& f) {
    using V = Vec<T>;
    V first[2] = {V(0), V(0)}, second[2] = {V(0), V(0)}, a, b;
    int64_t i = 0;
    for (; i + 2 * V::size <= n; i += 2 * V::size) {
#pragma GCC unroll 2
        for (int j = 0; j < 2; ++j) {
            f(i + j * V::size, Whole<T>(), a, b);
            first[j] += a, second[j] += b;
        }
    }
    for (; i + V::size <= n; i += V::size) {
        f(i, Whole<T>(), a, b);
        first[0] += a, second[0] += b;
    }
    if (i < n) {
        f(i, n - i, a, b);
        Mask<T> inside = lane_numbers<T>() < V(T(n - i));
        first[0] += select(inside, a, V(0)), second[0] += select(inside, b, V(0));
    }
    return {sum_lanes(first[0] + first[1]), sum_lanes(second[0] + second[1])};
}

// Count, mean and sum of squared deviations, combined by Chan, Golub and LeVeque's formula.
template <class T> struct Moments {
    int64_t count = 0;
    T mean = 0, squares = 0;

    void add(const Moments& o) {
        if (o.count == 0) return;
        int64_t total = count + o.count;
        T delta = o.mean - mean, share = T(o.count) / T(total);
        squares += o.squares + delta * delta * T(count) * share;
        mean += delta * share;
        count = total;
    }
};

// Of n elements: two passes over blocks that stay in the first-level cache.
template <class S> Moments<op_type<S>> moments(const S* p, int64_t n) {
    using T = op_type<S>;
    constexpr int64_t kBlock = 1024;
    Moments<T> all;
    for (int64_t at = 0; at < n; at += kBlock) {
        int64_t length = std::min(kBlock, n - at);
        const S* block = p + at;
        T mean = vector_sum<T>(length, [&](int64_t i, auto count) { return load_some(block + i, count); }) / T(length);
        T squares = vector_sum<T>(length, [&](int64_t i, auto count) {
            Vec<T> d = load_some(block + i, count) - Vec<T>(mean);
            return d * d;
        });
        all.add({length, mean, squares});
    }
    return all;
}

}  // namespace taeda::cpu
