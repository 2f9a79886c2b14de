#include "kernels/cpu/strided.h"

#include <cstring>

#include "kernels/vec/vec_native.h"

namespace taeda::cpu {
namespace {

// Square blocks in registers: log2(n) rounds of interleaving the rows i and i + n/2.
template <class T, int n> struct Square {
    using Row = typename native::vector_type<T, n * int(sizeof(T))>::type;

    static void transpose(char* out, const char* in, int64_t out_stride, int64_t in_stride) {
        Row rows[n];
        for (int i = 0; i < n; ++i) std::memcpy(&rows[i], in + i * in_stride, sizeof(Row));
        for (int round = 1; round < n; round *= 2) {
            Row next[n];
            for (int i = 0; i < n / 2; ++i) interleave(rows[i], rows[i + n / 2], next[2 * i], next[2 * i + 1]);
            for (int i = 0; i < n; ++i) rows[i] = next[i];
        }
        for (int i = 0; i < n; ++i) std::memcpy(out + i * out_stride, &rows[i], sizeof(Row));
    }
    static void interleave(Row a, Row b, Row& low, Row& high) {
        if constexpr (n == 2) {
            low = __builtin_shufflevector(a, b, 0, 2);
            high = __builtin_shufflevector(a, b, 1, 3);
        } else if constexpr (n == 4) {
            low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
            high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
        } else {
            static_assert(n == 8);
            low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
            high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        }
    }
};

template <class T> constexpr int square_size = sizeof(T) == 16 ? 1 : sizeof(T) == 8 ? 4 : sizeof(T) == 1 ? 8 : 8;

template <class T>
void transpose_typed(char* out, const char* in, int64_t rows, int64_t columns, int64_t out_stride, int64_t in_stride) {
    constexpr int n = square_size<T>;
    const int64_t item = sizeof(T), whole_rows = n > 1 ? rows / n * n : 0, whole_columns = n > 1 ? columns / n * n : 0;
    auto single = [&](int64_t i, int64_t j) {
        std::memcpy(out + j * out_stride + i * item, in + i * in_stride + j * item, sizeof(T));
    };
    if constexpr (n > 1)
        for (int64_t j = 0; j < whole_columns; j += n)
            for (int64_t i = 0; i < whole_rows; i += n)
                Square<T, n>::transpose(out + j * out_stride + i * item, in + i * in_stride + j * item, out_stride,
                                        in_stride);
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i) single(i, j);
}

template <class T>
void pack_typed(char* buffer, const char* source, int64_t rows, int64_t columns, int64_t row_stride,
                int64_t column_stride) {
    T* to = reinterpret_cast<T*>(buffer);
    for (int64_t r = 0; r < rows; ++r, to += columns, source += row_stride) {
        if (column_stride == 0) {
            T value;
            std::memcpy(&value, source, sizeof(T));
            for (int64_t c = 0; c < columns; ++c) to[c] = value;
        } else {
            for (int64_t c = 0; c < columns; ++c) std::memcpy(&to[c], source + c * column_stride, sizeof(T));
        }
    }
}

template <class T>
void unpack_typed(char* target, const char* buffer, int64_t rows, int64_t columns, int64_t row_stride,
                  int64_t column_stride) {
    const T* from = reinterpret_cast<const T*>(buffer);
    for (int64_t r = 0; r < rows; ++r, from += columns, target += row_stride)
        for (int64_t c = 0; c < columns; ++c) std::memcpy(target + c * column_stride, &from[c], sizeof(T));
}

}  // namespace

void transpose_block(char* out, const char* in, int64_t rows, int64_t columns, int64_t out_stride, int64_t in_stride,
                     int item) {
    visit_size(item, [&]<class T>() {
        transpose_typed<T>(out, in, rows, columns, out_stride * item, in_stride * item);
    });
}

void pack_block(char* buffer, const char* source, int64_t rows, int64_t columns, int64_t row_stride,
                int64_t column_stride, int item) {
    if (column_stride == item) {
        if (row_stride == columns * item) rows *= columns, columns = rows, rows = 1;
        for (int64_t r = 0; r < rows; ++r)
            std::memcpy(buffer + r * columns * item, source + r * row_stride, size_t(columns * item));
        return;
    }
    visit_size(item, [&]<class T>() {
        if (row_stride == item && rows > 1 && column_stride % item == 0)
            transpose_typed<T>(buffer, source, columns, rows, columns * item, column_stride);
        else pack_typed<T>(buffer, source, rows, columns, row_stride, column_stride);
    });
}

void unpack_block(char* target, const char* buffer, int64_t rows, int64_t columns, int64_t row_stride,
                  int64_t column_stride, int item) {
    if (column_stride == item) {
        for (int64_t r = 0; r < rows; ++r)
            std::memcpy(target + r * row_stride, buffer + r * columns * item, size_t(columns * item));
        return;
    }
    visit_size(item, [&]<class T>() {
        if (row_stride == item && rows > 1)
            transpose_typed<T>(target, buffer, rows, columns, column_stride, columns * item);
        else unpack_typed<T>(target, buffer, rows, columns, row_stride, column_stride);
    });
}

void stream_copy(char* target, const char* source, int64_t bytes) {
#if defined(__SSE2__)
    int64_t head = std::min<int64_t>(bytes, int64_t(-reinterpret_cast<intptr_t>(target) & (native::kBytes - 1)));
    std::memcpy(target, source, size_t(head));
    int64_t i = head;
    for (; i + native::kBytes <= bytes; i += native::kBytes) {
#if TAEDA_VEC_AVX512
        _mm512_stream_si512(reinterpret_cast<__m512i*>(target + i), _mm512_loadu_si512(source + i));
#elif TAEDA_VEC_AVX2
        _mm256_stream_si256(reinterpret_cast<__m256i*>(target + i),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(source + i)));
#else
        _mm_stream_si128(reinterpret_cast<__m128i*>(target + i),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(source + i)));
#endif
    }
    std::memcpy(target + i, source + i, size_t(bytes - i));
#else
    std::memcpy(target, source, size_t(bytes));
#endif
}

}  // namespace taeda::cpu
