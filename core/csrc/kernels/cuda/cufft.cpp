// Fourier transforms through cuFFT, with a plan kept per shape and memory from our allocator.
#include <memory>

#include "kernels/cuda/cufft_api.h"
#include "kernels/cuda/fft_library.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/shared_library.h"
#include "kernels/plan_cache.h"

namespace taeda::cuda {

namespace {

using namespace cufft;

constexpr LibraryFile kFile{"libcufft.so.12 libcufft.so.11 libcufft.so", "cu13/lib cufft/lib", "nvidia-cufft"};

const Functions& api() {
    static const Functions functions = [] {
        void* library = open_library(kFile);
        Functions f;
#define TAEDA_FIND(name) f.name = reinterpret_cast<decltype(f.name)>(find_function(library, kFile, #name));
        TAEDA_FIND(cufftCreate)
        TAEDA_FIND(cufftDestroy)
        TAEDA_FIND(cufftSetAutoAllocation)
        TAEDA_FIND(cufftSetWorkArea)
        TAEDA_FIND(cufftSetStream)
        TAEDA_FIND(cufftMakePlanMany64)
        TAEDA_FIND(cufftExecC2C)
        TAEDA_FIND(cufftExecZ2Z)
        TAEDA_FIND(cufftExecR2C)
        TAEDA_FIND(cufftExecD2Z)
        TAEDA_FIND(cufftExecC2R)
        TAEDA_FIND(cufftExecZ2D)
#undef TAEDA_FIND
        return f;
    }();
    return functions;
}

void check_result(Result result, const char* call) {
    TAEDA_CHECK(result == 0, "fft: ", call, " failed with result ", result,
                result == 2   ? ": out of memory"
                : result == 8 ? ": invalid size"
                              : "");
}
#define TAEDA_CUFFT(function, ...) check_result(api().function(__VA_ARGS__), #function)

struct Plan {
    Handle handle = 0;
    size_t workspace_bytes = 0;
    bool owned = false;

    Plan() = default;
    Plan(Plan&& o) noexcept
        : handle(o.handle), workspace_bytes(o.workspace_bytes), owned(std::exchange(o.owned, false)) {}
    Plan& operator=(Plan&&) = delete;
    ~Plan() {
        if (owned) api().cufftDestroy(handle);
    }
};

Type type_of(const FftCall& c) {
    switch (c.kind) {
        case FftKind::real: return c.doubles ? D2Z : R2C;
        case FftKind::inverse_real: return c.doubles ? Z2D : C2R;
        default: return c.doubles ? Z2Z : C2C;
    }
}

Plan make_plan(const FftCall& c) {
    Plan plan;
    TAEDA_CUFFT(cufftCreate, &plan.handle);
    plan.owned = true;
    TAEDA_CUFFT(cufftSetAutoAllocation, plan.handle, 0);
    // With one dimension only its presence matters: without it the strides would not count.
    long long n = c.n, embed = c.n;
    TAEDA_CUFFT(cufftMakePlanMany64, plan.handle, 1, &n, &embed, c.in_stride, c.in_distance, &embed, c.out_stride,
                c.out_distance, type_of(c), c.count, &plan.workspace_bytes);
    return plan;
}

void execute(const FftCall& c, Handle handle) {
    int direction = c.kind == FftKind::forward ? FORWARD : INVERSE;
    switch (type_of(c)) {
        case C2C: TAEDA_CUFFT(cufftExecC2C, handle, c.in, c.out, direction); break;
        case Z2Z: TAEDA_CUFFT(cufftExecZ2Z, handle, c.in, c.out, direction); break;
        case R2C: TAEDA_CUFFT(cufftExecR2C, handle, c.in, c.out); break;
        case D2Z: TAEDA_CUFFT(cufftExecD2Z, handle, c.in, c.out); break;
        case C2R: TAEDA_CUFFT(cufftExecC2R, handle, c.in, c.out); break;
        case Z2D: TAEDA_CUFFT(cufftExecZ2D, handle, c.in, c.out); break;
    }
}

}  // namespace

void library_fft(const FftCall& c, const Tensor& beside) {
    cudaStream_t stream = stream_of(beside);
    thread_local PlanCache<Plan> plans;
    PlanKey key{beside.device().index, type_of(c),    c.n,          c.count,
                c.in_stride,           c.in_distance, c.out_stride, c.out_distance};
    Plan& plan = plans.get(key, [&] { return make_plan(c); });
    Workspace workspace(plan.workspace_bytes, beside);
    TAEDA_CUFFT(cufftSetStream, plan.handle, stream);
    if (plan.workspace_bytes) TAEDA_CUFFT(cufftSetWorkArea, plan.handle, workspace.as<void>());
    execute(c, plan.handle);
}

}  // namespace taeda::cuda
