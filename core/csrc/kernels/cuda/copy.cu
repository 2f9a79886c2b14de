// Copies within a device, and fills.
#include "kernels/copy.h"

#include "dispatch/pointwise.h"
#include "kernels/cuda/cast.h"
#include "kernels/cuda/pointwise.h"
#include "kernels/cuda/transpose.h"

namespace taeda::cuda {

namespace {

struct Same {
    template <class T> TAEDA_HD T operator()(T x) const { return x; }
};

template <class T> struct Value {
    T value;
    TAEDA_HD T operator()() const { return value; }
};

PointwiseArgs geometry(const Tensor& dst, std::span<const Tensor* const> operands) {
    PointwiseArgs args;
    args.device = dst.device();
    args.inputs = int(operands.size()) - 1;
    set_geometry(args, dst.sizes(), operands);
    return args;
}

void copy_cuda(const Tensor& dst, const Tensor& src) {
    if (dst.numel() == 0) return;
    if (dst.dtype() == src.dtype() && dst.is_contiguous() && src.is_contiguous()) {
        cudaStream_t stream = stream_of(dst);
        TAEDA_CUDA_CHECK(cudaMemcpyAsync(dst.raw(), src.raw(), size_t(dst.numel()) * size_t(dst.item_bytes()),
                                         cudaMemcpyDeviceToDevice, stream));
        return;
    }
    const Tensor* operands[] = {&dst, &src};
    PointwiseArgs args = geometry(dst, operands);
    if (dst.dtype() != src.dtype()) return cast_loop(args, dst.dtype(), src.dtype());
    int tiled = tiled_dimension(args, dst.item_bytes());
    visit_size(dst.item_bytes(), [&]<class T>() {
        if (tiled >= 0) transpose_loop<T>(args, tiled);
        else pointwise_loop<T, T>(args, Same{});
    });
}

void fill_cuda(const Tensor& dst, const Scalar& value) {
    if (dst.numel() == 0) return;
    const Tensor* operands[] = {&dst};
    PointwiseArgs args = geometry(dst, operands);
    char element[16] = {};
    visit_all(dst.dtype(), [&]<class T>() {
        T v = value.to<T>();
        std::memcpy(element, &v, sizeof v);
    });
    visit_size(dst.item_bytes(), [&]<class T>() { pointwise_loop<T>(args, Value<T>{host_number<T>(element)}); });
}

}  // namespace
}  // namespace taeda::cuda

namespace taeda {
TAEDA_REGISTER(cuda, copy, cuda::copy_cuda)
TAEDA_REGISTER(cuda, fill, cuda::fill_cuda)
}  // namespace taeda
