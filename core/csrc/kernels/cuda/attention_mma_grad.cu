// Attention backward on tensor cores. A block owns 64 queries and walks over the keys, or owns 64 keys and walks over the
// queries of all heads that share them; either way it computes the probabilities again from the saved log-sum-exp, and
// keeps its sums in registers. So no two blocks add to one place, and results do not depend on their order.
#include <cmath>
#include <limits>

#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

constexpr int kOwn = kWarps * 16;  // rows of a block

// result (16, kColumns) = rows of the warp in `left` times the rows of `right`.
template <int kDim, int kColumns, class S>
__device__ void row_products(float (&result)[kColumns / 8][4], const S* left, const S* right) {
    constexpr int kPitch = tile_pitch<S, kDim>;
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n)
        for (float& r : result[n]) r = 0;
#pragma unroll
    for (int k = 0; k < kDim / 16; ++k) {
        uint32_t a[4];
        load_left<kPitch>(a, left, warp() * 16, k * 16);
#pragma unroll
        for (int n = 0; n < kColumns / 16; ++n) {
            uint32_t b[4];
            load_right_of_rows<kPitch>(b, right, n * 16, k * 16);
            multiply_add<S>(result[2 * n], a, b[0], b[1]);
            multiply_add<S>(result[2 * n + 1], a, b[2], b[3]);
        }
    }
}

// sums (16, kDim) += weights (16, kRows) times the tile (kRows, kDim).
template <int kDim, int kRows, class S>
__device__ void add_products(float (&sums)[kDim / 8][4], const float (&weights)[kRows / 8][4], const S* tile) {
#pragma unroll
    for (int k = 0; k < kRows / 16; ++k) {
        uint32_t a[4];
        as_left<S>(a, weights[2 * k], weights[2 * k + 1]);
#pragma unroll
        for (int n = 0; n < kDim / 16; ++n) {
            uint32_t b[4];
            load_right_of_columns<tile_pitch<S, kDim>>(b, tile, k * 16, n * 16);
            multiply_add<S>(sums[2 * n], a, b[0], b[1]);
            multiply_add<S>(sums[2 * n + 1], a, b[2], b[3]);
        }
    }
}

template <class S, int kDim, int kOther> struct Tiles {
    static constexpr int kPitch = tile_pitch<S, kDim>;
    static constexpr size_t bytes = size_t(2 * kOwn + 2 * kOther) * kPitch * sizeof(S) + 2 * kOther * sizeof(float);
    S *own, *own_grad;      // queries and gradients of the output, or keys and values
    S *other, *other_grad;  // the other way round
    float *logsumexp, *dots;
    __device__ explicit Tiles(S* shared)
        : own(shared),
          own_grad(own + kOwn * kPitch),
          other(own_grad + kOwn * kPitch),
          other_grad(other + kOther * kPitch),
          logsumexp(reinterpret_cast<float*>(other_grad + kOther * kPitch)),
          dots(logsumexp + kOther) {}
};

// What a step of the walk turns: scores into probabilities, and gradients of probabilities into those of scores.
template <class S, int kOther, bool kKeys> struct Step {
    const AttentionGrad<S>& g;
    int64_t b, head, own, other;  // first rows
    float scores[kOther / 8][4] = {}, changes[kOther / 8][4] = {};

    __device__ bool inside() const {
        const Attention<S>& a = g.a;
        int64_t query = kKeys ? other : own, key = kKeys ? own : other;
        int64_t queries = kKeys ? kOther : kOwn, keys = kKeys ? kOwn : kOther;
        return a.mask_kind == MaskKind::none && query + queries <= a.queries && key + keys <= a.keys &&
               (!a.causal || key + keys <= query + 1);
    }
    struct Pair {
        int64_t query, key;
    };
    // logsumexp and dots: of the own rows of a lane (two numbers), or of the other rows.
    __device__ void differentiate(const float* logsumexp, const float* dots) {
        bool all_inside = inside();
        int64_t rows = own + warp() * 16 + group(), columns = other + 2 * place();
        auto place_of = [&](int n, int i) {  // query and key
            int64_t mine = rows + i / 2 * 8, theirs = columns + n * 8 + i % 2;
            return Pair{kKeys ? theirs : mine, kKeys ? mine : theirs};
        };
        uint32_t kept = 0;
        if (g.a.drops)
            kept = kept_bits<kOther / 8>([&](int n, int i) {
                Pair p = place_of(n, i);
                return g.a.keeps(b, head, p.query, p.key);
            });
#pragma unroll
        for (int n = 0; n < kOther / 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                int which = kKeys ? n * 8 + 2 * place() + i % 2 : i / 2;
                float score = scores[n][i] * g.a.scale;
                if (!all_inside) score = g.a.masked(score, b, head, place_of(n, i).query, place_of(n, i).key);
                float weight = exp2f((score - logsumexp[which]) * kLog2e), factor = 1;
                if (g.a.drops) factor = kept >> (4 * n + i) & 1 ? g.a.kept_factor : 0.0f;
                scores[n][i] = weight * factor;
                changes[n][i] = weight * (changes[n][i] * factor - dots[which]);
            }
    }
};

template <class S, int kDim, int kKeyRows> __global__ void __launch_bounds__(kWarps * 32)
    query_grad_mma(const AttentionGrad<S> g, bool vectors) {
    TAEDA_DYNAMIC_SHARED(S, shared);
    Tiles<S, kDim, kKeyRows> t(shared);
    const Attention<S>& a = g.a;
    int64_t parts = (a.queries + kOwn - 1) / kOwn, which = blockIdx.x / parts;
    int64_t first = (parts - 1 - blockIdx.x % parts) * kOwn, b = which / a.heads, h = which % a.heads;
    load_tile<kOwn, kDim>(t.own, a.query.matrix(b, h), a.query.row, first, a.queries, a.width, vectors);
    load_tile<kOwn, kDim>(t.own_grad, g.grad_out.matrix(b, h), g.grad_out.row, first, a.queries, a.depth, vectors);
    float logsumexp[2], dots[2], sums[kDim / 8][4] = {};
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int64_t row = first + warp() * 16 + group() + half * 8;
        bool valid = row < a.queries;
        logsumexp[half] = valid ? g.logsumexp[which * a.queries + row] : std::numeric_limits<float>::infinity();
        dots[half] = valid ? g.dots[which * a.queries + row] : 0.0f;
    }
    int64_t visible = a.visible(first + kOwn < a.queries ? first + kOwn : a.queries), shared_head = a.group_of(h);
    for (int64_t key = 0; key < visible; key += kKeyRows) {
        __syncthreads();  // nobody reads the last keys any more
        load_tile<kKeyRows, kDim>(t.other, a.key.matrix(b, shared_head), a.key.row, key, a.keys, a.width, vectors);
        load_tile<kKeyRows, kDim>(t.other_grad, a.value.matrix(b, shared_head), a.value.row, key, a.keys, a.depth,
                                  vectors);
        wait_for_copies();
        __syncthreads();
        Step<S, kKeyRows, false> step{g, b, h, first, key};
        row_products<kDim, kKeyRows>(step.scores, t.own, t.other);
        row_products<kDim, kKeyRows>(step.changes, t.own_grad, t.other_grad);
        step.differentiate(logsumexp, dots);
        add_products<kDim, kKeyRows>(sums, step.changes, t.other);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int64_t row = first + warp() * 16 + group() + half * 8;
        if (row < a.queries)
            store_row<S, kDim>(g.grad_query + (which * a.queries + row) * a.width, sums, half, a.scale, a.width);
    }
}

template <class S, int kDim, int kQueryRows> __global__ void __launch_bounds__(kWarps * 32)
    key_grad_mma(const AttentionGrad<S> g, bool vectors) {
    TAEDA_DYNAMIC_SHARED(S, shared);
    Tiles<S, kDim, kQueryRows> t(shared);
    const Attention<S>& a = g.a;
    int64_t parts = (a.keys + kOwn - 1) / kOwn, which = blockIdx.x / parts, first = blockIdx.x % parts * kOwn;
    int64_t b = which / a.groups, shared_head = which % a.groups, sharing = a.heads / a.groups;
    load_tile<kOwn, kDim>(t.own, a.key.matrix(b, shared_head), a.key.row, first, a.keys, a.width, vectors);
    load_tile<kOwn, kDim>(t.own_grad, a.value.matrix(b, shared_head), a.value.row, first, a.keys, a.depth, vectors);
    float key_sums[kDim / 8][4] = {}, value_sums[kDim / 8][4] = {};
    for (int64_t h = shared_head * sharing; h < (shared_head + 1) * sharing; ++h) {
        int64_t numbers = (b * a.heads + h) * a.queries;
        for (int64_t query = a.causal ? first / kQueryRows * kQueryRows : 0; query < a.queries; query += kQueryRows) {
            __syncthreads();  // nobody reads the last queries any more
            load_tile<kQueryRows, kDim>(t.other, a.query.matrix(b, h), a.query.row, query, a.queries, a.width, vectors);
            load_tile<kQueryRows, kDim>(t.other_grad, g.grad_out.matrix(b, h), g.grad_out.row, query, a.queries,
                                        a.depth, vectors);
            for (int i = int(threadIdx.x); i < kQueryRows; i += kWarps * 32) {
                bool valid = query + i < a.queries;
                t.logsumexp[i] = valid ? g.logsumexp[numbers + query + i] : std::numeric_limits<float>::infinity();
                t.dots[i] = valid ? g.dots[numbers + query + i] : 0.0f;
            }
            wait_for_copies();
            __syncthreads();
            Step<S, kQueryRows, true> step{g, b, h, first, query};
            row_products<kDim, kQueryRows>(step.scores, t.own, t.other);
            row_products<kDim, kQueryRows>(step.changes, t.own_grad, t.other_grad);
            step.differentiate(t.logsumexp, t.dots);
            add_products<kDim, kQueryRows>(value_sums, step.scores, t.other_grad);
            add_products<kDim, kQueryRows>(key_sums, step.changes, t.other);
        }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        int64_t row = first + warp() * 16 + group() + half * 8;
        if (row >= a.keys) continue;
        store_row<S, kDim>(g.grad_key + (which * a.keys + row) * a.width, key_sums, half, a.scale, a.width);
        store_row<S, kDim>(g.grad_value + (which * a.keys + row) * a.depth, value_sums, half, 1.0f, a.depth);
    }
}

template <class S, int kDim, int kOther> void run(const AttentionGrad<S>& g, const Tensor& beside) {
    const Attention<S>& a = g.a;
    bool vectors = takes_vectors(a) && whole_pieces(g.grad_out, a.depth);
    size_t bytes = Tiles<S, kDim, kOther>::bytes;
    cudaStream_t stream = stream_of(beside);
    launch(stream, query_grad_mma<S, kDim, kOther>, dim3(unsigned(divide_up(a.queries, kOwn) * a.batches * a.heads)),
           dim3(kWarps * 32), bytes, g, vectors);
    launch(stream, key_grad_mma<S, kDim, kOther>, dim3(unsigned(divide_up(a.keys, kOwn) * a.batches * a.groups)),
           dim3(kWarps * 32), bytes, g, vectors);
}

}  // namespace

template <class S> void attention_mma_grad(const AttentionGrad<S>& g, const Tensor& beside) {
    int widest = std::max(g.a.width, g.a.depth);
    // Fewer rows at a time leave the registers to the sums of wide heads.
    if (widest <= 32) run<S, 32, 64>(g, beside);
    else if (widest <= 64) run<S, 64, 64>(g, beside);
    else run<S, 128, 32>(g, beside);
}

template void attention_mma_grad<Half>(const AttentionGrad<Half>&, const Tensor&);
template void attention_mma_grad<BFloat16>(const AttentionGrad<BFloat16>&, const Tensor&);

}  // namespace taeda::cuda
