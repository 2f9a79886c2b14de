// Attention in float32 without tensor cores: 16 x 16 threads, each with a small tile of scores and of sums in registers.
// The walk is that of attention_mma.cu and attention_mma_grad.cu.
#include <cmath>
#include <limits>

#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

constexpr int kSide = 16, kRows = 4;    // threads along rows and columns; rows of a thread
constexpr int kOwn = kSide * kRows;     // rows of a block
constexpr int kKeys = 64, kOther = 32;  // columns of a step, forward and backward

__device__ int column_thread() { return int(threadIdx.x) % kSide; }
__device__ int row_thread() { return int(threadIdx.x) / kSide; }
__device__ int own_row(int i) { return row_thread() * kRows + i; }

// Over the threads that share rows.
__device__ float side_max(float x) {
    for (int bit = kSide / 2; bit; bit /= 2) x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, bit));
    return x;
}
__device__ float side_sum(float x) {
    for (int bit = kSide / 2; bit; bit /= 2) x += __shfl_xor_sync(kFullWarp, x, bit);
    return x;
}

// result[i][j]: own row i of `left` times row column_thread() + 16 j of `right`.
template <int kDim, int kColumns>
__device__ void row_products(float (&result)[kRows][kColumns], const float* left, const float* right) {
    constexpr int kPitch = tile_pitch<float, kDim>;
    for (auto& row : result)
        for (float& r : row) r = 0;
#pragma unroll 4
    for (int k = 0; k < kDim; k += 4) {
        float4 a[kRows], b[kColumns];
#pragma unroll
        for (int i = 0; i < kRows; ++i) a[i] = *reinterpret_cast<const float4*>(left + own_row(i) * kPitch + k);
#pragma unroll
        for (int j = 0; j < kColumns; ++j)
            b[j] = *reinterpret_cast<const float4*>(right + (column_thread() + kSide * j) * kPitch + k);
#pragma unroll
        for (int i = 0; i < kRows; ++i)
#pragma unroll
            for (int j = 0; j < kColumns; ++j)
                result[i][j] += a[i].x * b[j].x + a[i].y * b[j].y + a[i].z * b[j].z + a[i].w * b[j].w;
    }
}

// sums[i][c]: own row i of weights (kOwn, kCount) times column column_thread() + 16 c of the tile (kCount, kDim).
template <int kDim, int kCount>
__device__ void add_products(float (&sums)[kRows][kDim / kSide], const float* weights, const float* tile) {
#pragma unroll 2
    for (int k = 0; k < kCount; k += 4) {
        float4 w[kRows];
#pragma unroll
        for (int i = 0; i < kRows; ++i)
            w[i] = *reinterpret_cast<const float4*>(weights + own_row(i) * tile_pitch<float, kCount> + k);
#pragma unroll
        for (int u = 0; u < 4; ++u)
#pragma unroll
            for (int c = 0; c < kDim / kSide; ++c) {
                float v = tile[(k + u) * tile_pitch<float, kDim> + column_thread() + kSide * c];
#pragma unroll
                for (int i = 0; i < kRows; ++i)
                    sums[i][c] += (u == 0 ? w[i].x : u == 1 ? w[i].y : u == 2 ? w[i].z : w[i].w) * v;
            }
    }
}

template <int kDim> __device__ void store(float* row, const float (&sums)[kDim / kSide], float scale, int width) {
#pragma unroll
    for (int c = 0; c < kDim / kSide; ++c) {
        int column = column_thread() + kSide * c;
        if (column < width) row[column] = sums[c] * scale;
    }
}

template <int kDim> constexpr size_t forward_bytes =
    sizeof(float) * ((kOwn + kKeys) * tile_pitch<float, kDim> + kOwn * tile_pitch<float, kKeys>);
template <int kDim> constexpr size_t backward_bytes =
    sizeof(float) *
    ((2 * kOwn + 2 * kOther) * tile_pitch<float, kDim> + 2 * kOwn * tile_pitch<float, kOther> + 2 * kOther);

template <int kDim> __global__ void __launch_bounds__(kSide* kSide)
    forward_tiled(const Attention<float> a, HeadTensor<float> out, float* logsumexp, bool vectors) {
    constexpr float kNever = -std::numeric_limits<float>::infinity();
    TAEDA_DYNAMIC_SHARED(float, queries);
    float *keys = queries + kOwn * tile_pitch<float, kDim>, *weights = keys + kKeys * tile_pitch<float, kDim>;
    int64_t parts = (a.queries + kOwn - 1) / kOwn, which = blockIdx.x / parts;
    int64_t first = (parts - 1 - blockIdx.x % parts) * kOwn;
    int64_t b = which / a.heads, h = which % a.heads, shared = a.group_of(h);
    load_tile<kOwn, kDim>(queries, a.query.matrix(b, h), a.query.row, first, a.queries, a.width, vectors);
    float sums[kRows][kDim / kSide] = {}, largest[kRows], total[kRows];
    for (int i = 0; i < kRows; ++i) largest[i] = kNever, total[i] = 0;
    int64_t visible = a.visible(first + kOwn < a.queries ? first + kOwn : a.queries);
    for (int64_t key = 0; key < visible; key += kKeys) {
        __syncthreads();  // nobody reads the last values any more
        load_tile<kKeys, kDim>(keys, a.key.matrix(b, shared), a.key.row, key, a.keys, a.width, vectors);
        wait_for_copies();
        __syncthreads();
        float scores[kRows][kKeys / kSide];
        row_products<kDim>(scores, queries, keys);
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
            float top = largest[i], sum = 0;
#pragma unroll
            for (int j = 0; j < kKeys / kSide; ++j) {
                float& s = scores[i][j];
                s = a.masked(s * a.scale, b, h, first + own_row(i), key + column_thread() + kSide * j);
                top = fmaxf(top, s);
            }
            top = side_max(top);
            float shift = top == kNever ? 0.0f : top, fade = std::exp(largest[i] - shift);
#pragma unroll
            for (int j = 0; j < kKeys / kSide; ++j) {
                float weight = std::exp(scores[i][j] - shift);
                int column = column_thread() + kSide * j;
                weights[own_row(i) * tile_pitch<float, kKeys> + column] =
                    weight * a.factor(b, h, first + own_row(i), key + column);
                sum += weight;
            }
            largest[i] = top;
            total[i] = total[i] * fade + sum;
            for (float& s : sums[i]) s *= fade;
        }
        __syncthreads();  // weights are there, and the keys make room for the values
        load_tile<kKeys, kDim>(keys, a.value.matrix(b, shared), a.value.row, key, a.keys, a.depth, vectors);
        wait_for_copies();
        __syncthreads();
        add_products<kDim, kKeys>(sums, weights, keys);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
        int64_t row = first + own_row(i);
        float sum = side_sum(total[i]);
        if (row >= a.queries) continue;
        bool nothing = sum == 0;
        store<kDim>(out.matrix(b, h) + row * out.row, sums[i], nothing ? 0.0f : 1 / sum, a.depth);
        // For a row that sees nothing: what makes its probabilities zero in the backward pass.
        if (column_thread() == 0)
            logsumexp[which * a.queries + row] =
                nothing ? std::numeric_limits<float>::infinity() : largest[i] + std::log(sum);
    }
}

// Shared memory of a block that owns queries (with the gradients of their outputs) or keys (with values).
template <int kDim> struct Tiles {
    float *own, *own_grad, *other, *other_grad, *weights, *changes, *logsumexp, *dots;
    __device__ explicit Tiles(float* shared) {
        constexpr int kPitch = tile_pitch<float, kDim>;
        own = shared, own_grad = own + kOwn * kPitch;
        other = own_grad + kOwn * kPitch, other_grad = other + kOther * kPitch;
        weights = other_grad + kOther * kPitch, changes = weights + kOwn * tile_pitch<float, kOther>;
        logsumexp = changes + kOwn * tile_pitch<float, kOther>, dots = logsumexp + kOther;
    }

    // Probabilities, and gradients of the scores without their scale, of own against other rows.
    template <bool kKeys> __device__ void differentiate(const AttentionGrad<float>& g, int64_t b, int64_t head,
                                                        int64_t first, int64_t second, int64_t numbers) {
        float scores[kRows][kOther / kSide], grads[kRows][kOther / kSide];
        row_products<kDim>(scores, own, other);
        row_products<kDim>(grads, own_grad, other_grad);
#pragma unroll
        for (int i = 0; i < kRows; ++i)
#pragma unroll
            for (int j = 0; j < kOther / kSide; ++j) {
                int column = column_thread() + kSide * j;
                int64_t mine = first + own_row(i), theirs = second + column;
                int64_t query = kKeys ? theirs : mine, key = kKeys ? mine : theirs;
                float weight = 0, change = 0;
                if (query < g.a.queries) {
                    float score = g.a.masked(scores[i][j] * g.a.scale, b, head, query, key);
                    float factor = g.a.factor(b, head, query, key);
                    weight = std::exp(score - (kKeys ? logsumexp[column] : g.logsumexp[numbers + query]));
                    change = weight * (grads[i][j] * factor - (kKeys ? dots[column] : g.dots[numbers + query]));
                    weight *= factor;
                }
                weights[own_row(i) * tile_pitch<float, kOther> + column] = weight;
                changes[own_row(i) * tile_pitch<float, kOther> + column] = change;
            }
    }
};

template <int kDim> __global__ void __launch_bounds__(kSide* kSide)
    query_grad_tiled(const AttentionGrad<float> g, bool vectors) {
    TAEDA_DYNAMIC_SHARED(float, shared);
    Tiles<kDim> t(shared);
    const Attention<float>& a = g.a;
    int64_t parts = (a.queries + kOwn - 1) / kOwn, which = blockIdx.x / parts;
    int64_t first = (parts - 1 - blockIdx.x % parts) * kOwn, b = which / a.heads, h = which % a.heads;
    load_tile<kOwn, kDim>(t.own, a.query.matrix(b, h), a.query.row, first, a.queries, a.width, vectors);
    load_tile<kOwn, kDim>(t.own_grad, g.grad_out.matrix(b, h), g.grad_out.row, first, a.queries, a.depth, vectors);
    float sums[kRows][kDim / kSide] = {};
    int64_t visible = a.visible(first + kOwn < a.queries ? first + kOwn : a.queries), head = a.group_of(h);
    for (int64_t key = 0; key < visible; key += kOther) {
        __syncthreads();  // nobody reads the last keys any more
        load_tile<kOther, kDim>(t.other, a.key.matrix(b, head), a.key.row, key, a.keys, a.width, vectors);
        load_tile<kOther, kDim>(t.other_grad, a.value.matrix(b, head), a.value.row, key, a.keys, a.depth, vectors);
        wait_for_copies();
        __syncthreads();
        t.template differentiate<false>(g, b, h, first, key, which * a.queries);
        __syncthreads();
        add_products<kDim, kOther>(sums, t.changes, t.other);
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i)
        if (int64_t row = first + own_row(i); row < a.queries)
            store<kDim>(g.grad_query + (which * a.queries + row) * a.width, sums[i], a.scale, a.width);
}

template <int kDim> __global__ void __launch_bounds__(kSide* kSide)
    key_grad_tiled(const AttentionGrad<float> g, bool vectors) {
    TAEDA_DYNAMIC_SHARED(float, shared);
    Tiles<kDim> t(shared);
    const Attention<float>& a = g.a;
    int64_t parts = (a.keys + kOwn - 1) / kOwn, which = blockIdx.x / parts, first = blockIdx.x % parts * kOwn;
    int64_t b = which / a.groups, head = which % a.groups, sharing = a.heads / a.groups;
    load_tile<kOwn, kDim>(t.own, a.key.matrix(b, head), a.key.row, first, a.keys, a.width, vectors);
    load_tile<kOwn, kDim>(t.own_grad, a.value.matrix(b, head), a.value.row, first, a.keys, a.depth, vectors);
    float key_sums[kRows][kDim / kSide] = {}, value_sums[kRows][kDim / kSide] = {};
    for (int64_t h = head * sharing; h < (head + 1) * sharing; ++h) {
        int64_t numbers = (b * a.heads + h) * a.queries;
        for (int64_t query = a.causal ? first / kOther * kOther : 0; query < a.queries; query += kOther) {
            __syncthreads();  // nobody reads the last queries any more
            load_tile<kOther, kDim>(t.other, a.query.matrix(b, h), a.query.row, query, a.queries, a.width, vectors);
            load_tile<kOther, kDim>(t.other_grad, g.grad_out.matrix(b, h), g.grad_out.row, query, a.queries, a.depth,
                                    vectors);
            for (int i = int(threadIdx.x); i < kOther && query + i < a.queries; i += kSide * kSide) {
                t.logsumexp[i] = g.logsumexp[numbers + query + i];
                t.dots[i] = g.dots[numbers + query + i];
            }
            wait_for_copies();
            __syncthreads();
            t.template differentiate<true>(g, b, h, first, query, numbers);
            __syncthreads();
            add_products<kDim, kOther>(value_sums, t.weights, t.other_grad);
            add_products<kDim, kOther>(key_sums, t.changes, t.other);
        }
    }
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
        int64_t row = first + own_row(i);
        if (row >= a.keys) continue;
        store<kDim>(g.grad_key + (which * a.keys + row) * a.width, key_sums[i], a.scale, a.width);
        store<kDim>(g.grad_value + (which * a.keys + row) * a.depth, value_sums[i], 1.0f, a.depth);
    }
}

// f.operator()<kDim>() with the least width that holds both.
template <class F> auto with_width(int width, int depth, F&& f) {
    int widest = std::max(width, depth);
    if (widest <= 32) return f.template operator()<32>();
    if (widest <= 64) return f.template operator()<64>();
    return f.template operator()<128>();
}

dim3 blocks_for(int64_t rows, int64_t matrices) { return dim3(unsigned(divide_up(rows, kOwn) * matrices)); }

}  // namespace

size_t attention_tiled_bytes(int width, int depth, bool grad) {
    return with_width(width, depth, [&]<int kDim>() { return grad ? backward_bytes<kDim> : forward_bytes<kDim>; });
}

void attention_tiled(const Tensor& out, const Tensor& logsumexp, const Attention<float>& a) {
    with_width(a.width, a.depth, [&]<int kDim>() {
        launch(stream_of(out), forward_tiled<kDim>, blocks_for(a.queries, a.batches * a.heads), dim3(kSide * kSide),
               forward_bytes<kDim>, a, HeadTensor<float>(out), logsumexp.data<float>(), takes_vectors(a));
    });
}

void attention_tiled_grad(const AttentionGrad<float>& g, const Tensor& beside) {
    const Attention<float>& a = g.a;
    bool vectors = takes_vectors(a) && whole_pieces(g.grad_out, a.depth);
    cudaStream_t stream = stream_of(beside);
    with_width(a.width, a.depth, [&]<int kDim>() {
        launch(stream, query_grad_tiled<kDim>, blocks_for(a.queries, a.batches * a.heads), dim3(kSide * kSide),
               backward_bytes<kDim>, g, vectors);
        launch(stream, key_grad_tiled<kDim>, blocks_for(a.keys, a.batches * a.groups), dim3(kSide * kSide),
               backward_bytes<kDim>, g, vectors);
    });
}

}  // namespace taeda::cuda
