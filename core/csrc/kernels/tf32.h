// Whether float32 products may round their operands to TF32 (10 bits of mantissa) on devices that have it.
#pragma once

#include <atomic>

namespace taeda {

struct Tf32Switches {
    std::atomic<bool> matmul{false}, convolution{false};
};
extern Tf32Switches allow_tf32;

}  // namespace taeda
