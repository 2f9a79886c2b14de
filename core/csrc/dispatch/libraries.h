// Which kernel libraries are loaded; see libraries.cpp.
#pragma once

#include <string>

namespace taeda {

const std::string& isa_level();  // "baseline", "avx2" or "avx512"; TAEDA_ISA lowers it
void load_cpu_kernels();
// Why libtaeda_cuda cannot be used here, or an empty text once it is loaded. TAEDA_CUDA_LIBRARY names another file.
std::string load_cuda_library();

}  // namespace taeda
