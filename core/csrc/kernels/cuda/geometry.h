// How many blocks and threads a launch has: plain functions of sizes, tested on the CPU.
#pragma once

#include <algorithm>
#include <cstdint>

namespace taeda::cuda {

constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Grid {
    unsigned blocks, threads;
};

// A loop over `items` where each thread takes `per_thread` at a time and strides by the grid for the rest; at most
// `waves` times the blocks that the device can hold, so that the stride amortises what a block costs to start.
constexpr Grid loop_grid(int64_t items, int64_t per_thread, int multiprocessors, int threads = 256, int waves = 4) {
    int64_t wanted = std::max<int64_t>(divide_up(items, per_thread * threads), 1);
    int64_t most = int64_t(multiprocessors) * (2048 / threads) * waves;
    return {unsigned(std::min(wanted, most)), unsigned(threads)};
}

// Whether element offsets below `elements` fit 32-bit arithmetic, with room for one grid stride.
constexpr bool fits_32_bits(int64_t elements) { return elements < (int64_t(1) << 30); }

}  // namespace taeda::cuda
