// Lists of dimensions: Ints (a view), Dims (owned, inline up to six), and the arithmetic on shapes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <ostream>
#include <vector>

#include "tensor/error.h"

namespace taeda {

class Dims;

// A view of consecutive int64 values; never owns.
class Ints {
public:
    constexpr Ints() = default;
    constexpr Ints(const int64_t* data, size_t size) : data_(data), size_(size) {}
    constexpr Ints(std::initializer_list<int64_t> list) : data_(list.begin()), size_(list.size()) {}
    Ints(const std::vector<int64_t>& v) : data_(v.data()), size_(v.size()) {}
    inline Ints(const Dims& dims);

    const int64_t* begin() const { return data_; }
    const int64_t* end() const { return data_ + size_; }
    const int64_t* data() const { return data_; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    int64_t operator[](size_t i) const { return data_[i]; }
    int64_t back() const { return data_[size_ - 1]; }
    Ints slice(size_t start, size_t count) const { return {data_ + start, count}; }
    friend bool operator==(Ints a, Ints b) { return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin()); }

private:
    const int64_t* data_ = nullptr;
    size_t size_ = 0;
};

// An owned list of int64; six stay inline.
class Dims {
public:
    Dims() = default;
    explicit Dims(size_t size, int64_t fill = 0) { resize(size, fill); }
    Dims(std::initializer_list<int64_t> list) { assign(list.begin(), list.size()); }
    Dims(Ints ints) { assign(ints.data(), ints.size()); }
    Dims(const std::vector<int64_t>& v) { assign(v.data(), v.size()); }
    Dims(const Dims& o) { assign(o.data(), o.size_); }
    Dims(Dims&& o) noexcept { steal(o); }
    Dims& operator=(const Dims& o) {
        if (this != &o) assign(o.data(), o.size_);
        return *this;
    }
    Dims& operator=(Dims&& o) noexcept {
        if (this != &o) {
            release();
            steal(o);
        }
        return *this;
    }
    ~Dims() { release(); }

    int64_t* data() { return data_; }
    const int64_t* data() const { return data_; }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    int64_t* begin() { return data_; }
    int64_t* end() { return data_ + size_; }
    const int64_t* begin() const { return data_; }
    const int64_t* end() const { return data_ + size_; }
    int64_t& operator[](size_t i) { return data_[i]; }
    int64_t operator[](size_t i) const { return data_[i]; }
    int64_t back() const { return data_[size_ - 1]; }
    int64_t& back() { return data_[size_ - 1]; }

    void assign(const int64_t* from, size_t count) {
        grow(count, false);
        if (count) std::memmove(data_, from, count * sizeof(int64_t));
        size_ = uint32_t(count);
    }
    void resize(size_t count, int64_t fill = 0) {
        grow(count, true);
        for (size_t i = size_; i < count; ++i) data_[i] = fill;
        size_ = uint32_t(count);
    }
    void push_back(int64_t v) { resize(size_ + 1, v); }
    void insert(size_t at, int64_t v) {
        push_back(v);
        std::rotate(data_ + at, data_ + size_ - 1, data_ + size_);
    }
    void erase(size_t at) {
        std::memmove(data_ + at, data_ + at + 1, (size_ - at - 1) * sizeof(int64_t));
        --size_;
    }
    friend bool operator==(const Dims& a, const Dims& b) { return Ints(a) == Ints(b); }

private:
    static constexpr uint32_t kInline = 6;
    void grow(size_t count, bool keep) {
        if (count <= capacity_) return;
        size_t wanted = std::max<size_t>(count, 2 * capacity_);
        auto* bigger = new int64_t[wanted];
        if (keep && size_) std::memcpy(bigger, data_, size_ * sizeof(int64_t));
        release();
        data_ = bigger;
        capacity_ = uint32_t(wanted);
    }
    void release() {
        if (data_ != inline_) delete[] data_;
        data_ = inline_;
        capacity_ = kInline;
    }
    void steal(Dims& o) {
        if (o.data_ == o.inline_) {
            data_ = inline_;
            capacity_ = kInline;
            std::memcpy(inline_, o.inline_, sizeof inline_);
        } else {
            data_ = o.data_;
            capacity_ = o.capacity_;
            o.data_ = o.inline_;
            o.capacity_ = kInline;
        }
        size_ = o.size_;
        o.size_ = 0;
    }

    int64_t* data_ = inline_;
    uint32_t size_ = 0, capacity_ = kInline;
    int64_t inline_[kInline];
};

inline Ints::Ints(const Dims& dims) : data_(dims.data()), size_(dims.size()) {}

std::ostream& operator<<(std::ostream& out, Ints ints);  // [2, 3], as torch writes a shape
inline std::ostream& operator<<(std::ostream& out, const Dims& dims) { return out << Ints(dims); }

inline int64_t product(Ints sizes) {
    int64_t n = 1;
    for (int64_t s : sizes) n *= s;
    return n;
}

// -1 and other negative dimensions wrapped into [0, ndim); IndexError with torch's wording otherwise.
int64_t wrap_dim(int64_t dim, int64_t ndim, bool scalar_counts_as_one = true);
// All wrapped, unique (RuntimeError on repeats); an empty list stands for all dimensions.
Dims wrap_dims(Ints dims, int64_t ndim);
Dims contiguous_strides(Ints sizes);
// The broadcast shape; RuntimeError naming `op` and the sizes where they do not fit.
Dims broadcast_shapes(Ints a, Ints b, const char* op = "broadcast");
bool is_expandable_to(Ints from, Ints to);
// The one -1 replaced by what numel asks for; RuntimeError with torch's wording if that cannot be.
Dims infer_size(Ints shape, int64_t numel);
// Strides of a view with the new sizes, or nothing if one would have to copy.
std::optional<Dims> view_strides(Ints sizes, Ints strides, Ints new_sizes);

}  // namespace taeda
