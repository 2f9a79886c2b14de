#include "kernels/cuda/pinned_allocator.h"

#include <bit>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

PinnedAllocator::Block* PinnedAllocator::block_of(const void* data) {
    auto after = blocks_.upper_bound(static_cast<const char*>(data));
    if (after == blocks_.begin()) return nullptr;
    auto& [start, block] = *--after;
    return static_cast<const char*>(data) < start + block.bytes ? &block : nullptr;
}

bool PinnedAllocator::idle(Block& block) {
    while (!block.events.empty()) {
        if (cudaEventQuery(block.events.back()) == cudaErrorNotReady) return false;
        cudaEventDestroy(block.events.back());
        block.events.pop_back();
    }
    return true;
}

void* PinnedAllocator::allocate(size_t bytes) {
    size_t size = std::bit_ceil(std::max<size_t>(bytes, 512));
    std::lock_guard lock(mutex_);
    for (auto& [start, block] : blocks_) {
        if (block.used || block.bytes != size || !idle(block)) continue;
        block.used = true;
        return const_cast<char*>(start);
    }
    void* data = nullptr;
    check(cudaHostAlloc(&data, size, cudaHostAllocDefault), "cudaHostAlloc (pinned memory)");
    blocks_[static_cast<const char*>(data)] = Block{size, true, {}, {}};
    return data;
}

void PinnedAllocator::release(void* data) {
    std::lock_guard lock(mutex_);
    Block* block = block_of(data);
    block->used = false;
    if (block->streams.empty()) return;
    int active = 0;
    if (cudaGetDevice(&active) != cudaSuccess) return;  // the process is ending
    for (auto [device, stream] : block->streams) {
        cudaEvent_t event = nullptr;
        cudaSetDevice(device);
        if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) continue;
        if (cudaEventRecord(event, stream) == cudaSuccess) {
            block->events.push_back(event);
        } else {  // no way to learn when this copy ends, but by waiting for all of them
            cudaDeviceSynchronize();
            cudaEventDestroy(event);
        }
    }
    cudaSetDevice(active);
    block->streams.clear();
}

bool PinnedAllocator::owns(const void* data) {
    std::lock_guard lock(mutex_);
    return block_of(data) != nullptr;
}

bool PinnedAllocator::record_use(const void* data, int device, cudaStream_t stream) {
    std::lock_guard lock(mutex_);
    Block* block = block_of(data);
    if (block) block->streams.insert({device, stream});
    return block != nullptr;
}

void PinnedAllocator::empty_cache() {
    std::lock_guard lock(mutex_);
    for (auto at = blocks_.begin(); at != blocks_.end();) {
        if (at->second.used || !idle(at->second)) {
            ++at;
            continue;
        }
        cudaFreeHost(const_cast<char*>(at->first));
        at = blocks_.erase(at);
    }
}

}  // namespace taeda::cuda
