// Writing to places that may coincide: the writes are sorted by place, and one thread makes all those of a place, in
// their order. What comes out does not depend on timing.
#pragma once

#include "kernels/cuda/block.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/sorted_pairs.h"

namespace taeda::cuda {

constexpr int64_t kMostWrites = (int64_t(1) << 31) - 1;

// n keys to sort, numbered from 0; `key(i)` is evaluated on the device.
template <class Key> __global__ void fill_keys(Key key, uint64_t* keys, uint32_t* positions, int64_t n) {
    const int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) {
        keys[i] = uint64_t(key(i));
        positions[i] = uint32_t(i);
    }
}

inline int bits_of(int64_t largest) {
    int bits = 1;
    while (bits < 63 && largest >> bits) ++bits;
    return bits;
}

// Sorted keys and where each came from.
class Runs {
public:
    // key: a functor int64_t(int64_t i), at most `largest`.
    template <class Key> Runs(const Key& key, int64_t n, int64_t largest, const char* op, const Tensor& beside)
        : n_(n), keys_(size_t(n) * sizeof(uint64_t), beside), positions_(size_t(n) * sizeof(uint32_t), beside) {
        TAEDA_CHECK(n <= kMostWrites, op, ": ", n, " indices are too many for one call on a GPU; at most ", kMostWrites,
                    ", so split the indices");
        Workspace keys(size_t(n) * sizeof(uint64_t), beside), positions(size_t(n) * sizeof(uint32_t), beside);
        const Grid grid = loop_grid(n, 4, limits(beside.device().index).multiprocessors);
        launch(stream_of(beside), fill_keys<Key>, grid.blocks, grid.threads, 0, key, keys.as<uint64_t>(),
               positions.as<uint32_t>(), n);
        sort_pairs(keys.as<uint64_t>(), keys_.as<uint64_t>(), positions.as<uint32_t>(), positions_.as<uint32_t>(), n,
                   bits_of(largest), beside);
    }
    int64_t size() const { return n_; }
    const uint64_t* keys() const { return keys_.as<uint64_t>(); }
    const uint32_t* positions() const { return positions_.as<uint32_t>(); }

private:
    int64_t n_;
    Workspace keys_, positions_;
};

}  // namespace taeda::cuda
