// oneDNN primitives that are made once per shape and run many times with little overhead.
#pragma once

#include <initializer_list>
#include <utility>
#include <vector>

#include <dnnl.hpp>

#include "kernels/plan_cache.h"

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

// What a primitive depends on: the numbers of a plan's key, and how many threads run it.
struct Key : PlanKey {
    Key(std::initializer_list<int64_t> parts) : PlanKey(parts) { add(int64_t(threads())); }
};
template <class Value> using Cache = PlanCache<Value>;

// One primitive with its memory objects. Not shared between threads: see PlanCache.
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
