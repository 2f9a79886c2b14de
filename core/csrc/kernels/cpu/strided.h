// Moves blocks of elements between strided memory and contiguous buffers, by element size alone.
#pragma once

#include <cstdint>

namespace taeda::cpu {

// buffer[r][c] = element at source + r * row_stride + c * column_stride (bytes).
void pack_block(char* buffer, const char* source, int64_t rows, int64_t columns, int64_t row_stride,
                int64_t column_stride, int item);
// The other way round.
void unpack_block(char* target, const char* buffer, int64_t rows, int64_t columns, int64_t row_stride,
                  int64_t column_stride, int item);
// Like memcpy, past the caches: for outputs that are larger than they are.
void stream_copy(char* target, const char* source, int64_t bytes);
// out[j * out_stride + i] = in[i * in_stride + j] for i < rows, j < columns; strides in elements.
void transpose_block(char* out, const char* in, int64_t rows, int64_t columns, int64_t out_stride, int64_t in_stride,
                     int item);

}  // namespace taeda::cpu
