// Checks of what needs no GPU: launch geometry, divisors, the emulator's barriers and exchanges. Built by test_native.py.
#include <cstdio>
#include <string>

#include "kernels/cuda/divisor.h"
#include "kernels/cuda/emulated/arena.h"
#include "kernels/cuda/emulated/emulator.h"
#include "kernels/cuda/geometry.h"
#include "tensor/error.h"

using namespace taeda;

namespace {

int failures = 0;
void expect(bool condition, const char* what) {
    if (condition) return;
    std::printf("FAILED: %s\n", what);
    ++failures;
}

template <class F> void launch(unsigned blocks, unsigned threads, F body) {
    emulated::run(blocks, threads, 0, [](void* context) { (*static_cast<F*>(context))(); }, &body);
}

void geometry() {
    cuda::Grid one = cuda::loop_grid(0, 4, 132);
    expect(one.blocks == 1 && one.threads == 256, "an empty loop has one block");
    expect(cuda::loop_grid(1024, 4, 132).blocks == 1, "1024 elements, 4 a thread: one block");
    expect(cuda::loop_grid(1025, 4, 132).blocks == 2, "one element more: two blocks");
    expect(cuda::loop_grid(int64_t(1) << 40, 4, 132).blocks == 132 * 8 * 4, "large loops stride");
    expect(cuda::fits_32_bits((int64_t(1) << 30) - 1) && !cuda::fits_32_bits(int64_t(1) << 30), "32-bit offsets");
}

void divisors() {
    for (uint32_t d : {1u, 2u, 3u, 5u, 7u, 10u, 255u, 256u, 641u, 65537u, 1000003u, 0x3fffffffu, 0x40000000u,
                       0x80000001u, 0xffffffffu}) {
        cuda::Divisor divisor(d);
        bool right = true;
        for (uint64_t n : {0ull, 1ull, 2ull, 99ull, 65535ull, 123456789ull, 0x3fffffffull, 0x7ffffffeull, 0x7fffffffull,
                           0x80000000ull, 0xfffffffeull, 0xffffffffull})
            for (uint64_t near : {n, n / d * d, n / d * d + d - 1})
                if (near < (1ull << 32)) right = right && divisor.quotient(uint32_t(near)) == near / d;
        expect(right, "quotients by multiplication");
    }
}

void barriers() {
    static int shared[256];
    int total = 0;
    launch(2, 256, [&] {
        shared[threadIdx.x] = int(threadIdx.x);
        for (unsigned half = 128; half > 0; half /= 2) {
            __syncthreads();
            if (threadIdx.x < half) shared[threadIdx.x] += shared[threadIdx.x + half];
        }
        if (threadIdx.x == 0) total += shared[0];
        expect(__syncthreads_count(threadIdx.x < 10) == 10, "__syncthreads_count");
        expect(__syncthreads_or(threadIdx.x == 77) && !__syncthreads_and(threadIdx.x == 77),
               "__syncthreads_or and _and");
    });
    expect(total == 2 * 255 * 128, "a tree of sums through barriers");
}

void exchanges() {
    launch(1, 64, [] {
        int lane = int(threadIdx.x % 32), sum = lane;
        for (int bits = 16; bits > 0; bits /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, bits);
        expect(sum == 496, "__shfl_xor_sync");
        expect(__shfl_down_sync(0xffffffffu, lane, 4) == (lane < 28 ? lane + 4 : lane), "__shfl_down_sync");
        expect(__shfl_up_sync(0xffffffffu, lane, 4) == (lane < 4 ? lane : lane - 4), "__shfl_up_sync");
        expect(__shfl_sync(0xffffffffu, double(lane), 3) == 3.0, "__shfl_sync");
        expect(__shfl_sync(0xffffffffu, lane, 1, 8) == lane / 8 * 8 + 1, "__shfl_sync in groups of 8");
        expect(__ballot_sync(0xffffffffu, lane % 2) == 0xaaaaaaaau, "__ballot_sync");
        if (lane < 16) expect(__ballot_sync(0x0000ffffu, lane == 3) == 8u, "half a warp");
    });
}

template <class F> bool raises(F&& f) {
    try {
        f();
    } catch (const Error&) { return true; }
    return false;
}

void mistakes() {
    expect(raises([] {
               launch(1, 64, [] {
                   if (threadIdx.x < 32) __syncthreads();
               });
           }),
           "a barrier that half of the block never reaches");
    expect(raises([] {
               launch(1, 32, [] {
                   if (threadIdx.x != 5) __shfl_xor_sync(0xffffffffu, 1, 1);
               });
           }),
           "an exchange that one lane leaves out");
    expect(raises([] { launch(1, 2000, [] {}); }), "too many threads");
    int ran = 0;
    launch(1, 8, [&] { ++ran; });
    expect(ran == 8, "the emulator runs on after a mistake");
}

void arenas() {
    void *a = nullptr, *b = nullptr;
    expect(cudaMalloc(&a, 1000) == cudaSuccess && cudaMalloc(&b, 1000) == cudaSuccess && a != b, "two allocations");
    expect(emulated::device_of(a) == 0 && emulated::device_of(&a) == -1, "whose memory it is");
    float values[2] = {1, 2}, back[2] = {};
    expect(cudaMemcpyAsync(a, values, 8, cudaMemcpyHostToDevice, nullptr) == cudaSuccess, "a copy to the device");
    expect(cudaMemcpyAsync(back, a, 8, cudaMemcpyHostToDevice, nullptr) != cudaSuccess,
           "a copy in the wrong direction");
    cudaGetLastError();
    expect(cudaMemcpyAsync(back, a, 8, cudaMemcpyDeviceToHost, nullptr) == cudaSuccess && back[1] == 2, "a copy back");
    expect(cudaFree(a) == cudaSuccess && cudaFree(a) != cudaSuccess, "memory is freed once");
    cudaGetLastError();
    cudaFree(b);
}

// Streams that note what they do.
struct Log {
    std::string done;
    void give(cudaStream_t stream, const char* name) {
        emulated::submit(stream, [this, name] { done += name; });
    }
};

cudaStream_t new_stream(unsigned flags = cudaStreamNonBlocking) {
    cudaStream_t stream = nullptr;
    cudaStreamCreateWithPriority(&stream, flags, 0);
    return stream;
}

void work_is_deferred() {
    Log log;
    cudaStream_t a = new_stream(), b = new_stream();
    log.give(a, "1"), log.give(b, "2"), log.give(a, "3"), log.give(nullptr, "4");
    expect(log.done.empty(), "nothing is done before somebody waits");
    expect(cudaStreamQuery(b) == cudaErrorNotReady && cudaStreamQuery(b) == cudaSuccess && log.done == "2",
           "asking for a stream again and again ends");
    cudaStreamSynchronize(a);
    expect(log.done == "213", "a stream is waited for alone");
    log.give(a, "5"), log.give(b, "6");
    cudaDeviceSynchronize();
    expect(log.done == "213654", "the newest stream first, the default one last");
    for (int i = 0; i < 1001; ++i) log.give(a, "x");
    expect(log.done == "213654x", "a queue that is full goes on");
    cudaStreamDestroy(a);
    expect(log.done.size() == 6 + 1001, "a stream ends with its work done");
    cudaStreamDestroy(b);
}

void events_order_streams() {
    Log log;
    cudaStream_t a = new_stream(), b = new_stream();
    cudaEvent_t event = nullptr;
    cudaEventCreateWithFlags(&event, cudaEventDefault);
    expect(cudaEventQuery(event) == cudaSuccess && cudaStreamWaitEvent(b, event) == cudaSuccess,
           "an event that was never recorded is over");
    log.give(a, "1");
    cudaEventRecord(event, a);
    log.give(a, "2");
    cudaStreamWaitEvent(b, event);
    cudaEventRecord(event, b);  // what was waited for stays what it was
    log.give(b, "3");
    cudaStreamWaitEvent(a, event);
    log.give(a, "4");
    cudaStreamSynchronize(b);
    expect(log.done == "13", "what an event stood for when it was waited for, and no more");
    cudaStreamSynchronize(a);
    expect(log.done == "1324", "streams that wait for each other");
    log.give(a, "5");
    cudaEventRecord(event, a);
    log.give(a, "6");
    expect(cudaEventQuery(event) == cudaErrorNotReady, "an event that is to come");
    cudaEventSynchronize(event);
    expect(log.done == "13245" && cudaEventQuery(event) == cudaSuccess, "an event that is waited for");
    cudaEventDestroy(event);
    cudaStreamDestroy(a), cudaStreamDestroy(b);
}

void the_default_stream_takes_turns() {
    Log log;
    cudaStream_t blocking = new_stream(0), free = new_stream();
    log.give(blocking, "1"), log.give(free, "x"), log.give(nullptr, "2"), log.give(blocking, "3");
    log.give(cudaStreamPerThread, "4"), log.give(cudaStreamLegacy, "5");
    cudaStreamSynchronize(blocking);
    expect(log.done == "123", "streams that were made to block");
    cudaStreamSynchronize(nullptr);
    expect(log.done == "12345", "the thread's own stream");
    cudaDeviceSynchronize();
    cudaStreamDestroy(blocking), cudaStreamDestroy(free);
}

void copies_on_streams() {
    cudaStream_t stream = new_stream();
    void *device = nullptr, *pinned = nullptr;
    cudaMalloc(&device, 4);
    cudaHostAlloc(&pinned, 4, cudaHostAllocDefault);
    int value = 7, back = 0, &locked = *static_cast<int*>(pinned);
    cudaMemcpyAsync(device, &value, 4, cudaMemcpyHostToDevice, stream);
    value = 8;
    cudaMemcpyAsync(&back, device, 4, cudaMemcpyDeviceToHost, stream);
    expect(back == 7, "plain memory is read and written by the call");
    locked = 5;
    cudaMemcpyAsync(device, &locked, 4, cudaMemcpyHostToDevice, stream);
    locked = 6;
    cudaMemcpyAsync(&back, device, 4, cudaMemcpyDeviceToHost, stream);
    expect(back == 6, "page-locked memory is read when the stream comes to it");
    cudaMemsetAsync(device, 0, 4, stream);
    cudaMemcpyAsync(&locked, device, 4, cudaMemcpyDeviceToHost, stream);
    expect(locked == 6, "page-locked memory is written when the stream comes to it");
    cudaFree(device);
    expect(locked == 0, "cudaFree waits for the device");
    cudaFreeHost(pinned);
    cudaStreamDestroy(stream);
}

}  // namespace

int main(int count, char** arguments) {
    if (count > 1 && arguments[1][0] == 'r') {  // reads device memory on the host: must crash
        void* data = nullptr;
        cudaMalloc(&data, 64);
        std::printf("%d\n", *static_cast<volatile int*>(data));
        return 0;
    }
    geometry();
    divisors();
    barriers();
    exchanges();
    mistakes();
    arenas();
    work_is_deferred();
    events_order_streams();
    the_default_stream_takes_turns();
    copies_on_streams();
    return failures;
}
