// Instructions of tensor cores and of copies into shared memory, each in a function of its own, with what PTX says of
// them spelled out for the emulation: lanes exchange their fragments and do the arithmetic by hand.
//
// A lane is 4 * group + place, group 0..7 and place 0..3. Fragments of 16-bit numbers hold two in a register, the lower
// index in the lower half.
#pragma once

#include "kernels/cuda/device.h"

namespace taeda::cuda {

// Two floats rounded into one register.
template <class S> __device__ inline uint32_t pack(float low, float high) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    uint32_t result;
    if constexpr (std::is_same_v<S, Half>) asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    else asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
#else
    return uint32_t(S(low).bits) | uint32_t(S(high).bits) << 16;
#endif
}

#if defined(TAEDA_CUDA_EMULATED)
namespace emulated_core {

// Register `i` of all lanes.
struct Registers {
    uint32_t of[32];
    explicit Registers(uint32_t own) {
        const uint64_t* all = emulated::warp_exchange(kFullWarp, own);
        for (int l = 0; l < 32; ++l) of[l] = uint32_t(all[l]);
    }
    template <class S> float half(int lane, int which) const {
        S value;
        value.bits = uint16_t(of[lane] >> (16 * which));
        return float(value);
    }
};

inline void load(uint32_t (&to)[4], const void* row, bool transposed) {
    const uint64_t* all = emulated::warp_exchange(kFullWarp, reinterpret_cast<uint64_t>(row));
    int lane = emulated::lane();
    for (int m = 0; m < 4; ++m) {
        auto element = [&](int r, int c) { return reinterpret_cast<const uint16_t*>(all[8 * m + r])[c]; };
        int a = lane / 4, b = 2 * (lane % 4);
        uint32_t low = transposed ? element(b, a) : element(a, b);
        uint32_t high = transposed ? element(b + 1, a) : element(a, b + 1);
        to[m] = low | high << 16;
    }
}

}  // namespace emulated_core
#endif

// c (16, 8) += a (16, 16) b (16, 8) over a warp. With g the group and p the place of a lane:
//   a[0] holds row g,     columns 2p, 2p + 1     a[2] the same row, columns 2p + 8, 2p + 9
//   a[1] holds row g + 8, columns 2p, 2p + 1     a[3] the same row, columns 2p + 8, 2p + 9
//   b[0] holds column g, rows 2p, 2p + 1         b[1] rows 2p + 8, 2p + 9
//   c[0], c[1] are row g, columns 2p, 2p + 1     c[2], c[3] row g + 8
template <class S>
__device__ inline void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#if defined(TAEDA_CUDA_EMULATED)
    using emulated_core::Registers;
    Registers a0(a[0]), a1(a[1]), a2(a[2]), a3(a[3]), r0(b0), r1(b1);
    int g = emulated::lane() / 4, p = emulated::lane() % 4;
    auto of_a = [&](int row, int k) {
        const Registers& r = row < 8 ? (k < 8 ? a0 : a2) : (k < 8 ? a1 : a3);
        return r.half<S>(4 * (row % 8) + k % 8 / 2, k % 2);
    };
    auto of_b = [&](int k, int column) { return (k < 8 ? r0 : r1).half<S>(4 * column + k % 8 / 2, k % 2); };
    for (int i = 0; i < 4; ++i)
        for (int k = 0; k < 16; ++k) c[i] += of_a(g + i / 2 * 8, k) * of_b(k, 2 * p + i % 2);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    if constexpr (std::is_same_v<S, Half>)
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
    else
        asm volatile(
            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

// Four 8 x 8 matrices of 16-bit numbers from shared memory: lane l points to row l % 8 of matrix l / 8, of 16 bytes and as
// aligned. to[m] gets of matrix m row g, columns 2p and 2p + 1; transposed: column g, rows 2p and 2p + 1.
__device__ inline void load_matrices(uint32_t (&to)[4], const void* row) {
#if defined(TAEDA_CUDA_EMULATED)
    emulated_core::load(to, row, false);
#elif defined(__CUDA_ARCH__)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(uint32_t(__cvta_generic_to_shared(row))));
#endif
}
__device__ inline void load_matrices_transposed(uint32_t (&to)[4], const void* row) {
#if defined(TAEDA_CUDA_EMULATED)
    emulated_core::load(to, row, true);
#elif defined(__CUDA_ARCH__)
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(uint32_t(__cvta_generic_to_shared(row))));
#endif
}

// Starts to copy 16 aligned bytes from global to shared memory, or to fill them with zeros where not `valid`.
__device__ inline void copy_async(void* shared, const void* global, bool valid) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :
                 : "r"(uint32_t(__cvta_generic_to_shared(shared))), "l"(global), "r"(valid ? 16 : 0));
#else
    *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : uint4{0, 0, 0, 0};
#endif
}
// Waits until all copies that this thread has started are done; a barrier then shows them to the block.
__device__ inline void wait_for_copies() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

}  // namespace taeda::cuda
