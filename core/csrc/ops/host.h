// Values that the bodies of operators read on the host, and tensors that they make there.
#pragma once

#include "ops.h"

namespace taeda {

// The tensor itself on the CPU, else a copy there: waits for the device.
inline Tensor on_host(const Tensor& t) { return t.is_cpu() || t.is_meta() ? t : ops::move_to(t, Device{}); }
// The first element.
template <class T> T host_value(const Tensor& t) { return *on_host(t).data<T>(); }
inline bool host_truth(const Tensor& condition) { return host_value<bool>(condition); }

// What a body made on the CPU, on the device of its inputs.
inline Tensor on_device(const Tensor& made, Device device) {
    return made.device() == device ? made : ops::move_to(made, device);
}

// Copies to another device, converting and rearranging where the layouts differ.
void copy_across(const Tensor& to, const Tensor& from, bool non_blocking);

}  // namespace taeda
