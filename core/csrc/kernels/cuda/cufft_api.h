// The part of cuFFT's binary interface that we call, which is the same in CUDA 12 and 13; see cublaslt_api.h.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;

namespace taeda::cuda::cufft {

using Result = int32_t;
using Handle = int32_t;

enum Type : int32_t { R2C = 0x2a, C2R = 0x2c, C2C = 0x29, D2Z = 0x6a, Z2D = 0x6c, Z2Z = 0x69 };
enum Direction : int32_t { FORWARD = -1, INVERSE = 1 };

// The functions, found by name.
struct Functions {
    Result (*cufftCreate)(Handle*);
    Result (*cufftDestroy)(Handle);
    Result (*cufftSetAutoAllocation)(Handle, int automatic);
    Result (*cufftSetWorkArea)(Handle, void* area);
    Result (*cufftSetStream)(Handle, CUstream_st*);
    Result (*cufftMakePlanMany64)(Handle, int rank, long long* n, long long* in_embed, long long in_stride,
                                  long long in_distance, long long* out_embed, long long out_stride,
                                  long long out_distance, Type, long long count, size_t* bytes);
    Result (*cufftExecC2C)(Handle, void* in, void* out, int direction);
    Result (*cufftExecZ2Z)(Handle, void* in, void* out, int direction);
    Result (*cufftExecR2C)(Handle, void* in, void* out);
    Result (*cufftExecD2Z)(Handle, void* in, void* out);
    Result (*cufftExecC2R)(Handle, void* in, void* out);
    Result (*cufftExecZ2D)(Handle, void* in, void* out);
};

}  // namespace taeda::cuda::cufft
