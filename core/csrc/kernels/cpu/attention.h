// What the forward and the backward pass of attention share: operands as blocks of op_type, scores of a
// block.
#pragma once

#include <limits>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/small_gemm.h"

namespace taeda::cpu {

constexpr int64_t kQueryBlock = 32, kKeyBlock = 64;

// The matrix (rows, width) of one head; rows lie `stride` apart.
template <class S> struct HeadMatrix {
    const S* data;
    int64_t rows, width, stride;

    HeadMatrix(const Tensor& t, int64_t batch, int64_t head)
        : data(t.data<S>() + batch * t.stride(0) + head * t.stride(1)),
          rows(t.size(2)),
          width(t.size(3)),
          stride(t.stride(2)) {}
};

// The matrix with op_type elements: as it is, or converted into `space`.
template <class S>
Strided<const op_type<S>> widened(const HeadMatrix<S>& m, int64_t from, int64_t to, std::vector<op_type<S>>& space) {
    using T = op_type<S>;
    if constexpr (!is_reduced_float<S>) {
        return {m.data + from * m.stride, m.stride, 1};
    } else {
        space.resize(size_t((to - from) * m.width));
        for (int64_t r = from; r < to; ++r)
            each_vector<T>(m.width, [&](int64_t i, auto count) {
                store_some(space.data() + (r - from) * m.width + i, load_some(m.data + r * m.stride + i, count), count);
            });
        return {space.data(), m.width, 1};
    }
}

// The matrix transposed, in blocks (width, kKeyBlock) that are contiguous; the last one is padded with zeros.
template <class S> void transpose_blocks(std::vector<op_type<S>>& to, const HeadMatrix<S>& m) {
    int64_t blocks = (m.rows + kKeyBlock - 1) / kKeyBlock;
    to.assign(size_t(blocks * kKeyBlock * m.width), op_type<S>(0));
    for (int64_t r = 0; r < m.rows; ++r) {
        auto* column = to.data() + r / kKeyBlock * kKeyBlock * m.width + r % kKeyBlock;
        for (int64_t i = 0; i < m.width; ++i) column[i * kKeyBlock] = op_type<S>(m.data[r * m.stride + i]);
    }
}

template <class T> Strided<const T> transposed_block(const std::vector<T>& blocks, int64_t start, int64_t width) {
    return {blocks.data() + start * width, kKeyBlock, 1};
}

// Masks the scores (rows, kKeyBlock) of queries from `query` on and keys [key, key + keys).
template <class S> void apply_mask(const AttentionArgs& a, op_type<S>* scores, int64_t batch, int64_t head,
                                   int64_t query, int64_t rows, int64_t key, int64_t keys) {
    using T = op_type<S>;
    constexpr T kNever = -std::numeric_limits<T>::infinity();
    for (int64_t r = 0; r < rows; ++r) {
        T* row = scores + r * kKeyBlock;
        if (a.causal)
            for (int64_t j = std::max<int64_t>(0, query + r + 1 - key); j < keys; ++j) row[j] = kNever;
        for (int64_t j = keys; j < kKeyBlock; ++j) row[j] = kNever;
        if (!a.mask.defined()) continue;
        int64_t at = batch * a.mask.stride(0) + head * a.mask.stride(1) + (query + r) * a.mask.stride(2),
                step = a.mask.stride(3);
        if (a.mask.dtype() == DType::bool_) {
            const bool* m = a.mask.data<bool>() + at + key * step;
            for (int64_t j = 0; j < keys; ++j)
                if (!m[j * step]) row[j] = kNever;
        } else {
            const S* m = a.mask.data<S>() + at + key * step;
            for (int64_t j = 0; j < keys; ++j) row[j] += T(m[j * step]);
        }
    }
}

// How many keys the queries before `end` see.
inline int64_t visible_keys(const AttentionArgs& a, int64_t end) {
    return a.causal ? std::min(end, a.key.size(2)) : a.key.size(2);
}

}  // namespace taeda::cpu
