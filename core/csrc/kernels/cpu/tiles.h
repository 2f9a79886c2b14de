// Walks the operands of a strided loop rectangle by rectangle over their two innermost dimensions.
#pragma once

#include <cstdlib>

#include "kernels/cpu/parallel.h"
#include "kernels/pointwise.h"

namespace taeda::cpu {

struct Tiling {
    const PointwiseArgs& args;
    const int* item;  // bytes per element of each operand
    int operands, outer_dims;
    int64_t inner, rows, tile_columns, tile_rows, column_tiles, row_tiles, tiles;

    // A tile has at most `most` elements, by default so many that one of each operand fits the first-level cache; where
    // an operand is transposed it is about square.
    Tiling(const PointwiseArgs& a, const int* item_sizes, int64_t most = kBlock);

    int64_t column_stride(int k) const { return args.strides[k][args.ndim - 1]; }
    int64_t row_stride(int k) const { return args.ndim > 1 ? args.strides[k][args.ndim - 2] : 0; }
    bool is_dense(int k, int64_t tile_rows, int64_t columns) const {
        return (column_stride(k) == item[k] || columns == 1) && (tile_rows == 1 || row_stride(k) == columns * item[k]);
    }

    // f(at, rows, columns) with the first element of each operand, for the tiles [from, to).
    template <class F> void each(int64_t from, int64_t to, F&& f) const {
        char* at[kMaxOperands];
        int64_t count_rows, count_columns;
        for (int64_t tile = from; tile < to; ++tile) {
            int64_t row = locate(tile, at, count_rows, count_columns);
            f(static_cast<char* const*>(at), count_rows, count_columns);
            if (tile_rows != 1 || column_tiles != 1) continue;
            // Whole rows: the next ones up to the end of this dimension are a step away.
            for (int64_t next = row + 1; next < rows && tile + 1 < to; ++next, ++tile) {
                for (int k = 0; k < operands; ++k) at[k] += row_stride(k);
                f(static_cast<char* const*>(at), int64_t(1), count_columns);
            }
        }
    }
    // The same over all tiles, on several threads where that pays.
    template <class F> void each_parallel(F&& f) const {
        parallel_for(0, tiles, row_grain(tile_rows * tile_columns),
                     [&](int64_t from, int64_t to) { each(from, to, f); });
    }

private:
    // The tile's first elements and extent; returns its first row.
    int64_t locate(int64_t tile, char** at, int64_t& count_rows, int64_t& count_columns) const;
};

}  // namespace taeda::cpu
