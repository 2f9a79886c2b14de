#include "kernels/cuda/emulated/streams.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kernels/cuda/emulated/arena.h"
#include "tensor/error.h"

namespace taeda::emulated {

// A place in a stream. An event is at the place where it was last recorded.
struct Mark {
    CUstream_st* stream;
    bool reached = false;
    std::chrono::steady_clock::time_point time{};
};
using MarkPointer = std::shared_ptr<Mark>;

struct Item {  // one of the three
    Work work;
    MarkPointer mark, awaited;
};

}  // namespace taeda::emulated

using namespace taeda::emulated;

struct CUstream_st {
    int device = 0;
    bool blocking = false;  // takes turns with the device's default stream
    std::deque<Item> items{};
};
struct CUevent_st {
    int device;
    bool timing;
    MarkPointer mark{};
};

namespace taeda::emulated {

namespace {

enum class Order { deferred, oldest_first, at_once };
constexpr size_t kDepth = 1000;  // a stream that holds more goes on, as drivers do

Order order() {
    static const Order chosen = [] {
        const char* text = std::getenv("TAEDA_EMULATED_STREAMS");
        std::string name = text && *text ? text : "deferred";
        TAEDA_CHECK(name == "deferred" || name == "deferred-oldest-first" || name == "at-once",
                    "TAEDA_EMULATED_STREAMS=", name, ": use deferred, deferred-oldest-first or at-once");
        return name == "deferred" ? Order::deferred : name == "at-once" ? Order::at_once : Order::oldest_first;
    }();
    return chosen;
}

struct Streams {
    std::mutex mutex;  // held while work is done: one piece at a time
    std::map<int, CUstream_st> defaults;
    std::vector<std::unique_ptr<CUstream_st>> made;
};
Streams& streams() {
    static Streams* s = new Streams;
    return *s;
}

class Working;
thread_local Working* working = nullptr;

// What follows expects the lock.

CUstream_st& default_stream(int device) {
    CUstream_st& found = streams().defaults[device];
    found.device = device;
    return found;
}

CUstream_st& stream_at(cudaStream_t handle) {
    int device = 0;
    cudaGetDevice(&device);
    if (handle == nullptr || handle == cudaStreamLegacy) return default_stream(device);
    if (handle != cudaStreamPerThread) return *handle;
    static thread_local std::map<int, CUstream_st*> own;
    CUstream_st*& found = own[device];
    if (!found) found = streams().made.emplace_back(new CUstream_st{device, true}).get();
    return *found;
}

// While it lives, this thread has the streams to itself, and can do their work.
class Working {
public:
    Working() : lock_(streams().mutex) { working = this; }
    ~Working() { working = nullptr; }
    void open_memory() {
        if (!access_) access_.emplace();
    }

private:
    std::lock_guard<std::mutex> lock_;
    std::optional<DeviceAccess> access_;
};

void run_until(const Mark& mark);

void run_next(CUstream_st& stream) {
    working->open_memory();
    Item item = std::move(stream.items.front());
    stream.items.pop_front();
    if (item.awaited) run_until(*item.awaited);
    if (item.work) item.work();
    if (item.mark) {
        item.mark->time = std::chrono::steady_clock::now();
        item.mark->reached = true;
    }
}

void run_until(const Mark& mark) {
    while (!mark.reached) run_next(*mark.stream);
}

void run_all(CUstream_st& stream) {
    while (!stream.items.empty()) run_next(stream);
}

void add(CUstream_st& stream, Item item) {
    stream.items.push_back(std::move(item));
    if (order() == Order::at_once) run_all(stream);
    else if (stream.items.size() > kDepth) run_next(stream);
}

MarkPointer add_mark(CUstream_st& stream) {
    auto mark = std::make_shared<Mark>(Mark{&stream});
    add(stream, {{}, mark, {}});
    return mark;
}

void add_after(CUstream_st& stream, CUstream_st& other) {
    if (!other.items.empty()) stream.items.push_back({{}, {}, add_mark(other)});
}

void add_work(CUstream_st& stream, Work work) {
    CUstream_st& legacy = default_stream(stream.device);
    if (stream.blocking) add_after(stream, legacy);
    if (&stream == &legacy)
        for (auto& other : streams().made)
            if (other->blocking && other->device == stream.device) add_after(stream, *other);
    add(stream, {std::move(work), {}, {}});
}

void run_device(int device) {
    std::vector<CUstream_st*> all{&default_stream(device)};
    for (auto& stream : streams().made)
        if (stream->device == device) all.push_back(stream.get());
    if (order() == Order::deferred) std::reverse(all.begin(), all.end());
    for (CUstream_st* stream : all) run_all(*stream);
}

// One step for whoever asks again and again whether work is done.
cudaError_t poll(CUstream_st& stream) {
    run_next(stream);
    return cudaErrorNotReady;
}

}  // namespace

void submit(cudaStream_t stream, Work work) {
    Working now;
    add_work(stream_at(stream), std::move(work));
}
void finish(cudaStream_t stream) {
    Working now;
    run_all(stream_at(stream));
}
void finish_device(int device) {
    Working now;
    run_device(device);
}
void finish_all() {
    Working now;
    for (int device = 0; device < device_count(); ++device) run_device(device);
}
bool is_working() { return working != nullptr; }
int device_of_stream(cudaStream_t stream) {
    std::lock_guard lock(streams().mutex);
    return stream_at(stream).device;
}

}  // namespace taeda::emulated

cudaError_t cudaDeviceSynchronize() {
    int device = 0;
    cudaGetDevice(&device);
    return finish_device(device), cudaSuccess;
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
    int device = 0;
    cudaGetDevice(&device);
    std::lock_guard lock(streams().mutex);
    *stream = streams().made.emplace_back(new CUstream_st{device, !(flags & cudaStreamNonBlocking)}).get();
    return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
    Working now;
    run_all(*stream);
    std::erase_if(streams().made, [&](const auto& made) { return made.get() == stream; });
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return finish(stream), cudaSuccess; }
cudaError_t cudaStreamQuery(cudaStream_t handle) {
    Working now;
    CUstream_st& stream = stream_at(handle);
    return stream.items.empty() ? cudaSuccess : poll(stream);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    Working now;
    if (event->mark && !event->mark->reached) add(stream_at(stream), {{}, {}, event->mark});
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
    int device = 0;
    cudaGetDevice(&device);
    return *event = new CUevent_st{device, !(flags & cudaEventDisableTiming)}, cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) { return delete event, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
    Working now;
    CUstream_st& stream = stream_at(handle);
    if (stream.device != event->device) return cudaErrorInvalidResourceHandle;
    event->mark = add_mark(stream);
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
    Working now;
    return !event->mark || event->mark->reached ? cudaSuccess : poll(*event->mark->stream);
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    Working now;
    if (event->mark) run_until(*event->mark);
    return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
    std::lock_guard lock(streams().mutex);
    if (!start->mark || !end->mark || !start->timing || !end->timing) return cudaErrorInvalidResourceHandle;
    if (!start->mark->reached || !end->mark->reached) return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->mark->time - start->mark->time).count();
    return cudaSuccess;
}
