// KernelStub: one low-level routine with an implementation per device, filled in when a kernel library is loaded.
//
// A family header (kernels/reduce.h, ...) declares its kernels with TAEDA_KERNEL; kernels/stubs.cpp defines them all.
// An implementation registers itself with TAEDA_REGISTER. Kernels never allocate their outputs, know nothing of
// autograd, and may rely on what the family header promises about shapes and dtypes.
#pragma once

#include "tensor/interpreter.h"
#include "tensor/tensor.h"

namespace taeda {

// Loads what implements the kernel there, or raises NotImplementedError naming kernel and device.
void load_kernel_library(const char* library, const char* kernel, DeviceType device);

// How many elements the tensors among a kernel's arguments have.
template <class T> int64_t elements_of(const T&) { return 0; }
inline int64_t elements_of(const Tensor& t) { return t.defined() ? t.numel() : 0; }
inline int64_t elements_of(TensorList list) {
    int64_t total = 0;
    for (const Tensor& t : list) total += elements_of(t);
    return total;
}

template <class Signature> struct KernelStub;

template <class... Args> struct KernelStub<void(Args...)> {
    using Function = void (*)(Args...);
    const char* name;
    const char* library;  // "cpu": the library of the ISA level; others ("onednn") are loaded on first use
    Function table[kDeviceTypes] = {};

    void operator()(DeviceType device, Args... args) {
        Function& entry = table[int(device)];
        if (!entry) [[unlikely]] {
            load_kernel_library(library, name, device);
            if (!entry) load_kernel_library(library, name, device);  // loaded, and still not there: raises
        }
        UnlockedKernel unlocked(device, device == DeviceType::cpu ? (elements_of(args) + ... + 0) : 0);
        entry(static_cast<Args>(args)...);
    }
};

// All kernels that the headers declare, for reports of what a device has.
struct KernelListing {
    using Entry = void (*)();
    const char* name;
    const Entry* table;
    const KernelListing* next;
    inline static const KernelListing* first = nullptr;

    template <class Stub> KernelListing(const char* name, const Stub& stub)
        : name(name), table(reinterpret_cast<const Entry*>(stub.table)), next(first) {
        first = this;
    }
};

}  // namespace taeda

#ifdef TAEDA_DEFINE_KERNELS
#define TAEDA_KERNEL(library, name, ...) \
    KernelStub<void(__VA_ARGS__)> name##_kernel{#name, library}; \
    static const KernelListing name##_listing(#name, name##_kernel);
#else
#define TAEDA_KERNEL(library, name, ...) extern KernelStub<void(__VA_ARGS__)> name##_kernel;
#endif

// At namespace scope of an implementation file: TAEDA_REGISTER(cpu, sum, sum_cpu)
#define TAEDA_REGISTER(device, name, function) \
    [[maybe_unused]] static const bool registered_##name##_##device = \
        (::taeda::name##_kernel.table[int(::taeda::DeviceType::device)] = function, true);
