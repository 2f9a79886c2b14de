// What the forward and the backward pass of attention share. Scores are kept key by key, the queries of a block in the
// lanes: only queries are transposed, keys and values are read where they lie, and maxima and sums need no shuffling.
#pragma once

#include <limits>
#include <vector>

#include "kernels/attention.h"
#include "kernels/cpu/philox.h"
#include "kernels/cpu/rows.h"
#include "kernels/cpu/small_gemm.h"

namespace taeda::cpu {

// Scores of a block: kKeyBlock rows of kQueryBlock.
constexpr int64_t kQueryBlock = kRandomGroupWords, kKeyBlock = 96;

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

// Rows [from, to) with op_type elements: where they lie, or converted into `space`.
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

// Queries that a block of `rows` computes: whole vectors.
template <class T> int64_t lanes_of(int64_t rows) { return (rows + Vec<T>::size - 1) / Vec<T>::size * Vec<T>::size; }

// `to` becomes (width, kQueryBlock): the rows of m in the lanes, zeros behind them.
template <class T> void transpose_rows(std::vector<T>& to, Strided<const T> m, int64_t rows, int64_t width) {
    to.resize(size_t(width * kQueryBlock));
    pack_columns<T>(to.data(), kQueryBlock, {m.data, m.column, m.row}, width, rows);
    for (int64_t i = 0; rows < lanes_of<T>(rows) && i < width; ++i)
        std::fill(to.data() + i * kQueryBlock + rows, to.data() + i * kQueryBlock + lanes_of<T>(rows), T(0));
}

template <class T> void hide(T* scores, int64_t count) {
    std::fill(scores, scores + count, -std::numeric_limits<T>::infinity());
}

// Masks the scores of `rows` queries from `query` on and `keys` keys from `key` on.
template <class S> void apply_mask(const AttentionArgs& a, op_type<S>* scores, int64_t batch, int64_t head,
                                   int64_t query, int64_t rows, int64_t key, int64_t keys) {
    using T = op_type<S>;
    if (a.causal)
        for (int64_t j = std::max<int64_t>(0, query + 1 - key); j < keys; ++j)
            hide(scores + j * kQueryBlock, std::min(rows, key + j - query));
    if (!a.mask.defined()) return;
    int64_t row = a.mask.stride(2), column = a.mask.stride(3);
    int64_t at = batch * a.mask.stride(0) + head * a.mask.stride(1) + query * row + key * column;
    for (int64_t j = 0; j < keys; ++j) {
        T* to = scores + j * kQueryBlock;
        if (a.mask.dtype() == DType::bool_) {
            const bool* m = a.mask.data<bool>() + at + j * column;
            if (row == 0 && !*m) hide(to, rows);
            for (int64_t r = 0; row && r < rows; ++r)
                if (!m[r * row]) hide(to + r, 1);
        } else {
            const S* m = a.mask.data<S>() + at + j * column;
            for (int64_t r = 0; r < rows; ++r) to[r] += T(m[r * row]);
        }
    }
}

// What the weights of `keys` rows from key `key` on are multiplied by: zero where dropped, else 1 / (1 - p). `head`: of
// all batches.
template <class T>
void drop_factors(const AttentionArgs& a, T* factors, int64_t head, int64_t query, int64_t key, int64_t keys) {
    const uint32_t limit = uint32_t(a.dropout * 0x1p32);
    const T scale = T(1 / (1 - a.dropout));
    for (int64_t j = 0; j < keys; ++j) {
        RandomWords words;
        draw_group(words, a.seed, a.random_block(head, query, key + j));
        T* row = factors + j * kQueryBlock;
        for (int64_t r = 0; r < kQueryBlock; ++r) row[r] = words[r] >= limit ? scale : T(0);
    }
}

// How many keys the queries before `end` see.
inline int64_t visible_keys(const AttentionArgs& a, int64_t end) {
    return a.causal ? std::min(end, a.key.size(2)) : a.key.size(2);
}

}  // namespace taeda::cpu
