// Which kernel libraries are loaded; see libraries.cpp.
#pragma once

#include <string>

namespace taeda {

const std::string& isa_level();  // "baseline", "avx2" or "avx512"; TAEDA_ISA lowers it
void load_cpu_kernels();

}  // namespace taeda
