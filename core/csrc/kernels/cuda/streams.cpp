#include "kernels/cuda/streams.h"

#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "kernels/cuda/runtime.h"

namespace taeda::cuda {

namespace {

thread_local cudaStream_t current[kMaxDevices] = {};

constexpr size_t kPoolSize = 32;
struct StreamPool {
    std::array<cudaStream_t, kPoolSize> streams = {};
    size_t next = 0;
};

}  // namespace

void set_current_stream(int device, cudaStream_t stream) { current[device] = stream; }
cudaStream_t current_stream(int device) { return current[device]; }

cudaStream_t pooled_stream(int device, int priority) {
    static std::mutex mutex;
    static std::map<std::pair<int, int>, StreamPool> pools;
    std::lock_guard lock(mutex);
    StreamPool& pool = pools[{device, priority}];
    cudaStream_t& stream = pool.streams[pool.next++ % kPoolSize];
    if (!stream) {
        use_device(device);
        TAEDA_CUDA_CHECK(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority));
    }
    return stream;
}

}  // namespace taeda::cuda
