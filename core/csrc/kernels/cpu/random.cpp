#include "kernels/random.h"

#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/philox.h"
#include "kernels/poisson.h"
#include "kernels/vec/vec_math.h"

namespace taeda::cpu {

namespace {

constexpr int kLanes = int(kRandomGroupBlocks);
using Words = RandomWords;

// Uniform numbers in [0, 1) of a whole group: 64 floats, or 32 doubles.
template <class C> struct Group {
    static constexpr int size = sizeof(C) == 8 ? 32 : 64;
    C u[size];
    void draw(uint64_t seed, uint64_t first_block) {
        Words words;
        draw_group(words, seed, first_block);
        if constexpr (sizeof(C) == 8)
            for (int e = 0; e < size; ++e)
                u[e] = double(int64_t((uint64_t(words[e]) | uint64_t(words[e + 32]) << 32) >> 11)) * 0x1p-53;
        else
            for (int e = 0; e < size; ++e) u[e] = float(int32_t(words[e] >> 8)) * 0x1p-24f;
    }
};

// body(group index, first element, elements) for all groups of n elements.
template <class C, class F> void for_groups(int64_t n, F&& body) {
    constexpr int64_t size = Group<C>::size;
    int64_t groups = (n + size - 1) / size;
    parallel_for(0, groups, std::max<int64_t>(1, 8192 / size), [&](int64_t from, int64_t to) {
        for (int64_t g = from; g < to; ++g) body(g, g * size, std::min(size, n - g * size));
    });
}

template <class T, class C> void put(T* to, const C* values, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] = T(values[i]);
}

// The upper half of the 128-bit product.
uint64_t upper_product(uint64_t a, uint64_t b) { return uint64_t((static_cast<unsigned __int128>(a) * b) >> 64); }

void uniform(const Tensor& out, double from, double to, uint64_t seed, uint64_t offset) {
    visit_floating(out.dtype(), "uniform_", [&]<class T>() {
        using C = op_type<T>;
        T* data = out.data<T>();
        const C start = C(from), range = C(to - from);
        for_groups<C>(out.numel(), [&](int64_t g, int64_t first, int64_t count) {
            Group<C> group;
            group.draw(seed, offset + uint64_t(g * kLanes));
            for (C& u : group.u) u = start + range * u;
            put(data + first, group.u, count);
        });
    });
}

// The halves of a group are the radii and the angles of pairs.
template <class C> void box_muller(Group<C>& group, C mean, C std) {
    constexpr int half = Group<C>::size / 2;
    using V = Vec<C>;
    for (int e = 0; e < half; e += int(V::size)) {
        V radius = vm::sqrt(vm::log(V(C(1)) - V::load(group.u + e)) * V(C(-2)));
        V angle = V::load(group.u + half + e) * V(C(6.283185307179586));
        (radius * vm::cos(angle) * V(std) + V(mean)).store(group.u + e);
        (radius * vm::sin(angle) * V(std) + V(mean)).store(group.u + half + e);
    }
}

void normal(const Tensor& out, double mean, double std, uint64_t seed, uint64_t offset) {
    visit_floating(out.dtype(), "normal_", [&]<class T>() {
        using C = op_type<T>;
        T* data = out.data<T>();
        for_groups<C>(out.numel(), [&](int64_t g, int64_t first, int64_t count) {
            Group<C> group;
            group.draw(seed, offset + uint64_t(g * kLanes));
            box_muller(group, C(mean), C(std));
            put(data + first, group.u, count);
        });
    });
}

void integers(const Tensor& out, int64_t from, uint64_t range, uint64_t seed, uint64_t offset) {
    int64_t* data = out.data<int64_t>();
    const bool short_range = range != 0 && range >> 32 == 0;
    for_groups<double>(out.numel(), [&](int64_t g, int64_t first, int64_t count) {
        Words words;
        draw_group(words, seed, offset + uint64_t(g * kLanes));
        uint64_t scaled[kLanes * 2];
        // The upper half of (high, low) * range.
        if (short_range) {
            for (int e = 0; e < kLanes * 2; ++e) scaled[e] = (words[e + 32] * range + (words[e] * range >> 32)) >> 32;
        } else {
            for (int e = 0; e < kLanes * 2; ++e) {
                uint64_t bits = uint64_t(words[e + 32]) << 32 | words[e];
                scaled[e] = range == 0 ? bits : upper_product(bits, range);
            }
        }
        for (int64_t e = 0; e < count; ++e) data[first + e] = int64_t(uint64_t(from) + scaled[e]);
    });
}

// Fisher and Yates: place i takes what lies at one of the places from i on. Draw i is half a block: the low and the
// high word of a 64-bit number.
template <class T> void permute(T* data, int64_t n, uint64_t seed, uint64_t offset) {
    constexpr int kDraws = 2 * kLanes;
    for (int64_t i = 0; i < n; ++i) data[i] = T(i);
    T* places[2][kDraws];
    auto draw = [&](int64_t group) {
        Words words;
        draw_group(words, seed, offset + uint64_t(group * kLanes));
        for (int64_t e = 0; e < kDraws; ++e) {
            int64_t i = group * kDraws + e;
            const uint32_t* word = words + e % 2 * 2 * kLanes + e / 2;
            uint64_t number = uint64_t(word[0]) | uint64_t(word[kLanes]) << 32;
            T* place = i < n ? data + i + int64_t(upper_product(number, uint64_t(n - i))) : data;
            __builtin_prefetch(place, 1);
            places[group % 2][e] = place;
        }
    };
    int64_t groups = (n + kDraws - 1) / kDraws;
    if (groups > 0) draw(0);
    for (int64_t group = 0; group < groups; ++group) {
        if (group + 1 < groups) draw(group + 1);
        int64_t first = group * kDraws, count = std::min<int64_t>(kDraws, n - first);
        for (int64_t e = 0; e < count; ++e) std::swap(data[first + e], *places[group % 2][e]);
    }
}

void permutation(const Tensor& out, uint64_t seed, uint64_t offset) {
    int64_t n = out.numel(), *to = out.data<int64_t>();
    if (n > int64_t(UINT32_MAX)) return permute(to, n, seed, offset);
    std::vector<uint32_t> order(static_cast<size_t>(n));  // half the memory that is jumped about in
    permute(order.data(), n, seed, offset);
    parallel_for(0, n, 4 * kGrainElements, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) to[i] = order[size_t(i)];
    });
}

void dropout(const Tensor& out, const Tensor& mask, const Tensor& in, double p, uint64_t seed, uint64_t offset) {
    // Compared as 32-bit words, so that p is met to 2^-32.
    const uint64_t limit = uint64_t(p * 0x1p32);
    const uint32_t dropped = uint32_t(limit - 1);  // the largest word that drops, where one does
    visit_floating(out.dtype(), "dropout", [&]<class T>() {
        using C = op_type<T>;
        using V = Vec<C>;
        const T* from = in.data<T>();
        T* to = out.data<T>();
        bool* kept = mask.data<bool>();
        const V scale(p < 1 ? C(1 / (1 - p)) : C(0));
        for_groups<float>(out.numel(), [&](int64_t g, int64_t first, int64_t count) {
            Words words;
            draw_group(words, seed, offset + uint64_t(g * kLanes));
            bool keep[kRandomGroupWords];
            for (int64_t e = 0; e < kRandomGroupWords; ++e) keep[e] = limit == 0 || words[e] > dropped;
            std::memcpy(kept + first, keep, size_t(count));
            for (int64_t e = 0; e < count; e += V::size) {
                int64_t n = std::min<int64_t>(V::size, count - e);
                auto chosen = Mask<C>::load(keep + e);
                if (n == V::size) store_vec(to + first + e, select(chosen, load_vec(from + first + e) * scale, V(0)));
                else store_vec(to + first + e, select(chosen, load_vec(from + first + e, n) * scale, V(0)), n);
            }
        });
    });
}

void poisson(const Tensor& out, const Tensor& rates, uint64_t seed, uint64_t offset) {
    const Philox philox{seed};
    parallel_for(0, out.numel(), 64, [&](int64_t from, int64_t to) {
        for (int64_t i = from; i < to; ++i)
            out.data<double>()[i] = poisson_number(philox, offset + uint64_t(i) + 1, rates.data<double>()[i]);
    });
}

TAEDA_REGISTER(cpu, random_poisson, poisson)
TAEDA_REGISTER(cpu, random_uniform, uniform)
TAEDA_REGISTER(cpu, random_normal, normal)
TAEDA_REGISTER(cpu, random_integers, integers)
TAEDA_REGISTER(cpu, random_permutation, permutation)
TAEDA_REGISTER(cpu, random_dropout, dropout)

}  // namespace

}  // namespace taeda::cpu
