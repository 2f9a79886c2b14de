// oneDNN primitives that are made once per shape and run many times with little overhead.
#pragma once

#include <array>
#include <initializer_list>
#include <unordered_map>
#include <utility>
#include <vector>

#include <dnnl.hpp>

#include "tensor/tensor.h"

namespace taeda::onednn {

using Desc = dnnl::memory::desc;
using Type = dnnl::memory::data_type;
using Tag = dnnl::memory::format_tag;

const dnnl::engine& engine();
Type type_of(DType dtype);
// The tensor's memory as oneDNN describes it: sizes and strides as they are.
Desc describe(const Tensor& t);
Desc describe(Ints sizes, Ints strides, DType dtype);
// How many threads a primitive made and run here may use; tells OpenMP too. One inside a parallel loop.
int threads();
// While it lives, primitives made and run by this thread are single-threaded.
class SingleThread {
public:
    SingleThread();
    SingleThread(const SingleThread&) = delete;
    SingleThread& operator=(const SingleThread&) = delete;
    ~SingleThread();

private:
    bool outer_;
};
// Attributes that leave the scratchpad to us, so that it comes from the caching allocator.
dnnl::primitive_attr attributes();

// What a primitive depends on, as numbers.
class Key {
public:
    Key(std::initializer_list<int64_t> parts) {
        for (int64_t p : parts) add(p);
        add(int64_t(threads()));
    }
    Key& add(int64_t part) {
        if (count_ < int(parts_.size())) parts_[size_t(count_++)] = part;
        else overflow();
        return *this;
    }
    Key& add(double part) { return add(std::bit_cast<int64_t>(part)); }
    Key& add(Ints parts) {
        add(int64_t(parts.size()));
        for (int64_t p : parts) add(p);
        return *this;
    }
    // Dtype, sizes and strides; an undefined tensor counts too.
    Key& add(const Tensor& t);
    bool operator==(const Key& o) const {
        return count_ == o.count_ && std::equal(parts_.begin(), parts_.begin() + count_, o.parts_.begin());
    }
    struct Hash {
        size_t operator()(const Key& key) const {
            uint64_t h = uint64_t(key.count_);
            for (int i = 0; i < key.count_; ++i) {
                h = (h ^ uint64_t(key.parts_[size_t(i)])) * 0x9e3779b97f4a7c15u;
                h ^= h >> 29;
            }
            return size_t(h);
        }
    };

private:
    [[noreturn]] static void overflow();
    std::array<int64_t, 64> parts_;
    int count_ = 0;
};

// One primitive with its memory objects. Not shared between threads: see Cache.
class Program {
public:
    Program() = default;
    // `arguments`: which argument each pointer of run() stands for, and its layout.
    Program(const dnnl::primitive_desc_base& desc, const dnnl::primitive& primitive,
            const std::vector<std::pair<int, Desc>>& arguments);
    void run(std::initializer_list<void*> data) const;
    explicit operator bool() const { return bool(primitive_); }

private:
    dnnl::primitive primitive_;
    std::vector<dnnl::memory> memories_;
    std::vector<dnnl_exec_arg_t> arguments_;
    size_t scratchpad_bytes_ = 0;
};

// A reorder from one layout into another; empty where they are the same.
Program reorder_program(const Desc& from, const Desc& to);

// Per thread, so no lock is taken and memory objects can be reused. Emptied when it has grown to `limit`
// entries.
template <class Value> class Cache {
public:
    template <class Make> const Value& get(const Key& key, Make&& make) {
        auto found = map_.find(key);
        if (found != map_.end()) return found->second;
        if (map_.size() >= limit) map_.clear();
        return map_.emplace(key, make()).first->second;
    }

private:
    static constexpr size_t limit = 1024;
    std::unordered_map<Key, Value, Key::Hash> map_;
};

// Memory for the time of one call, from the caching allocator.
class Workspace {
public:
    explicit Workspace(size_t bytes) : bytes_(bytes), data_(bytes ? cpu::allocate_bytes(bytes) : nullptr) {}
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace() {
        if (data_) cpu::free_bytes(data_, bytes_);
    }
    void* data() const { return data_; }

private:
    size_t bytes_;
    void* data_;
};

}  // namespace taeda::onednn
