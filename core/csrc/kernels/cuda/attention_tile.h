// Tiles of attention's operands in shared memory, and the fragments that warps make of them.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/tensor_core.h"

namespace taeda::cuda {

constexpr int kWarps = 4;  // of a block that uses tensor cores
constexpr float kLog2e = 1.44269504f;

// Rows of a tile lie so far apart that 16-byte pieces of eight rows fall into different banks.
template <class S, int kDim> constexpr int tile_pitch = kDim + int(16 / sizeof(S));

__device__ inline int warp() { return int(threadIdx.x) / 32; }
__device__ inline int group() { return int(threadIdx.x) % 32 / 4; }
__device__ inline int place() { return int(threadIdx.x) % 4; }

// Of the four lanes of a group, which together hold a row of a result.
__device__ inline float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, 1));
    return fmaxf(x, __shfl_xor_sync(kFullWarp, x, 2));
}
__device__ inline float quad_sum(float x) {
    x += __shfl_xor_sync(kFullWarp, x, 1);
    return x + __shfl_xor_sync(kFullWarp, x, 2);
}

// Rows [first, first + kRows) of a matrix (rows, width) into a tile; zeros outside. Asynchronous: wait_for_copies().
template <int kRows, int kDim, class S> __device__ void load_tile(S* tile, const S* matrix, int64_t stride,
                                                                  int64_t first, int64_t rows, int width,
                                                                  bool vectors) {
    constexpr int kPiece = int(16 / sizeof(S)), kPieces = kDim / kPiece;
    for (int c = int(threadIdx.x); c < kRows * kPieces; c += int(blockDim.x)) {
        int row = c / kPieces, column = c % kPieces * kPiece;
        S* to = tile + row * tile_pitch<S, kDim> + column;
        bool valid = first + row < rows && column < width;
        const S* from = valid ? matrix + (first + row) * stride + column : matrix;
        if (vectors) {
            copy_async(to, from, valid);
            continue;
        }
        for (int i = 0; i < kPiece; ++i) to[i] = valid && column + i < width ? from[i] : S(0.0f);
    }
}

// Whether all rows start at, and consist of, whole 16-byte pieces.
template <class S> bool whole_pieces(const HeadTensor<const S>& t, int width) {
    constexpr int64_t n = 16 / sizeof(S);
    return reinterpret_cast<uintptr_t>(t.data) % 16 == 0 && t.batch % n == 0 && t.head % n == 0 && t.row % n == 0 &&
           width % n == 0;
}
template <class S> bool takes_vectors(const Attention<S>& a) {
    return whole_pieces(a.query, a.width) && whole_pieces(a.key, a.width) && whole_pieces(a.value, a.depth);
}

// The left operand (16, 16) of a product from rows `row`.. and columns `column`.. of a tile.
template <int kPitch, class S> __device__ void load_left(uint32_t (&a)[4], const S* tile, int row, int column) {
    int lane = int(threadIdx.x) % 32;
    load_matrices(a, tile + (row + lane % 16) * kPitch + column + lane / 16 * 8);
}
// The right operands (16, 8) of two products: rows of the tile are columns of the operand. Rows `row`.. + 8 give b[0] and
// b[1], the next eight b[2] and b[3].
template <int kPitch, class S>
__device__ void load_right_of_rows(uint32_t (&b)[4], const S* tile, int row, int column) {
    int lane = int(threadIdx.x) % 32;
    load_matrices(b, tile + (row + lane % 8 + lane / 16 * 8) * kPitch + column + lane / 8 % 2 * 8);
}
// The same where rows of the tile are rows of the operand: columns `column`.. + 8 give b[0] and b[1], the next eight b[2]
// and b[3].
template <int kPitch, class S>
__device__ void load_right_of_columns(uint32_t (&b)[4], const S* tile, int row, int column) {
    int lane = int(threadIdx.x) % 32;
    load_matrices_transposed(b, tile + (row + lane % 16) * kPitch + column + lane / 16 * 8);
}

// Two results (16, 8) side by side as the left operand (16, 16) of the next product.
template <class S> __device__ void as_left(uint32_t (&a)[4], const float (&left)[4], const float (&right)[4]) {
    a[0] = pack<S>(left[0], left[1]);
    a[1] = pack<S>(left[2], left[3]);
    a[2] = pack<S>(right[0], right[1]);
    a[3] = pack<S>(right[2], right[3]);
}

// Bit 4 n + i: whether dropout keeps number i of result n, of kCount results (16, 8) side by side. keeps(n, i).
template <int kCount, class F> __device__ uint32_t kept_bits(F&& keeps) {
    static_assert(kCount <= 8);
    uint32_t bits = 0;
#pragma unroll 1
    for (int e = 0; e < 4 * kCount; ++e) bits |= uint32_t(keeps(e / 4, e % 4)) << e;
    return bits;
}

// This lane's part of row `group() + 8 * half` of results (16, kDim), times `scale`.
template <class S, int kDim>
__device__ void store_row(S* to, const float (&results)[kDim / 8][4], int half, float scale, int width) {
    bool pairs = width % 2 == 0 && reinterpret_cast<uintptr_t>(to) % 4 == 0;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n) {
        int column = n * 8 + 2 * place();
        float low = results[n][2 * half] * scale, high = results[n][2 * half + 1] * scale;
        if (pairs && column < width) *reinterpret_cast<uint32_t*>(to + column) = pack<S>(low, high);
        else if (column < width) {
            to[column] = S(low);
            if (column + 1 < width) to[column + 1] = S(high);
        }
    }
}

}  // namespace taeda::cuda
