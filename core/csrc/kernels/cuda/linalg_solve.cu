// LU and Cholesky factors, and solving with triangular matrices. One block a matrix: made for batches, and correct for
// single large ones.
#include "kernels/cuda/matrix.h"
#include "kernels/linalg.h"

namespace taeda::cuda {

namespace {

// The row in [k, rows) whose element of column k is largest; of equals the first.
template <class T> __device__ int64_t pivot_row(const Matrix<T>& a, int64_t k) {
    __shared__ Real<T> sizes[kMatrixThreads];
    __shared__ int64_t rows[kMatrixThreads];
    Real<T> best = -1;
    int64_t at = k;
    each_in_block(k, a.rows, [&](int64_t i) {
        Real<T> size = rough_size(a(i, k));
        if (size > best) best = size, at = i;
    });
    __syncthreads();
    sizes[threadIdx.x] = best, rows[threadIdx.x] = at;
    __syncthreads();
    for (int half = kMatrixThreads / 2; half; half /= 2) {
        int me = int(threadIdx.x), other = me + half;
        if (me < half && (sizes[other] > sizes[me] || (sizes[other] == sizes[me] && rows[other] < rows[me])))
            sizes[me] = sizes[other], rows[me] = rows[other];
        __syncthreads();
    }
    return rows[0];
}

template <class T> __device__ void exchange_rows(const Matrix<T>& a, int64_t one, int64_t other) {
    if (one != other)
        each_in_block(0, a.columns, [&](int64_t j) {
            T kept = a(one, j);
            a(one, j) = a(other, j), a(other, j) = kept;
        });
    __syncthreads();
}

template <class T> __global__ void lu_factor(Matrix<T> batch, int32_t* all_pivots, int32_t* info) {
    Matrix<T> a = batch.of_batch(blockIdx.x);
    int64_t steps = a.rows < a.columns ? a.rows : a.columns;
    int32_t* pivots = all_pivots + int64_t(blockIdx.x) * steps;
    int32_t singular = 0;
    for (int64_t k = 0; k < steps; ++k) {
        int64_t pivot = pivot_row(a, k);
        if (threadIdx.x == 0) pivots[k] = int32_t(pivot + 1);
        exchange_rows(a, k, pivot);
        T top = a(k, k);
        if (rough_size(top) == 0) {
            if (!singular) singular = int32_t(k + 1);
            continue;
        }
        each_in_block(k + 1, a.rows, [&](int64_t i) { a(i, k) = a(i, k) / top; });
        __syncthreads();
        each_place(k + 1, a.rows, k + 1, a.columns, [&](int64_t i, int64_t j) { a(i, j) -= a(i, k) * a(k, j); });
        __syncthreads();
    }
    if (threadIdx.x == 0) info[blockIdx.x] = singular;
}

// A = L L^H in the lower triangle, or A = U^H U in the upper one.
template <class T> __global__ void cholesky(Matrix<T> batch, int32_t* info, bool upper) {
    Matrix<T> a = batch.of_batch(blockIdx.x);
    int64_t n = a.rows;
    for (int64_t k = 0; k < n; ++k) {
        Real<T> top = real_of(a(k, k));
        __syncthreads();
        if (!(top > 0)) {  // NaN counts as not positive
            if (threadIdx.x == 0) info[blockIdx.x] = int32_t(k + 1);
            return;
        }
        Real<T> root = std::sqrt(top);
        if (threadIdx.x == 0) a(k, k) = T(root);
        each_in_block(k + 1, n, [&](int64_t i) {
            T& element = upper ? a(k, i) : a(i, k);
            element = element * T(1 / root);
        });
        __syncthreads();
        each_place(k + 1, n, k + 1, n, [&](int64_t i, int64_t j) {
            if (upper ? i <= j : i >= j) a(i, j) -= upper ? conjugate(a(k, i)) * a(k, j) : a(i, k) * conjugate(a(j, k));
        });
        __syncthreads();
    }
    if (threadIdx.x == 0) info[blockIdx.x] = 0;
}

// Solves op(A) X = B for a triangle of A; op: 'N', 'T' or 'C'. Known rows of X are taken out of the others at once.
template <class T> __device__ void solve_left(const Matrix<T>& a, const Matrix<T>& b, bool upper, bool unit, char op) {
    auto element = [&](int64_t i, int64_t j) { return op == 'N' ? a(i, j) : op == 'T' ? a(j, i) : conjugate(a(j, i)); };
    bool from_top = upper == (op != 'N');
    for (int64_t step = 0; step < a.rows; ++step) {
        int64_t k = from_top ? step : a.rows - 1 - step;
        if (!unit) each_in_block(0, b.columns, [&](int64_t c) { b(k, c) = b(k, c) / element(k, k); });
        __syncthreads();
        each_place(from_top ? k + 1 : 0, from_top ? a.rows : k, 0, b.columns,
                   [&](int64_t i, int64_t c) { b(i, c) -= element(i, k) * b(k, c); });
        __syncthreads();
    }
}

// Solves X A = B.
template <class T> __device__ void solve_right(const Matrix<T>& a, const Matrix<T>& b, bool upper, bool unit) {
    for (int64_t step = 0; step < a.rows; ++step) {
        int64_t k = upper ? step : a.rows - 1 - step;
        if (!unit) each_in_block(0, b.rows, [&](int64_t r) { b(r, k) = b(r, k) / a(k, k); });
        __syncthreads();
        each_place(0, b.rows, upper ? k + 1 : 0, upper ? a.rows : k,
                   [&](int64_t r, int64_t c) { b(r, c) -= b(r, k) * a(k, c); });
        __syncthreads();
    }
}

template <class T> __global__ void triangular_solve(Matrix<T> a, Matrix<T> b, bool upper, bool left, bool unit) {
    if (left) solve_left(a.of_batch(blockIdx.x), b.of_batch(blockIdx.x), upper, unit, 'N');
    else solve_right(a.of_batch(blockIdx.x), b.of_batch(blockIdx.x), upper, unit);
}

template <class T> __global__ void lu_solve(Matrix<T> all_lu, const int32_t* all_pivots, Matrix<T> all_b, char op) {
    Matrix<T> lu = all_lu.of_batch(blockIdx.x), b = all_b.of_batch(blockIdx.x);
    const int32_t* pivots = all_pivots + int64_t(blockIdx.x) * lu.rows;
    if (op == 'N') {
        for (int64_t k = 0; k < lu.rows; ++k) exchange_rows(b, k, pivots[k] - 1);
        solve_left(lu, b, false, true, op);
        solve_left(lu, b, true, false, op);
    } else {
        solve_left(lu, b, true, false, op);
        solve_left(lu, b, false, true, op);
        for (int64_t k = lu.rows; k-- > 0;) exchange_rows(b, k, pivots[k] - 1);
    }
}

void lu_factor_cuda(const Tensor& a, const Tensor& pivots, const Tensor& info) {
    visit_linalg(a.dtype(), "lu_factor", [&]<class T>() {
        launch_batch(a, a.size(0), lu_factor<T>, matrix_of<T>(a), pivots.data<int32_t>(), info.data<int32_t>());
    });
}

void lu_solve_cuda(const Tensor& lu, const Tensor& pivots, const Tensor& b, char transpose) {
    visit_linalg(lu.dtype(), "lu_solve", [&]<class T>() {
        launch_batch(b, b.size(0), lu_solve<T>, matrix_of<T>(lu), pivots.data<int32_t>(), matrix_of<T>(b), transpose);
    });
}

void cholesky_cuda(const Tensor& a, const Tensor& info, bool upper) {
    visit_linalg(a.dtype(), "cholesky", [&]<class T>() {
        launch_batch(a, a.size(0), cholesky<T>, matrix_of<T>(a), info.data<int32_t>(), upper);
    });
}

void triangular_solve_cuda(const Tensor& a, const Tensor& b, bool upper, bool left, bool unit) {
    visit_linalg(a.dtype(), "triangular_solve", [&]<class T>() {
        launch_batch(b, b.size(0), triangular_solve<T>, matrix_of<T>(a), matrix_of<T>(b), upper, left, unit);
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, lu_factor, cuda::lu_factor_cuda)
TAEDA_REGISTER(cuda, lu_solve, cuda::lu_solve_cuda)
TAEDA_REGISTER(cuda, cholesky, cuda::cholesky_cuda)
TAEDA_REGISTER(cuda, triangular_solve, cuda::triangular_solve_cuda)
}  // namespace taeda
