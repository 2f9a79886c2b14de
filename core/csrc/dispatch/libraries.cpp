// Loads the libraries that hold kernels: the one of this machine's ISA level at start, others when first needed.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <set>

#include "dispatch/libraries.h"
#include "kernels/kernel.h"
#include "tensor/backend.h"

namespace taeda {

namespace {

std::string own_folder() {
    Dl_info info;
    TAEDA_CHECK(dladdr(reinterpret_cast<void*>(&own_folder), &info), "cannot find where libtaeda is loaded from");
    std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/'));
}

void open_library(const std::string& name) {
    std::string path = own_folder() + "/libtaeda_" + name + ".so";
    TAEDA_CHECK(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), "cannot load ", path, ": ", dlerror(),
                "; the installation is incomplete, reinstall taeda");
}

const char* best_isa_level() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512bf16");
    return avx512 ? "avx512" : avx2 ? "avx2" : "baseline";
#else
    return "baseline";
#endif
}

std::string chosen_isa_level() {
    const char* wanted = std::getenv("TAEDA_ISA");
    std::string best = best_isa_level();
    if (!wanted || !*wanted) return best;
    const std::string order[] = {"baseline", "avx2", "avx512"};
    auto rank = [&](const std::string& level) { return std::find(order, order + 3, level) - order; };
    TAEDA_CHECK_AS(ValueError, rank(wanted) < 3 && rank(wanted) <= rank(best), "TAEDA_ISA=", wanted,
                   ": this processor offers levels up to ", best, "; use one of baseline, avx2, avx512");
    return wanted;
}

}  // namespace

const std::string& isa_level() {
    static const std::string level = chosen_isa_level();
    return level;
}

void load_cpu_kernels() { open_library("cpu_" + isa_level()); }

std::string load_cuda_library() {
    const char* named = std::getenv("TAEDA_CUDA_LIBRARY");
    std::string path = named && *named ? named : own_folder() + "/libtaeda_cuda.so";
    if (access(path.c_str(), R_OK) != 0)
        return path + " does not exist: this taeda was built without CUDA; install a build that has it (TAEDA_CUDA=ON)";
    // The driver first: without it the library's own complaint would be obscure. Another file may need no driver.
    if (!(named && *named) && !dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL))
        return "the NVIDIA driver (libcuda.so.1) is not installed on this machine; install it, or use device='cpu'";
    if (!dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        const char* error = dlerror();
        return "cannot load " + path + ": " + (error ? error : "no reason given");
    }
    return "";
}

void load_kernel_library(const char* library, const char* kernel, DeviceType device) {
    static std::mutex mutex;
    static std::set<std::string> loaded;
    std::lock_guard lock(mutex);
    if (device == DeviceType::cpu && std::string(library) != "cpu" && loaded.insert(library).second) {
        open_library(library);
        return;
    }
    if (device == DeviceType::cpu && loaded.count(library)) return;
    if (device == DeviceType::cuda) backend(device);  // raises if the library is not there
    raise<NotImplementedError>(kernel, ": no kernel for device ", Device{device}.str(),
                               "; move the tensors to the CPU with .cpu()");
}

}  // namespace taeda
