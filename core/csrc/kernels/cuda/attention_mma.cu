// Attention forward on tensor cores: a block holds 64 or 128 queries of one head and walks over its keys, with a running
// maximum and sum per query (Milakov and Gimelshein 2018; Dao et al. 2022). Scores live in registers alone.
#include <cmath>
#include <limits>

#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

constexpr int kKeys = 64;  // of a step

// Of one warp: kTiles tiles of 16 queries against kKeys keys.
template <class S, int kDim, int kTiles> struct Forward {
    static constexpr int kPitch = tile_pitch<S, kDim>, kQueries = kWarps * 16 * kTiles;
    static constexpr size_t shared_bytes = size_t(kQueries + 2 * kKeys) * kPitch * sizeof(S);

    float sums[kTiles][kDim / 8][4], scores[kTiles][kKeys / 8][4];
    float largest[kTiles][2], total[kTiles][2];

    __device__ Forward() {
        for (int m = 0; m < kTiles; ++m) {
            for (int n = 0; n < kDim / 8; ++n)
                for (float& s : sums[m][n]) s = 0;
            for (int i = 0; i < 2; ++i) largest[m][i] = -std::numeric_limits<float>::infinity(), total[m][i] = 0;
        }
    }

    __device__ void score(const S* queries, const S* keys) {
        for (int m = 0; m < kTiles; ++m)
            for (int n = 0; n < kKeys / 8; ++n)
                for (float& s : scores[m][n]) s = 0;
#pragma unroll
        for (int k = 0; k < kDim / 16; ++k) {
            uint32_t a[kTiles][4];
#pragma unroll
            for (int m = 0; m < kTiles; ++m) load_left<kPitch>(a[m], queries, (warp() * kTiles + m) * 16, k * 16);
#pragma unroll
            for (int n = 0; n < kKeys / 16; ++n) {
                uint32_t b[4];
                load_right_of_rows<kPitch>(b, keys, n * 16, k * 16);
#pragma unroll
                for (int m = 0; m < kTiles; ++m) {
                    multiply_add<S>(scores[m][2 * n], a[m], b[0], b[1]);
                    multiply_add<S>(scores[m][2 * n + 1], a[m], b[2], b[3]);
                }
            }
        }
    }

    // Scaled scores in units of log(2), masked where the step lies on an edge.
    __device__ void mask(const Attention<S>& a, int64_t b, int64_t h, int64_t query, int64_t key, bool inside) {
#pragma unroll
        for (int m = 0; m < kTiles; ++m)
#pragma unroll
            for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    float& s = scores[m][n][i];
                    if (inside) s *= a.scale * kLog2e;
                    else
                        s = kLog2e * a.masked(s * a.scale, b, h, query + m * 16 + group() + i / 2 * 8,
                                              key + n * 8 + 2 * place() + i % 2);
                }
    }

    // Turns scores into exponentials, and rescales what was summed under a smaller maximum.
    __device__ void exponentials() {
#pragma unroll
        for (int m = 0; m < kTiles; ++m)
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                float top = largest[m][half];
#pragma unroll
                for (int n = 0; n < kKeys / 8; ++n)
                    top = fmaxf(top, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
                top = quad_max(top);
                float shift = top == -std::numeric_limits<float>::infinity() ? 0.0f : top;
                float fade = exp2f(largest[m][half] - shift), sum = 0;
#pragma unroll
                for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; ++i)
                        sum += scores[m][n][i] = exp2f(scores[m][n][i] - shift);
                largest[m][half] = top;
                total[m][half] = total[m][half] * fade + sum;
#pragma unroll
                for (int n = 0; n < kDim / 8; ++n)
#pragma unroll
                    for (int i = 2 * half; i < 2 * half + 2; ++i) sums[m][n][i] *= fade;
            }
    }

    // Dropout, of the weights but not of their sum.
    __device__ void drop(const Attention<S>& a, int64_t b, int64_t h, int64_t query, int64_t key) {
#pragma unroll
        for (int m = 0; m < kTiles; ++m) {
            uint32_t kept = kept_bits<kKeys / 8>([&](int n, int i) {
                return a.keeps(b, h, query + m * 16 + group() + i / 2 * 8, key + n * 8 + 2 * place() + i % 2);
            });
#pragma unroll
            for (int n = 0; n < kKeys / 8; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i) scores[m][n][i] *= kept >> (4 * n + i) & 1 ? a.kept_factor : 0.0f;
        }
    }

    __device__ void add_values(const S* values) {
#pragma unroll
        for (int k = 0; k < kKeys / 16; ++k) {
            uint32_t a[kTiles][4];
#pragma unroll
            for (int m = 0; m < kTiles; ++m) as_left<S>(a[m], scores[m][2 * k], scores[m][2 * k + 1]);
#pragma unroll
            for (int n = 0; n < kDim / 16; ++n) {
                uint32_t b[4];
                load_right_of_columns<kPitch>(b, values, k * 16, n * 16);
#pragma unroll
                for (int m = 0; m < kTiles; ++m) {
                    multiply_add<S>(sums[m][2 * n], a[m], b[0], b[1]);
                    multiply_add<S>(sums[m][2 * n + 1], a[m], b[2], b[3]);
                }
            }
        }
    }
};

template <class S, int kDim, int kTiles> __global__ void __launch_bounds__(kWarps * 32)
    forward_mma(const Attention<S> a, HeadTensor<S> out, float* logsumexp, bool vectors) {
    using F = Forward<S, kDim, kTiles>;
    TAEDA_DYNAMIC_SHARED(S, queries);
    S *keys = queries + F::kQueries * F::kPitch, *values = keys + kKeys * F::kPitch;
    int64_t parts = (a.queries + F::kQueries - 1) / F::kQueries;
    // The last queries of causal attention see the most keys: they start first.
    int64_t which = blockIdx.x / parts, first = (parts - 1 - blockIdx.x % parts) * F::kQueries;
    int64_t b = which / a.heads, h = which % a.heads, shared = a.group_of(h);
    const S *key = a.key.matrix(b, shared), *value = a.value.matrix(b, shared);
    int64_t visible = a.visible(first + F::kQueries < a.queries ? first + F::kQueries : a.queries);
    F f;
    load_tile<F::kQueries, kDim>(queries, a.query.matrix(b, h), a.query.row, first, a.queries, a.width, vectors);
    load_tile<kKeys, kDim>(keys, key, a.key.row, 0, a.keys, a.width, vectors);
    for (int64_t k = 0; k < visible; k += kKeys) {
        wait_for_copies();
        __syncthreads();  // keys are there, and nobody reads the last values any more
        load_tile<kKeys, kDim>(values, value, a.value.row, k, a.keys, a.depth, vectors);
        f.score(queries, keys);
        bool inside = a.mask_kind == MaskKind::none && k + kKeys <= a.keys && (!a.causal || k + kKeys <= first + 1);
        f.mask(a, b, h, first + warp() * kTiles * 16, k, inside);
        f.exponentials();
        if (a.drops) f.drop(a, b, h, first + warp() * kTiles * 16, k);
        wait_for_copies();
        __syncthreads();  // values are there, and nobody reads the keys any more
        if (k + kKeys < visible) load_tile<kKeys, kDim>(keys, key, a.key.row, k + kKeys, a.keys, a.width, vectors);
        f.add_values(values);
    }
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            int64_t row = first + (warp() * kTiles + m) * 16 + group() + half * 8;
            float total = quad_sum(f.total[m][half]);
            if (row >= a.queries) continue;
            bool nothing = total == 0;
            store_row<S, kDim>(out.matrix(b, h) + row * out.row, f.sums[m], half, nothing ? 0.0f : 1 / total, a.depth);
            // For a row that sees nothing: what makes its probabilities zero in the backward pass.
            if (place() == 0)
                logsumexp[which * a.queries + row] =
                    nothing ? std::numeric_limits<float>::infinity() : (f.largest[m][half] + log2f(total)) / kLog2e;
        }
}

template <class S, int kDim, int kTiles> void run(const Tensor& out, const Tensor& logsumexp, const Attention<S>& a) {
    using F = Forward<S, kDim, kTiles>;
    int64_t blocks = divide_up(a.queries, F::kQueries) * a.batches * a.heads;
    launch(stream_of(out), forward_mma<S, kDim, kTiles>, dim3(unsigned(blocks)), dim3(kWarps * 32), F::shared_bytes, a,
           HeadTensor<S>(out), logsumexp.data<float>(), takes_vectors(a));
}

}  // namespace

template <class S> void attention_mma(const Tensor& out, const Tensor& logsumexp, const Attention<S>& a) {
    int widest = std::max(a.width, a.depth);
    // Two tiles a warp read keys half as often, where the registers suffice and there are queries enough.
    bool many = a.queries > kWarps * 16;
    if (widest <= 32) (many ? run<S, 32, 2> : run<S, 32, 1>)(out, logsumexp, a);
    else if (widest <= 64) (many ? run<S, 64, 2> : run<S, 64, 1>)(out, logsumexp, a);
    else run<S, 128, 1>(out, logsumexp, a);
}

template void attention_mma<Half>(const Tensor&, const Tensor&, const Attention<Half>&);
template void attention_mma<BFloat16>(const Tensor&, const Tensor&, const Attention<BFloat16>&);

}  // namespace taeda::cuda
