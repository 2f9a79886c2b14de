// Element conversions between any two dtypes, over contiguous memory.
#pragma once

#include <cstdint>

#include "tensor/dtype.h"

namespace taeda::cpu {

// to[i] = from[i] converted as C does: floats to integers truncate, anything to bool compares with zero, complex to
// real takes the real part. 16-bit floats round once, from float.
void cast_elements(void* to, DType to_dtype, const void* from, DType from_dtype, int64_t n);

}  // namespace taeda::cpu
