#include "kernels/sequence.h"

#include "kernels/cuda/cast.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

template <class T, class Number> __global__ void sequence_kernel(T* out, int64_t n, Number start, Number step) {
    int64_t stride = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride)
        out[i] = converted<T>(Number(start + Number(i) * step));
}

void sequence_cuda(const Tensor& out, const Scalar& start, const Scalar& step) {
    if (out.numel() == 0) return;
    cudaStream_t stream = stream_of(out);
    Grid grid = loop_grid(out.numel(), 1, limits(out.device().index).multiprocessors);
    visit_all(out.dtype(), [&]<class T>() {
        using D = device_type<T>;
        using Number = std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int64_t, double>;
        launch(stream, sequence_kernel<D, Number>, grid.blocks, grid.threads, 0, out.data<D>(), out.numel(),
               start.to<Number>(), step.to<Number>());
    });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, sequence, cuda::sequence_cuda)
}
