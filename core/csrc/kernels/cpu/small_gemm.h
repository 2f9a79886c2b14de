// Small matrix products on one thread: blocks of rows times panels of columns in registers.
#pragma once

#include <vector>

#include "kernels/cpu/strided.h"
#include "kernels/vec/vec.h"

namespace taeda::cpu {

// Sums of this many rows and vectors of columns, with their operands, fill the registers: 32 of AVX-512, else 16.
constexpr int kProductRows = 6, kPanelVectors = TAEDA_VEC_BYTES == 64 ? 4 : 2;

template <class T> struct Strided {
    T* data;
    int64_t row, column;
    T& at(int64_t i, int64_t j) const { return data[i * row + j * column]; }
};

// What happens to a block of sums before it is stored.
template <class T> struct Epilogue {
    T beta, alpha;
    const T* bias;  // or null
};

// R rows by P vectors of columns; b has contiguous rows at distance `b_row`. Not Full: the last vector has
// fewer columns.
template <class T, int R, int P, bool Full> void product_block(Strided<T> out, Strided<const T> a, const T* b,
                                                               int64_t b_row, int64_t K, int64_t columns, const T* bias,
                                                               const Epilogue<T>& e) {
    using V = Vec<T>;
    V sum[R][P];
    for (int r = 0; r < R; ++r)
        for (int p = 0; p < P; ++p) sum[r][p] = V(0);
    const int64_t last = columns - (P - 1) * V::size;
    for (int64_t k = 0; k < K; ++k) {
        V bk[P];
        const T* row = b + k * b_row;
        for (int p = 0; p < P - 1; ++p) bk[p] = V::load(row + p * V::size);
        bk[P - 1] = Full ? V::load(row + (P - 1) * V::size) : V::load(row + (P - 1) * V::size, last);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            V ark(a.at(r, k));
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) sum[r][p] = mul_add(ark, bk[p], sum[r][p]);
        }
    }
    for (int r = 0; r < R; ++r)
        for (int p = 0; p < P; ++p) {
            const bool whole = Full || p < P - 1;
            T* to = &out.at(r, p * V::size);
            V result = sum[r][p];
            if (e.alpha != 1) result = result * V(e.alpha);
            if (bias) result += whole ? V::load(bias + p * V::size) : V::load(bias + p * V::size, last);
            if (out.column != 1) {
                for (int64_t j = 0; j < (whole ? int64_t(V::size) : last); ++j) {
                    T& o = to[j * out.column];
                    o = e.beta != 0 ? result[int(j)] + e.beta * o : result[int(j)];
                }
                continue;
            }
            if (e.beta != 0) result += V(e.beta) * (whole ? V::load(to) : V::load(to, last));
            if (whole) result.store(to);
            else result.store(to, last);
        }
}

template <class T, int P, bool Full> void product_rows(Strided<T> out, Strided<const T> a, const T* b, int64_t b_row,
                                                       int64_t M, int64_t K, int64_t columns, const T* bias,
                                                       const Epilogue<T>& e) {
    auto rows = [&]<int R>(std::integral_constant<int, R>) {
        product_block<T, R, P, Full>(out, a, b, b_row, K, columns, bias, e);
        out.data += R * out.row, a.data += R * a.row;
    };
    for (; M >= kProductRows; M -= kProductRows) rows(std::integral_constant<int, kProductRows>());
    if (M & 4) rows(std::integral_constant<int, 4>());
    if (M & 2) rows(std::integral_constant<int, 2>());
    if (M & 1) rows(std::integral_constant<int, 1>());
}

// product_rows for up to P vectors of columns.
template <class T, int P = kPanelVectors> void product_panel(Strided<T> out, Strided<const T> a, const T* b,
                                                             int64_t b_row, int64_t M, int64_t K, int64_t columns,
                                                             const T* bias, const Epilogue<T>& e) {
    constexpr int64_t V = Vec<T>::size;
    if constexpr (P > 1)
        if (columns <= (P - 1) * V) return product_panel<T, P - 1>(out, a, b, b_row, M, K, columns, bias, e);
    auto rows = columns == P * V ? product_rows<T, P, true> : product_rows<T, P, false>;
    rows(out, a, b, b_row, M, K, columns, bias, e);
}

// Columns of b as rows of `width`.
template <class T> void pack_columns(T* to, int64_t width, Strided<const T> b, int64_t K, int64_t columns) {
    constexpr int64_t size = sizeof(T);
    char* from = reinterpret_cast<char*>(const_cast<T*>(b.data));  // move_block reads it
    move_block({reinterpret_cast<char*>(to), width * size, size}, {from, b.row * size, b.column * size}, K, columns,
               int(size));
}

// out (M, N) = beta * out + alpha * a (M, K) @ b (K, N) + bias; fastest with contiguous rows of b and out.
template <class T> void product(Strided<T> out, Strided<const T> a, Strided<const T> b, int64_t M, int64_t N, int64_t K,
                                const Epilogue<T>& e) {
    constexpr int64_t kColumns = kPanelVectors * Vec<T>::size;
    thread_local std::vector<T> panel;
    for (int64_t j = 0; j < N; j += kColumns) {
        int64_t columns = std::min(kColumns, N - j);
        const T* pb = b.data + j * b.column;
        int64_t b_row = b.row;
        if (b.column != 1) {
            panel.resize(size_t(K * columns));
            pack_columns(panel.data(), columns, Strided<const T>{pb, b.row, b.column}, K, columns);
            pb = panel.data(), b_row = columns;
        }
        const T* bias = e.bias ? e.bias + j : nullptr;
        Strided<T> to{out.data + j * out.column, out.row, out.column};
        product_panel<T>(to, a, pb, b_row, M, K, columns, bias, e);
    }
}

}  // namespace taeda::cpu
