#include "native.h"
namespace taeda::native {
Tensor index(const Tensor&, TensorList) { raise("index"); }
Tensor index_backward(const Tensor&, Ints, TensorList) { raise("index"); }
Tensor index_put_(const Tensor&, TensorList, const Tensor&, bool) { raise("index"); }
Tensor nonzero(const Tensor&) { raise("index"); }
Tensor flip(const Tensor&, Ints) { raise("flip"); }
}
