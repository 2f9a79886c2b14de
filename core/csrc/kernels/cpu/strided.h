// Moves rectangles of elements between strided places, by element size alone.
#pragma once

#include <cstring>

#include "kernels/vec/vec_native.h"

namespace taeda::cpu {

// memcpy that is quick for runs of a few hundred bytes.
inline void copy_run(char* to, const char* from, int64_t bytes) {
    using Register = native::vector_type<char, native::kBytes>::type;
    if (bytes < native::kBytes || bytes > 2048) {
        std::memcpy(to, from, size_t(bytes));
        return;
    }
    auto move = [&](int64_t i) {
        Register r;
        std::memcpy(&r, from + i, sizeof r);
        std::memcpy(to + i, &r, sizeof r);
    };
    for (int64_t i = 0; i + native::kBytes <= bytes; i += native::kBytes) move(i);
    move(bytes - native::kBytes);
}

// Where a rectangle lies: bytes from row to row and from column to column.
struct Place {
    char* at;
    int64_t row_stride, column_stride;
};

// to[r][c] = from[r][c]
void move_block(Place to, Place from, int64_t rows, int64_t columns, int item);
// The same with one side contiguous.
inline void pack_block(char* buffer, Place from, int64_t rows, int64_t columns, int item) {
    move_block({buffer, columns * item, item}, from, rows, columns, item);
}
inline void unpack_block(Place to, char* buffer, int64_t rows, int64_t columns, int item) {
    move_block(to, {buffer, columns * item, item}, rows, columns, item);
}
// Like memcpy, past the caches: for outputs that are larger than they are.
void stream_copy(char* target, const char* source, int64_t bytes);
constexpr int64_t kStreamBytes = 16 << 20;  // outputs from this size on are worth it

}  // namespace taeda::cpu
