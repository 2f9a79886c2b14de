// TAEDA_HD marks functions that the GPU compiler compiles for both sides; it is empty for other compilers.
#pragma once

#if defined(__CUDACC__)
#define TAEDA_HD __host__ __device__
#else
#define TAEDA_HD
#endif

// Defined while code of a kernel library for a GPU is compiled, emulated or not: such code cannot throw.
#if defined(__CUDACC__) || defined(TAEDA_CUDA_EMULATED)
#define TAEDA_DEVICE_CODE 1
#endif
