// The emulation's sort: std::stable_sort.
#include "kernels/cuda/sorted_pairs.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

void sort_pairs(const uint64_t* keys, uint64_t* sorted_keys, const uint32_t* positions, uint32_t* sorted_positions,
                int64_t n, int bits, const Tensor& beside) {
    emulated::submit(current_stream(beside.device().index), [=] {
        const uint64_t mask = bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
        std::vector<uint32_t> order(static_cast<size_t>(n));
        std::iota(order.begin(), order.end(), 0u);
        std::stable_sort(order.begin(), order.end(),
                         [&](uint32_t a, uint32_t b) { return (keys[a] & mask) < (keys[b] & mask); });
        for (int64_t i = 0; i < n; ++i) {
            sorted_keys[i] = keys[order[size_t(i)]];
            sorted_positions[i] = positions[order[size_t(i)]];
        }
    });
}

}  // namespace taeda::cuda
