// The memory of the emulated devices.
#pragma once

#include <cstddef>

namespace taeda::emulated {

// While one exists the device memory can be read and written, by its thread alone. What streams hold is done first, unless
// the thread does work of a stream itself.
class __attribute__((visibility("default"))) DeviceAccess {
public:
    DeviceAccess();
    ~DeviceAccess();
    DeviceAccess(const DeviceAccess&) = delete;
};

int device_count();                              // TAEDA_EMULATED_DEVICES, 1 at first
size_t device_bytes();                           // TAEDA_EMULATED_BYTES, of each device
void* arena_allocate(int device, size_t bytes);  // null when the device is full
bool arena_free(void* data);                     // false for what it did not hand out
int device_of(const void* data);                 // -1 for host memory
size_t arena_used(int device);

}  // namespace taeda::emulated
