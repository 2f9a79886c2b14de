#include "tensor/backend.h"

#include <atomic>
#include <cstring>
#include <mutex>

#include "dispatch/libraries.h"
#include "tensor/error.h"

namespace taeda {

namespace {
std::atomic<DeviceBackend*> backends[kDeviceTypes] = {};
}

void register_backend(DeviceType type, DeviceBackend* backend) { backends[int(type)] = backend; }
bool backend_loaded(DeviceType type) { return backends[int(type)].load(std::memory_order_acquire); }

DeviceBackend* find_backend(DeviceType type, std::string* why) {
    if (DeviceBackend* known = backends[int(type)].load(std::memory_order_acquire)) [[likely]]
        return known;
    static std::mutex mutex;
    static std::string failure;  // loading is tried once
    std::lock_guard lock(mutex);
    if (type == DeviceType::cuda && failure.empty() && !backends[int(type)]) failure = load_cuda_library();
    if (why) *why = type == DeviceType::cuda ? failure : "there is no library for " + Device{type}.str();
    return backends[int(type)].load();
}

DeviceBackend& backend(DeviceType type) {
    std::string why;
    DeviceBackend* found = find_backend(type, &why);
    TAEDA_CHECK(found, Device{type}.str(), " is not available: ", why);
    return *found;
}

Device resolve_device(Device device) {
    if (!device.is_cuda()) return device;
    DeviceBackend& cuda = backend(device.type);
    TAEDA_CHECK(cuda.device_count() > 0, "cuda is not available: ", cuda.why_no_device());
    if (device.index < 0) device.index = int8_t(cuda.current_device());
    TAEDA_CHECK(device.index < cuda.device_count(), "CUDA error: invalid device ordinal: ", device,
                " was asked for, but ", cuda.device_count(), cuda.device_count() == 1 ? " device is" : " devices are",
                " visible");
    return device;
}

void copy_memory(void* dst, Device dst_device, const void* src, Device src_device, size_t bytes, bool wait) {
    if (bytes == 0) return;
    if (dst_device.is_cpu() && src_device.is_cpu()) std::memcpy(dst, src, bytes);
    else
        backend(dst_device.is_cpu() ? src_device.type : dst_device.type)
            .copy(dst, dst_device, src, src_device, bytes, wait);
}

}  // namespace taeda
