// Matrix products. `gemm` picks the kernel; the stubs below it are what it picks from.
//
// All of them compute out = beta * out + alpha * a @ b with out (M, N), a (M, K), b (K, N), or with a leading
// batch dimension B on all three. One dtype throughout. beta == 0 never reads out. K == 0 gives beta * out.
// The result does not depend on the number of threads.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// float32, bfloat16, float16 (these two accumulate in float32). All three `gemm_ready`, out with unit column
// stride.
TAEDA_KERNEL("onednn", gemm, const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha)
// What a product ends with; GELU is 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
enum class Activation : int64_t { none, relu, gelu_tanh };

// out (M, N) = activation(x (M, K) @ w (N, K).T + bias (N)) in one pass, rounded once; bias contiguous or undefined. Dtypes
// and strides as gemm. Not with relu on the CPU, where the library's turns NaN into 0.
TAEDA_KERNEL("onednn", linear, const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias,
             Activation activation)
// float64, complex64, complex128; strides as gemm.
TAEDA_KERNEL("openblas", blas_gemm, const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha)
// float32, float64, any strides, bias (N) contiguous or undefined: single-threaded, without any set-up cost.
TAEDA_KERNEL("cpu", small_gemm, const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& bias, double beta,
             double alpha)
// Integers, any strides; alpha and beta are taken as integers, sums wrap.
TAEDA_KERNEL("cpu", integer_gemm, const Tensor& out, const Tensor& a, const Tensor& b, double beta, double alpha)
// float32, float64: out (M) = beta * out + alpha * a (M, K) @ x (K); a gemm_ready, the vectors of any stride.
TAEDA_KERNEL("cpu", gemv, const Tensor& out, const Tensor& a, const Tensor& x, double beta, double alpha)

// The last two dimensions have one unit stride, and the other stride keeps rows (columns) apart.
inline bool gemm_ready(const Tensor& t) {
    int64_t rows = t.size(-2), columns = t.size(-1), row = t.stride(-2), column = t.stride(-1);
    bool by_rows = (column == 1 || columns == 1) && (row >= columns || rows == 1);
    bool by_columns = (row == 1 || rows == 1) && (column >= rows || columns == 1);
    return by_rows || by_columns;
}

// Operands of any strides and dtype (not bool): copies those that are not gemm_ready, then runs the fastest
// kernel.
void gemm(const Tensor& out, const Tensor& a, const Tensor& b, double beta = 0, double alpha = 1);
// out (M, N) = activation(x (M, K) @ w (N, K).T + bias); bias may be undefined. False if the activation is still to be
// applied to out, because no kernel does so for these types and sizes.
bool linear(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias,
            Activation activation = Activation::none);

}  // namespace taeda
