// Matrix products too small for a library call, on one thread: blocks of rows times panels of columns in
// registers.
#include <vector>

#include "kernels/matmul.h"
#include "kernels/vec/vec.h"

namespace taeda {
namespace {

constexpr int kRows = 4;

template <class T>
struct Strided {
    T* data;
    int64_t row, column;
    T& at(int64_t i, int64_t j) const { return data[i * row + j * column]; }
};

template <class T>
Strided<T> matrix(const Tensor& t) {
    return {t.data<T>(), t.stride(-2), t.stride(-1)};
}

// What happens to a block of sums before it is stored.
template <class T>
struct Epilogue {
    T beta, alpha;
    const T* bias;  // or null
};

// R rows by P vectors of columns; b has contiguous rows at distance `b_row`. Not Full: the last vector has
// fewer columns.
template <class T, int R, int P, bool Full>
void block(Strided<T> out, Strided<const T> a, const T* b, int64_t b_row, int64_t K, int64_t columns,
           const T* bias, const Epilogue<T>& e) {
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
#pragma GCC unroll 2
            for (int p = 0; p < P; ++p) sum[r][p] = mul_add(ark, bk[p], sum[r][p]);
        }
    }
    for (int r = 0; r < R; ++r)
        for (int p = 0; p < P; ++p) {
            int64_t n = std::min<int64_t>(V::size, columns - p * V::size);
            T* to = &out.at(r, p * V::size);
            V result = sum[r][p];
            if (e.alpha != 1) result = result * V(e.alpha);
            if (bias) result += V::load(bias + p * V::size, n);
            if (out.column == 1) {
                if (e.beta != 0) result += V(e.beta) * V::load(to, n);
                result.store(to, n);
                continue;
            }
            for (int64_t j = 0; j < n; ++j) {
                T& o = to[j * out.column];
                o = e.beta != 0 ? result[int(j)] + e.beta * o : result[int(j)];
            }
        }
}

template <class T, int P, bool Full>
void all_rows(Strided<T> out, Strided<const T> a, const T* b, int64_t b_row, int64_t M, int64_t K,
              int64_t columns, const T* bias, const Epilogue<T>& e) {
    int64_t i = 0;
    for (; i + kRows <= M; i += kRows) {
        block<T, kRows, P, Full>(out, a, b, b_row, K, columns, bias, e);
        out.data += kRows * out.row, a.data += kRows * a.row;
    }
    for (; i < M; ++i) {
        block<T, 1, P, Full>(out, a, b, b_row, K, columns, bias, e);
        out.data += out.row, a.data += a.row;
    }
}

// The strided columns of b as contiguous rows.
template <class T>
void pack(T* to, Strided<const T> b, int64_t K, int64_t columns) {
    for (int64_t j = 0; j < columns; ++j)
        for (int64_t k = 0; k < K; ++k) to[k * columns + j] = b.at(k, j);
}

template <class T>
void product(Strided<T> out, Strided<const T> a, Strided<const T> b, int64_t M, int64_t N, int64_t K,
             const Epilogue<T>& e) {
    constexpr int64_t V = Vec<T>::size;
    thread_local std::vector<T> panel;
    for (int64_t j = 0; j < N;) {
        int64_t columns = std::min(2 * V, N - j);
        const T* pb = b.data + j * b.column;
        int64_t b_row = b.row;
        if (b.column != 1) {
            panel.resize(size_t(K * columns));
            pack(panel.data(), Strided<const T>{pb, b.row, b.column}, K, columns);
            pb = panel.data(), b_row = columns;
        }
        const T* bias = e.bias ? e.bias + j : nullptr;
        Strided<T> to{out.data + j * out.column, out.row, out.column};
        auto rows = columns == 2 * V ? all_rows<T, 2, true>
                    : columns > V    ? all_rows<T, 2, false>
                    : columns == V   ? all_rows<T, 1, true>
                                     : all_rows<T, 1, false>;
        rows(to, a, pb, b_row, M, K, columns, bias, e);
        j += columns;
    }
}

template <class T>
void typed(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta,
           double alpha) {
    Epilogue<T> e{T(beta), T(alpha), bias.defined() ? bias.data<T>() : nullptr};
    Strided<T> o = matrix<T>(out);
    Strided<const T> pa = matrix<const T>(a), pb = matrix<const T>(b);
    int64_t M = out.size(-2), N = out.size(-1), K = a.size(-1), batches = out.dim() == 3 ? out.size(0) : 1;
    for (int64_t i = 0; i < batches; ++i) {
        product(o, pa, pb, M, N, K, e);
        if (batches > 1) o.data += out.stride(0), pa.data += a.stride(0), pb.data += b.stride(0);
    }
}

void small_gemm_cpu(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta,
                    double alpha) {
    (out.dtype() == DType::float64 ? typed<double> : typed<float>)(out, a, b, bias, beta, alpha);
}

void integer_gemm_cpu(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    visit_real(out.dtype(), "matmul", [&]<class T>() {
        if constexpr (std::is_integral_v<T>) {
            using U = std::make_unsigned_t<T>;  // wraps without undefined behaviour
            Strided<T> o = matrix<T>(out);
            Strided<const T> pa = matrix<const T>(a), pb = matrix<const T>(b);
            const U scale_out = U(int64_t(beta)), scale = U(int64_t(alpha));
            std::vector<U> row(size_t(out.size(-1)));
            for (int64_t batch = 0; batch < (out.dim() == 3 ? out.size(0) : 1); ++batch) {
                for (int64_t i = 0; i < out.size(-2); ++i) {
                    std::fill(row.begin(), row.end(), U(0));
                    for (int64_t k = 0; k < a.size(-1); ++k) {
                        U aik = U(pa.at(i, k));
                        for (size_t j = 0; j < row.size(); ++j)
                            row[j] = U(row[j] + aik * U(pb.at(k, int64_t(j))));
                    }
                    for (size_t j = 0; j < row.size(); ++j) {
                        T& to = o.at(i, int64_t(j));
                        to = T(U(row[j] * scale + (beta != 0 ? U(U(to) * scale_out) : U(0))));
                    }
                }
                if (out.dim() == 3) o.data += out.stride(0), pa.data += a.stride(0), pb.data += b.stride(0);
            }
        }
    });
}

}  // namespace

TAEDA_REGISTER(cpu, small_gemm, small_gemm_cpu)
TAEDA_REGISTER(cpu, integer_gemm, integer_gemm_cpu)

}  // namespace taeda
