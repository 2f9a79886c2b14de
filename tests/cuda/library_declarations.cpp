// Compiled by test_library_declarations.py where the headers of cuBLASLt, cuDNN and cuFFT are at hand: our own declarations of
// their interfaces agree with them.
#include <cublasLt.h>
#include <cudnn.h>

#if __has_include(<cufft.h>)
#include <cufft.h>
#define HAS_CUFFT
#endif

#include "kernels/cuda/cublaslt_api.h"
#include "kernels/cuda/cudnn_api.h"
#include "kernels/cuda/cufft_api.h"

namespace lt = taeda::cuda::cublaslt;
namespace nn = taeda::cuda::cudnn;
namespace ft = taeda::cuda::cufft;

#define SAME(ours, theirs) static_assert(int(ours) == int(theirs))
#define SAME_SIZE(ours, theirs) static_assert(sizeof(ours) == sizeof(theirs) && alignof(ours) == alignof(theirs))

SAME(lt::R_32F, CUDA_R_32F);
SAME(lt::R_64F, CUDA_R_64F);
SAME(lt::R_16F, CUDA_R_16F);
SAME(lt::C_32F, CUDA_C_32F);
SAME(lt::C_64F, CUDA_C_64F);
SAME(lt::R_16BF, CUDA_R_16BF);
SAME(lt::COMPUTE_32F, CUBLAS_COMPUTE_32F);
SAME(lt::COMPUTE_64F, CUBLAS_COMPUTE_64F);
SAME(lt::COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_TF32);
SAME(lt::OP_N, CUBLAS_OP_N);
SAME(lt::OP_T, CUBLAS_OP_T);
SAME(lt::TRANSA, CUBLASLT_MATMUL_DESC_TRANSA);
SAME(lt::TRANSB, CUBLASLT_MATMUL_DESC_TRANSB);
SAME(lt::EPILOGUE, CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(lt::BIAS_POINTER, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(lt::EPILOGUE_DEFAULT, CUBLASLT_EPILOGUE_DEFAULT);
SAME(lt::EPILOGUE_RELU, CUBLASLT_EPILOGUE_RELU);
SAME(lt::EPILOGUE_BIAS, CUBLASLT_EPILOGUE_BIAS);
SAME(lt::EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS);
SAME(lt::EPILOGUE_GELU, CUBLASLT_EPILOGUE_GELU);
SAME(lt::EPILOGUE_GELU_BIAS, CUBLASLT_EPILOGUE_GELU_BIAS);
SAME(lt::BATCH_COUNT, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(lt::STRIDED_BATCH_OFFSET, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(lt::MAX_WORKSPACE_BYTES, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(lt::MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(lt::MIN_ALIGNMENT_B_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(lt::MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(lt::MIN_ALIGNMENT_D_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME_SIZE(lt::Algorithm, cublasLtMatmulAlgo_t);
SAME_SIZE(lt::Heuristic, cublasLtMatmulHeuristicResult_t);
SAME_SIZE(lt::Status, cublasStatus_t);
static_assert(offsetof(lt::Heuristic, workspace_bytes) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(lt::Heuristic, state) == offsetof(cublasLtMatmulHeuristicResult_t, state));

SAME(nn::FLOAT, CUDNN_DATA_FLOAT);
SAME(nn::HALF, CUDNN_DATA_HALF);
SAME(nn::BFLOAT16, CUDNN_DATA_BFLOAT16);
SAME(nn::DEFAULT_MATH, CUDNN_DEFAULT_MATH);
SAME(nn::TENSOR_OP_MATH, CUDNN_TENSOR_OP_MATH);
SAME(nn::FMA_MATH, CUDNN_FMA_MATH);
SAME(nn::CROSS_CORRELATION, CUDNN_CROSS_CORRELATION);
SAME(nn::NCHW, CUDNN_TENSOR_NCHW);
SAME(nn::NON_DETERMINISTIC, CUDNN_NON_DETERMINISTIC);
SAME(nn::DETERMINISTIC, CUDNN_DETERMINISTIC);
SAME_SIZE(nn::Status, cudnnStatus_t);
SAME_SIZE(nn::Performance, cudnnConvolutionFwdAlgoPerf_t);
SAME_SIZE(nn::Performance, cudnnConvolutionBwdDataAlgoPerf_t);
SAME_SIZE(nn::Performance, cudnnConvolutionBwdFilterAlgoPerf_t);
static_assert(offsetof(nn::Performance, workspace_bytes) == offsetof(cudnnConvolutionFwdAlgoPerf_t, memory));
static_assert(offsetof(nn::Performance, determinism) == offsetof(cudnnConvolutionFwdAlgoPerf_t, determinism));
static_assert(offsetof(nn::Performance, math) == offsetof(cudnnConvolutionFwdAlgoPerf_t, mathType));

#ifdef HAS_CUFFT
SAME(ft::R2C, CUFFT_R2C);
SAME(ft::C2R, CUFFT_C2R);
SAME(ft::C2C, CUFFT_C2C);
SAME(ft::D2Z, CUFFT_D2Z);
SAME(ft::Z2D, CUFFT_Z2D);
SAME(ft::Z2Z, CUFFT_Z2Z);
SAME(ft::FORWARD, CUFFT_FORWARD);
SAME(ft::INVERSE, CUFFT_INVERSE);
SAME_SIZE(ft::Handle, cufftHandle);
SAME_SIZE(ft::Result, cufftResult);
#endif

// As many arguments, each as large, and the same kinds of them.
template <class T> constexpr int kind = std::is_pointer_v<T> ? 8 : int(sizeof(T));
template <class A, class B> constexpr bool alike = false;
template <class R, class... A, class Q, class... B> constexpr bool alike<R (*)(A...), Q(B...)> = [] {
    if constexpr (sizeof...(A) == sizeof...(B)) return ((kind<A> == kind<B>) && ... && (kind<R> == kind<Q>));
    else return false;
}();
#define ALIKE(functions, name) static_assert(alike<decltype(functions::name), decltype(::name)>, #name)
ALIKE(lt::Functions, cublasLtCreate);
ALIKE(lt::Functions, cublasLtMatmulDescCreate);
ALIKE(lt::Functions, cublasLtMatmulDescDestroy);
ALIKE(lt::Functions, cublasLtMatmulDescSetAttribute);
ALIKE(lt::Functions, cublasLtMatrixLayoutCreate);
ALIKE(lt::Functions, cublasLtMatrixLayoutDestroy);
ALIKE(lt::Functions, cublasLtMatrixLayoutSetAttribute);
ALIKE(lt::Functions, cublasLtMatmulPreferenceCreate);
ALIKE(lt::Functions, cublasLtMatmulPreferenceDestroy);
ALIKE(lt::Functions, cublasLtMatmulPreferenceSetAttribute);
ALIKE(lt::Functions, cublasLtMatmulAlgoGetHeuristic);
ALIKE(lt::Functions, cublasLtMatmul);
ALIKE(nn::Functions, cudnnCreate);
ALIKE(nn::Functions, cudnnSetStream);
ALIKE(nn::Functions, cudnnGetErrorString);
ALIKE(nn::Functions, cudnnCreateTensorDescriptor);
ALIKE(nn::Functions, cudnnDestroyTensorDescriptor);
ALIKE(nn::Functions, cudnnSetTensorNdDescriptor);
ALIKE(nn::Functions, cudnnCreateFilterDescriptor);
ALIKE(nn::Functions, cudnnDestroyFilterDescriptor);
ALIKE(nn::Functions, cudnnSetFilterNdDescriptor);
ALIKE(nn::Functions, cudnnCreateConvolutionDescriptor);
ALIKE(nn::Functions, cudnnDestroyConvolutionDescriptor);
ALIKE(nn::Functions, cudnnSetConvolutionNdDescriptor);
ALIKE(nn::Functions, cudnnSetConvolutionGroupCount);
ALIKE(nn::Functions, cudnnSetConvolutionMathType);
ALIKE(nn::Functions, cudnnGetConvolutionForwardAlgorithm_v7);
ALIKE(nn::Functions, cudnnGetConvolutionBackwardDataAlgorithm_v7);
ALIKE(nn::Functions, cudnnGetConvolutionBackwardFilterAlgorithm_v7);
ALIKE(nn::Functions, cudnnConvolutionForward);
ALIKE(nn::Functions, cudnnConvolutionBackwardData);
ALIKE(nn::Functions, cudnnConvolutionBackwardFilter);
#ifdef HAS_CUFFT
ALIKE(ft::Functions, cufftCreate);
ALIKE(ft::Functions, cufftDestroy);
ALIKE(ft::Functions, cufftSetAutoAllocation);
ALIKE(ft::Functions, cufftSetWorkArea);
ALIKE(ft::Functions, cufftSetStream);
ALIKE(ft::Functions, cufftMakePlanMany64);
ALIKE(ft::Functions, cufftExecC2C);
ALIKE(ft::Functions, cufftExecZ2Z);
ALIKE(ft::Functions, cufftExecR2C);
ALIKE(ft::Functions, cufftExecD2Z);
ALIKE(ft::Functions, cufftExecC2R);
ALIKE(ft::Functions, cufftExecZ2D);
#endif
