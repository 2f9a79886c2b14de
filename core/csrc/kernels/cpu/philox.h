// Philox 4x32-10 (Salmon et al. 2011), a group of blocks at a time.
#pragma once

#include "kernels/random.h"
#include "kernels/vec/vec_native.h"

namespace taeda::cpu {

using RandomWords = uint32_t[kRandomGroupWords];
constexpr int kBlocksOfGroup = int(kRandomGroupBlocks);

// 64-bit lanes of which only the low halves count.
using Wide = native::vector_type<uint64_t, native::kBytes>::type;
constexpr int kWide = native::kBytes / 8;

// Products of the low halves.
inline Wide multiply_low(Wide a, uint32_t b) {
#if TAEDA_VEC_AVX512
    return Wide(_mm512_maskz_mul_epu32(__mmask8(-1), __m512i(a), _mm512_set1_epi64(b)));
#elif TAEDA_VEC_AVX2
    return Wide(_mm256_mul_epu32(__m256i(a), _mm256_set1_epi64x(b)));
#elif defined(__SSE2__)
    return Wide(_mm_mul_epu32(__m128i(a), _mm_set1_epi64x(b)));
#else
    return (a & 0xffffffffu) * b;
#endif
}

// Two registers full of blocks of Philox 4x32-10, from block `first` on; word k of a block goes to words[k * kBlocksOfGroup].
inline void draw_blocks(uint32_t* words, uint64_t seed, uint64_t first) {
    Wide c0[2], c1[2], c2[2] = {}, c3[2] = {}, lane;
    for (int k = 0; k < kWide; ++k) lane[k] = uint64_t(k);
    for (int i = 0; i < 2; ++i) {
        c0[i] = lane + (first + uint64_t(i * kWide));
        c1[i] = c0[i] >> 32;
    }
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 2
        for (int i = 0; i < 2; ++i) {
            Wide a = multiply_low(c0[i], 0xD2511F53u), b = multiply_low(c2[i], 0xCD9E8D57u);
            c0[i] = (b >> 32) ^ c1[i] ^ uint64_t(k0);
            c1[i] = b;
            c2[i] = (a >> 32) ^ c3[i] ^ uint64_t(k1);
            c3[i] = a;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    auto put = [&](int k, int i, Wide word) {
        auto narrow = __builtin_convertvector(word, native::vector_type<uint32_t, native::kBytes / 2>::type);
        std::memcpy(words + k * kBlocksOfGroup + i * kWide, &narrow, sizeof narrow);
    };
    for (int i = 0; i < 2; ++i) put(0, i, c0[i]), put(1, i, c1[i]), put(2, i, c2[i]), put(3, i, c3[i]);
}

// The words of the blocks from `first_block` on, side by side: word e is word e / 16 of block e % 16.
inline void draw_group(RandomWords& words, uint64_t seed, uint64_t first_block) {
    for (int i = 0; i < kBlocksOfGroup; i += 2 * kWide) draw_blocks(words + i, seed, first_block + uint64_t(i));
}

}  // namespace taeda::cpu
