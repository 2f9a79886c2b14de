// Matrix products by a library: cuBLASLt (cublaslt.cpp), or plain loops where the GPU is emulated.
#pragma once

#include "kernels/matmul.h"

namespace taeda::cuda {

// A batch of matrices of which rows (or columns) are contiguous and lie `leading` elements apart.
struct MatrixView {
    const void* data;
    int64_t leading, batch_stride;
    bool by_rows;
};

// out = activation(beta * out + alpha * a @ b + bias) for every batch: a (M, K), b (K, N), out (M, N) by rows, bias (N) or
// null.
struct GemmCall {
    DType dtype;
    int64_t batches, M, N, K;
    MatrixView a, b;
    void* out;
    int64_t out_leading, out_batch_stride;
    const void* bias;
    Activation activation;
    double beta, alpha;
    bool allow_tf32;  // float32 operands may be rounded to TF32
};

MatrixView matrix_view(const Tensor& t);  // of a tensor that is gemm_ready

// Runs on the current stream of `out`'s device. 16-bit floats accumulate in float32.
void library_gemm(const GemmCall& call, const Tensor& out);

}  // namespace taeda::cuda
