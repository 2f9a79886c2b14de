// Fills: one value to all elements.
#include "kernels/copy.h"

#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

template <class T> __global__ void fill_contiguous(T* out, int64_t n, T value) {
    int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) out[i] = value;
}

void fill_cuda(const Tensor& dst, const Scalar& value) {
    cudaStream_t stream = stream_of(dst);
    Grid grid = loop_grid(dst.numel(), 4, limits(dst.device().index).multiprocessors);
    visit_all(dst.dtype(), [&]<class T>() {
        using D = device_type<T>;
        launch(stream, fill_contiguous<D>, grid.blocks, grid.threads, 0, dst.data<D>(), dst.numel(), D(value.to<T>()));
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, fill, cuda::fill_cuda)
}
