#include "kernels/cpu/loops.h"

#include "kernels/cpu/strided.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kStreamBytes = 16 << 20;   // outputs from this size on bypass the caches
constexpr int64_t kShortRow = 256;           // shorter inner rows are staged several at a time
constexpr int64_t kTransposeTile = 32;       // rows and columns of a tile where an operand is transposed
constexpr int kMaxItem = 16;

// One rectangle of the two innermost dimensions after the other.
struct Tiling {
    const PointwiseArgs& args;
    const int* item;
    int operands, outer_dims;
    int64_t inner, rows, tile_columns, tile_rows, column_tiles, row_tiles, tiles;

    Tiling(const PointwiseArgs& a, const int* item_sizes) : args(a), item(item_sizes) {
        operands = a.outputs + a.inputs;
        outer_dims = std::max(0, a.ndim - 2);
        inner = a.sizes[a.ndim - 1];
        rows = a.ndim > 1 ? a.sizes[a.ndim - 2] : 1;
        choose_tile();
        column_tiles = (inner + tile_columns - 1) / tile_columns;
        row_tiles = (rows + tile_rows - 1) / tile_rows;
        tiles = column_tiles * row_tiles;
        for (int d = 0; d < outer_dims; ++d) tiles *= a.sizes[d];
    }
    int64_t column_stride(int k) const { return args.strides[k][args.ndim - 1]; }
    int64_t row_stride(int k) const { return args.ndim > 1 ? args.strides[k][args.ndim - 2] : 0; }

    void choose_tile() {
        bool transposed = false;
        for (int k = 0; k < operands; ++k)
            transposed |= row_stride(k) != 0 && std::abs(column_stride(k)) > std::abs(row_stride(k));
        if (transposed && rows > 1) {
            tile_columns = std::min(inner, kTransposeTile);
            tile_rows = std::min(rows, std::max(kTransposeTile, kBlock / tile_columns));
        } else {
            tile_columns = std::min(inner, kBlock);
            tile_rows = inner >= kShortRow ? 1 : std::min(rows, kBlock / tile_columns);
        }
    }
};

// Buffers of one thread. A block that repeats one element is kept while the element stays the same.
struct Stage {
    alignas(64) char buffer[kMaxOperands][kBlock * kMaxItem];
    const char* repeated[kMaxOperands] = {};
    int64_t repeated_count[kMaxOperands] = {};

    char* input(const Tiling& t, int k, char* at, int64_t rows, int64_t columns) {
        int64_t row_stride = t.row_stride(k), column_stride = t.column_stride(k);
        bool one_row = rows == 1;
        if (column_stride == t.item[k] && (one_row || row_stride == columns * t.item[k])) return at;
        if (column_stride == 0 && (one_row || row_stride == 0)) {
            if (repeated[k] == at && repeated_count[k] >= rows * columns) return buffer[k];
            repeated[k] = at, repeated_count[k] = rows * columns;
        } else {
            repeated[k] = nullptr;
        }
        pack_block(buffer[k], at, rows, columns, row_stride, column_stride, t.item[k]);
        return buffer[k];
    }
};

void run_tiles(const Tiling& t, int64_t from, int64_t to, RowFunction row, const void* functor) {
    const PointwiseArgs& a = t.args;
    Stage stage;
    for (int64_t tile = from; tile < to; ++tile) {
        int64_t rest = tile, column = rest % t.column_tiles * t.tile_columns;
        rest /= t.column_tiles;
        int64_t first_row = rest % t.row_tiles * t.tile_rows;
        rest /= t.row_tiles;
        char* at[kMaxOperands];
        for (int k = 0; k < t.operands; ++k)
            at[k] = a.data[k] + column * t.column_stride(k) + first_row * t.row_stride(k);
        for (int d = t.outer_dims; d-- > 0; rest /= a.sizes[d])
            for (int k = 0; k < t.operands; ++k) at[k] += rest % a.sizes[d] * a.strides[k][d];

        int64_t columns = std::min(t.tile_columns, t.inner - column), rows = std::min(t.tile_rows, t.rows - first_row);
        char* data[kMaxOperands];
        for (int k = a.outputs; k < t.operands; ++k) data[k] = stage.input(t, k, at[k], rows, columns);
        for (int k = 0; k < a.outputs; ++k) {
            bool direct = t.column_stride(k) == t.item[k] && (rows == 1 || t.row_stride(k) == columns * t.item[k]);
            data[k] = direct ? at[k] : stage.buffer[k];
        }
        row(functor, data, rows * columns);
        for (int k = 0; k < a.outputs; ++k)
            if (data[k] != at[k])
                unpack_block(at[k], data[k], rows, columns, t.row_stride(k), t.column_stride(k), t.item[k]);
    }
}

// All operands contiguous. A large output that is not also an input is written past the caches.
void run_contiguous(const PointwiseArgs& a, const int* item, RowFunction row, const void* functor, int64_t from,
                    int64_t to, bool stream) {
    int operands = a.outputs + a.inputs;
    char* data[kMaxOperands];
    for (int k = 0; k < operands; ++k) data[k] = a.data[k] + from * item[k];
    if (!stream) return row(functor, data, to - from);
    alignas(64) char buffer[kBlock * kMaxItem];
    char* target = data[0];
    for (int64_t i = from; i < to; i += kBlock) {
        int64_t n = std::min(kBlock, to - i);
        data[0] = buffer;
        row(functor, data, n);
        stream_copy(target, buffer, n * item[0]);
        target += n * item[0];
        for (int k = 1; k < operands; ++k) data[k] += n * item[k];
    }
}

bool wants_stream(const PointwiseArgs& a, const int* item) {
    if (a.outputs != 1 || a.numel * item[0] < kStreamBytes) return false;
    for (int k = 1; k <= a.inputs; ++k)
        if (a.data[k] == a.data[0]) return false;
    return true;
}

}  // namespace

void run_rows(const PointwiseArgs& args, const int* item_sizes, RowFunction row, const void* functor) {
    if (args.numel == 0) return;
    int operands = args.outputs + args.inputs;
    bool contiguous = args.ndim <= 1;
    if (args.ndim == 1 && args.numel > 1)
        for (int k = 0; k < operands; ++k) contiguous &= args.strides[k][0] == item_sizes[k];
    if (contiguous) {
        if (args.numel <= kGrainElements) return row(functor, args.data, args.numel);
        bool stream = wants_stream(args, item_sizes);
        parallel_for(0, args.numel, kGrainElements, [&](int64_t from, int64_t to) {
            run_contiguous(args, item_sizes, row, functor, from, to, stream);
        });
        return;
    }
    Tiling tiling(args, item_sizes);
    parallel_for(0, tiling.tiles, row_grain(tiling.tile_rows * tiling.tile_columns),
                 [&](int64_t from, int64_t to) { run_tiles(tiling, from, to, row, functor); });
}

}  // namespace taeda::cpu
