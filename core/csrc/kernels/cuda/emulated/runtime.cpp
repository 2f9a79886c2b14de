// The emulated runtime interface: one or more devices that look like an H200.
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "kernels/cuda/emulated/arena.h"
#include "kernels/cuda/emulated/runtime_api.h"
#include "kernels/cuda/emulated/streams.h"

using namespace taeda::emulated;

namespace {

thread_local int current = 0;
thread_local cudaError_t last = cudaSuccess;

cudaError_t result(cudaError_t error) {
    if (error != cudaSuccess && error != cudaErrorNotReady) last = error;
    return error;
}

struct Pinned {
    std::mutex mutex;
    std::map<const char*, size_t> blocks;

    bool holds(const void* data) {
        std::lock_guard lock(mutex);
        auto after = blocks.upper_bound(static_cast<const char*>(data));
        return after != blocks.begin() && (--after, static_cast<const char*>(data) < after->first + after->second);
    }
};
Pinned& pinned() {
    static Pinned* p = new Pinned;
    return *p;
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "cudaSuccess";
        case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
        case cudaErrorInvalidDevice: return "cudaErrorInvalidDevice";
        case cudaErrorNoDevice: return "cudaErrorNoDevice";
        case cudaErrorNotReady: return "cudaErrorNotReady";
        case cudaErrorInvalidResourceHandle: return "cudaErrorInvalidResourceHandle";
        default: return "cudaErrorInvalidValue";
    }
}
const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorInvalidDevice: return "invalid device ordinal";
        case cudaErrorNoDevice: return "no CUDA-capable device is detected";
        case cudaErrorNotReady: return "device not ready";
        case cudaErrorInvalidResourceHandle: return "invalid resource handle";
        default: return "invalid argument";
    }
}
cudaError_t cudaGetLastError() {
    cudaError_t error = last;
    last = cudaSuccess;
    return error;
}
cudaError_t cudaPeekAtLastError() { return last; }

cudaError_t cudaDriverGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* count) {
    *count = device_count();
    return *count ? cudaSuccess : result(cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= device_count()) return result(cudaErrorInvalidDevice);
    current = device;
    return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) { return *device = current, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
    if (device < 0 || device >= device_count()) return result(cudaErrorInvalidDevice);
    *p = {};
    std::strcpy(p->name, "Emulated device");
    p->uuid[15] = (unsigned char)device;
    p->totalGlobalMem = device_bytes();
    p->sharedMemPerBlock = 48 << 10;
    p->sharedMemPerBlockOptin = 227 << 10;
    p->sharedMemPerMultiprocessor = 228 << 10;
    p->regsPerBlock = p->regsPerMultiprocessor = 65536;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->maxThreadsPerMultiProcessor = 2048;
    p->major = 9;
    p->multiProcessorCount = 132;
    p->l2CacheSize = 50 << 20;
    p->pciBusID = device + 1;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
    cudaDeviceProp p;
    if (cudaError_t error = cudaGetDeviceProperties(&p, device)) return error;
    switch (attribute) {
        case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
        case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
        case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
        case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(p.sharedMemPerBlockOptin); break;
    }
    return cudaSuccess;
}
cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    return *least = 0, *greatest = -5, cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) { return *can = 1, cudaSuccess; }
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return cudaSuccess; }

cudaError_t cudaMalloc(void** data, size_t bytes) {
    *data = bytes ? arena_allocate(current, bytes) : nullptr;
    return *data || !bytes ? cudaSuccess : result(cudaErrorMemoryAllocation);
}
cudaError_t cudaFree(void* data) {
    if (!data) return cudaSuccess;
    if (device_of(data) >= 0) finish_device(device_of(data));  // as the driver does
    return arena_free(data) ? cudaSuccess : result(cudaErrorInvalidValue);
}
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
    *total = device_bytes();
    *free = *total - arena_used(current);
    return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** data, size_t bytes, unsigned) {
    *data = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!*data) return result(cudaErrorMemoryAllocation);
    std::lock_guard lock(pinned().mutex);
    pinned().blocks[static_cast<const char*>(*data)] = bytes;
    return cudaSuccess;
}
cudaError_t cudaFreeHost(void* data) {
    finish_all();
    std::lock_guard lock(pinned().mutex);
    if (!pinned().blocks.erase(static_cast<const char*>(data))) return result(cudaErrorInvalidValue);
    std::free(data);
    return cudaSuccess;
}
// Page-locked host memory is read and written when the stream comes to it. Other memory is read at once, into a copy, and
// written before the call returns.
cudaError_t cudaMemcpyAsync(void* dst, const void* src, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
    bool to_device = device_of(dst) >= 0, from_device = device_of(src) >= 0;
    if (kind != cudaMemcpyDefault &&
        (to_device != (kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice) ||
         from_device != (kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice)))
        return result(cudaErrorInvalidValue);
    std::shared_ptr<char[]> staged;
    if (to_device && !from_device && !pinned().holds(src)) {
        staged.reset(new char[bytes]);
        std::memcpy(staged.get(), src, bytes);
    }
    submit(stream, [=] { std::memmove(dst, staged ? staged.get() : src, bytes); });
    if (!to_device && !pinned().holds(dst)) finish(stream);
    return cudaSuccess;
}
cudaError_t cudaMemcpyPeerAsync(void* dst, int, const void* src, int, size_t bytes, cudaStream_t stream) {
    return cudaMemcpyAsync(dst, src, bytes, cudaMemcpyDeviceToDevice, stream);
}
cudaError_t cudaMemsetAsync(void* data, int value, size_t bytes, cudaStream_t stream) {
    if (device_of(data) < 0) return result(cudaErrorInvalidValue);
    submit(stream, [=] { std::memset(data, value, bytes); });
    return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* data) {
    *attributes = {};
    attributes->device = device_of(data);
    if (attributes->device >= 0) attributes->type = cudaMemoryTypeDevice;
    else if (pinned().holds(data)) attributes->type = cudaMemoryTypeHost;
    return cudaSuccess;
}
