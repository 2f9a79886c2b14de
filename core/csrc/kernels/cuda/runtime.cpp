#include "kernels/cuda/runtime.h"

#include <pthread.h>

#include <array>
#include <atomic>
#include <mutex>

#include "kernels/cuda/streams.h"

namespace taeda::cuda {

void check(cudaError_t error, const char* call) {
    if (error == cudaSuccess) [[likely]]
        return;
    cudaGetLastError();  // otherwise the next call would report it again
    if (error == cudaErrorMemoryAllocation)
        raise<OutOfMemoryError>("CUDA out of memory in ", call, "; free tensors or use smaller batches");
    raise("CUDA error in ", call, ": ", cudaGetErrorString(error), " (", cudaGetErrorName(error),
          "). Errors of kernels can be reported by a later call; set CUDA_LAUNCH_BLOCKING=1 to find the one at fault");
}

namespace {
std::atomic<bool> forked{false};
}

void note_driver_used() {
    [[maybe_unused]] static const int handler = pthread_atfork(nullptr, nullptr, [] { forked = true; });
}
bool is_forked() { return forked.load(std::memory_order_relaxed); }
void check_forked() {
    TAEDA_CHECK(!is_forked(),
                "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the "
                "'spawn' start method");
}

void use_device(int device) {
    check_forked();
    int active = -1;  // asked for, because other libraries in the process change it as well
    TAEDA_CUDA_CHECK(cudaGetDevice(&active));
    if (device != active) TAEDA_CUDA_CHECK(cudaSetDevice(device));
}

cudaStream_t stream_of(const Tensor& tensor) {
    int device = tensor.device().index;
    use_device(device);
    return current_stream(device);
}

const DeviceLimits& limits(int device) {
    static std::array<DeviceLimits, kMaxDevices> all;
    static std::array<std::once_flag, kMaxDevices> known;
    std::call_once(known[size_t(device)], [device] {
        cudaDeviceProp p;
        TAEDA_CUDA_CHECK(cudaGetDeviceProperties(&p, device));
        all[size_t(device)] = {p.multiProcessorCount, p.maxThreadsPerMultiProcessor, p.major, p.minor,
                               p.sharedMemPerBlockOptin};
    });
    return all[size_t(device)];
}

void read_to_host(void* host, const void* device, size_t bytes, cudaStream_t stream) {
    Unlocked waiting;
    TAEDA_CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, stream));
    TAEDA_CUDA_CHECK(cudaStreamSynchronize(stream));
}

Fault::Fault(const Tensor& beside) : space_(sizeof(unsigned long long), beside), stream_(stream_of(beside)) {
    TAEDA_CUDA_CHECK(cudaMemsetAsync(device(), 0xFF, sizeof(unsigned long long), stream_));
}

std::optional<int64_t> Fault::read() const {
    auto position = read_value(device(), stream_);
    if (position == ~0ull) return std::nullopt;
    return int64_t(position);
}

}  // namespace taeda::cuda
