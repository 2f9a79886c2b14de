// Sorting on the device: 64-bit keys, each with a 32-bit position behind it.
#pragma once

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

// Sorts keys and their positions by the keys' lowest `bits` bits; equal keys keep their order. `keys` and `positions`
// are buffers for the input, `sorted_*` for the result; all have n elements, n < 2^31.
void sort_pairs(const uint64_t* keys, uint64_t* sorted_keys, const uint32_t* positions, uint32_t* sorted_positions,
                int64_t n, int bits, const Tensor& beside);

}  // namespace taeda::cuda
