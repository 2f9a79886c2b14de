#include "kernels/cpu/tiles.h"

namespace taeda::cpu {

namespace {
constexpr int64_t kShortRow = 256;      // shorter inner rows are taken several at a time
constexpr int64_t kTransposeTile = 32;  // side of a tile where an operand is transposed
}  // namespace

Tiling::Tiling(const PointwiseArgs& a, const int* item_sizes, int64_t most) : args(a), item(item_sizes) {
    operands = a.outputs + a.inputs;
    outer_dims = std::max(0, a.ndim - 2);
    inner = a.sizes[a.ndim - 1];
    rows = a.ndim > 1 ? a.sizes[a.ndim - 2] : 1;
    bool transposed = false;
    for (int k = 0; k < operands; ++k)
        transposed |= row_stride(k) != 0 && std::abs(column_stride(k)) > std::abs(row_stride(k));
    if (transposed && rows > 1) {
        tile_columns = std::min(inner, kTransposeTile);
        tile_rows = std::min(rows, std::max(kTransposeTile, kBlock / tile_columns));
    } else {
        tile_columns = std::min(inner, most);
        tile_rows = most == kBlock && inner >= kShortRow ? 1 : std::min(rows, most / tile_columns);
    }
    column_tiles = (inner + tile_columns - 1) / tile_columns;
    row_tiles = (rows + tile_rows - 1) / tile_rows;
    tiles = column_tiles * row_tiles;
    for (int d = 0; d < outer_dims; ++d) tiles *= a.sizes[d];
}

int64_t Tiling::locate(int64_t tile, char** at, int64_t& count_rows, int64_t& count_columns) const {
    int64_t rest = tile, column = rest % column_tiles * tile_columns;
    rest /= column_tiles;
    int64_t row = rest % row_tiles * tile_rows;
    rest /= row_tiles;
    for (int k = 0; k < operands; ++k) at[k] = args.data[k] + column * column_stride(k) + row * row_stride(k);
    for (int d = outer_dims; d-- > 0; rest /= args.sizes[d])
        for (int k = 0; k < operands; ++k) at[k] += rest % args.sizes[d] * args.strides[k][d];
    count_columns = std::min(tile_columns, inner - column);
    count_rows = std::min(tile_rows, rows - row);
    return row;
}

}  // namespace taeda::cpu
