// The caching CPU allocator.
//
// Sizes are rounded up to classes: multiples of 64 bytes to 1 KiB, then eight steps per power of two. Freed blocks of up
// to kSmall bytes go to a list of the freeing thread, larger ones to one shared list; both are looked at first by the
// next request of the class. What the lists hold is bounded (see cache_limit); beyond it blocks go back to the system.
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "tensor/backend.h"
#include "tensor/error.h"
#include "tensor/storage.h"

namespace taeda::cpu {

namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t(2) << 20;
constexpr size_t kSmall = size_t(64) << 10;  // blocks up to here are cached per thread
constexpr size_t kThreadBlocks = 32;         // of one class, per thread
constexpr int kClasses = 16 + 8 * 48;

int class_of(size_t bytes) {
    if (bytes <= 1024) return bytes == 0 ? 0 : int((bytes - 1) / 64);
    int log = std::bit_width(bytes - 1) - 1;  // 2^log <= bytes - 1 < 2^(log + 1)
    return 16 + 8 * (log - 10) + int(((bytes - 1) >> (log - 3)) & 7);
}

size_t class_bytes(int c) {
    if (c < 16) return size_t(c + 1) * 64;
    int log = 10 + (c - 16) / 8;
    return (size_t(1) << log) + (size_t((c - 16) % 8 + 1) << (log - 3));
}

size_t cache_limit() {
    static const size_t limit = [] {
        if (const char* text = std::getenv("TAEDA_CPU_CACHE_BYTES")) return size_t(std::strtoull(text, nullptr, 10));
        return size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE)) / 4;
    }();
    return limit;
}

struct Shared {
    std::mutex mutex;
    std::array<std::vector<void*>, kClasses> lists;
    size_t cached = 0;
    std::atomic<size_t> allocated{0}, reserved{0}, peak{0};
    std::atomic<uint64_t> requests{0}, reused{0};
};

Shared& shared() {
    static Shared* s = [] {
        auto* made = new Shared;  // never destroyed: tensors may outlive static destruction
        pthread_atfork([] { shared().mutex.lock(); }, [] { shared().mutex.unlock(); }, [] { shared().mutex.unlock(); });
        return made;
    }();
    return *s;
}

void* system_allocate(size_t bytes) {
    if (bytes < kHugePage) return std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) & ~(kAlignment - 1));
    void* data = std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) & ~(kHugePage - 1));
    if (data) madvise(data, bytes, MADV_HUGEPAGE);
    return data;
}

struct ThreadCache {
    struct List {
        uint32_t count = 0;
        std::array<void*, kThreadBlocks> blocks;
    };
    static constexpr int kLists = 16 + 8 * 6;  // classes up to kSmall
    std::array<List, kLists> lists;

    ~ThreadCache() { clear(); }
    void clear() {
        for (int c = 0; c < kLists; ++c) {
            while (lists[size_t(c)].count) {
                std::free(lists[size_t(c)].blocks[--lists[size_t(c)].count]);
                shared().reserved -= class_bytes(c);
            }
        }
    }
};
static_assert(kSmall == size_t(1) << 16);

// A plain pointer is cheaper to reach than an object with a destructor; the owner below clears it at thread exit.
thread_local ThreadCache* thread_cache = nullptr;
thread_local bool thread_ended = false;

ThreadCache* make_thread_cache() {
    struct Owner {
        ThreadCache* cache = new ThreadCache;  // on the heap: the library's static TLS must stay small
        ~Owner() {
            delete cache;
            thread_cache = nullptr;
            thread_ended = true;
        }
    };
    if (thread_ended) return nullptr;
    static thread_local Owner owner;
    return thread_cache = owner.cache;
}

void* take_shared(int c) {
    Shared& s = shared();
    std::lock_guard lock(s.mutex);
    auto& list = s.lists[size_t(c)];
    if (list.empty()) return nullptr;
    void* data = list.back();
    list.pop_back();
    s.cached -= class_bytes(c);
    return data;
}

void note_allocated(size_t bytes) {
    Shared& s = shared();
    size_t now = s.allocated.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    size_t peak = s.peak.load(std::memory_order_relaxed);
    while (now > peak && !s.peak.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {}
}

void* allocate_new(int c, size_t bytes) {
    size_t rounded = class_bytes(c);
    void* data = system_allocate(rounded);
    if (!data) {
        empty_cache();
        data = system_allocate(rounded);
    }
    if (!data) {
        AllocatorStats stats = allocator_stats();
        raise<OutOfMemoryError>("cpu allocator: cannot get ", bytes, " bytes; ", stats.allocated,
                                " bytes are held by tensors (peak ", stats.peak_allocated,
                                "); free tensors that are no longer needed or use smaller batches");
    }
    shared().reserved.fetch_add(rounded, std::memory_order_relaxed);
    return data;
}

}  // namespace

void* allocate_bytes(size_t bytes) {
    TAEDA_CHECK_AS(OutOfMemoryError, bytes < (size_t(1) << 56), "cpu allocator: cannot get ", bytes,
                   " bytes; check the shape that was asked for");
    int c = class_of(bytes);
    size_t rounded = class_bytes(c);
    if (rounded <= kSmall) {
        ThreadCache* cache = thread_cache ? thread_cache : make_thread_cache();
        if (cache) {
            auto& list = cache->lists[size_t(c)];
            if (list.count) return list.blocks[--list.count];
        }
        return allocate_new(c, bytes);
    }
    Shared& s = shared();
    s.requests.fetch_add(1, std::memory_order_relaxed);
    void* data = take_shared(c);
    if (data) s.reused.fetch_add(1, std::memory_order_relaxed);
    else data = allocate_new(c, bytes);
    note_allocated(rounded);  // only now: a request that failed holds nothing
    return data;
}

void free_bytes(void* data, size_t bytes, void*) {
    int c = class_of(bytes);
    size_t rounded = class_bytes(c);
    Shared& s = shared();
    if (rounded <= kSmall) {
        ThreadCache* cache = thread_cache ? thread_cache : make_thread_cache();
        if (cache && cache->lists[size_t(c)].count < kThreadBlocks) {
            auto& list = cache->lists[size_t(c)];
            list.blocks[list.count++] = data;
            return;
        }
    } else {
        s.allocated.fetch_sub(rounded, std::memory_order_relaxed);
        std::lock_guard lock(s.mutex);
        if (s.cached + rounded <= cache_limit()) {
            s.lists[size_t(c)].push_back(data);
            s.cached += rounded;
            return;
        }
    }
    std::free(data);
    s.reserved.fetch_sub(rounded, std::memory_order_relaxed);
}

AllocatorStats allocator_stats() {
    Shared& s = shared();
    return {s.allocated, s.reserved, s.peak, s.requests, s.reused};
}

void empty_cache() {
    if (thread_cache) thread_cache->clear();
    Shared& s = shared();
    std::lock_guard lock(s.mutex);
    for (int c = 0; c < kClasses; ++c) {
        for (void* data : s.lists[size_t(c)]) {
            std::free(data);
            s.reserved -= class_bytes(c);
        }
        s.lists[size_t(c)].clear();
    }
    s.cached = 0;
}

}  // namespace taeda::cpu

namespace taeda {

void StorageImpl::destroy(StorageImpl* s) {
    if (s->release) s->release(s->data, s->bytes, s->context);
    delete s;
}

Storage allocate(size_t bytes, Device device) {
    auto* s = new StorageImpl;
    Storage storage(s);
    s->device = device;
    if (device.is_cpu()) [[likely]] {
        s->data = cpu::allocate_bytes(bytes);
        s->release = cpu::free_bytes;
    } else if (!device.is_meta()) {
        s->device = resolve_device(device);
        if (bytes) backend(device.type).allocate(*s, bytes);
    }
    s->bytes = bytes;
    return storage;
}

Storage wrap_memory(void* data, size_t bytes, Device device, std::function<void()> done) {
    auto* s = new StorageImpl;
    s->device = device;
    s->data = data;
    s->bytes = bytes;
    s->context = new std::function<void()>(std::move(done));
    s->release = [](void*, size_t, void* context) {
        auto* f = static_cast<std::function<void()>*>(context);
        (*f)();
        delete f;
    };
    return Storage(s);
}

}  // namespace taeda
