// gemm of the types that oneDNN lacks. OpenBLAS runs single-threaded on fixed tiles of the output, so that no
// sum is split and the result does not depend on the number of threads, which share the tiles out.
#include <cblas.h>

#include "kernels/cpu/parallel.h"
#include "kernels/matmul.h"

namespace taeda {
namespace {

constexpr int64_t kTile = 256;                    // rows and columns of a tile
constexpr double kParallelFrom = 64.0 * 64 * 64;  // multiply-adds

// An operand as BLAS wants it: a leading dimension, and whether rows or columns are contiguous.
struct Operand {
    CBLAS_TRANSPOSE transpose;
    blasint leading;
};

Operand operand(const Tensor& t) {
    int64_t rows = t.size(-2), columns = t.size(-1), row = t.stride(-2), column = t.stride(-1);
    bool by_rows = (column == 1 || columns == 1) && (row >= columns || rows == 1);
    if (by_rows) return {CblasNoTrans, blasint(std::max(rows == 1 ? columns : row, columns))};
    return {CblasTrans, blasint(std::max(columns == 1 ? rows : column, rows))};
}

template <class T> void tile(Operand a, Operand b, blasint m, blasint n, blasint k, double alpha, const T* pa,
                             const T* pb, double beta, T* out, blasint leading) {
    const T alpha_t(alpha), beta_t(beta);
    if constexpr (std::is_same_v<T, double>)
        scipy_cblas_dgemm(CblasRowMajor, a.transpose, b.transpose, m, n, k, alpha, pa, a.leading, pb, b.leading, beta,
                          out, leading);
    else if constexpr (std::is_same_v<T, complex64>)
        scipy_cblas_cgemm(CblasRowMajor, a.transpose, b.transpose, m, n, k, &alpha_t, pa, a.leading, pb, b.leading,
                          &beta_t, out, leading);
    else
        scipy_cblas_zgemm(CblasRowMajor, a.transpose, b.transpose, m, n, k, &alpha_t, pa, a.leading, pb, b.leading,
                          &beta_t, out, leading);
}

template <class T> void typed_gemm(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    bool batched = out.dim() == 3;
    int64_t B = batched ? out.size(0) : 1, M = out.size(-2), N = out.size(-1), K = a.size(-1);
    int64_t a_batch = batched ? a.stride(0) : 0, b_batch = batched ? b.stride(0) : 0;
    int64_t out_batch = batched ? out.stride(0) : 0, out_row = out.stride(-2);
    Operand a_op = operand(a), b_op = operand(b);
    int64_t row_tiles = (M + kTile - 1) / kTile, column_tiles = (N + kTile - 1) / kTile;
    int64_t tiles = B * row_tiles * column_tiles;
    double tile_work = double(std::min(kTile, M)) * double(std::min(kTile, N)) * double(std::max<int64_t>(K, 1));
    cpu::parallel_for(
        0, tiles, std::max<int64_t>(1, int64_t(kParallelFrom / tile_work)), [&](int64_t from, int64_t to) {
            for (int64_t t = from; t < to; ++t) {
                int64_t batch = t / (row_tiles * column_tiles), row = t / column_tiles % row_tiles * kTile;
                int64_t column = t % column_tiles * kTile;
                const T* pa = a.data<T>() + batch * a_batch + row * a.stride(-2);
                const T* pb = b.data<T>() + batch * b_batch + column * b.stride(-1);
                T* po = out.data<T>() + batch * out_batch + row * out_row + column;
                tile<T>(a_op, b_op, blasint(std::min(kTile, M - row)), blasint(std::min(kTile, N - column)), blasint(K),
                        alpha, pa, pb, beta, po, blasint(std::max(out_row, N)));
            }
        });
}

void gemm_openblas(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    static const bool single_threaded = (scipy_openblas_set_num_threads(1), true);
    (void)single_threaded;
    switch (out.dtype()) {
        case DType::float64: return typed_gemm<double>(out, a, b, beta, alpha);
        case DType::complex64: return typed_gemm<complex64>(out, a, b, beta, alpha);
        case DType::complex128: return typed_gemm<complex128>(out, a, b, beta, alpha);
        default: raise<NotImplementedError>("gemm: OpenBLAS has no kernel for '", dtype_long_name(out.dtype()), "'");
    }
}

}  // namespace

TAEDA_REGISTER(cpu, blas_gemm, gemm_openblas)

}  // namespace taeda
