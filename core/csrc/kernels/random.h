// Random numbers from the Philox stream of `seed`, starting at block `offset`.
//
// The stream is cut into groups of 16 blocks, that is 64 words: word e of a group is word e / 16 of its block e % 16.
// Element i of a contiguous tensor takes word i of the stream; 64-bit draws take the words e and e + 32 of a group, so a
// group then serves 32 elements. The mapping is part of the contract: every device gives the same numbers.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

constexpr int64_t kRandomGroupBlocks = 16, kRandomGroupWords = 64;
// Blocks that `elements` draws of this many bits take.
constexpr uint64_t random_blocks(int64_t elements, int bits) {
    int64_t each = bits == 64 ? kRandomGroupWords / 2 : kRandomGroupWords;
    return uint64_t((elements + each - 1) / each * kRandomGroupBlocks);
}
constexpr int random_bits(DType dtype) { return dtype == DType::float64 || dtype == DType::int64 ? 64 : 32; }

// `out` is contiguous and floating: from + (to - from) * u, u in [0, 1) with 24 (float64: 53) bits.
TAEDA_KERNEL("cpu", random_uniform, const Tensor& out, double from, double to, uint64_t seed, uint64_t offset)
// Box and Muller's transform; mean + std * n.
TAEDA_KERNEL("cpu", random_normal, const Tensor& out, double mean, double std, uint64_t seed, uint64_t offset)
// `out` is contiguous int64: from + floor(range * u), 64-bit draws.
TAEDA_KERNEL("cpu", random_integers, const Tensor& out, int64_t from, uint64_t range, uint64_t seed, uint64_t offset)
// `out` is contiguous int64: 0 to n - 1 in random order, by Fisher and Yates; half a block per draw.
TAEDA_KERNEL("cpu", random_permutation, const Tensor& out, uint64_t seed, uint64_t offset)
// `out` and `rates` are contiguous float64, rates finite and not negative: Poisson numbers (kernels/poisson.h), element
// i from the substream offset + i + 1.
TAEDA_KERNEL("cpu", random_poisson, const Tensor& out, const Tensor& rates, uint64_t seed, uint64_t offset)
// All contiguous and of one floating dtype (mask: bool): out = in / (1 - p) where kept, else 0; 32-bit draws.
TAEDA_KERNEL("cpu", random_dropout, const Tensor& out, const Tensor& mask, const Tensor& in, double p, uint64_t seed,
             uint64_t offset)

}  // namespace taeda
