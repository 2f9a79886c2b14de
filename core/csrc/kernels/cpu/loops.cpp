#include "kernels/cpu/loops.h"

#include "kernels/cpu/strided.h"
#include "kernels/cpu/tiles.h"

namespace taeda::cpu {
namespace {

constexpr int kMaxItem = 16;

// Buffers of one thread. A block that repeats one element is kept while the element stays the same.
struct Stage {
    const Tiling& t;
    const char* repeated[kMaxOperands] = {};
    int64_t repeated_count[kMaxOperands] = {};
    alignas(64) char buffer[kMaxOperands][kBlock * kMaxItem];

    explicit Stage(const Tiling& tiling) : t(tiling) {}
    Place place(int k, char* at) const { return {at, t.row_stride(k), t.column_stride(k)}; }

    char* input(int k, char* at, int64_t rows, int64_t columns) {
        if (t.is_dense(k, rows, columns)) return at;
        bool repeats = t.column_stride(k) == 0 && (rows == 1 || t.row_stride(k) == 0);
        if (repeats && repeated[k] == at && repeated_count[k] >= rows * columns) return buffer[k];
        repeated[k] = repeats ? at : nullptr, repeated_count[k] = rows * columns;
        pack_block(buffer[k], place(k, at), rows, columns, t.item[k]);
        return buffer[k];
    }
};

void run_tiles(const Tiling& t, int64_t from, int64_t to, RowFunction row, const void* functor) {
    Stage stage(t);
    t.each(from, to, [&](char* const* at, int64_t rows, int64_t columns) {
        char* data[kMaxOperands];
        for (int k = 0; k < t.operands; ++k) {
            if (k >= t.args.outputs) data[k] = stage.input(k, at[k], rows, columns);
            else data[k] = t.is_dense(k, rows, columns) ? at[k] : stage.buffer[k];
        }
        row(functor, data, rows * columns);
        for (int k = 0; k < t.args.outputs; ++k)
            if (data[k] != at[k]) unpack_block(stage.place(k, at[k]), data[k], rows, columns, t.item[k]);
    });
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
    bool contiguous = args.ndim <= 1;
    if (args.ndim == 1 && args.numel > 1)
        for (int k = 0; k < args.outputs + args.inputs; ++k) contiguous &= args.strides[k][0] == item_sizes[k];
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
