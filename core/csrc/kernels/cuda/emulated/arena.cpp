#include "kernels/cuda/emulated/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/cuda/emulated/streams.h"
#include "tensor/error.h"

namespace taeda::emulated {

namespace {

constexpr size_t kAlignment = 512, kPage = 4096;

size_t from_environment(const char* name, size_t otherwise) {
    const char* text = std::getenv(name);
    return text && *text ? size_t(std::strtoull(text, nullptr, 10)) : otherwise;
}

// One device: address space of which blocks are handed out, first fit.
struct Arena {
    char* base = nullptr;
    size_t size = 0, high = 0, used = 0;  // `high`: no block has reached beyond it yet
    std::map<size_t, size_t> blocks;      // offset -> bytes

    explicit Arena(size_t bytes) : size(bytes) {
        void* memory = mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        TAEDA_CHECK(memory != MAP_FAILED, "the CUDA emulator cannot reserve ", bytes, " bytes of address space");
        base = static_cast<char*>(memory);
    }
    bool holds(const void* data) const {
        auto address = reinterpret_cast<uintptr_t>(data), start = reinterpret_cast<uintptr_t>(base);
        return address >= start && address < start + size;
    }
    void* allocate(size_t bytes) {
        bytes = (std::max<size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment;
        size_t at = 0;
        for (auto [offset, length] : blocks) {
            if (offset - at >= bytes) break;
            at = offset + length;
        }
        if (at + bytes > size) return nullptr;
        blocks[at] = bytes;
        used += bytes;
        high = std::max(high, (at + bytes + kPage - 1) / kPage * kPage);
        return base + at;
    }
    bool free(void* data) {
        auto found = blocks.find(size_t(static_cast<char*>(data) - base));
        if (found == blocks.end()) return false;
        used -= found->second;
        blocks.erase(found);
        return true;
    }
    void protect(int how) const {
        if (high) mprotect(base, std::min(high, size), how);
    }
};

struct Arenas {
    std::recursive_mutex mutex;
    std::vector<Arena> all;
    int depth = 0;
    Arenas() {
        for (int i = 0; i < device_count(); ++i) all.emplace_back(device_bytes());
    }
};

Arenas& arenas() {
    static Arenas* a = new Arenas;
    return *a;
}

}  // namespace

int device_count() {
    static const int count = int(from_environment("TAEDA_EMULATED_DEVICES", 1));
    return count;
}

size_t device_bytes() {
    static const size_t bytes = from_environment("TAEDA_EMULATED_BYTES", size_t(8) << 30) / kPage * kPage;
    return bytes;
}

void open_memory() {
    Arenas& a = arenas();
    a.mutex.lock();
    if (a.depth++ == 0)
        for (const Arena& arena : a.all) arena.protect(PROT_READ | PROT_WRITE);
}

void close_memory() {
    Arenas& a = arenas();
    if (--a.depth == 0)
        for (const Arena& arena : a.all) arena.protect(PROT_NONE);
    a.mutex.unlock();
}

DeviceAccess::DeviceAccess() {
    if (!is_working()) finish_all();
    open_memory();
}

DeviceAccess::~DeviceAccess() { close_memory(); }

void* arena_allocate(int device, size_t bytes) {
    void* data = nullptr;
    {
        std::lock_guard lock(arenas().mutex);
        data = arenas().all[size_t(device)].allocate(bytes);
    }
    if (data) {
        open_memory();
        std::memset(data, 0xFB, std::min<size_t>(bytes, size_t(1) << 20));  // what nobody wrote is conspicuous
        close_memory();
    }
    return data;
}

bool arena_free(void* data) {
    std::lock_guard lock(arenas().mutex);
    int device = device_of(data);
    return device >= 0 && arenas().all[size_t(device)].free(data);
}

int device_of(const void* data) {
    auto& all = arenas().all;
    for (size_t i = 0; i < all.size(); ++i)
        if (all[i].holds(data)) return int(i);
    return -1;
}

size_t arena_used(int device) { return arenas().all[size_t(device)].used; }

}  // namespace taeda::emulated
