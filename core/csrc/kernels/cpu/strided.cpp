#include "kernels/cpu/strided.h"

#include <algorithm>
#include <utility>

namespace taeda::cpu {
namespace {

constexpr int64_t kFewColumns = 8;

template <class Row, int n, size_t... k> Row interleave(Row a, Row b, int half, std::index_sequence<k...>) {
    return half == 0 ? __builtin_shufflevector(a, b, (k % 2 * n + k / 2)...)
                     : __builtin_shufflevector(a, b, (k % 2 * n + n / 2 + k / 2)...);
}

// n x n elements in registers: log2(n) rounds of interleaving the rows i and i + n/2.
template <class T, int n>
[[gnu::noinline]] void transpose_square(char* out, const char* in, int64_t out_stride, int64_t in_stride) {
    using Row = typename native::vector_type<T, n* int(sizeof(T))>::type;
    constexpr auto all = std::make_index_sequence<n>();
    Row rows[n], next[n];
    for (int i = 0; i < n; ++i) std::memcpy(&rows[i], in + i * in_stride, sizeof(Row));
    for (int round = 1; round < n; round *= 2) {
        for (int i = 0; i < n / 2; ++i) {
            next[2 * i] = interleave<Row, n>(rows[i], rows[i + n / 2], 0, all);
            next[2 * i + 1] = interleave<Row, n>(rows[i], rows[i + n / 2], 1, all);
        }
        for (int i = 0; i < n; ++i) rows[i] = next[i];
    }
    for (int i = 0; i < n; ++i) std::memcpy(out + i * out_stride, &rows[i], sizeof(Row));
}

// The side of a square whose rows fill a register, at most 16; 1 where squares are no gain.
template <class T> constexpr int square_side = sizeof(T) == 16 ? 1 : std::clamp(native::kBytes / int(sizeof(T)), 4, 16);

// out[j][i] = in[i][j], both with contiguous inner elements.
template <class T>
void transpose(char* out, const char* in, int64_t rows, int64_t columns, int64_t out_stride, int64_t in_stride) {
    constexpr int n = square_side<T>;
    constexpr int64_t item = sizeof(T);
    const int64_t whole_rows = n > 1 ? rows / n * n : 0, whole_columns = n > 1 ? columns / n * n : 0;
    if constexpr (n > 1)
        for (int64_t i = 0; i < whole_rows; i += n)
            for (int64_t j = 0; j < whole_columns; j += n)
                transpose_square<T, n>(out + j * out_stride + i * item, in + i * in_stride + j * item, out_stride,
                                       in_stride);
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t i = j < whole_columns ? whole_rows : 0; i < rows; ++i)
            std::memcpy(out + j * out_stride + i * item, in + i * in_stride + j * item, sizeof(T));
}

template <class T> void move_elements(Place to, Place from, int64_t rows, int64_t columns) {
    if (columns < kFewColumns && columns < rows) {  // down the columns, in fewer and longer loops
        std::swap(to.row_stride, to.column_stride);
        std::swap(from.row_stride, from.column_stride);
        std::swap(rows, columns);
    }
    for (int64_t r = 0; r < rows; ++r, to.at += to.row_stride, from.at += from.row_stride) {
        if (from.column_stride == 0 && to.column_stride == sizeof(T)) {
            T value;
            std::memcpy(&value, from.at, sizeof(T));
            std::fill_n(reinterpret_cast<T*>(to.at), columns, value);
        } else if (from.column_stride == -int64_t(sizeof(T)) && to.column_stride == sizeof(T)) {
            T* target = reinterpret_cast<T*>(to.at);
            const T* source = reinterpret_cast<const T*>(from.at);
#pragma GCC ivdep
            for (int64_t c = 0; c < columns; ++c) target[c] = source[-c];
        } else {
            for (int64_t c = 0; c < columns; ++c)
                std::memcpy(to.at + c * to.column_stride, from.at + c * from.column_stride, sizeof(T));
        }
    }
}

}  // namespace

void move_block(Place to, Place from, int64_t rows, int64_t columns, int item) {
    if (to.column_stride == item && from.column_stride == item) {
        if (to.row_stride == columns * item && from.row_stride == to.row_stride) columns *= rows, rows = 1;
        for (int64_t r = 0; r < rows; ++r)
            copy_run(to.at + r * to.row_stride, from.at + r * from.row_stride, columns * item);
        return;
    }
    bool reads_down = from.row_stride == item && to.column_stride == item;
    bool writes_down = to.row_stride == item && from.column_stride == item;
    visit_size(item, [&]<class T>() {
        if (rows > 1 && reads_down) transpose<T>(to.at, from.at, columns, rows, to.row_stride, from.column_stride);
        else if (rows > 1 && writes_down)
            transpose<T>(to.at, from.at, rows, columns, to.column_stride, from.row_stride);
        else move_elements<T>(to, from, rows, columns);
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
    _mm_sfence();
#else
    std::memcpy(target, source, size_t(bytes));
#endif
}

}  // namespace taeda::cpu
