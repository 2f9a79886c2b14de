#include "kernels/cuda/caching_allocator.h"

#include <algorithm>
#include <sstream>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

struct CachingAllocator::Block {
    char* data;
    size_t bytes;          // of the block
    size_t requested = 0;  // by whom has it now
    size_t segment_bytes;  // of the segment that it is a part of
    cudaStream_t stream;
    Block *before = nullptr, *after = nullptr;  // neighbours in the segment
    bool used = false;
    int events = 0;                                        // uses by other streams that are not known to have ended
    std::set<std::pair<int, cudaStream_t>> other_streams;  // the default stream of each device is null

    bool whole_segment() const { return !before && !after; }
};

namespace {

size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

std::string mebibytes(int64_t bytes) {
    std::ostringstream text;
    text.precision(2);
    text << std::fixed;
    if (bytes >= int64_t(1) << 30) text << double(bytes) / double(1 << 30) << " GiB";
    else text << double(bytes) / double(1 << 20) << " MiB";
    return text.str();
}

}  // namespace

bool CachingAllocator::Order::operator()(const Block* a, const Block* b) const {
    if (a->stream != b->stream) return std::less<>()(a->stream, b->stream);
    if (a->bytes != b->bytes) return a->bytes < b->bytes;
    return std::less<>()(a->data, b->data);
}

void* CachingAllocator::data(const Block* block) { return block->data; }

CachingAllocator::Block* CachingAllocator::allocate(size_t bytes, cudaStream_t stream) {
    std::lock_guard lock(mutex_);
    size_t size = rounded(std::max<size_t>(bytes, 1), kRounding);
    bool small = size <= kSmallRequest;
    if (!pending_.empty()) poll_events(false);
    Block* block = take_free(size, stream, small);
    if (!block) block = new_segment(size, stream, small);
    if (!block) {
        ++retries_;
        use_device(device_);
        cudaDeviceSynchronize();
        poll_events(true);
        block = take_free(size, stream, small);
        if (!block && release_segments() > 0) block = new_segment(size, stream, small);
    }
    if (!block) raise_out_of_memory(bytes);
    split(block, size);
    block->used = true;
    block->requested = bytes;
    used_.insert(block);
    allocated_.add(int64_t(block->bytes));
    requested_.add(int64_t(bytes));
    blocks_.add(1);
    return block;
}

CachingAllocator::Block* CachingAllocator::take_free(size_t bytes, cudaStream_t stream, bool small) {
    Pool& pool = small ? small_ : large_;
    Block wanted{nullptr, bytes, 0, 0, stream, nullptr, nullptr, false, 0, {}};
    auto found = pool.lower_bound(&wanted);
    if (found == pool.end() || (*found)->stream != stream) return nullptr;
    Block* block = *found;
    pool.erase(found);
    return block;
}

CachingAllocator::Block* CachingAllocator::new_segment(size_t bytes, cudaStream_t stream, bool small) {
    size_t size = small                        ? kSmallSegment
                  : bytes < kMediumSegment / 2 ? kMediumSegment
                                               : rounded(bytes, kSegmentRounding);
    void* data = nullptr;
    use_device(device_);
    cudaError_t error = cudaMalloc(&data, size);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        return nullptr;
    }
    check(error, "cudaMalloc");  // an earlier kernel's error, or a forked child's: not a lack of memory
    reserved_.add(int64_t(size));
    segments_.add(1);
    return new Block{static_cast<char*>(data), size, 0, size, stream, nullptr, nullptr, false, 0, {}};
}

void CachingAllocator::split(Block* block, size_t bytes) {
    size_t rest = block->bytes - bytes;
    bool small = block->segment_bytes <= kSmallSegment;
    if (rest < (small ? kRounding : kSmallRequest)) return;
    auto* other =
        new Block{block->data + bytes, rest, 0, block->segment_bytes, block->stream, block, block->after, false, 0, {}};
    if (block->after) block->after->before = other;
    block->after = other;
    block->bytes = bytes;
    pool_of(other->segment_bytes).insert(other);
}

void CachingAllocator::release(Block* block) {
    std::lock_guard lock(mutex_);
    used_.erase(block);
    block->used = false;
    allocated_.add(-int64_t(block->bytes));
    requested_.add(-int64_t(block->requested));
    blocks_.add(-1);
    if (!block->other_streams.empty()) note_events(block);
    if (block->events == 0) make_free(block);
}

// Events in the other streams that used the block. Nothing is checked, as this may run while the process ends.
void CachingAllocator::note_events(Block* block) {
    int active = 0;
    if (cudaGetDevice(&active) != cudaSuccess) return;
    for (auto [device, stream] : block->other_streams) {
        cudaEvent_t event = nullptr;
        cudaSetDevice(device);
        // That handle stands for another stream on each thread, and whose it was is not known here.
        const bool is_one_stream = stream != cudaStreamPerThread;
        if (is_one_stream && cudaEventCreateWithFlags(&event, cudaEventDisableTiming) == cudaSuccess &&
            cudaEventRecord(event, stream) == cudaSuccess) {
            pending_.emplace_back(event, block);
            ++block->events;
            continue;
        }
        cudaDeviceSynchronize();  // no way to learn when the stream is done, but by waiting for all of them
        if (event) cudaEventDestroy(event);
    }
    cudaSetDevice(active);
    block->other_streams.clear();
}

void CachingAllocator::record_use(Block* block, int device, cudaStream_t stream) {
    std::lock_guard lock(mutex_);
    if (device != device_ || stream != block->stream) block->other_streams.insert({device, stream});
}

CachingAllocator::Block* CachingAllocator::join(Block* block, Block* neighbour) {
    if (!neighbour || neighbour->used || neighbour->events) return block;
    pool_of(neighbour->segment_bytes).erase(neighbour);
    Block *first = neighbour == block->before ? neighbour : block, *second = first == block ? neighbour : block;
    first->bytes += second->bytes;
    first->after = second->after;
    if (second->after) second->after->before = first;
    delete second;
    return first;
}

void CachingAllocator::make_free(Block* block) {
    block = join(block, block->before);
    block = join(block, block->after);
    pool_of(block->segment_bytes).insert(block);
}

void CachingAllocator::poll_events(bool wait) {
    std::vector<std::pair<cudaEvent_t, Block*>> left;
    for (auto [event, block] : pending_) {
        if ((wait ? cudaEventSynchronize(event) : cudaEventQuery(event)) == cudaErrorNotReady) {
            left.emplace_back(event, block);
            continue;
        }
        cudaEventDestroy(event);
        if (--block->events == 0) make_free(block);
    }
    pending_ = std::move(left);
}

size_t CachingAllocator::release_segments() {
    size_t released = 0;
    for (Pool* pool : {&small_, &large_}) {
        for (auto at = pool->begin(); at != pool->end();) {
            Block* block = *at;
            if (!block->whole_segment()) {
                ++at;
                continue;
            }
            at = pool->erase(at);
            cudaFree(block->data);
            reserved_.add(-int64_t(block->bytes));
            segments_.add(-1);
            released += block->bytes;
            delete block;
        }
    }
    return released;
}

void CachingAllocator::empty_cache() {
    std::lock_guard lock(mutex_);
    use_device(device_);
    cudaDeviceSynchronize();
    poll_events(true);
    release_segments();
}

void CachingAllocator::reset_peaks() {
    std::lock_guard lock(mutex_);
    for (MemoryCount* count : {&allocated_, &requested_, &reserved_, &blocks_, &segments_})
        count->peak = count->current;
}

void CachingAllocator::raise_out_of_memory(size_t bytes) {
    ++failures_;
    size_t free = 0, total = 0;
    use_device(device_);
    cudaMemGetInfo(&free, &total);
    std::map<size_t, int, std::greater<>> largest;  // size of live blocks -> how many
    for (const Block* block : used_) ++largest[block->requested];
    std::string holders;
    int named = 0;
    for (auto [size, count] : largest) {
        if (named++ == 3) break;
        holders += (holders.empty() ? "" : ", ") + std::to_string(count) + " of " + mebibytes(int64_t(size));
    }
    raise<OutOfMemoryError>(
        "CUDA out of memory. Tried to allocate ", mebibytes(int64_t(bytes)), ". GPU ", device_, " has ",
        mebibytes(int64_t(total)), ", of which ", mebibytes(int64_t(free)), " are free. Of this process's ",
        mebibytes(reserved_.current), ", ", mebibytes(allocated_.current), " are held by ", used_.size(),
        " tensors and ", mebibytes(reserved_.current - allocated_.current), " are cached",
        holders.empty() ? "" : "; the largest tensors: ", holders,
        ". Free tensors, use smaller batches, or taeda.cuda.empty_cache() if other programs share the GPU");
}

std::vector<std::pair<std::string, int64_t>> CachingAllocator::stats() {
    std::lock_guard lock(mutex_);
    std::vector<std::pair<std::string, int64_t>> all;
    auto add = [&](const char* name, const MemoryCount& count) {
        all.emplace_back(std::string(name) + ".current", count.current);
        all.emplace_back(std::string(name) + ".peak", count.peak);
        all.emplace_back(std::string(name) + ".allocated", count.total);
        all.emplace_back(std::string(name) + ".freed", count.total - count.current);
    };
    add("allocated_bytes.all", allocated_);
    add("requested_bytes.all", requested_);
    add("reserved_bytes.all", reserved_);
    add("allocation.all", blocks_);
    add("segment.all", segments_);
    all.emplace_back("num_alloc_retries", retries_);
    all.emplace_back("num_ooms", failures_);
    return all;
}

}  // namespace taeda::cuda
