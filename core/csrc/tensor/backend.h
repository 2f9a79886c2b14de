// What the core asks of a device that is not the CPU. The library of that device registers one object.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tensor/storage.h"

namespace taeda {

// Streams and events of a device; 0 is its default stream. The runtime's own numbers go too: 1 is the default stream as
// well, 2 that of the calling thread.
using StreamHandle = uint64_t;
using EventHandle = uint64_t;

struct DeviceProperties {
    std::string name, uuid;
    int major = 0, minor = 0, multiprocessors = 0, warp_size = 0, threads_per_multiprocessor = 0;
    size_t total_memory = 0, shared_memory_per_block = 0, cache_bytes = 0;
};

class DeviceBackend {
public:
    virtual ~DeviceBackend() = default;

    // Devices. The current one is a property of the calling thread.
    virtual int device_count() = 0;
    virtual std::string why_no_device() = 0;  // empty if there is one
    virtual int current_device() = 0;
    virtual void set_current_device(int device) = 0;
    virtual DeviceProperties properties(int device) = 0;
    virtual void synchronize(int device) = 0;
    virtual std::pair<int, int> versions() = 0;  // of the runtime and of the driver: 13000 is 13.0

    // Memory. allocate() fills data, bytes and release of a storage whose device is set; the memory is for the current
    // stream, and may be handed out again once that stream has done what was asked of it before the release.
    virtual void allocate(StorageImpl& storage, size_t bytes) = 0;
    virtual void allocate_pinned(StorageImpl& storage, size_t bytes) = 0;
    virtual bool is_pinned(const void* data) = 0;
    // The memory is used by that stream of that device as well.
    virtual void record_stream(const StorageImpl& storage, int device, StreamHandle stream) = 0;
    // Either side may be host memory. Ordered with the current streams of the devices; waits for the end if asked to.
    virtual void copy(void* dst, Device dst_device, const void* src, Device src_device, size_t bytes, bool wait) = 0;
    virtual std::pair<size_t, size_t> free_and_total(int device) = 0;
    virtual std::vector<std::pair<std::string, int64_t>> memory_stats(int device) = 0;
    virtual void reset_peak_stats(int device) = 0;
    virtual void empty_cache() = 0;

    // Streams and events.
    virtual StreamHandle create_stream(int device, int priority) = 0;
    virtual StreamHandle current_stream(int device) = 0;
    virtual void set_current_stream(int device, StreamHandle stream) = 0;
    virtual void synchronize_stream(int device, StreamHandle stream) = 0;
    virtual bool query_stream(int device, StreamHandle stream) = 0;
    virtual EventHandle create_event(int device, bool timing) = 0;
    virtual void destroy_event(EventHandle event) = 0;
    virtual void record_event(int device, EventHandle event, StreamHandle stream) = 0;
    virtual void wait_event(int device, EventHandle event, StreamHandle stream) = 0;
    virtual void synchronize_event(EventHandle event) = 0;
    virtual bool query_event(EventHandle event) = 0;
    virtual double elapsed_milliseconds(EventHandle start, EventHandle end) = 0;
};

// Called by the library of the device while it is loaded.
void register_backend(DeviceType type, DeviceBackend* backend);
// Loads the library if need be; raises RuntimeError saying what is missing and how to get it.
DeviceBackend& backend(DeviceType type);
// The same without raising: null, and the reason in *why.
DeviceBackend* find_backend(DeviceType type, std::string* why = nullptr);
// Whether the library of the device is loaded already, so that asking costs nothing.
bool backend_loaded(DeviceType type);

// "cuda" becomes the current device with its number; others stay. Raises if there is no such device.
Device resolve_device(Device device);
// Bytes from anywhere to anywhere; see DeviceBackend::copy.
void copy_memory(void* dst, Device dst_device, const void* src, Device src_device, size_t bytes, bool wait = true);

}  // namespace taeda
