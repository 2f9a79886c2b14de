// What the attention kernels share: the operands as device code sees them, masks, and which kernels there are.
#pragma once

#include "kernels/attention.h"
#include "kernels/cuda/device.h"
#include "random/generator.h"

namespace taeda::cuda {

// (batch, head, row, width) with elements of a row contiguous.
template <class S> struct HeadTensor {
    S* data;
    int64_t batch, head, row;

    HeadTensor() = default;
    explicit HeadTensor(const Tensor& t)
        : data(t.data<std::remove_const_t<S>>()), batch(t.stride(0)), head(t.stride(1)), row(t.stride(2)) {}
    __device__ S* matrix(int64_t b, int64_t h) const { return data + b * batch + h * head; }
};

enum class MaskKind : uint8_t { none, boolean, added };

// The operands: query (B, H, L, E), key (B, G, S, E), value (B, G, S, D), mask (B, H, L, S).
template <class S> struct Attention {
    HeadTensor<const S> query, key, value;
    int64_t batches, heads, groups, queries, keys;
    int width, depth;  // E, D
    const void* mask = nullptr;
    int64_t mask_strides[4] = {};
    MaskKind mask_kind = MaskKind::none;
    bool causal;
    op_type<S> scale;
    // Dropout of weights, with the random words that kernels/attention.h gives it.
    bool drops;
    op_type<S> kept_factor;
    uint32_t drop_limit;
    uint64_t seed, offset;

    explicit Attention(const AttentionArgs& a)
        : query(a.query),
          key(a.key),
          value(a.value),
          batches(a.query.size(0)),
          heads(a.query.size(1)),
          groups(a.key.size(1)),
          queries(a.query.size(2)),
          keys(a.key.size(2)),
          width(int(a.query.size(3))),
          depth(int(a.value.size(3))),
          causal(a.causal),
          scale(op_type<S>(a.scale)),
          drops(a.dropout > 0),
          kept_factor(op_type<S>(1 / (1 - a.dropout))),
          drop_limit(uint32_t(a.dropout * 0x1p32)),
          seed(a.seed),
          offset(a.offset) {
        if (!a.mask.defined()) return;
        mask = a.mask.raw();
        mask_kind = a.mask.dtype() == DType::bool_ ? MaskKind::boolean : MaskKind::added;
        for (size_t d = 0; d < 4; ++d) mask_strides[d] = a.mask.strides()[d];
    }

    __device__ int64_t group_of(int64_t head) const { return head * groups / heads; }
    // How many keys the queries before `end` see.
    __device__ int64_t visible(int64_t end) const { return causal && end < keys ? end : keys; }

    // Whether dropout keeps the weight of a query and a key; places outside do no harm.
    __device__ bool keeps(int64_t b, int64_t h, int64_t query_row, int64_t key_row) const {
        int64_t parts = (queries + kRandomGroupWords - 1) / kRandomGroupWords, word = query_row % kRandomGroupWords;
        int64_t group = ((b * heads + h) * parts + query_row / kRandomGroupWords) * keys + key_row;
        uint64_t block = offset + uint64_t(group * kRandomGroupBlocks + word % kRandomGroupBlocks);
        return Philox{seed}(block)[size_t(word / kRandomGroupBlocks)] >= drop_limit;
    }
    __device__ op_type<S> factor(int64_t b, int64_t h, int64_t query_row, int64_t key_row) const {
        if (!drops) return 1;
        return keeps(b, h, query_row, key_row) ? kept_factor : op_type<S>(0);
    }

    // A scaled score with the mask applied, for places that may lie outside.
    __device__ op_type<S> masked(op_type<S> score, int64_t b, int64_t h, int64_t query_row, int64_t key_row) const {
        using T = op_type<S>;
        constexpr T kNever = -std::numeric_limits<T>::infinity();
        if (query_row >= queries || key_row >= keys || (causal && key_row > query_row)) return kNever;
        if (mask_kind == MaskKind::none) return score;
        int64_t at =
            b * mask_strides[0] + h * mask_strides[1] + query_row * mask_strides[2] + key_row * mask_strides[3];
        if (mask_kind == MaskKind::boolean) return static_cast<const bool*>(mask)[at] ? score : kNever;
        return score + T(static_cast<const S*>(mask)[at]);
    }
};

// Arguments of the backward pass; `dots` (B, H, L) holds the sums of grad_out times out, filled by attention_dots.
template <class S> struct AttentionGrad {
    Attention<S> a;
    HeadTensor<const S> grad_out;
    const op_type<S>*logsumexp, *dots;
    S *grad_query, *grad_key, *grad_value;  // contiguous
};

// One row a warp: any floating dtype, head dimensions up to 1024.
template <class S> void attention_rows(const Tensor& out, const Tensor& logsumexp, const Attention<S>& a);
template <class S> void attention_rows_grad(const AttentionGrad<S>& g, const Tensor& beside);
template <class S> void attention_factors(const Tensor& out, const Attention<S>& a);
template <class S>
void attention_dots(op_type<S>* dots, const Tensor& grad_out, const Tensor& out, const Attention<S>& a);

// Tensor cores: float16 and bfloat16, head dimensions up to 128, compute capability 8.0 on.
template <class S> void attention_mma(const Tensor& out, const Tensor& logsumexp, const Attention<S>& a);
template <class S> void attention_mma_grad(const AttentionGrad<S>& g, const Tensor& beside);

// Tiles of registers: float32, head dimensions up to 128, where a block may have so much shared memory.
size_t attention_tiled_bytes(int width, int depth, bool grad);
void attention_tiled(const Tensor& out, const Tensor& logsumexp, const Attention<float>& a);
void attention_tiled_grad(const AttentionGrad<float>& g, const Tensor& beside);

constexpr int kFastWidth = 128;

}  // namespace taeda::cuda
