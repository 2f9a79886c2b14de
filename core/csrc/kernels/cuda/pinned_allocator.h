// Page-locked host memory, cached: a released block is used again once the copies from or to it have ended.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "kernels/cuda/device.h"

namespace taeda::cuda {

class PinnedAllocator {
public:
    void* allocate(size_t bytes);
    void release(void* data);
    bool owns(const void* data);
    // An asynchronous copy on the stream of the device reads or writes the memory; false for memory from elsewhere.
    bool record_use(const void* data, int device, cudaStream_t stream);
    void empty_cache();

private:
    struct Block {
        size_t bytes;
        bool used = true;
        std::set<std::pair<int, cudaStream_t>> streams;  // the default stream has no handle of its own
        std::vector<cudaEvent_t> events;
    };
    Block* block_of(const void* data);
    static bool idle(Block& block);

    std::mutex mutex_;
    std::map<const char*, Block> blocks_;
};

}  // namespace taeda::cuda
