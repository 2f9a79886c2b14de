// Stands in for cuFFT where there is no GPU, so that cufft.cpp runs in tests: the sums of the definition, and a result code
// where a call does not agree with another.
#include "kernels/cuda/cufft_api.h"

#include <cmath>
#include <complex>
#include <cstring>
#include <vector>

#include "kernels/cuda/emulated/arena.h"

namespace taeda::cuda::cufft {

namespace {

using Number = std::complex<double>;
constexpr Result kFine = 0, kInvalidPlan = 1, kInvalidType = 3, kInvalidValue = 4, kNoWorkspace = 14;
constexpr size_t kWorkspace = 512;

struct Plan {
    bool exists = true, automatic = true, has_stream = false;
    void* area = nullptr;
    long long n = 0, in_stride = 0, in_distance = 0, out_stride = 0, out_distance = 0, count = 0;
    Type type = C2C;
};
std::vector<Plan>& plans() {
    static std::vector<Plan> all;
    return all;
}
Plan* plan_of(Handle handle) {
    return handle >= 0 && size_t(handle) < plans().size() && plans()[size_t(handle)].exists ? &plans()[size_t(handle)]
                                                                                            : nullptr;
}

template <class T> Number read(const void* data, long long i, bool real) {
    if (real) return double(static_cast<const T*>(data)[i]);
    return Number(static_cast<const std::complex<T>*>(data)[i]);
}

// One transform: of real numbers to half of the result, of half of a Hermitian sequence to real numbers, or complex.
template <class T> void transform(const Plan& p, void* in, void* out, long long row, int direction) {
    const bool from_real = p.type == R2C || p.type == D2Z, to_real = p.type == C2R || p.type == Z2D;
    std::vector<Number> values;
    for (long long k = 0; k < p.n; ++k) {
        const bool mirrored = to_real && k > p.n / 2;
        const Number v = read<T>(in, row * p.in_distance + (mirrored ? p.n - k : k) * p.in_stride, from_real);
        values.push_back(mirrored ? std::conj(v) : v);
    }
    const long long results = from_real ? p.n / 2 + 1 : p.n;
    for (long long j = 0; j < results; ++j) {
        Number sum = 0;
        for (long long k = 0; k < p.n; ++k)
            sum += values[size_t(k)] * std::polar(1.0, direction * 2 * M_PI * double(j * k % p.n) / double(p.n));
        const long long at = row * p.out_distance + j * p.out_stride;
        if (to_real) static_cast<T*>(out)[at] = T(sum.real());
        else static_cast<std::complex<T>*>(out)[at] = std::complex<T>(sum);
    }
}

template <class T> Result execute(Handle handle, Type type, void* in, void* out, int direction) {
    Plan* p = plan_of(handle);
    if (!p) return kInvalidPlan;
    if (p->type != type) return kInvalidType;
    if (!p->has_stream || p->automatic || !p->area || (direction != FORWARD && direction != INVERSE))
        return kNoWorkspace;
    emulated::DeviceAccess access;
    std::memset(p->area, 0xCD, kWorkspace);
    for (long long row = 0; row < p->count; ++row) transform<T>(*p, in, out, row, direction);
    // The real library may use what transforms to real numbers read from as room for its own.
    if ((type == C2R || type == Z2D) && in != out)
        for (long long row = 0; row < p->count; ++row) static_cast<std::complex<T>*>(in)[row * p->in_distance] = T(NAN);
    p->area = nullptr;
    return kFine;
}

}  // namespace

extern "C" {

Result cufftCreate(Handle* handle) {
    plans().emplace_back();
    *handle = Handle(plans().size()) - 1;
    return kFine;
}
Result cufftDestroy(Handle handle) {
    if (!plan_of(handle)) return kInvalidPlan;
    plan_of(handle)->exists = false;
    return kFine;
}
Result cufftSetAutoAllocation(Handle handle, int automatic) {
    if (!plan_of(handle)) return kInvalidPlan;
    plan_of(handle)->automatic = automatic != 0;
    return kFine;
}
Result cufftSetWorkArea(Handle handle, void* area) {
    if (!plan_of(handle)) return kInvalidPlan;
    plan_of(handle)->area = area;
    return kFine;
}
Result cufftSetStream(Handle handle, CUstream_st*) {
    if (!plan_of(handle)) return kInvalidPlan;
    plan_of(handle)->has_stream = true;
    return kFine;
}
Result cufftMakePlanMany64(Handle handle, int rank, long long* n, long long* in_embed, long long in_stride,
                           long long in_distance, long long* out_embed, long long out_stride, long long out_distance,
                           Type type, long long count, size_t* bytes) {
    Plan* p = plan_of(handle);
    if (!p) return kInvalidPlan;
    if (rank != 1 || *n < 1 || count < 1 || !in_embed || !out_embed || in_stride < 1 || out_stride < 1)
        return kInvalidValue;
    *p = {true,        p->automatic, p->has_stream, p->area, *n,  in_stride,
          in_distance, out_stride,   out_distance,  count,   type};
    *bytes = kWorkspace;
    return kFine;
}
Result cufftExecC2C(Handle handle, void* in, void* out, int direction) {
    return execute<float>(handle, C2C, in, out, direction);
}
Result cufftExecZ2Z(Handle handle, void* in, void* out, int direction) {
    return execute<double>(handle, Z2Z, in, out, direction);
}
Result cufftExecR2C(Handle handle, void* in, void* out) { return execute<float>(handle, R2C, in, out, FORWARD); }
Result cufftExecD2Z(Handle handle, void* in, void* out) { return execute<double>(handle, D2Z, in, out, FORWARD); }
Result cufftExecC2R(Handle handle, void* in, void* out) { return execute<float>(handle, C2R, in, out, INVERSE); }
Result cufftExecZ2D(Handle handle, void* in, void* out) { return execute<double>(handle, Z2D, in, out, INVERSE); }

}  // extern "C"

}  // namespace taeda::cuda::cufft
