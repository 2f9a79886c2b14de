// Lets other threads of the interpreter that calls this library run while a long kernel works.
#pragma once

#include <cstdint>

namespace taeda {

// The interpreter's global lock, where there is one; the Python module fills this in.
struct InterpreterLock {
    void* (*release)() = nullptr;  // null if this thread does not hold the lock
    void (*take)(void* released) = nullptr;
};
extern InterpreterLock interpreter_lock;

// Kernels over fewer elements keep the lock: getting it back may take longer than they do.
constexpr int64_t kLongKernel = int64_t(1) << 18;

class Unlocked {
public:
    explicit Unlocked(int64_t elements) : released_(elements >= kLongKernel ? release() : nullptr) {}
    ~Unlocked() {
        if (released_) interpreter_lock.take(released_);
    }
    Unlocked(const Unlocked&) = delete;

private:
    static void* release();
    void* released_;
};

// While it lives, this thread's kernels keep the lock: for what reads, computes and writes something that threads share.
class KeepLocked {
public:
    KeepLocked();
    ~KeepLocked();
    KeepLocked(const KeepLocked&) = delete;
};

}  // namespace taeda
