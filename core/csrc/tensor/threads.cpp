#include "tensor/threads.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>

#include "tensor/error.h"
#include "tensor/interpreter.h"

namespace taeda {

InterpreterLock interpreter_lock;
static thread_local int kept_locked = 0;

KeepLocked::KeepLocked() { ++kept_locked; }
KeepLocked::~KeepLocked() { --kept_locked; }
void* Unlocked::release() { return kept_locked || !interpreter_lock.release ? nullptr : interpreter_lock.release(); }

namespace {

constexpr int kPiecesPerThread = 4;  // evens out threads that the system slows down
// Not asked of OpenMP again: kernels of libraries change its number for a while.
std::atomic<int> chosen_threads{omp_get_max_threads()};
std::atomic<bool> forked{false};

[[maybe_unused]] const int fork_handler = pthread_atfork(nullptr, nullptr, [] { forked = true; });

using Nanoseconds = int64_t;
Nanoseconds now() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// Where other programs use the cores, a loop on all of them ends when the last thread gets its turn, which can take
// hundreds of milliseconds. Such a wait is followed by twice its time of loops on the calling thread alone, and by
// longer ones where the cores are still taken after it.
class Crowding {
public:
    bool is_over() {
        Nanoseconds end = end_.load(std::memory_order_relaxed);
        return end == 0 || now() >= end;
    }
    // A thread waited so long for the others, in a loop whose pieces took `piece` each.
    void waited(Nanoseconds wait, Nanoseconds piece) {
        if (wait < kLongWait + 4 * piece) return;
        Nanoseconds time = now(), pause = pause_.load(std::memory_order_relaxed);
        bool again = time - end_.load(std::memory_order_relaxed) < pause;
        pause = std::min(2 * (again ? std::max(pause, wait) : wait), kLongest);
        pause_ = pause;
        end_ = time + pause;
    }

private:
    static constexpr Nanoseconds kLongWait = 200'000, kLongest = 160'000'000;
    std::atomic<Nanoseconds> end_{0}, pause_{0};
};
Crowding crowding;

// The pieces of a loop, shared out so that a thread begins with the same ones each time, whose data its own cache may
// still hold; then it helps the others.
class Shares {
public:
    Shares(int count, int64_t pieces) : count_(std::min(count, kMost)) {
        for (int i = 0; i < count_; ++i) {
            shares_[i].next = pieces * i / count_;
            shares_[i].end = pieces * (i + 1) / count_;
        }
    }
    int count() const { return count_; }
    // -1 when there are no more.
    int64_t take(int thread) {
        for (int i = 0; i < count_; ++i) {
            Share& share = shares_[(thread + i) % count_];
            std::atomic_ref next(share.next);
            if (next.load(std::memory_order_relaxed) >= share.end) continue;
            int64_t piece = next.fetch_add(1, std::memory_order_relaxed);
            if (piece < share.end) return piece;
        }
        return -1;
    }

private:
    static constexpr int kMost = 256;
    struct alignas(64) Share {
        int64_t next, end;
    };
    int count_;
    Share shares_[kMost];
};

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
    if (threads == 1 || !crowding.is_over()) return body(context, begin, end);

    int64_t pieces = std::min<int64_t>(int64_t(threads) * kPiecesPerThread, (steps + grain - 1) / grain);
    int64_t size = (steps + pieces - 1) / pieces;
    pieces = (steps + size - 1) / size;
    Shares shares(int(std::min<int64_t>(threads, pieces)), pieces);
    std::exception_ptr error;
    std::atomic<bool> failed{false};
    const Nanoseconds start = now();
    Nanoseconds own_end = start;  // of what the calling thread did
#pragma omp parallel num_threads(shares.count())
    {
        const int thread = omp_get_thread_num();
        for (int64_t piece; (piece = shares.take(thread)) >= 0;) {
            if (failed.load(std::memory_order_relaxed)) continue;
            try {
                int64_t from = begin + piece * size;
                body(context, from, std::min(end, from + size));
            } catch (...) {
                if (!failed.exchange(true)) error = std::current_exception();
            }
        }
        if (thread == 0) own_end = now();
    }
    crowding.waited(now() - own_end, (own_end - start) * threads / pieces);
    if (error) std::rethrow_exception(error);
}

}  // namespace taeda
