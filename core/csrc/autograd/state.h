// What a thread has switched on: gradients, inference mode, interposed modes. One thread-local, read on every call.
#pragma once

#include <cstdint>

namespace taeda {

struct ThreadState {
    bool grad_enabled = true;
    bool inference = false;
    bool view_tracking = true;
    bool saves_packed = false;  // hooks replace how tensors are saved, see autograd/meta.h
    uint32_t modes = 0;         // how many modes are on the stack, see dispatch/modes.h
};

#if defined(__ELF__)
#define TAEDA_TLS __attribute__((tls_model("initial-exec")))
#else
#define TAEDA_TLS
#endif
extern thread_local ThreadState thread_state TAEDA_TLS;

class GradMode {
public:
    explicit GradMode(bool enabled) : before_(thread_state.grad_enabled) { thread_state.grad_enabled = enabled; }
    ~GradMode() { thread_state.grad_enabled = before_; }
    GradMode(const GradMode&) = delete;

private:
    bool before_;
};

}  // namespace taeda
