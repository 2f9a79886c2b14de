// Special functions with scalar kernels.
#include "kernels/special.h"

#include "native.h"

namespace taeda::native {

namespace {

Tensor computed(const Tensor& self, SpecialFunction function, const char* name) {
    TAEDA_CHECK(!self.is_complex(), "special.", name, ": not implemented for complex numbers, got ", self.dtype());
    const bool half = self.dtype() == DType::float16 || self.dtype() == DType::bfloat16;
    TAEDA_CHECK(!half, "\"", name, "\" not implemented for '", dtype_long_name(self.dtype()),
                "'; convert to float32 first");
    Tensor x = ops::contiguous(self.is_floating() ? self : ops::to(self, default_dtype()));
    Tensor out = empty_tensor(x.sizes(), x.dtype(), x.device());
    if (!out.is_meta()) special_kernel(out.device().type, out, x, function);
    return out;
}

Tensor incomplete_gamma(const Tensor& self, const Tensor& other, bool upper, const char* name) {
    const DType dtype = result_type(self, other);
    TAEDA_CHECK(dtype == DType::float32 || dtype == DType::float64, "\"", name, "\" not implemented for '",
                dtype_long_name(dtype), "'; expected float32 or float64");
    Dims sizes = broadcast_shapes(self.sizes(), other.sizes(), name);
    Tensor out = empty_tensor(sizes, dtype, self.device());
    if (out.is_meta()) return out;
    auto dense = [&](const Tensor& t) { return ops::contiguous(ops::expand(ops::to(t, dtype), sizes)); };
    incomplete_gamma_kernel(out.device().type, out, dense(self), dense(other), upper);
    return out;
}

}  // namespace

#define TAEDA_SPECIAL_OP(name, function) \
    Tensor special_##name(const Tensor& self) { return computed(self, SpecialFunction::function, #name); }
TAEDA_SPECIAL_OP(bessel_j0, bessel_j0)
TAEDA_SPECIAL_OP(bessel_j1, bessel_j1)
TAEDA_SPECIAL_OP(bessel_y0, bessel_y0)
TAEDA_SPECIAL_OP(bessel_y1, bessel_y1)
TAEDA_SPECIAL_OP(modified_bessel_k0, k0)
TAEDA_SPECIAL_OP(modified_bessel_k1, k1)
TAEDA_SPECIAL_OP(scaled_modified_bessel_k0, scaled_k0)
TAEDA_SPECIAL_OP(scaled_modified_bessel_k1, scaled_k1)
TAEDA_SPECIAL_OP(airy_ai, airy_ai)
#undef TAEDA_SPECIAL_OP

Tensor igamma(const Tensor& self, const Tensor& other) { return incomplete_gamma(self, other, false, "igamma"); }
Tensor igammac(const Tensor& self, const Tensor& other) { return incomplete_gamma(self, other, true, "igammac"); }

}  // namespace taeda::native
