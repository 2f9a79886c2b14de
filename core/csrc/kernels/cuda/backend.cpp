// The CUDA device as the core sees it; registers itself when the library is loaded.
#include "tensor/backend.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>
#include <utility>

#include "kernels/cuda/caching_allocator.h"
#include "kernels/cuda/pinned_allocator.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/streams.h"

namespace taeda::cuda {

namespace {

thread_local int chosen_device = 0;

cudaStream_t stream_of(StreamHandle handle) { return reinterpret_cast<cudaStream_t>(handle); }
cudaEvent_t event_of(EventHandle handle) { return reinterpret_cast<cudaEvent_t>(handle); }

class Backend final : public DeviceBackend {
public:
    int device_count() override { return visible().count; }
    std::string why_no_device() override { return visible().failure; }
    int current_device() override { return chosen_device; }
    void set_current_device(int device) override {
        check_forked();
        check_device(device);
        chosen_device = device;
    }
    DeviceProperties properties(int device) override {
        check_device(device);
        cudaDeviceProp p;
        TAEDA_CUDA_CHECK(cudaGetDeviceProperties(&p, device));
        DeviceProperties found{p.name,
                               "",
                               p.major,
                               p.minor,
                               p.multiProcessorCount,
                               p.warpSize,
                               p.maxThreadsPerMultiProcessor,
                               p.totalGlobalMem,
                               p.sharedMemPerBlock,
                               size_t(p.l2CacheSize)};
        const auto* bytes = reinterpret_cast<const unsigned char*>(&p.uuid);
        for (int i = 0; i < 16; ++i) {
            char text[4];
            std::snprintf(text, sizeof text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                          unsigned(bytes[i]));
            found.uuid += text;
        }
        return found;
    }
    void synchronize(int device) override {
        use(device);
        TAEDA_CUDA_CHECK(cudaDeviceSynchronize());
    }
    std::pair<int, int> versions() override {
        int runtime = 0, driver = 0;
        TAEDA_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
        TAEDA_CUDA_CHECK(cudaDriverGetVersion(&driver));
        return {runtime, driver};
    }

    void allocate(StorageImpl& storage, size_t bytes) override {
        check_forked();
        int device = storage.device.index;
        CachingAllocator::Block* block = allocator(device).allocate(bytes, current_stream_of(device));
        storage.data = CachingAllocator::data(block);
        storage.context = block;
        storage.release = release_functions()[size_t(device)];
    }
    void allocate_pinned(StorageImpl& storage, size_t bytes) override {
        check_forked();
        storage.data = pinned().allocate(bytes);
        storage.release = [](void* data, size_t, void*) {
            if (!is_forked()) pinned().release(data);
        };
    }
    bool is_pinned(const void* data) override { return !is_forked() && pinned().owns(data); }
    void record_stream(const StorageImpl& storage, int device, StreamHandle stream) override {
        check_forked();
        check_device(device);
        if (storage.context && storage.release == release_functions()[size_t(storage.device.index)])
            allocator(storage.device.index)
                .record_use(static_cast<CachingAllocator::Block*>(storage.context), device, stream_of(stream));
    }
    void copy(void* dst, Device dst_device, const void* src, Device src_device, size_t bytes, bool wait) override;
    std::pair<size_t, size_t> free_and_total(int device) override {
        use(device);
        size_t free = 0, total = 0;
        TAEDA_CUDA_CHECK(cudaMemGetInfo(&free, &total));
        return {free, total};
    }
    std::vector<std::pair<std::string, int64_t>> memory_stats(int device) override { return allocator(device).stats(); }
    void reset_peak_stats(int device) override { allocator(device).reset_peaks(); }
    void empty_cache() override {
        check_forked();
        for (auto& each : allocators())
            if (each.load()) each.load()->empty_cache();
        pinned().empty_cache();
    }

    StreamHandle create_stream(int device, int priority) override {
        check_forked();
        check_device(device);
        return reinterpret_cast<StreamHandle>(pooled_stream(device, priority));
    }
    StreamHandle current_stream(int device) override {
        check_device(device);
        return reinterpret_cast<StreamHandle>(current_stream_of(device));
    }
    void set_current_stream(int device, StreamHandle stream) override {
        check_device(device);
        cuda::set_current_stream(device, stream_of(stream));
    }
    void synchronize_stream(int device, StreamHandle stream) override {
        use(device);
        TAEDA_CUDA_CHECK(cudaStreamSynchronize(stream_of(stream)));
    }
    bool query_stream(int device, StreamHandle stream) override {
        use(device);
        return done(cudaStreamQuery(stream_of(stream)), "cudaStreamQuery");
    }
    EventHandle create_event(int device, bool timing) override {
        use(device);
        cudaEvent_t event = nullptr;
        TAEDA_CUDA_CHECK(cudaEventCreateWithFlags(&event, timing ? cudaEventDefault : cudaEventDisableTiming));
        return reinterpret_cast<EventHandle>(event);
    }
    void destroy_event(EventHandle event) override {
        if (!is_forked()) cudaEventDestroy(event_of(event));
    }
    void record_event(int device, EventHandle event, StreamHandle stream) override {
        use(device);
        TAEDA_CUDA_CHECK(cudaEventRecord(event_of(event), stream_of(stream)));
    }
    void wait_event(int device, EventHandle event, StreamHandle stream) override {
        use(device);
        TAEDA_CUDA_CHECK(cudaStreamWaitEvent(stream_of(stream), event_of(event), 0));
    }
    void synchronize_event(EventHandle event) override {
        check_forked();
        TAEDA_CUDA_CHECK(cudaEventSynchronize(event_of(event)));
    }
    bool query_event(EventHandle event) override {
        check_forked();
        return done(cudaEventQuery(event_of(event)), "cudaEventQuery");
    }
    double elapsed_milliseconds(EventHandle start, EventHandle end) override {
        float milliseconds = 0;
        TAEDA_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, event_of(start), event_of(end)));
        return double(milliseconds);
    }

private:
    struct Visible {
        int count = 0;
        std::string failure;
    };
    // Asked of the driver once.
    static const Visible& visible() {
        static const Visible found = [] {
            note_driver_used();
            int count = 0;
            cudaError_t error = cudaGetDeviceCount(&count);
            if (error == cudaSuccess && count > 0) return Visible{std::min(count, kMaxDevices), ""};
            cudaGetLastError();
            if (error == cudaSuccess || error == cudaErrorNoDevice)
                return Visible{0, "no NVIDIA GPU is visible to this process (see nvidia-smi and CUDA_VISIBLE_DEVICES)"};
            return Visible{0, std::string("the NVIDIA driver says: ") + cudaGetErrorString(error) + " (" +
                                  cudaGetErrorName(error) + "); see nvidia-smi"};
        }();
        return found;
    }
    using Allocators = std::array<std::atomic<CachingAllocator*>, kMaxDevices>;
    using Release = void (*)(void*, size_t, void*);

    // Never destroyed: tensors may be released during static destruction.
    static Allocators& allocators() {
        static Allocators* all = new Allocators;
        return *all;
    }
    static PinnedAllocator& pinned() {
        static PinnedAllocator* made = new PinnedAllocator;
        return *made;
    }
    template <int device> static void release_block(void*, size_t, void* context) {
        if (!is_forked()) allocators()[size_t(device)].load()->release(static_cast<CachingAllocator::Block*>(context));
    }
    template <int... devices>
    static constexpr std::array<Release, kMaxDevices> make_release_functions(std::integer_sequence<int, devices...>) {
        return {release_block<devices>...};
    }
    static const std::array<Release, kMaxDevices>& release_functions() {
        static constexpr auto all = make_release_functions(std::make_integer_sequence<int, kMaxDevices>());
        return all;
    }
    CachingAllocator& allocator(int device) {
        auto& slot = allocators()[size_t(device)];
        if (CachingAllocator* found = slot.load(std::memory_order_acquire)) [[likely]]
            return *found;
        check_forked();
        check_device(device);
        static std::mutex mutex;
        std::lock_guard lock(mutex);
        if (!slot.load()) slot = new CachingAllocator(device);
        return *slot;
    }
    static cudaStream_t current_stream_of(int device) { return cuda::current_stream(device); }
    void check_device(int device) {
        TAEDA_CHECK(device >= 0 && device < device_count(), "CUDA error: invalid device ordinal ", device, "; ",
                    device_count(), " devices are visible");
    }
    void use(int device) {
        check_device(device);
        use_device(device);
    }
    static bool done(cudaError_t error, const char* call) {
        if (error == cudaErrorNotReady) return false;
        check(error, call);
        return true;
    }
    void copy_between_devices(void* dst, int dst_device, const void* src, int src_device, size_t bytes);
};

// Both streams wait for each other, so that what comes before and after on either device keeps its order.
void Backend::copy_between_devices(void* dst, int dst_device, const void* src, int src_device, size_t bytes) {
    EventHandle before = create_event(src_device, false), after = create_event(dst_device, false);
    record_event(src_device, before, current_stream(src_device));
    wait_event(dst_device, before, current_stream(dst_device));
    use(dst_device);
    TAEDA_CUDA_CHECK(cudaMemcpyPeerAsync(dst, dst_device, src, src_device, bytes, current_stream_of(dst_device)));
    record_event(dst_device, after, current_stream(dst_device));
    wait_event(src_device, after, current_stream(src_device));
    destroy_event(before);
    destroy_event(after);
}

void Backend::copy(void* dst, Device dst_device, const void* src, Device src_device, size_t bytes, bool wait) {
    if (dst_device.is_cuda() && src_device.is_cuda() && dst_device.index != src_device.index)
        return copy_between_devices(dst, dst_device.index, src, src_device.index, bytes);
    int device = dst_device.is_cuda() ? dst_device.index : src_device.index;
    use(device);
    cudaStream_t stream = current_stream_of(device);
    cudaMemcpyKind kind = dst_device.is_cpu()   ? cudaMemcpyDeviceToHost
                          : src_device.is_cpu() ? cudaMemcpyHostToDevice
                                                : cudaMemcpyDeviceToDevice;
    auto start = [&] { TAEDA_CUDA_CHECK(cudaMemcpyAsync(dst, src, bytes, kind, stream)); };
    if (kind == cudaMemcpyDeviceToDevice) return start();
    const void* host = kind == cudaMemcpyHostToDevice ? src : dst;
    if (!wait && pinned().record_use(host, device, stream)) return start();
    Unlocked waiting;  // copies of memory that is not page-locked wait by themselves
    start();
    if (wait) TAEDA_CUDA_CHECK(cudaStreamSynchronize(stream));
}

const bool registered = [] {
    register_backend(DeviceType::cuda, new Backend);
    return true;
}();

}  // namespace
}  // namespace taeda::cuda
