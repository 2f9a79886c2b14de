// QR factors, and least squares by them. Householder reflections are I - tau v v^H, with v below the diagonal and 1 on it.
// One block a matrix.
#include <string>

#include "kernels/cuda/matrix.h"
#include "kernels/linalg.h"

namespace taeda::cuda {

namespace {

// Element i of reflection k, which lies in column k.
template <class T> __device__ T reflector(const Matrix<T>& a, int64_t k, int64_t i) {
    return i < k ? T(0) : i == k ? T(1) : a(i, k);
}

// Columns [from, to) of c become (I - tau v v^H) c, v being reflection k of a; a warp a column.
template <class T>
__device__ void reflect_left(const Matrix<T>& a, int64_t k, T tau, const Matrix<T>& c, int64_t from, int64_t to) {
    int lane = int(threadIdx.x) % 32;
    each_for_warps(from, to, [&](int64_t j) {
        T dot(0);
        for (int64_t i = k + lane; i < c.rows; i += 32) dot += conjugate(reflector(a, k, i)) * c(i, j);
        dot = sum_of_warp(dot) * tau;
        for (int64_t i = k + lane; i < c.rows; i += 32) c(i, j) -= reflector(a, k, i) * dot;
    });
    __syncthreads();
}

// Rows of c become c (I - tau v v^H); a thread a row.
template <class T> __device__ void reflect_right(const Matrix<T>& a, int64_t k, T tau, const Matrix<T>& c) {
    each_in_block(0, c.rows, [&](int64_t i) {
        T dot(0);
        for (int64_t j = k; j < c.columns; ++j) dot += c(i, j) * reflector(a, k, j);
        dot = dot * tau;
        for (int64_t j = k; j < c.columns; ++j) c(i, j) -= dot * conjugate(reflector(a, k, j));
    });
    __syncthreads();
}

// taus: one for each of the least of rows and columns.
template <class T> __device__ void factor(const Matrix<T>& a, T* taus) {
    using R = Real<T>;
    int64_t steps = a.rows < a.columns ? a.rows : a.columns;
    for (int64_t k = 0; k < steps; ++k) {
        R own = 0;
        each_in_block(k + 1, a.rows, [&](int64_t i) { own += squared_size(a(i, k)); });
        R below = sum_of_block(own);
        T top = a(k, k), tau(0);
        __syncthreads();
        if (below != 0 || imag_of(top) != 0) {
            R beta = -std::copysign(std::sqrt(squared_size(top) + below), real_of(top));
            if constexpr (is_complex_device<T>) tau = {(beta - top.re) / beta, -top.im / beta};
            else tau = (beta - top) / beta;
            T scale = T(1) / (top - T(beta));
            each_in_block(k + 1, a.rows, [&](int64_t i) { a(i, k) = a(i, k) * scale; });
            if (threadIdx.x == 0) a(k, k) = T(beta);
        }
        if (threadIdx.x == 0) taus[k] = tau;
        __syncthreads();
        reflect_left(a, k, conjugate(tau), a, k + 1, a.columns);
    }
}

template <class T> __global__ void qr_factor(Matrix<T> batch, T* all_tau) {
    Matrix<T> a = batch.of_batch(blockIdx.x);
    factor(a, all_tau + int64_t(blockIdx.x) * (a.rows < a.columns ? a.rows : a.columns));
}

// Least squares of full rank, as LAPACK's gels: b (max(rows, columns), k) holds the right sides, then the solutions and,
// below them, what makes up the residuals. Where rows are fewer the shortest solution, from the factors of A^H.
template <class T>
__global__ void least_squares(Matrix<T> all_a, Matrix<T> all_b, int32_t* info, T* workspace, int64_t elements) {
    Matrix<T> a = all_a.of_batch(blockIdx.x), b = all_b.of_batch(blockIdx.x);
    T* space = workspace + blockIdx.x * elements;
    bool wide = a.rows < a.columns;
    int64_t n = wide ? a.rows : a.columns;
    Matrix<T> f = a;
    if (wide) {
        f = {space + n, a.columns, a.rows};
        each_place(0, f.rows, 0, f.columns, [&](int64_t i, int64_t j) { f(i, j) = conjugate(a(j, i)); });
        __syncthreads();
    }
    factor(f, space);
    int32_t singular = 0;
    for (int64_t k = n; k-- > 0;)
        if (rough_size(f(k, k)) == 0) singular = int32_t(k + 1);
    if (threadIdx.x == 0) info[blockIdx.x] = singular;
    if (singular) return;
    auto r = [&](int64_t i, int64_t j) { return f(i, j); };
    if (!wide) {
        for (int64_t k = 0; k < n; ++k) reflect_left(f, k, conjugate(space[k]), b, 0, b.columns);
        for (int64_t k = n; k-- > 0;) {  // R x = Q^H b
            each_in_block(0, b.columns, [&](int64_t c) { b(k, c) = b(k, c) / r(k, k); });
            __syncthreads();
            each_place(0, k, 0, b.columns, [&](int64_t i, int64_t c) { b(i, c) -= r(i, k) * b(k, c); });
            __syncthreads();
        }
        return;
    }
    for (int64_t k = 0; k < n; ++k) {  // R^H y = b
        each_in_block(0, b.columns, [&](int64_t c) { b(k, c) = b(k, c) / conjugate(r(k, k)); });
        __syncthreads();
        each_place(k + 1, n, 0, b.columns, [&](int64_t i, int64_t c) { b(i, c) -= conjugate(r(k, i)) * b(k, c); });
        __syncthreads();
    }
    each_place(n, b.rows, 0, b.columns, [&](int64_t i, int64_t c) { b(i, c) = T(0); });
    __syncthreads();
    for (int64_t k = n; k-- > 0;) reflect_left(f, k, space[k], b, 0, b.columns);
}

template <class T> __global__ void householder_product(Matrix<T> batch, const T* all_tau, int64_t count) {
    Matrix<T> a = batch.of_batch(blockIdx.x);
    const T* taus = all_tau + int64_t(blockIdx.x) * count;
    each_place(0, a.rows, count, a.columns, [&](int64_t i, int64_t j) { a(i, j) = T(i == j ? 1 : 0); });
    __syncthreads();
    for (int64_t k = count; k-- > 0;) {
        T tau = taus[k];
        reflect_left(a, k, tau, a, k + 1, a.columns);
        each_in_block(0, a.rows, [&](int64_t i) { a(i, k) = i < k ? T(0) : i == k ? T(1) - tau : -(tau * a(i, k)); });
        __syncthreads();
    }
}

// Q = H_0 H_1 ...: from the left the last comes first, and the other way round for the adjoint or from the right.
template <class T> __global__ void householder_apply(Matrix<T> all_a, const T* all_tau, int64_t count, Matrix<T> all_c,
                                                     bool left, bool adjoint) {
    Matrix<T> a = all_a.of_batch(blockIdx.x), c = all_c.of_batch(blockIdx.x);
    const T* taus = all_tau + int64_t(blockIdx.x) * count;
    for (int64_t step = 0; step < count; ++step) {
        int64_t k = left == adjoint ? step : count - 1 - step;
        T tau = adjoint ? conjugate(taus[k]) : taus[k];
        if (left) reflect_left(a, k, tau, c, 0, c.columns);
        else reflect_right(a, k, tau, c);
    }
}

void qr_factor_cuda(const Tensor& a, const Tensor& tau) {
    visit_linalg(a.dtype(), "qr",
                 [&]<class T>() { launch_batch(a, a.size(0), qr_factor<T>, matrix_of<T>(a), tau.data<T>()); });
}

void lstsq_cuda(const Tensor& a, const Tensor& b, const Tensor&, const Tensor&, const Tensor& info, double,
                const char* driver) {
    TAEDA_CHECK_AS(NotImplementedError, std::string(driver) == "gels", "linalg.lstsq: driver '", driver,
                   "' is not implemented for CUDA; use driver='gels', which needs a matrix of full rank");
    visit_linalg(a.dtype(), "lstsq", [&]<class T>() {
        int64_t n = std::min(a.size(1), a.size(2)), elements = n + a.size(1) * a.size(2);
        Workspace workspace(size_t(elements * a.size(0)) * sizeof(T), a);
        launch_batch(a, a.size(0), least_squares<T>, matrix_of<T>(a), matrix_of<T>(b), info.data<int32_t>(),
                     workspace.as<T>(), elements);
    });
}

void householder_product_cuda(const Tensor& a, const Tensor& tau) {
    visit_linalg(a.dtype(), "householder_product", [&]<class T>() {
        launch_batch(a, a.size(0), householder_product<T>, matrix_of<T>(a), tau.data<T>(), tau.size(1));
    });
}

void householder_apply_cuda(const Tensor& a, const Tensor& tau, const Tensor& c, bool left, bool adjoint) {
    visit_linalg(a.dtype(), "ormqr", [&]<class T>() {
        launch_batch(c, c.size(0), householder_apply<T>, matrix_of<T>(a), tau.data<T>(), tau.size(1), matrix_of<T>(c),
                     left, adjoint);
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, qr_factor, cuda::qr_factor_cuda)
TAEDA_REGISTER(cuda, lstsq, cuda::lstsq_cuda)
TAEDA_REGISTER(cuda, householder_product, cuda::householder_product_cuda)
TAEDA_REGISTER(cuda, householder_apply, cuda::householder_apply_cuda)
}  // namespace taeda
