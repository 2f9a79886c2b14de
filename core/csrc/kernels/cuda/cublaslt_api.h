// The part of cuBLASLt's binary interface that we call, which is the same in CUDA 12 and 13. Declared here so that
// building needs no headers of a library that is opened at run time; tests/cuda compares with the headers where there are
// any.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;

namespace taeda::cuda::cublaslt {

using Status = int32_t;
using Handle = struct HandleStruct*;
using Operation = struct OperationStruct*;
using Layout = struct LayoutStruct*;
using Preference = struct PreferenceStruct*;

struct Algorithm {
    uint64_t data[8];
};
struct Heuristic {
    Algorithm algorithm;
    size_t workspace_bytes;
    Status state;
    float waves;
    int32_t reserved[4];
};

enum DataType : int32_t { R_32F = 0, R_64F = 1, R_16F = 2, C_32F = 4, C_64F = 5, R_16BF = 14 };
enum ComputeType : int32_t { COMPUTE_32F = 68, COMPUTE_64F = 70, COMPUTE_32F_FAST_TF32 = 77 };
enum Transpose : int32_t { OP_N = 0, OP_T = 1 };
enum OperationAttribute : int32_t { TRANSA = 3, TRANSB = 4, EPILOGUE = 7, BIAS_POINTER = 8 };
enum Epilogue : uint32_t {
    EPILOGUE_DEFAULT = 1,
    EPILOGUE_RELU = 2,
    EPILOGUE_BIAS = 4,
    EPILOGUE_RELU_BIAS = EPILOGUE_RELU | EPILOGUE_BIAS,
    EPILOGUE_GELU = 32,
    EPILOGUE_GELU_BIAS = EPILOGUE_GELU | EPILOGUE_BIAS
};
enum LayoutAttribute : int32_t { BATCH_COUNT = 5, STRIDED_BATCH_OFFSET = 6 };
enum PreferenceAttribute : int32_t {
    MAX_WORKSPACE_BYTES = 1,
    MIN_ALIGNMENT_A_BYTES = 5,
    MIN_ALIGNMENT_B_BYTES = 6,
    MIN_ALIGNMENT_C_BYTES = 7,
    MIN_ALIGNMENT_D_BYTES = 8
};

// The functions, found by name.
struct Functions {
    Status (*cublasLtCreate)(Handle*);
    Status (*cublasLtMatmulDescCreate)(Operation*, ComputeType, DataType scale);
    Status (*cublasLtMatmulDescDestroy)(Operation);
    Status (*cublasLtMatmulDescSetAttribute)(Operation, OperationAttribute, const void*, size_t);
    Status (*cublasLtMatrixLayoutCreate)(Layout*, DataType, uint64_t rows, uint64_t columns, int64_t leading);
    Status (*cublasLtMatrixLayoutDestroy)(Layout);
    Status (*cublasLtMatrixLayoutSetAttribute)(Layout, LayoutAttribute, const void*, size_t);
    Status (*cublasLtMatmulPreferenceCreate)(Preference*);
    Status (*cublasLtMatmulPreferenceDestroy)(Preference);
    Status (*cublasLtMatmulPreferenceSetAttribute)(Preference, PreferenceAttribute, const void*, size_t);
    Status (*cublasLtMatmulAlgoGetHeuristic)(Handle, Operation, Layout a, Layout b, Layout c, Layout d, Preference,
                                             int wanted, Heuristic*, int* found);
    Status (*cublasLtMatmul)(Handle, Operation, const void* alpha, const void* a, Layout, const void* b, Layout,
                             const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*,
                             void* workspace, size_t bytes, CUstream_st*);
};

}  // namespace taeda::cuda::cublaslt
