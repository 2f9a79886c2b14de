// The part of cuDNN's binary interface that we call, which is the same in versions 8 and 9. Declared here so that
// building needs no headers of a library that is opened at run time; tests/cuda compares with the headers where there are
// any.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;

namespace taeda::cuda::cudnn {

using Status = int32_t;
using Handle = struct HandleStruct*;
using TensorDescriptor = struct TensorDescriptorStruct*;
using FilterDescriptor = struct FilterDescriptorStruct*;
using ConvDescriptor = struct ConvDescriptorStruct*;

enum DataType : int32_t { FLOAT = 0, HALF = 2, BFLOAT16 = 9 };
enum MathType : int32_t { DEFAULT_MATH = 0, TENSOR_OP_MATH = 1, FMA_MATH = 3 };
enum ConvMode : int32_t { CROSS_CORRELATION = 1 };
enum Format : int32_t { NCHW = 0 };
enum Determinism : int32_t { NON_DETERMINISTIC = 0, DETERMINISTIC = 1 };
using Algorithm = int32_t;

// What the library says of an algorithm; of one form for all passes.
struct Performance {
    Algorithm algorithm;
    Status status;
    float time;
    size_t workspace_bytes;
    Determinism determinism;
    MathType math;
    int32_t reserved[3];
};

// The functions, found by name.
struct Functions {
    Status (*cudnnCreate)(Handle*);
    Status (*cudnnSetStream)(Handle, CUstream_st*);
    const char* (*cudnnGetErrorString)(Status);
    Status (*cudnnCreateTensorDescriptor)(TensorDescriptor*);
    Status (*cudnnDestroyTensorDescriptor)(TensorDescriptor);
    Status (*cudnnSetTensorNdDescriptor)(TensorDescriptor, DataType, int dims, const int* sizes, const int* strides);
    Status (*cudnnCreateFilterDescriptor)(FilterDescriptor*);
    Status (*cudnnDestroyFilterDescriptor)(FilterDescriptor);
    Status (*cudnnSetFilterNdDescriptor)(FilterDescriptor, DataType, Format, int dims, const int* sizes);
    Status (*cudnnCreateConvolutionDescriptor)(ConvDescriptor*);
    Status (*cudnnDestroyConvolutionDescriptor)(ConvDescriptor);
    Status (*cudnnSetConvolutionNdDescriptor)(ConvDescriptor, int dims, const int* padding, const int* stride,
                                              const int* dilation, ConvMode, DataType compute);
    Status (*cudnnSetConvolutionGroupCount)(ConvDescriptor, int groups);
    Status (*cudnnSetConvolutionMathType)(ConvDescriptor, MathType);
    Status (*cudnnGetConvolutionForwardAlgorithm_v7)(Handle, TensorDescriptor x, FilterDescriptor w, ConvDescriptor,
                                                     TensorDescriptor out, int wanted, int* found, Performance*);
    Status (*cudnnGetConvolutionBackwardDataAlgorithm_v7)(Handle, FilterDescriptor w, TensorDescriptor out,
                                                          ConvDescriptor, TensorDescriptor x, int wanted, int* found,
                                                          Performance*);
    Status (*cudnnGetConvolutionBackwardFilterAlgorithm_v7)(Handle, TensorDescriptor x, TensorDescriptor out,
                                                            ConvDescriptor, FilterDescriptor w, int wanted, int* found,
                                                            Performance*);
    Status (*cudnnConvolutionForward)(Handle, const void* alpha, TensorDescriptor, const void* x, FilterDescriptor,
                                      const void* w, ConvDescriptor, Algorithm, void* workspace, size_t bytes,
                                      const void* beta, TensorDescriptor, void* out);
    Status (*cudnnConvolutionBackwardData)(Handle, const void* alpha, FilterDescriptor, const void* w, TensorDescriptor,
                                           const void* out, ConvDescriptor, Algorithm, void* workspace, size_t bytes,
                                           const void* beta, TensorDescriptor, void* x);
    Status (*cudnnConvolutionBackwardFilter)(Handle, const void* alpha, TensorDescriptor, const void* x,
                                             TensorDescriptor, const void* out, ConvDescriptor, Algorithm,
                                             void* workspace, size_t bytes, const void* beta, FilterDescriptor,
                                             void* w);
};

}  // namespace taeda::cuda::cudnn
