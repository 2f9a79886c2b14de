// Lets other threads of the interpreter that calls this library run while a long kernel works.
#pragma once

#include <cstdint>

#include "tensor/device.h"

namespace taeda {

// The interpreter's global lock, where there is one; the Python module fills this in.
struct InterpreterLock {
    void* (*release)() = nullptr;  // null if this thread does not hold the lock
    void (*take)(void* released) = nullptr;
};
extern InterpreterLock interpreter_lock;

// Kernels over fewer elements keep the lock: getting it back may take longer than they do.
constexpr int64_t kLongKernel = int64_t(1) << 18;

// While it lives, other threads of the interpreter run: for waits.
class Unlocked {
public:
    Unlocked() : Unlocked(true) {}
    ~Unlocked() {
        if (released_) interpreter_lock.take(released_);
    }
    Unlocked(const Unlocked&) = delete;

protected:
    explicit Unlocked(bool worth) : released_(worth ? release() : nullptr) {}

private:
    static void* release();
    void* released_;
};

// The same for a kernel. Those of other devices than the CPU are only started here, which takes no time.
class UnlockedKernel : public Unlocked {
public:
    UnlockedKernel(DeviceType device, int64_t elements)
        : Unlocked(device == DeviceType::cpu && elements >= kLongKernel) {}
};

// While it lives, this thread's kernels keep the lock: for what reads, computes and writes something that threads share.
class KeepLocked {
public:
    KeepLocked();
    ~KeepLocked();
    KeepLocked(const KeepLocked&) = delete;
};

}  // namespace taeda
