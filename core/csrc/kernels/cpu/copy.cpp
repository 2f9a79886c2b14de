#include "kernels/copy.h"

#include <vector>

#include "dispatch/pointwise.h"
#include "kernels/cpu/cast.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/strided.h"
#include "kernels/cpu/tiles.h"

namespace taeda::cpu {
namespace {

constexpr int64_t kCopyTile = 16384;  // elements that are moved at a time

void copy_bytes(char* to, const char* from, int64_t bytes) {
    if (bytes <= kGrainBytes) {
        std::memcpy(to, from, size_t(bytes));
        return;
    }
    bool stream = bytes >= kStreamBytes;
    parallel_for(0, bytes, kGrainBytes, [&](int64_t begin, int64_t end) {
        if (stream) stream_copy(to + begin, from + begin, end - begin);
        else std::memcpy(to + begin, from + begin, size_t(end - begin));
    });
}

struct Cast {
    DType to, from;
    static void row(const void* self, char* const* data, int64_t n, uint32_t) {
        const auto* cast = static_cast<const Cast*>(self);
        cast_elements(data[0], cast->to, data[1], cast->from, n);
    }
};

void copy(const Tensor& dst, const Tensor& src) {
    if (dst.numel() == 0) return;
    bool same = dst.dtype() == src.dtype();
    if (same && dst.is_contiguous() && src.is_contiguous())
        return copy_bytes(dst.data<char>(), src.data<char>(), dst.numel() * dst.item_bytes());
    PointwiseArgs args;
    const Tensor* operands[] = {&dst, &src};
    args.inputs = 1;
    set_geometry(args, dst.sizes(), operands);
    int items[] = {int(dst.item_bytes()), int(src.item_bytes())};
    if (!same) {
        Cast cast{dst.dtype(), src.dtype()};
        return run_rows(args, items, {&Cast::row, &cast, false});
    }
    if (args.ndim == 1 && args.strides[0][0] == items[0] && args.strides[1][0] == items[1])
        return copy_bytes(args.data[0], args.data[1], args.numel * items[0]);
    Tiling tiling(args, items, kCopyTile);
    tiling.each_parallel([&](char* const* at, int64_t rows, int64_t columns) {
        move_block({at[0], tiling.row_stride(0), tiling.column_stride(0)},
                   {at[1], tiling.row_stride(1), tiling.column_stride(1)}, rows, columns, items[0]);
    });
}

struct Piece {
    const char* from;
    int64_t bytes;
};

// The bytes [begin, end) of the pieces laid one behind the other.
void join_bytes(char* to, const std::vector<Piece>& pieces, int64_t begin, int64_t end, bool stream) {
    int64_t at = 0;
    for (const Piece& p : pieces) {
        int64_t from = std::max(begin, at), stop = std::min(end, at + p.bytes);
        if (from < stop && stream) stream_copy(to + from, p.from + (from - at), stop - from);
        else if (from < stop) std::memcpy(to + from, p.from + (from - at), size_t(stop - from));
        at += p.bytes;
    }
}

// Single elements of each part in turn.
template <class T> void interleave(T* to, const std::vector<Piece>& pieces, int64_t rows) {
    const int64_t n = int64_t(pieces.size());
    parallel_for(0, rows, row_grain(n), [&](int64_t from, int64_t end) {
        for (int64_t i = from; i < end; i += kBlock)
            for (int64_t k = 0; k < n; ++k) {
                const T* source = reinterpret_cast<const T*>(pieces[size_t(k)].from);
                for (int64_t row = i; row < std::min(end, i + kBlock); ++row) to[row * n + k] = source[row];
            }
    });
}

// Row after row of the output, so that it is written from front to back.
void cat(const Tensor& out, TensorList parts, int64_t dim) {
    std::vector<Piece> pieces;
    const int64_t rows = product(out.sizes().slice(0, size_t(dim))), item = out.item_bytes();
    int64_t row_bytes = 0;
    for (const Tensor& part : parts) {
        pieces.push_back({part.data<char>(), part.numel() / rows * item});
        row_bytes += pieces.back().bytes;
    }
    char* const to = out.data<char>();
    if (rows == 1) {
        bool stream = row_bytes >= kStreamBytes;
        return parallel_for(0, row_bytes, kGrainBytes,
                            [&](int64_t from, int64_t end) { join_bytes(to, pieces, from, end, stream); });
    }
    if (row_bytes == item * int64_t(pieces.size()))
        return visit_size(int(item), [&]<class T>() { interleave(out.data<T>(), pieces, rows); });
    parallel_for(0, rows, row_grain(row_bytes, kGrainBytes), [&](int64_t from, int64_t end) {
        char* at = to + from * row_bytes;
        for (int64_t row = from; row < end; ++row)
            for (const Piece& p : pieces) {
                copy_run(at, p.from + row * p.bytes, p.bytes);
                at += p.bytes;
            }
    });
}

template <class T> struct Fill {
    T value;
    static void row(const void* self, char* const* data, int64_t n, uint32_t) {
        std::fill_n(reinterpret_cast<T*>(data[0]), n, static_cast<const Fill*>(self)->value);
    }
};

void fill(const Tensor& dst, const Scalar& value) {
    PointwiseArgs args;
    const Tensor* operands[] = {&dst};
    set_geometry(args, dst.sizes(), operands);
    int items[] = {int(dst.item_bytes())};
    alignas(16) char element[16];
    visit_all(dst.dtype(), [&]<class T>() {
        T v = value.to<T>();
        std::memcpy(element, &v, sizeof v);
    });
    visit_size(items[0], [&]<class T>() {
        Fill<T> functor;
        std::memcpy(&functor.value, element, sizeof(T));
        run_rows(args, items, {&Fill<T>::row, &functor, false});
    });
}

}  // namespace

TAEDA_REGISTER(cpu, copy, copy)
TAEDA_REGISTER(cpu, cat, cat)
TAEDA_REGISTER(cpu, fill, fill)

}  // namespace taeda::cpu
