#include "kernels/cpu/loops.h"

#include "kernels/cpu/strided.h"
#include "kernels/cpu/tiles.h"

namespace taeda::cpu {
namespace {

constexpr int kMaxItem = 16;

// One element, as often as a register of the computing type can hold it; stored as it will be loaded.
void repeat_element(char* buffer, const char* at, int item) {
    visit_size(item, [&]<class T>() {
        T value;
        std::memcpy(&value, at, sizeof(T));
        if constexpr (sizeof(T) == 16) {
            std::memcpy(buffer, &value, sizeof(T));  // complex numbers are no vectors
        } else {
            constexpr int bytes = std::min(native::lanes<float> * int(sizeof(T)), native::kBytes);
            auto lanes = typename native::vector_type<T, bytes>::type{} + value;
            std::memcpy(buffer, &lanes, sizeof lanes);
        }
    });
}

// Buffers of one thread. What a buffer holds is kept while the operand stays where it is.
struct Stage {
    const Tiling& t;
    const RowLoop& loop;
    struct Held {
        const char* at = nullptr;
        int64_t rows = 0, columns = 0;
    } held[kMaxOperands];
    alignas(64) char buffer[kMaxOperands][kBlock * kMaxItem];

    Stage(const Tiling& tiling, const RowLoop& row_loop) : t(tiling), loop(row_loop) {}
    Place place(int k, char* at) const { return {at, t.row_stride(k), t.column_stride(k)}; }

    char* input(int k, char* at, int64_t rows, int64_t columns, uint32_t& repeated) {
        if (t.is_dense(k, rows, columns)) return at;
        const bool one_row = rows == 1 || t.row_stride(k) == 0;  // all rows are equal
        if (t.column_stride(k) == 0 && one_row && loop.takes_repeated) {
            repeated |= 1u << k;
            repeat_element(buffer[k], at, t.item[k]);
            return buffer[k];
        }
        Held& h = held[k];
        if (one_row && h.at == at && h.columns == columns && h.rows >= rows) return buffer[k];
        h = {one_row ? at : nullptr, rows, columns};
        pack_block(buffer[k], place(k, at), rows, columns, t.item[k]);
        return buffer[k];
    }
};

void run_tiles(const Tiling& t, int64_t from, int64_t to, const RowLoop& loop) {
    Stage stage(t, loop);
    t.each(from, to, [&](char* const* at, int64_t rows, int64_t columns) {
        char* data[kMaxOperands];
        uint32_t repeated = 0;
        for (int k = 0; k < t.operands; ++k) {
            if (k >= t.args.outputs) data[k] = stage.input(k, at[k], rows, columns, repeated);
            else data[k] = t.is_dense(k, rows, columns) ? at[k] : stage.buffer[k];
        }
        loop.row(loop.functor, data, rows * columns, repeated);
        for (int k = 0; k < t.args.outputs; ++k)
            if (data[k] != at[k]) unpack_block(stage.place(k, at[k]), data[k], rows, columns, t.item[k]);
    });
}

// One dimension in which each operand is contiguous or, where the loop takes that, one repeated element.
class Flat {
public:
    Flat(const PointwiseArgs& args, const int* item_sizes, const RowLoop& row_loop)
        : a_(args), item_(item_sizes), loop_(row_loop), operands_(args.outputs + args.inputs) {}

    bool fits() {
        if (a_.ndim > 1) return false;
        for (int k = 0; k < operands_ && a_.numel > 1; ++k) {
            int64_t stride = a_.strides[k][0];
            if (stride == item_[k]) continue;
            if (stride != 0 || k < a_.outputs || !loop_.takes_repeated) return false;
            repeated_ |= 1u << k;
        }
        return true;
    }

    void run() {
        for (int k = 0; k < operands_; ++k) data_[k] = a_.data[k];
        alignas(64) char elements[kMaxOperands][native::lanes<float> * kMaxItem];
        for (int k = a_.outputs; k < operands_; ++k) {
            if (!(repeated_ >> k & 1)) continue;
            repeat_element(elements[k], a_.data[k], item_[k]);
            data_[k] = elements[k];
        }
        if (a_.numel <= kGrainElements) return loop_.row(loop_.functor, data_, a_.numel, repeated_);
        bool stream = wants_stream();
        parallel_for(0, a_.numel, kGrainElements, [&](int64_t from, int64_t to) {
            if (stream) run_streaming(from, to);
            else run_piece(from, to, nullptr);
        });
    }

private:
    // A large output that is not also an input is written past the caches.
    bool wants_stream() const {
        if (a_.outputs != 1 || a_.numel * item_[0] < kStreamBytes) return false;
        for (int k = 1; k <= a_.inputs; ++k)
            if (a_.data[k] == a_.data[0]) return false;
        return true;
    }
    void run_piece(int64_t from, int64_t to, char* out) const {
        char* data[kMaxOperands];
        for (int k = 0; k < operands_; ++k) data[k] = data_[k] + (repeated_ >> k & 1 ? 0 : from * item_[k]);
        if (out) data[0] = out;
        loop_.row(loop_.functor, data, to - from, repeated_);
    }
    void run_streaming(int64_t from, int64_t to) const {
        alignas(64) char buffer[kBlock * kMaxItem];
        for (int64_t i = from; i < to; i += kBlock) {
            int64_t end = std::min(to, i + kBlock);
            run_piece(i, end, buffer);
            stream_copy(data_[0] + i * item_[0], buffer, (end - i) * item_[0]);
        }
    }

    const PointwiseArgs& a_;
    const int* item_;
    const RowLoop& loop_;
    int operands_;
    uint32_t repeated_ = 0;
    char* data_[kMaxOperands];
};

// Several dimensions; in a row of the last one each operand is contiguous or, where the loop takes that, one repeated
// element. Nothing is staged.
class Rows {
public:
    Rows(const PointwiseArgs& args, const int* item_sizes, const RowLoop& row_loop)
        : a_(args),
          item_(item_sizes),
          loop_(row_loop),
          operands_(args.outputs + args.inputs),
          last_(args.ndim - 1),
          columns_(args.sizes[args.ndim - 1]) {}

    bool fits() {
        if (columns_ < kLongRow || a_.ndim < 2 || a_.numel / columns_ < kManyRows) return false;
        for (int k = 0; k < operands_; ++k) {
            int64_t stride = a_.strides[k][last_];
            if (stride == item_[k]) continue;
            if (stride != 0 || k < a_.outputs || !loop_.takes_repeated) return false;
            repeated_ |= 1u << k;
        }
        return true;
    }

    void run() const {
        parallel_for(0, a_.numel / columns_, row_grain(columns_), [&](int64_t from, int64_t to) { run(from, to); });
    }

private:
    static constexpr int64_t kLongRow = 128, kManyRows = 16;

    void run(int64_t from, int64_t to) const {
        alignas(64) char elements[kMaxOperands][native::lanes<float> * kMaxItem];
        char *at[kMaxOperands], *data[kMaxOperands], *held[kMaxOperands] = {};
        int64_t index[16], rest = from;
        std::copy_n(a_.data, operands_, at);
        for (int d = last_; d-- > 0; rest /= a_.sizes[d]) {
            index[d] = rest % a_.sizes[d];
            for (int k = 0; k < operands_; ++k) at[k] += index[d] * a_.strides[k][d];
        }
        for (int64_t row = from; row < to; ++row) {
            for (int k = 0; k < operands_; ++k) {
                data[k] = at[k];
                if (!(repeated_ >> k & 1)) continue;
                data[k] = elements[k];
                if (held[k] != at[k]) repeat_element(elements[k], held[k] = at[k], item_[k]);
            }
            loop_.row(loop_.functor, data, columns_, repeated_);
            for (int d = last_; d-- > 0;) {
                for (int k = 0; k < operands_; ++k) at[k] += a_.strides[k][d];
                if (++index[d] < a_.sizes[d]) break;
                for (int k = 0; k < operands_; ++k) at[k] -= a_.strides[k][d] * a_.sizes[d];
                index[d] = 0;
            }
        }
    }

    const PointwiseArgs& a_;
    const int* item_;
    const RowLoop& loop_;
    int operands_, last_;
    int64_t columns_;
    uint32_t repeated_ = 0;
};

}  // namespace

void run_rows(const PointwiseArgs& args, const int* item_sizes, const RowLoop& loop) {
    if (args.numel == 0) return;
    Flat flat(args, item_sizes, loop);
    if (flat.fits()) return flat.run();
    Rows rows(args, item_sizes, loop);
    if (rows.fits()) return rows.run();
    Tiling tiling(args, item_sizes);
    parallel_for(0, tiling.tiles, row_grain(tiling.tile_rows * tiling.tile_columns),
                 [&](int64_t from, int64_t to) { run_tiles(tiling, from, to, loop); });
}

}  // namespace taeda::cpu
