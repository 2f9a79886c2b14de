#include "kernels/cuda/streams.h"

namespace taeda::cuda {

namespace {
thread_local cudaStream_t current[kMaxDevices] = {};
}

void set_current_stream(int device, cudaStream_t stream) { current[device] = stream; }
cudaStream_t current_stream(int device) { return current[device]; }

}  // namespace taeda::cuda
