// Philox 4x32-10 (Salmon et al. 2011), a group of blocks at a time.
#pragma once

#include "kernels/random.h"

namespace taeda::cpu {

using RandomWords = uint32_t[kRandomGroupWords];

// The words of the blocks from `first_block` on, side by side: word e is word e / 16 of block e % 16.
inline void draw_group(RandomWords& words, uint64_t seed, uint64_t first_block) {
    constexpr int kLanes = int(kRandomGroupBlocks);
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
    for (int i = 0; i < kLanes; ++i) {
        uint64_t block = first_block + uint64_t(i);
        c0[i] = uint32_t(block);
        c1[i] = uint32_t(block >> 32);
        c2[i] = c3[i] = 0;
    }
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < kLanes; ++i) {
            uint64_t a = uint64_t(0xD2511F53u) * c0[i], b = uint64_t(0xCD9E8D57u) * c2[i];
            c0[i] = uint32_t(b >> 32) ^ c1[i] ^ k0;
            c1[i] = uint32_t(b);
            c2[i] = uint32_t(a >> 32) ^ c3[i] ^ k1;
            c3[i] = uint32_t(a);
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < kLanes; ++i) {
        words[i] = c0[i];
        words[kLanes + i] = c1[i];
        words[2 * kLanes + i] = c2[i];
        words[3 * kLanes + i] = c3[i];
    }
}

}  // namespace taeda::cpu
