// Reference-counted memory and the interface of the allocators it comes from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "tensor/device.h"

namespace taeda {

// A pointer to an object that counts its own references (`refs`).
template <class T> class Ref {
public:
    Ref() = default;
    Ref(std::nullptr_t) {}
    explicit Ref(T* p, bool add = true) : p_(p) {
        if (p_ && add) p_->refs.fetch_add(1, std::memory_order_relaxed);
    }
    Ref(const Ref& o) : Ref(o.p_) {}
    Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    template <class U> Ref(const Ref<U>& o) : Ref(static_cast<T*>(o.get())) {}
    Ref& operator=(Ref o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Ref() { reset(); }
    void reset() {
        T* p = std::exchange(p_, nullptr);
        if (p && p->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) T::destroy(p);
    }
    T* get() const { return p_; }
    T* release() { return std::exchange(p_, nullptr); }
    T* operator->() const { return p_; }
    T& operator*() const { return *p_; }
    explicit operator bool() const { return p_ != nullptr; }
    bool operator==(const Ref& o) const { return p_ == o.p_; }

private:
    T* p_ = nullptr;
};

struct StorageImpl {
    std::atomic<int32_t> refs{0};
    Device device;
    void* data = nullptr;
    size_t bytes = 0;
    // Gives the memory back: (data, bytes, context). Null for memory that needs nothing.
    void (*release)(void* data, size_t bytes, void* context) = nullptr;
    void* context = nullptr;

    static void destroy(StorageImpl* s);
};
using Storage = Ref<StorageImpl>;

// Uninitialised memory of the device; raises OutOfMemoryError saying what was asked for and what is held.
Storage allocate(size_t bytes, Device device = {});
// Wraps memory of somebody else; `done` runs when the last reference goes.
Storage wrap_memory(void* data, size_t bytes, Device device, std::function<void()> done);

namespace cpu {
struct AllocatorStats {
    size_t allocated = 0, reserved = 0, peak_allocated = 0;
    uint64_t requests = 0, reused = 0;
};
void* allocate_bytes(size_t bytes);  // 64-byte aligned, caching
void free_bytes(void* data, size_t bytes, void* context = nullptr);
AllocatorStats allocator_stats();
void empty_cache();  // gives all cached blocks back to the system
}  // namespace cpu

}  // namespace taeda
