// Matrices in global memory that one block works on: element access by columns, sums over the block, and the loops that
// share rows and columns out to threads.
#pragma once

#include <limits>

#include "kernels/cuda/complex.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

constexpr int kMatrixThreads = 256, kMatrixWarps = kMatrixThreads / 32;  // of a block

template <class T> struct RealPart {
    using type = T;
};
template <class R> struct RealPart<device_complex<R>> {
    using type = R;
};
template <class T> using Real = typename RealPart<T>::type;
template <class T> constexpr bool is_complex_device = !std::is_same_v<T, Real<T>>;

template <class T> __device__ inline Real<T> real_of(T x) {
    if constexpr (is_complex_device<T>) return x.re;
    else return x;
}
template <class T> __device__ inline Real<T> imag_of(T x) {
    if constexpr (is_complex_device<T>) return x.im;
    else return 0;
}
template <class T> __device__ inline T conjugate(T x) {
    if constexpr (is_complex_device<T>) return {x.re, -x.im};
    else return x;
}
template <class T> __device__ inline Real<T> squared_size(T x) {
    return real_of(x) * real_of(x) + imag_of(x) * imag_of(x);
}
template <class T> __device__ inline Real<T> modulus(T x) {
    if constexpr (is_complex_device<T>) return std::hypot(x.re, x.im);
    else return std::abs(x);
}
// LAPACK's measure of size: cheaper than the modulus.
template <class T> __device__ inline Real<T> rough_size(T x) { return std::abs(real_of(x)) + std::abs(imag_of(x)); }

// Column-major, of one matrix of a batch.
template <class T> struct Matrix {
    T* data;
    int64_t rows, columns;
    __device__ T& operator()(int64_t i, int64_t j) const { return data[j * rows + i]; }
    __device__ Matrix of_batch(int64_t b) const { return {data + b * rows * columns, rows, columns}; }
};
template <class T> Matrix<T> matrix_of(const Tensor& t) { return {t.data<T>(), t.size(1), t.size(2)}; }

// f(i) for i in [from, to), shared out to the threads of the block.
template <class F> __device__ void each_in_block(int64_t from, int64_t to, F&& f) {
    for (int64_t i = from + threadIdx.x; i < to; i += kMatrixThreads) f(i);
}
// f(i, j) for a range of rows and of columns, rows fastest.
template <class F>
__device__ void each_place(int64_t first_row, int64_t rows, int64_t first_column, int64_t columns, F&& f) {
    int64_t height = rows - first_row;
    if (height <= 0) return;
    each_in_block(0, height * (columns - first_column),
                  [&](int64_t e) { f(first_row + e % height, first_column + e / height); });
}
// f(j) for j in [from, to), one warp a number, all lanes together.
template <class F> __device__ void each_for_warps(int64_t from, int64_t to, F&& f) {
    for (int64_t j = from + threadIdx.x / 32; j < to; j += kMatrixWarps) f(j);
}

template <class T> __device__ T lane_exchange(T x, int bit) {
    if constexpr (is_complex_device<T>)
        return {__shfl_xor_sync(kFullWarp, x.re, bit), __shfl_xor_sync(kFullWarp, x.im, bit)};
    else return __shfl_xor_sync(kFullWarp, x, bit);
}
template <class T> __device__ T sum_of_warp(T x) {
    for (int bit = 16; bit; bit /= 2) x += lane_exchange(x, bit);
    return x;
}
// For all threads, in an order that depends on nothing; between two barriers.
template <class T> __device__ T sum_of_block(T x) {
    __shared__ T parts[kMatrixWarps];
    x = sum_of_warp(x);
    __syncthreads();
    if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = x;
    __syncthreads();
    T sum = parts[0];
    for (int w = 1; w < kMatrixWarps; ++w) sum += parts[w];
    return sum;
}

// f.operator()<T>() with the device's type for the dtypes that linear algebra has.
template <class F> void visit_linalg(DType dtype, const char* op, F&& f) {
    switch (dtype) {
        case DType::float32: return f.template operator()<float>();
        case DType::float64: return f.template operator()<double>();
        case DType::complex64: return f.template operator()<device_complex<float>>();
        case DType::complex128: return f.template operator()<device_complex<double>>();
        default: raise<NotImplementedError>(op, ": not implemented for '", dtype_long_name(dtype), "'");
    }
}

// Starts one block for each of `batch` matrices.
template <class Kernel, class... Args>
void launch_batch(const Tensor& beside, int64_t batch, Kernel kernel, const Args&... args) {
    if (batch == 0) return;
    launch(stream_of(beside), kernel, dim3(unsigned(batch)), dim3(kMatrixThreads), 0, args...);
}

}  // namespace taeda::cuda
