// What every kernel file includes: CUDA's language, or its emulation on the CPU, and our own additions to both.
//
// A .cu file in this folder is compiled by nvcc for GPUs and by the C++ compiler (TAEDA_CUDA_EMULATED) for tests. It keeps
// to what both understand: kernels are started with launch() (runtime.h) instead of <<<>>>, dynamic shared memory is
// declared with TAEDA_DYNAMIC_SHARED, static shared memory is plain arrays, and complex numbers are device_complex.
#pragma once

#if defined(TAEDA_CUDA_EMULATED)
#include "kernels/cuda/emulated/emulator.h"
// T* name: the dynamic shared memory of the block.
#define TAEDA_DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(::taeda::emulated::dynamic_shared())
#else
#include <cuda_runtime.h>
#define TAEDA_DYNAMIC_SHARED(T, name) \
    extern __shared__ __align__(16) unsigned char taeda_dynamic_shared[]; \
    T* name = reinterpret_cast<T*>(taeda_dynamic_shared)
#endif

#include "kernels/cuda/complex.h"
#include "tensor/dtype.h"
#include "tensor/host_device.h"

namespace taeda::cuda {

constexpr unsigned kFullWarp = 0xffffffffu;

// The type that device code has for an element of type T: T itself, or our own complex for std::complex.
template <class T> struct device_type_of {
    using type = T;
};
template <class T> struct device_type_of<std::complex<T>> {
    using type = device_complex<T>;
};
template <class T> using device_type = typename device_type_of<T>::type;

// N elements moved by one memory access; as aligned as they are large, up to 16 bytes.
template <class T, int N> struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Pack {
    T values[N];
};

}  // namespace taeda::cuda
