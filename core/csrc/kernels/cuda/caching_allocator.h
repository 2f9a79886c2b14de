// The caching allocator of device memory: blocks of larger segments, per stream.
//
// A released block can be handed out again at once on its own stream, because the work there runs in order. A block that
// other streams have used (record_use) waits for events on them. Neighbouring free blocks join; empty segments go back
// to the driver when it has no memory left, or on empty_cache().
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/cuda/device.h"

namespace taeda::cuda {

struct MemoryCount {
    int64_t current = 0, peak = 0, total = 0;  // total: all that was ever added
    void add(int64_t n) {
        current += n;
        if (n > 0) total += n;
        if (current > peak) peak = current;
    }
};

class CachingAllocator {
public:
    explicit CachingAllocator(int device) : device_(device) {}
    struct Block;

    // A block of at least `bytes`; raises OutOfMemoryError.
    Block* allocate(size_t bytes, cudaStream_t stream);
    void release(Block* block);
    void record_use(Block* block, int device, cudaStream_t stream);
    static void* data(const Block* block);

    void empty_cache();
    void reset_peaks();
    std::vector<std::pair<std::string, int64_t>> stats();

private:
    // Free blocks by stream, then size, so that the smallest one that is large enough is found first.
    struct Order {
        bool operator()(const Block* a, const Block* b) const;
    };
    using Pool = std::set<Block*, Order>;

    Pool& pool_of(size_t segment_bytes) { return segment_bytes <= kSmallSegment ? small_ : large_; }
    Block* take_free(size_t bytes, cudaStream_t stream, bool small);
    Block* new_segment(size_t bytes, cudaStream_t stream, bool small);
    void split(Block* block, size_t bytes);
    void make_free(Block* block);
    Block* join(Block* block, Block* neighbour);
    void note_events(Block* block);
    void poll_events(bool wait);
    size_t release_segments();
    [[noreturn]] void raise_out_of_memory(size_t bytes);

    static constexpr size_t kRounding = 512;
    static constexpr size_t kSmallRequest = size_t(1) << 20;    // requests up to here share small segments
    static constexpr size_t kSmallSegment = size_t(2) << 20;    // what small requests are cut from
    static constexpr size_t kMediumSegment = size_t(20) << 20;  // what requests below half of it are cut from
    static constexpr size_t kSegmentRounding = size_t(2) << 20;

    const int device_;
    std::mutex mutex_;
    Pool small_, large_;
    std::set<Block*> used_;
    std::vector<std::pair<cudaEvent_t, Block*>> pending_;
    MemoryCount allocated_, requested_, reserved_, blocks_, segments_;
    int64_t retries_ = 0, failures_ = 0;
};

}  // namespace taeda::cuda
