// Which dtypes a result may be written to.
#pragma once

#include "tensor/tensor.h"

namespace taeda {

// Whether a tensor of dtype `to` takes results of dtype `from`: their kind (bool, integer, floating, complex) must fit.
bool can_cast(DType from, DType to);
// For the in-place form of `op`: raises unless `self` takes results of dtype `result`.
void check_in_place_dtype(const Tensor& self, DType result, const char* op);
// For in-place forms made of the functional one: `changed` must have the shape of `self`, and a dtype that it takes.
void check_in_place_result(const Tensor& self, const Tensor& changed, const char* op);

}  // namespace taeda
