// Reductions.
#include "native.h"
namespace taeda::native {
Tensor sum(const Tensor& self, std::optional<DType> dtype) { return native::sum(self, std::optional<Ints>(), false, dtype); }
Tensor sum(const Tensor& self, std::optional<Ints>, bool, std::optional<DType>) { raise("sum", self.numel()); }
}
