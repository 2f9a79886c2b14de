#include "tensor/dtype.h"

#include <atomic>

namespace taeda {

namespace {

std::atomic<DType> default_floating{DType::float32};

// Floating before integral before bool; within a category the wider one wins.
int category(DType d) { return is_complex(d) ? 3 : is_floating(d) ? 2 : d == DType::bool_ ? 0 : 1; }

DType promote_integral(DType a, DType b) {
    if (is_signed(a) == is_signed(b)) return item_size(a) >= item_size(b) ? a : b;
    DType with_sign = is_signed(a) ? a : b;
    return with_sign == DType::int8 ? DType::int16 : with_sign;  // the unsigned one is uint8
}

}  // namespace

const char* dtype_name(DType dtype) {
    constexpr const char* names[kDTypes] = {"uint8",   "int8",    "int16",     "int32",      "int64", "float16",
                                            "float32", "float64", "complex64", "complex128", "bool",  "bfloat16"};
    return names[int(dtype)];
}

const char* dtype_long_name(DType dtype) {
    constexpr const char* names[kDTypes] = {"Byte",  "Char",   "Short",        "Int",           "Long", "Half",
                                            "Float", "Double", "ComplexFloat", "ComplexDouble", "Bool", "BFloat16"};
    return names[int(dtype)];
}

DType promote(DType a, DType b) {
    if (a == b) return a;
    if (category(a) < category(b)) std::swap(a, b);  // a has the higher category
    if (is_complex(a)) return b == DType::float64 || b == DType::complex128 ? DType::complex128 : a;
    if (is_floating(a)) {
        if (!is_floating(b)) return a;
        if (item_size(a) == item_size(b)) return DType::float32;  // float16 with bfloat16
        return item_size(a) > item_size(b) ? a : b;
    }
    return b == DType::bool_ ? a : promote_integral(a, b);
}

DType default_dtype() { return default_floating.load(std::memory_order_relaxed); }

void set_default_dtype(DType dtype) {
    TAEDA_CHECK_AS(TypeError, is_floating(dtype),
                   "set_default_dtype: only floating-point dtypes can be the default, got ", dtype,
                   "; pass taeda.float32 or taeda.float64");
    default_floating.store(dtype);
}

}  // namespace taeda
