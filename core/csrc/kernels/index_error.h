// What is said of indices that are out of range, whichever device found them.
#pragma once

#include "tensor/error.h"

namespace taeda {

// Indices along a dimension; `lowest` is -size where negative ones count from the end.
template <class E>
[[noreturn]] inline void raise_wrong_index(const char* op, int64_t index, int64_t dim, int64_t size, int64_t lowest) {
    raise<E>(op, ": index ", index, " is out of bounds for dimension ", dim, " with size ", size,
             "; indices must lie in [", lowest, ", ", size, ")");
}

// Rows of a table.
[[noreturn]] inline void raise_wrong_row(const char* op, int64_t index, int64_t position, int64_t rows) {
    raise<IndexError>(op, ": index ", index, " at position ", position, " is out of range for a table of ", rows,
                      " rows; indices must be in [0, ", rows - 1, "]");
}
[[noreturn]] inline void raise_wrong_offset(int64_t position, int64_t offset, int64_t indices) {
    raise("embedding_bag: offsets[", position, "] is ", offset,
          ", but offsets must begin with 0, must not decrease, and must be in [0, ", indices, "]");
}

// Classes of a loss.
[[noreturn]] inline void raise_wrong_class(const char* op, int64_t target, int64_t classes, int64_t ignore_index) {
    raise<IndexError>(op, ": target class ", target, " is out of range for ", classes,
                      " classes; targets must be in [0, ", classes - 1, "] or equal to ignore_index (", ignore_index,
                      ")");
}

}  // namespace taeda
