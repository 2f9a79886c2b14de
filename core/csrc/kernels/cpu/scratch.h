// Memory for the time of one kernel.
#pragma once

#include <type_traits>
#include <utility>

#include "tensor/storage.h"

namespace taeda::cpu {

// `size` elements that nobody has set, aligned to 64 bytes, from the caching allocator.
template <class T> class Scratch {
    static_assert(std::is_trivially_copyable_v<T>);

public:
    explicit Scratch(int64_t size)
        : bytes_(size_t(size) * sizeof(T)), data_(bytes_ ? static_cast<T*>(allocate_bytes(bytes_)) : nullptr) {}
    Scratch(Scratch&& o) : bytes_(o.bytes_), data_(std::exchange(o.data_, nullptr)) {}
    Scratch& operator=(Scratch&&) = delete;
    ~Scratch() {
        if (data_) free_bytes(data_, bytes_);
    }
    T* data() const { return data_; }
    T& operator[](int64_t i) const { return data_[i]; }

private:
    size_t bytes_;
    T* data_;
};

}  // namespace taeda::cpu
