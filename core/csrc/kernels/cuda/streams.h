// The streams that this thread's work goes to, one per device.
#pragma once

#include "kernels/cuda/device.h"

namespace taeda::cuda {

// What current_stream(device) gives on this thread from now on; null is the device's default stream.
void set_current_stream(int device, cudaStream_t stream);
cudaStream_t current_stream(int device);
// One of a few streams of the device and priority (lower numbers first), made on first need and handed out in turn.
cudaStream_t pooled_stream(int device, int priority);

}  // namespace taeda::cuda
