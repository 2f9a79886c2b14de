// The emulated streams: queues of work that is done when something waits for it, and no sooner.
//
// A real GPU may do the work of a stream at any time before its end is waited for. The emulation takes the latest one, so
// that whoever forgets to wait reads memory that nobody has written yet, or that was handed out again too early.
// TAEDA_EMULATED_STREAMS says in which order streams are finished when all are waited for: "deferred" takes the newest
// first and the default stream last, "deferred-oldest-first" the other way round; "at-once" does all work as it comes.
#pragma once

#include <functional>

#include "kernels/cuda/emulated/runtime_api.h"

namespace taeda::emulated {

using Work = std::function<void()>;

// Gives work to a stream; it must hold copies of all it needs but device memory. Null: the current device's default
// stream.
void submit(cudaStream_t stream, Work work);
// Does what streams hold, in their order and with what they wait for.
void finish(cudaStream_t stream);
void finish_device(int device);
void finish_all();
// Whether this thread is doing work of a stream just now.
bool is_working();
int device_of_stream(cudaStream_t stream);

}  // namespace taeda::emulated
