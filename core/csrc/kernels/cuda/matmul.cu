// Matrix products: the library for large ones, kernels of our own for what it lacks or what is too small for it.
#include "kernels/matmul.h"

#include "kernels/copy.h"
#include "kernels/cuda/gemm_library.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/tf32.h"

namespace taeda::cuda {

MatrixView matrix_view(const Tensor& t) {
    int64_t rows = t.size(-2), columns = t.size(-1), row = t.stride(-2), column = t.stride(-1);
    bool by_rows = (column == 1 || columns == 1) && (row >= columns || rows == 1);
    int64_t leading = by_rows ? (rows == 1 ? columns : row) : (columns == 1 ? rows : column);
    return {t.raw(), std::max(leading, by_rows ? columns : rows), t.dim() == 3 ? t.stride(0) : 0, by_rows};
}

namespace {

void product(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, Activation activation,
             double beta, double alpha) {
    MatrixView to = matrix_view(out);
    library_gemm({out.dtype(), out.dim() == 3 ? out.size(0) : 1, out.size(-2), out.size(-1), a.size(-1), matrix_view(a),
                  matrix_view(b), out.raw(), to.leading, to.batch_stride, bias.defined() ? bias.raw() : nullptr,
                  activation, beta, alpha, allow_tf32.matmul},
                 out);
}

void gemm_cuda(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    product(out, a, b, Tensor(), Activation::none, beta, alpha);
}

// The library reads a bias 16 bytes at a time.
Tensor aligned(const Tensor& bias) {
    if (!bias.defined() || reinterpret_cast<uintptr_t>(bias.raw()) % 16 == 0) return bias;
    Tensor copy = empty_tensor(bias.sizes(), bias.dtype(), bias.device());
    copy_kernel(DeviceType::cuda, copy, bias);
    return copy;
}

void linear_cuda(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, Activation activation) {
    Tensor turned = alias(w, {w.size(1), w.size(0)}, {w.stride(1), w.stride(0)}, w.offset());
    product(out, x, turned, aligned(bias), activation, 0, 1);
}

// -- any strides: one thread an element of the result -------------------------------------------------------------------

template <class T> struct Strided {
    T* data;
    int64_t batch, row, column;
    explicit Strided(const Tensor& t)
        : data(t.data<std::remove_const_t<T>>()),
          batch(t.dim() == 3 ? t.stride(0) : 0),
          row(t.stride(-2)),
          column(t.stride(-1)) {}
    __device__ T& at(int64_t b, int64_t i, int64_t j) const { return data[b * batch + i * row + j * column]; }
};

struct Sizes {
    int64_t batches, M, N, K;
    Sizes(const Tensor& out, const Tensor& a)
        : batches(out.dim() == 3 ? out.size(0) : 1), M(out.size(-2)), N(out.size(-1)), K(a.size(-1)) {}
    int64_t elements() const { return batches * M * N; }
};

template <class T> __global__ void strided_product(Strided<T> out, Strided<const T> a, Strided<const T> b,
                                                   const T* bias, Sizes s, T beta, T alpha) {
    int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t e = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; e < s.batches * s.M * s.N; e += step) {
        int64_t j = e % s.N, i = e / s.N % s.M, batch = e / s.N / s.M;
        T sum = 0;
        for (int64_t k = 0; k < s.K; ++k) sum = T(sum + T(a.at(batch, i, k) * b.at(batch, k, j)));
        T& to = out.at(batch, i, j);
        T value = T(sum * alpha);
        if (beta != T(0)) value = T(value + T(to * beta));
        to = bias ? T(value + bias[j]) : value;
    }
}

template <class T>
void run_strided(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, T beta, T alpha) {
    Sizes sizes(out, a);
    Grid grid = loop_grid(sizes.elements(), 1, limits(out.device().index).multiprocessors, 128);
    launch(stream_of(out), strided_product<T>, grid.blocks, grid.threads, 0, Strided<T>(out), Strided<const T>(a),
           Strided<const T>(b), bias.defined() ? bias.data<T>() : nullptr, sizes, beta, alpha);
}

void small_gemm_cuda(const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta,
                     double alpha) {
    if (out.numel() == 0) return;
    if (out.dtype() == DType::float64) run_strided<double>(out, a, b, bias, beta, alpha);
    else run_strided<float>(out, a, b, bias, float(beta), float(alpha));
}

void integer_gemm_cuda(const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha) {
    if (out.numel() == 0) return;
    visit_size(out.item_bytes(), [&]<class U>() {  // unsigned arithmetic wraps, and gives the bits of signed sums
        if constexpr (std::is_integral_v<U>) run_strided<U>(out, a, b, Tensor(), U(int64_t(beta)), U(int64_t(alpha)));
    });
}

// -- matrix times vector: bound by memory, in an order that depends on the shape alone ----------------------------------

constexpr int kWarps = 8;  // of a block

template <class T> struct Gemv {
    T* out;
    const T *a, *x;
    int64_t M, K, out_stride, leading, x_stride;
    T beta, alpha;
    __device__ void store(int64_t i, T sum) const {
        T& to = out[i * out_stride];
        to = beta != 0 ? alpha * sum + beta * to : alpha * sum;
    }
};

// Rows contiguous: a warp a row.
template <class T> __global__ void gemv_by_rows(const Gemv<T> p) {
    int lane = int(threadIdx.x) % 32;
    for (int64_t i = int64_t(blockIdx.x) * kWarps + threadIdx.x / 32; i < p.M; i += int64_t(gridDim.x) * kWarps) {
        const T* row = p.a + i * p.leading;
        T sums[4] = {0, 0, 0, 0};
        int64_t k = lane;
        for (; k + 96 < p.K; k += 128)
            for (int u = 0; u < 4; ++u) sums[u] += row[k + u * 32] * p.x[(k + u * 32) * p.x_stride];
        for (; k < p.K; k += 32) sums[0] += row[k] * p.x[k * p.x_stride];
        T sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        for (int bit = 16; bit; bit /= 2) sum += __shfl_xor_sync(kFullWarp, sum, bit);
        if (lane == 0) p.store(i, sum);
    }
}

// Columns contiguous: a block holds 32 rows, its warps share the columns.
template <class T> __global__ void gemv_by_columns(const Gemv<T> p) {
    __shared__ T parts[kWarps][32];
    int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    int64_t i = int64_t(blockIdx.x) * 32 + lane;
    T sum = 0;
    if (i < p.M)
        for (int64_t k = warp; k < p.K; k += kWarps) sum += p.a[k * p.leading + i] * p.x[k * p.x_stride];
    parts[warp][lane] = sum;
    __syncthreads();
    if (warp || i >= p.M) return;
    for (int w = 1; w < kWarps; ++w) sum += parts[w][lane];
    p.store(i, sum);
}

template <class T> void run_gemv(const Tensor& out, const Tensor& a, const Tensor& x, double beta, double alpha) {
    int64_t M = a.size(0), K = a.size(1);
    bool rows = a.stride(1) == 1 || K == 1;
    Gemv<T> p{out.data<T>(),          a.data<T>(), x.data<T>(), M,       K, out.stride(0),
              a.stride(rows ? 0 : 1), x.stride(0), T(beta),     T(alpha)};
    int64_t blocks = rows ? divide_up(M, kWarps) : divide_up(M, 32);
    if (rows) blocks = std::min<int64_t>(blocks, int64_t(limits(out.device().index).multiprocessors) * 32);
    launch(stream_of(out), rows ? gemv_by_rows<T> : gemv_by_columns<T>, dim3(unsigned(blocks)), dim3(kWarps * 32), 0,
           p);
}

void gemv_cuda(const Tensor& out, const Tensor& a, const Tensor& x, double beta, double alpha) {
    if (out.numel() == 0) return;
    (out.dtype() == DType::float64 ? run_gemv<double> : run_gemv<float>)(out, a, x, beta, alpha);
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, gemm, cuda::gemm_cuda)
TAEDA_REGISTER(cuda, linear, cuda::linear_cuda)
TAEDA_REGISTER(cuda, blas_gemm, cuda::gemm_cuda)
TAEDA_REGISTER(cuda, small_gemm, cuda::small_gemm_cuda)
TAEDA_REGISTER(cuda, integer_gemm, cuda::integer_gemm_cuda)
TAEDA_REGISTER(cuda, gemv, cuda::gemv_cuda)
}  // namespace taeda
