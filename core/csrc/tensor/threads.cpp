#include "tensor/threads.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "tensor/error.h"

namespace taeda {
namespace {

constexpr int kPiecesPerThread = 4;  // evens out threads that the system slows down
// Not asked of OpenMP again: kernels of libraries change its number for a while.
std::atomic<int> chosen_threads{omp_get_max_threads()};
std::atomic<bool> forked{false};

[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, [] { forked = true; });

}  // namespace

int num_threads() {
    if (forked.load(std::memory_order_relaxed) || omp_in_parallel()) return 1;
    return chosen_threads.load(std::memory_order_relaxed);
}

void set_num_threads(int threads) {
    TAEDA_CHECK_AS(ValueError, threads >= 1, "set_num_threads: expected a positive number of threads, got ", threads);
    chosen_threads = threads;
}

void parallel_run(int64_t begin, int64_t end, int64_t grain, void (*body)(void*, int64_t, int64_t), void* context) {
    int64_t steps = end - begin;
    if (steps <= 0) return;
    int threads = steps > grain ? num_threads() : 1;
    if (threads == 1) return body(context, begin, end);

    int64_t pieces = std::min<int64_t>(int64_t(threads) * kPiecesPerThread, (steps + grain - 1) / grain);
    int64_t size = (steps + pieces - 1) / pieces;
    pieces = (steps + size - 1) / size;
    std::exception_ptr error;
    std::atomic<bool> failed{false};
#pragma omp parallel for schedule(dynamic, 1) num_threads(std::min<int64_t>(threads, pieces))
    for (int64_t piece = 0; piece < pieces; ++piece) {
        if (failed.load(std::memory_order_relaxed)) continue;
        try {
            int64_t from = begin + piece * size;
            body(context, from, std::min(end, from + size));
        } catch (...) {
            if (!failed.exchange(true)) error = std::current_exception();
        }
    }
    if (error) std::rethrow_exception(error);
}

}  // namespace taeda
