// Convolutions: the library's, and the bias added to its result.
#include "kernels/conv.h"

#include "kernels/cuda/conv_library.h"
#include "kernels/cuda/geometry.h"
#include "kernels/cuda/runtime.h"
#include "kernels/reduce.h"
#include "kernels/tf32.h"

namespace taeda::cuda {

namespace {

// out (N, K, spatial) += bias (K)
template <class S> __global__ void add_bias(S* out, const S* bias, int64_t n, int64_t channels, int64_t spatial) {
    using T = op_type<S>;
    int64_t step = int64_t(gridDim.x) * blockDim.x;
    for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step)
        out[i] = S(T(out[i]) + T(bias[i / spatial % channels]));
}

void conv_cuda(const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias, const ConvGeometry& g) {
    library_conv({ConvPass::forward, x, w, out, g, allow_tf32.convolution});
    if (!bias.defined() || out.numel() == 0) return;
    Grid grid = loop_grid(out.numel(), 4, limits(out.device().index).multiprocessors);
    int64_t channels = out.size(1), spatial = out.numel() / (out.size(0) * channels);
    visit_floating(out.dtype(), "convolution", [&]<class S>() {
        launch(stream_of(out), add_bias<S>, grid.blocks, grid.threads, 0, out.data<S>(), bias.data<S>(), out.numel(),
               channels, spatial);
    });
}

void conv_input_grad_cuda(const Tensor& grad_x, const Tensor& grad_out, const Tensor& w, const ConvGeometry& g) {
    library_conv({ConvPass::input_grad, grad_x, w, grad_out, g, allow_tf32.convolution});
}

void conv_weight_grad_cuda(const Tensor& grad_w, const Tensor& grad_bias, const Tensor& x, const Tensor& grad_out,
                           const ConvGeometry& g) {
    library_conv({ConvPass::weight_grad, x, grad_w, grad_out, g, allow_tf32.convolution});
    if (!grad_bias.defined()) return;
    Dims dims{0}, kept(size_t(grad_out.dim()), 1), strides(size_t(grad_out.dim()), 0);
    for (int64_t d = 2; d < grad_out.dim(); ++d) dims.push_back(d);
    kept[1] = grad_bias.numel(), strides[1] = 1;
    sum_kernel(DeviceType::cuda, alias(grad_bias, kept, strides, grad_bias.offset()), grad_out, dims);
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, conv, cuda::conv_cuda)
TAEDA_REGISTER(cuda, conv_input_grad, cuda::conv_input_grad_cuda)
TAEDA_REGISTER(cuda, conv_weight_grad, cuda::conv_weight_grad_cuda)
}  // namespace taeda
