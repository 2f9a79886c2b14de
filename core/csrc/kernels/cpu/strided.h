// Moves rectangles of elements between strided places, by element size alone.
#pragma once

#include <cstdint>

namespace taeda::cpu {

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
