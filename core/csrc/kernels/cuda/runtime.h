// What kernel files need of the runtime: streams of tensors, launches, workspaces, and faults that kernels find.
#pragma once

#include <optional>

#include "kernels/cuda/device.h"
#include "kernels/kernel.h"

namespace taeda::cuda {

// Raises what a call of the runtime reports: OutOfMemoryError or RuntimeError, naming the call.
void check(cudaError_t error, const char* call);
#define TAEDA_CUDA_CHECK(call) ::taeda::cuda::check(call, #call)

// A process that is forked from one that has used the driver cannot use it any more.
void note_driver_used();
bool is_forked();     // whether this is such a process: memory is then left alone, and nothing waited for
void check_forked();  // raises there, saying how to start processes instead

// Makes the device the runtime's current one on this thread. Cheap when it is already.
void use_device(int device);
// The stream that this thread's work on the device goes to; taeda.cuda.stream() changes it.
cudaStream_t current_stream(int device);
// Makes the tensor's device current and gives its stream: what every kernel launch starts with.
cudaStream_t stream_of(const Tensor& tensor);

struct DeviceLimits {
    int multiprocessors, threads_per_multiprocessor, major, minor;
    size_t shared_bytes;  // of a block, at most
};
const DeviceLimits& limits(int device);

#ifdef TAEDA_DEVICE_CODE  // not for plain C++ files of this folder
// Starts kernel<<<grid, threads, shared_bytes, stream>>>(args...). Asynchronous; a launch that cannot start raises.
template <class... Params, class... Args> void launch(cudaStream_t stream, void (*kernel)(Params...), dim3 grid,
                                                      dim3 threads, size_t shared_bytes, const Args&... args) {
#if defined(TAEDA_CUDA_EMULATED)
    static_assert((std::is_trivially_copyable_v<Params> && ...), "arguments of kernels are copied to the device");
    emulated::launch(stream, grid, threads, shared_bytes,
                     [kernel, ... held = static_cast<Params>(args)] { kernel(held...); });
#else
    if (shared_bytes > (48u << 10)) {
        TAEDA_CUDA_CHECK(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel),
                                              cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared_bytes)));
    }
    kernel<<<grid, threads, shared_bytes, stream>>>(static_cast<Params>(args)...);
    check(cudaGetLastError(), "kernel launch");
#endif
}
#endif

// Memory for the time of a kernel: it may be released as soon as the last launch that uses it is made, because the
// allocator hands it out again in the order of the stream.
class Workspace {
public:
    Workspace(size_t bytes, const Tensor& beside) : storage_(allocate(bytes, beside.device())) {}
    template <class T> T* as(size_t byte_offset = 0) const {
        return reinterpret_cast<T*>(static_cast<char*>(storage_->data) + byte_offset);
    }

private:
    Storage storage_;
};

// A place where kernels note the lowest position at which an argument is wrong (an index out of range, say).
class Fault {
public:
    explicit Fault(const Tensor& beside);
    unsigned long long* device() const { return space_.as<unsigned long long>(); }
    // Waits for the stream: the position, or nothing if all was well.
    std::optional<int64_t> read() const;

private:
    Workspace space_;
    cudaStream_t stream_;
};
#ifdef TAEDA_DEVICE_CODE
__device__ inline void report_fault(unsigned long long* fault, int64_t position) {
    atomicMin(fault, static_cast<unsigned long long>(position));
}
#endif

// Bytes at a device address, brought to the host after all that the stream still has to do.
void read_to_host(void* host, const void* device, size_t bytes, cudaStream_t stream);
template <class T> T read_value(const T* device, cudaStream_t stream) {
    T value;
    read_to_host(&value, device, sizeof value, stream);
    return value;
}

}  // namespace taeda::cuda
