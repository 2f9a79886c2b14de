// Matrix products through cuBLASLt. What a product needs besides pointers (descriptors, the algorithm that the library
// recommends) is kept in a plan per shape.
#include <complex>
#include <memory>
#include <mutex>

#include "kernels/cuda/cublaslt_api.h"
#include "kernels/cuda/gemm_library.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/shared_library.h"
#include "kernels/plan_cache.h"

namespace taeda::cuda {

namespace {

using namespace cublaslt;

constexpr LibraryFile kFile{"libcublasLt.so.13 libcublasLt.so.12 libcublasLt.so", "cu13/lib cublas/lib",
                            "nvidia-cublas"};
constexpr size_t kWorkspaceBytes = size_t(32) << 20;

const Functions& api() {
    static const Functions functions = [] {
        void* library = open_library(kFile);
        Functions f;
#define TAEDA_FIND(name) f.name = reinterpret_cast<decltype(f.name)>(find_function(library, kFile, #name));
        TAEDA_FIND(cublasLtCreate)
        TAEDA_FIND(cublasLtMatmulDescCreate)
        TAEDA_FIND(cublasLtMatmulDescDestroy)
        TAEDA_FIND(cublasLtMatmulDescSetAttribute)
        TAEDA_FIND(cublasLtMatrixLayoutCreate)
        TAEDA_FIND(cublasLtMatrixLayoutDestroy)
        TAEDA_FIND(cublasLtMatrixLayoutSetAttribute)
        TAEDA_FIND(cublasLtMatmulPreferenceCreate)
        TAEDA_FIND(cublasLtMatmulPreferenceDestroy)
        TAEDA_FIND(cublasLtMatmulPreferenceSetAttribute)
        TAEDA_FIND(cublasLtMatmulAlgoGetHeuristic)
        TAEDA_FIND(cublasLtMatmul)
#undef TAEDA_FIND
        return f;
    }();
    return functions;
}

void check_status(Status status, const char* call) {
    if (status == 0) return;
    const char* meaning = "an internal error";
    switch (status) {
        case 1: meaning = "the library could not be initialised on this device"; break;
        case 3: meaning = "out of memory"; break;
        case 7: meaning = "an invalid value"; break;
        case 8: meaning = "the GPU's architecture lacks this type"; break;
        case 13: meaning = "the launch failed on the GPU"; break;
        case 15: meaning = "not supported for these types and strides"; break;
        default: break;
    }
    raise("matmul: ", call, " failed with status ", status, ": ", meaning);
}

Handle handle_of(int device) {
    static std::mutex mutex;
    static Handle handles[kMaxDevices] = {};
    std::lock_guard lock(mutex);
    if (!handles[device]) check_status(api().cublasLtCreate(&handles[device]), "cublasLtCreate");
    return handles[device];
}

DataType type_of(DType dtype) {
    switch (dtype) {
        case DType::float32: return R_32F;
        case DType::float64: return R_64F;
        case DType::float16: return R_16F;
        case DType::bfloat16: return R_16BF;
        case DType::complex64: return C_32F;
        case DType::complex128: return C_64F;
        default: raise<NotImplementedError>("matmul: cuBLASLt has no kernel for '", dtype_long_name(dtype), "'");
    }
}

// What alpha and beta are given in.
DataType scale_type(DType dtype) {
    return dtype == DType::float16 || dtype == DType::bfloat16 ? R_32F : type_of(dtype);
}

ComputeType compute_type(const GemmCall& call) {
    if (real_dtype(call.dtype) == DType::float64) return COMPUTE_64F;
    return call.dtype == DType::float32 && call.allow_tf32 ? COMPUTE_32F_FAST_TF32 : COMPUTE_32F;
}

// What is done to a product before it is rounded and stored.
Epilogue epilogue(const GemmCall& call) {
    switch (call.activation) {
        case Activation::relu: return call.bias ? EPILOGUE_RELU_BIAS : EPILOGUE_RELU;
        case Activation::gelu_tanh: return call.bias ? EPILOGUE_GELU_BIAS : EPILOGUE_GELU;
        default: return call.bias ? EPILOGUE_BIAS : EPILOGUE_DEFAULT;
    }
}

// Owns a descriptor.
template <class T> using Owned = std::unique_ptr<std::remove_pointer_t<T>, Status (*)(T)>;

struct Plan {
    Owned<Operation> operation;
    Owned<Layout> a, b, out;
    Algorithm algorithm;
    size_t workspace_bytes;
};

Owned<Layout> make_layout(DType dtype, int64_t rows, int64_t columns, int64_t leading, int64_t batches,
                          int64_t batch_stride) {
    Layout layout;
    check_status(api().cublasLtMatrixLayoutCreate(&layout, type_of(dtype), uint64_t(rows), uint64_t(columns), leading),
                 "cublasLtMatrixLayoutCreate");
    Owned<Layout> owned(layout, api().cublasLtMatrixLayoutDestroy);
    if (batches > 1) {
        TAEDA_CHECK(batches <= INT32_MAX, "matmul: a batch of ", batches, " products is too large for cuBLASLt, which ",
                    "takes at most 2^31 - 1; split the batch");
        int32_t count = int32_t(batches);
        auto set = api().cublasLtMatrixLayoutSetAttribute;
        check_status(set(layout, BATCH_COUNT, &count, sizeof count), "cublasLtMatrixLayoutSetAttribute");
        check_status(set(layout, STRIDED_BATCH_OFFSET, &batch_stride, sizeof batch_stride),
                     "cublasLtMatrixLayoutSetAttribute");
    }
    return owned;
}

template <class T> void set(Operation operation, OperationAttribute attribute, T value) {
    check_status(api().cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value),
                 "cublasLtMatmulDescSetAttribute");
}

uint32_t alignment(const void* data) {
    uintptr_t address = reinterpret_cast<uintptr_t>(data) | 256;
    return uint32_t(address & (~address + 1));
}

// The library counts by columns: out by rows is out^T by columns, and out^T = b^T a^T. So its first operand is our b.
Plan make_plan(const GemmCall& c, int device) {
    Operation operation;
    check_status(api().cublasLtMatmulDescCreate(&operation, compute_type(c), scale_type(c.dtype)),
                 "cublasLtMatmulDescCreate");
    Plan plan{Owned<Operation>(operation, api().cublasLtMatmulDescDestroy),
              make_layout(c.dtype, c.b.by_rows ? c.N : c.K, c.b.by_rows ? c.K : c.N, c.b.leading, c.batches,
                          c.b.batch_stride),
              make_layout(c.dtype, c.a.by_rows ? c.K : c.M, c.a.by_rows ? c.M : c.K, c.a.leading, c.batches,
                          c.a.batch_stride),
              make_layout(c.dtype, c.N, c.M, c.out_leading, c.batches, c.out_batch_stride),
              {},
              0};
    set(operation, TRANSA, c.b.by_rows ? OP_N : OP_T);
    set(operation, TRANSB, c.a.by_rows ? OP_N : OP_T);
    set(operation, EPILOGUE, epilogue(c));
    if (c.bias) set(operation, BIAS_POINTER, c.bias);
    Preference preference;
    check_status(api().cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    Owned<Preference> owned(preference, api().cublasLtMatmulPreferenceDestroy);
    auto prefer = [&](PreferenceAttribute attribute, auto value) {
        check_status(api().cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
                     "cublasLtMatmulPreferenceSetAttribute");
    };
    prefer(MAX_WORKSPACE_BYTES, uint64_t(kWorkspaceBytes));
    prefer(MIN_ALIGNMENT_A_BYTES, alignment(c.b.data));
    prefer(MIN_ALIGNMENT_B_BYTES, alignment(c.a.data));
    prefer(MIN_ALIGNMENT_C_BYTES, alignment(c.out));
    prefer(MIN_ALIGNMENT_D_BYTES, alignment(c.out));
    Heuristic best;
    int found = 0;
    check_status(api().cublasLtMatmulAlgoGetHeuristic(handle_of(device), operation, plan.a.get(), plan.b.get(),
                                                      plan.out.get(), plan.out.get(), preference, 1, &best, &found),
                 "cublasLtMatmulAlgoGetHeuristic");
    TAEDA_CHECK(found == 1 && best.state == 0, "matmul: cuBLASLt knows no algorithm for ", c.batches, " products of (",
                c.M, ", ", c.K, ") and (", c.K, ", ", c.N, ") in ", c.dtype);
    plan.algorithm = best.algorithm;
    plan.workspace_bytes = best.workspace_bytes;
    return plan;
}

Plan& plan_of(const GemmCall& c, int device) {
    thread_local PlanCache<Plan> plans;
    PlanKey key{device,
                int64_t(c.dtype),
                c.batches,
                c.M,
                c.N,
                c.K,
                c.a.leading,
                c.a.batch_stride,
                c.a.by_rows,
                c.b.leading,
                c.b.batch_stride,
                c.b.by_rows,
                c.out_leading,
                c.out_batch_stride,
                epilogue(c),
                c.allow_tf32,
                alignment(c.a.data),
                alignment(c.b.data),
                alignment(c.out),
                alignment(c.bias)};
    return plans.get(key, [&] { return make_plan(c, device); });
}

// A number in the type of alpha and beta.
struct Factor {
    alignas(16) char bytes[16];
    Factor(DType dtype, double value) {
        auto put = [&](auto number) { std::memcpy(bytes, &number, sizeof number); };
        switch (scale_type(dtype)) {
            case R_64F: put(value); break;
            case C_32F: put(std::complex<float>(float(value))); break;
            case C_64F: put(std::complex<double>(value)); break;
            default: put(float(value));
        }
    }
};

}  // namespace

void library_gemm(const GemmCall& c, const Tensor& out) {
    cudaStream_t stream = stream_of(out);
    int device = out.device().index;
    Plan& plan = plan_of(c, device);
    if (c.bias) set(plan.operation.get(), BIAS_POINTER, c.bias);
    Workspace workspace(plan.workspace_bytes, out);
    Factor alpha(c.dtype, c.alpha), beta(c.dtype, c.beta);
    check_status(api().cublasLtMatmul(handle_of(device), plan.operation.get(), alpha.bytes, c.b.data, plan.a.get(),
                                      c.a.data, plan.b.get(), beta.bytes, c.out, plan.out.get(), c.out, plan.out.get(),
                                      &plan.algorithm, workspace.as<void>(), plan.workspace_bytes, stream),
                 "cublasLtMatmul");
}

}  // namespace taeda::cuda
