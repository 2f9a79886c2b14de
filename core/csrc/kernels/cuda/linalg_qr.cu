// QR factors by Householder reflections I - tau v v^H, with v below the diagonal and 1 on it. One block a matrix.
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

template <class T> __global__ void qr_factor(Matrix<T> batch, T* all_tau) {
    using R = Real<T>;
    Matrix<T> a = batch.of_batch(blockIdx.x);
    int64_t steps = a.rows < a.columns ? a.rows : a.columns;
    T* taus = all_tau + int64_t(blockIdx.x) * steps;
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
TAEDA_REGISTER(cuda, householder_product, cuda::householder_product_cuda)
TAEDA_REGISTER(cuda, householder_apply, cuda::householder_apply_cuda)
}  // namespace taeda
