// Convolutions through cuDNN. Descriptors and the algorithm that the library recommends are kept in a plan per shape.
#include <memory>
#include <span>
#include <vector>

#include "kernels/cuda/conv_library.h"
#include "kernels/cuda/cudnn_api.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/shared_library.h"
#include "kernels/plan_cache.h"

namespace taeda::cuda {

namespace {

using namespace cudnn;

constexpr LibraryFile kFile{"libcudnn.so.9 libcudnn.so.8 libcudnn.so", "cudnn/lib", "nvidia-cudnn-cu13"};
// What cuDNN opens itself when it needs it, by name alone: it finds those that the process has.
constexpr LibraryFile kUsed[] = {
    {"libcublasLt.so.13 libcublasLt.so.12", "cu13/lib cublas/lib", "nvidia-cublas"},
    {"libnvrtc.so.13 libnvrtc.so.12", "cu13/lib cuda_nvrtc/lib", "nvidia-cuda-nvrtc"},
};
constexpr size_t kWorkspaceLimit = size_t(1) << 30;
constexpr int kAlgorithms = 16;

const Functions& api() {
    static const Functions functions = [] {
        for (const LibraryFile& used : kUsed) open_if_there(used);
        void* library = open_library(kFile);
        Functions f;
#define TAEDA_FIND(name) f.name = reinterpret_cast<decltype(f.name)>(find_function(library, kFile, #name));
        TAEDA_FIND(cudnnCreate)
        TAEDA_FIND(cudnnSetStream)
        TAEDA_FIND(cudnnGetErrorString)
        TAEDA_FIND(cudnnCreateTensorDescriptor)
        TAEDA_FIND(cudnnDestroyTensorDescriptor)
        TAEDA_FIND(cudnnSetTensorNdDescriptor)
        TAEDA_FIND(cudnnCreateFilterDescriptor)
        TAEDA_FIND(cudnnDestroyFilterDescriptor)
        TAEDA_FIND(cudnnSetFilterNdDescriptor)
        TAEDA_FIND(cudnnCreateConvolutionDescriptor)
        TAEDA_FIND(cudnnDestroyConvolutionDescriptor)
        TAEDA_FIND(cudnnSetConvolutionNdDescriptor)
        TAEDA_FIND(cudnnSetConvolutionGroupCount)
        TAEDA_FIND(cudnnSetConvolutionMathType)
        TAEDA_FIND(cudnnGetConvolutionForwardAlgorithm_v7)
        TAEDA_FIND(cudnnGetConvolutionBackwardDataAlgorithm_v7)
        TAEDA_FIND(cudnnGetConvolutionBackwardFilterAlgorithm_v7)
        TAEDA_FIND(cudnnConvolutionForward)
        TAEDA_FIND(cudnnConvolutionBackwardData)
        TAEDA_FIND(cudnnConvolutionBackwardFilter)
#undef TAEDA_FIND
        return f;
    }();
    return functions;
}

void check_status(Status status, const char* call) {
    if (status == 0) return;
    raise("convolution: ", call, " failed with status ", status, ": ", api().cudnnGetErrorString(status));
}
#define TAEDA_CUDNN(function, ...) check_status(api().function(__VA_ARGS__), #function)

// One per thread, because the stream is part of it.
Handle handle_of(int device, cudaStream_t stream) {
    thread_local Handle handles[kMaxDevices] = {};
    if (!handles[device]) TAEDA_CUDNN(cudnnCreate, &handles[device]);
    TAEDA_CUDNN(cudnnSetStream, handles[device], stream);
    return handles[device];
}

DataType type_of(DType dtype) {
    switch (dtype) {
        case DType::float32: return FLOAT;
        case DType::float16: return HALF;
        case DType::bfloat16: return BFLOAT16;
        default:
            raise<NotImplementedError>("convolution: cuDNN path not implemented for '", dtype_long_name(dtype), "'");
    }
}

template <class T> using Owned = std::unique_ptr<std::remove_pointer_t<T>, Status (*)(T)>;

// At least two spatial dimensions: the library takes no fewer, so a height of `fill` is put before the width.
std::vector<int> padded(Ints values, size_t at, int fill) {
    std::vector<int> result;
    for (int64_t v : values) {
        TAEDA_CHECK(v >= 0 && v <= INT32_MAX, "convolution: ", v, " in ", values,
                    " is too large for cuDNN, which counts in 32 bits");
        result.push_back(int(v));
    }
    if (values.size() - at == 1) result.insert(result.begin() + long(at), fill);
    return result;
}

Owned<TensorDescriptor> describe(const Tensor& t) {
    TAEDA_CHECK(t.numel() <= INT32_MAX, "convolution: a tensor of shape ", t.sizes(),
                " is too large for cuDNN, which takes at most 2^31 - 1 elements; split the batch");
    std::vector<int> sizes = padded(t.sizes(), 2, 1), strides(sizes.size(), 1);
    for (size_t d = sizes.size() - 1; d-- > 0;) strides[d] = strides[d + 1] * sizes[d + 1];
    TensorDescriptor descriptor;
    TAEDA_CUDNN(cudnnCreateTensorDescriptor, &descriptor);
    Owned<TensorDescriptor> owned(descriptor, api().cudnnDestroyTensorDescriptor);
    TAEDA_CUDNN(cudnnSetTensorNdDescriptor, descriptor, type_of(t.dtype()), int(sizes.size()), sizes.data(),
                strides.data());
    return owned;
}

Owned<FilterDescriptor> describe_filter(const Tensor& w) {
    TAEDA_CHECK(w.numel() <= INT32_MAX, "convolution: a weight of shape ", w.sizes(),
                " is too large for cuDNN, which takes at most 2^31 - 1 elements");
    std::vector<int> sizes = padded(w.sizes(), 2, 1);
    FilterDescriptor descriptor;
    TAEDA_CUDNN(cudnnCreateFilterDescriptor, &descriptor);
    Owned<FilterDescriptor> owned(descriptor, api().cudnnDestroyFilterDescriptor);
    TAEDA_CUDNN(cudnnSetFilterNdDescriptor, descriptor, type_of(w.dtype()), NCHW, int(sizes.size()), sizes.data());
    return owned;
}

Owned<ConvDescriptor> describe_geometry(const ConvGeometry& g) {
    std::vector<int> padding = padded(g.padding, 0, 0), stride = padded(g.stride, 0, 1);
    std::vector<int> dilation = padded(g.dilation, 0, 1);
    ConvDescriptor descriptor;
    TAEDA_CUDNN(cudnnCreateConvolutionDescriptor, &descriptor);
    Owned<ConvDescriptor> owned(descriptor, api().cudnnDestroyConvolutionDescriptor);
    TAEDA_CUDNN(cudnnSetConvolutionNdDescriptor, descriptor, int(padding.size()), padding.data(), stride.data(),
                dilation.data(), CROSS_CORRELATION, FLOAT);
    TAEDA_CHECK(g.groups <= INT32_MAX, "convolution: cuDNN counts groups in 32 bits, got ", g.groups);
    TAEDA_CUDNN(cudnnSetConvolutionGroupCount, descriptor, int(g.groups));
    return owned;
}

struct Plan {
    Owned<TensorDescriptor> x, out;
    Owned<FilterDescriptor> w;
    Owned<ConvDescriptor> geometry;
    Performance chosen{};
};

int recommended(const ConvCall& call, const Plan& plan, Handle handle, Performance* list) {
    int found = 0;
    switch (call.pass) {
        case ConvPass::forward:
            TAEDA_CUDNN(cudnnGetConvolutionForwardAlgorithm_v7, handle, plan.x.get(), plan.w.get(), plan.geometry.get(),
                        plan.out.get(), kAlgorithms, &found, list);
            break;
        case ConvPass::input_grad:
            TAEDA_CUDNN(cudnnGetConvolutionBackwardDataAlgorithm_v7, handle, plan.w.get(), plan.out.get(),
                        plan.geometry.get(), plan.x.get(), kAlgorithms, &found, list);
            break;
        case ConvPass::weight_grad:
            TAEDA_CUDNN(cudnnGetConvolutionBackwardFilterAlgorithm_v7, handle, plan.x.get(), plan.out.get(),
                        plan.geometry.get(), plan.w.get(), kAlgorithms, &found, list);
    }
    return found;
}

// The fastest algorithm, as the library expects, of those that give the same numbers every time; one that takes very much
// memory only where there is no other.
Plan make_plan(const ConvCall& call, Handle handle) {
    Plan plan{describe(call.x), describe(call.out), describe_filter(call.w), describe_geometry(call.geometry)};
    MathType math = call.x.dtype() != DType::float32 ? TENSOR_OP_MATH : call.allow_tf32 ? DEFAULT_MATH : FMA_MATH;
    TAEDA_CUDNN(cudnnSetConvolutionMathType, plan.geometry.get(), math);
    Performance list[kAlgorithms];
    int found = recommended(call, plan, handle, list);
    for (size_t limit : {kWorkspaceLimit, SIZE_MAX})
        for (const Performance& p : std::span(list, size_t(found))) {
            if (p.status != 0 || p.determinism != DETERMINISTIC || p.workspace_bytes > limit) continue;
            plan.chosen = p;
            // What is recommended may say DEFAULT_MATH, which rounds float32 to TF32, whatever was asked for.
            if (math != FMA_MATH) TAEDA_CUDNN(cudnnSetConvolutionMathType, plan.geometry.get(), p.math);
            return plan;
        }
    raise("convolution: cuDNN knows no algorithm for input ", call.x.sizes(), ", weight ", call.w.sizes(),
          " and output ", call.out.sizes(), " in ", call.x.dtype(), " with stride ", call.geometry.stride, ", padding ",
          call.geometry.padding, ", dilation ", call.geometry.dilation, " and ", call.geometry.groups, " groups");
}

Plan& plan_of(const ConvCall& call, int device, Handle handle) {
    thread_local PlanCache<Plan> plans;
    const ConvGeometry& g = call.geometry;
    PlanKey key{device, int64_t(call.pass), int64_t(call.x.dtype()), call.allow_tf32, g.groups};
    key.add(call.x.sizes()).add(call.w.sizes()).add(call.out.sizes()).add(g.stride).add(g.padding).add(g.dilation);
    return plans.get(key, [&] { return make_plan(call, handle); });
}

}  // namespace

void library_conv(const ConvCall& call) {
    cudaStream_t stream = stream_of(call.out);
    int device = call.out.device().index;
    Handle handle = handle_of(device, stream);
    Plan& plan = plan_of(call, device, handle);
    size_t bytes = plan.chosen.workspace_bytes;
    Workspace workspace(bytes, call.out);
    const float one = 1, zero = 0;
    switch (call.pass) {
        case ConvPass::forward:
            TAEDA_CUDNN(cudnnConvolutionForward, handle, &one, plan.x.get(), call.x.raw(), plan.w.get(), call.w.raw(),
                        plan.geometry.get(), plan.chosen.algorithm, workspace.as<void>(), bytes, &zero, plan.out.get(),
                        call.out.raw());
            break;
        case ConvPass::input_grad:
            TAEDA_CUDNN(cudnnConvolutionBackwardData, handle, &one, plan.w.get(), call.w.raw(), plan.out.get(),
                        call.out.raw(), plan.geometry.get(), plan.chosen.algorithm, workspace.as<void>(), bytes, &zero,
                        plan.x.get(), call.x.raw());
            break;
        case ConvPass::weight_grad:
            TAEDA_CUDNN(cudnnConvolutionBackwardFilter, handle, &one, plan.x.get(), call.x.raw(), plan.out.get(),
                        call.out.raw(), plan.geometry.get(), plan.chosen.algorithm, workspace.as<void>(), bytes, &zero,
                        plan.w.get(), call.w.raw());
    }
}

}  // namespace taeda::cuda
