// The random stream: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), the same
// numbers on every device for one seed.
#pragma once

#include <array>
#include <mutex>
#include <optional>

#include "tensor/host_device.h"
#include "tensor/storage.h"

namespace taeda {

// Random access into the stream of one seed: block `index` of subsequence `stream`.
struct Philox {
    uint64_t seed;

    TAEDA_HD std::array<uint32_t, 4> operator()(uint64_t index, uint64_t stream = 0) const {
        uint32_t counter[4] = {uint32_t(index), uint32_t(index >> 32), uint32_t(stream), uint32_t(stream >> 32)};
        uint32_t key[2] = {uint32_t(seed), uint32_t(seed >> 32)};
        for (int round = 0; round < 10; ++round) {
            uint64_t a = uint64_t(0xD2511F53u) * counter[0], b = uint64_t(0xCD9E8D57u) * counter[2];
            uint32_t next[4] = {uint32_t(b >> 32) ^ counter[1] ^ key[0], uint32_t(b),
                                uint32_t(a >> 32) ^ counter[3] ^ key[1], uint32_t(a)};
            for (int i = 0; i < 4; ++i) counter[i] = next[i];
            key[0] += 0x9E3779B9u;
            key[1] += 0xBB67AE85u;
        }
        return {counter[0], counter[1], counter[2], counter[3]};
    }
};

// A position in a stream. Each random operator takes the next `blocks` of four 32-bit numbers.
struct GeneratorImpl {
    std::atomic<int32_t> refs{0};
    Device device;
    std::mutex mutex;
    uint64_t seed = 67280421310721u;
    uint64_t offset = 0;

    static void destroy(GeneratorImpl* g) { delete g; }
    void manual_seed(uint64_t value) {
        std::lock_guard lock(mutex);
        seed = value;
        offset = 0;
    }
    // Reserves blocks; returns the stream and where to start in it.
    std::pair<Philox, uint64_t> take(uint64_t blocks) {
        std::lock_guard lock(mutex);
        uint64_t start = offset;
        offset += blocks;
        return {Philox{seed}, start};
    }
};
using Generator = Ref<GeneratorImpl>;

// The generator that a device draws from: one for the CPU, one for each other device. All start with one seed.
Generator& default_generator(Device device = {});
// Starts the streams of all other devices that this process knows, and those it will come to know, at this seed.
void seed_devices(uint64_t seed);
// The given generator, which must be of this type of device, or the device's own.
GeneratorImpl& generator_or_default(const Generator& g, Device device = {});

}  // namespace taeda
