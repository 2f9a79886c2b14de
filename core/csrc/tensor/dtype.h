// Element types: the enumeration, the 16-bit floats, promotion, and the switch from a run-time dtype to a C++ type.
#pragma once

#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <ostream>
#include <type_traits>

#include "tensor/error.h"
#include "tensor/host_device.h"

namespace taeda {

enum class DType : uint8_t {
    uint8,
    int8,
    int16,
    int32,
    int64,
    float16,
    float32,
    float64,
    complex64,
    complex128,
    bool_,
    bfloat16,
};
constexpr int kDTypes = 12;

// IEEE binary16, stored; arithmetic goes through float.
struct Half {
    uint16_t bits = 0;
    Half() = default;
    TAEDA_HD Half(float value) : bits(from_float(value)) {}
    TAEDA_HD operator float() const { return to_float(bits); }

    TAEDA_HD static uint16_t from_float(float value) {
        uint32_t f = std::bit_cast<uint32_t>(value);
        uint32_t sign = (f >> 16) & 0x8000u;
        f &= 0x7fffffffu;
        if (f >= 0x47800000u) return sign | (f > 0x7f800000u ? 0x7e00u : 0x7c00u);  // overflow, infinity, NaN
        if (f < 0x38800000u) {                                                      // subnormal: let float add round it
            float shifted = std::bit_cast<float>(f) + 0.5f;
            return sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000u);
        }
        uint32_t odd = (f >> 13) & 1u;
        return sign | ((f + 0xc8000fffu + odd) >> 13);
    }
    TAEDA_HD static float to_float(uint16_t h) {
        uint32_t sign = uint32_t(h & 0x8000u) << 16, rest = h & 0x7fffu;
        if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
        if (rest >= 0x0400u) return std::bit_cast<float>(sign | ((rest << 13) + 0x38000000u));
        float small = float(rest) * 0x1p-24f;
        return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(small));
    }
};

// bfloat16: the upper half of a float, rounded to nearest even.
struct BFloat16 {
    uint16_t bits = 0;
    BFloat16() = default;
    TAEDA_HD BFloat16(float value) : bits(from_float(value)) {}
    TAEDA_HD operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }

    TAEDA_HD static uint16_t from_float(float value) {
        uint32_t f = std::bit_cast<uint32_t>(value);
        if ((f & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u;
        return uint16_t((f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
    }
};

using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

template <class T> struct is_complex_type : std::false_type {};
template <class T> struct is_complex_type<std::complex<T>> : std::true_type {};
template <class T> constexpr bool is_reduced_float = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// The type that arithmetic on T is done in: float for the 16-bit floats, else T itself.
template <class T> using op_type = std::conditional_t<is_reduced_float<T>, float, T>;

template <class T> struct dtype_of_t;
// clang-format off: a list of macro calls
#define TAEDA_DTYPES(X) \
    X(uint8_t, uint8) X(int8_t, int8) X(int16_t, int16) X(int32_t, int32) X(int64_t, int64) X(Half, float16) \
    X(float, float32) X(double, float64) X(complex64, complex64) X(complex128, complex128) X(bool, bool_) \
    X(BFloat16, bfloat16)
// clang-format on
#define TAEDA_DTYPE_OF(T, name) \
    template <> struct dtype_of_t<T> { \
        static constexpr DType value = DType::name; \
    };
TAEDA_DTYPES(TAEDA_DTYPE_OF)
#undef TAEDA_DTYPE_OF
template <class T> constexpr DType dtype_of = dtype_of_t<T>::value;

constexpr int64_t item_size(DType dtype) {
    constexpr int64_t sizes[kDTypes] = {1, 1, 2, 4, 8, 2, 4, 8, 8, 16, 1, 2};
    return sizes[int(dtype)];
}
constexpr bool is_complex(DType d) { return d == DType::complex64 || d == DType::complex128; }
constexpr bool is_floating(DType d) {
    return d == DType::float32 || d == DType::float64 || d == DType::float16 || d == DType::bfloat16;
}
constexpr bool is_integral(DType d, bool or_bool = false) {
    return d <= DType::int64 || (or_bool && d == DType::bool_);
}
constexpr bool is_differentiable(DType d) { return is_floating(d) || is_complex(d); }
constexpr bool is_signed(DType d) { return d != DType::uint8 && d != DType::bool_; }

// The real dtype of a complex one (itself otherwise), and the other way round.
constexpr DType real_dtype(DType d) {
    return d == DType::complex64 ? DType::float32 : d == DType::complex128 ? DType::float64 : d;
}
constexpr DType complex_dtype(DType d) {
    return d == DType::float64 || d == DType::complex128 ? DType::complex128 : DType::complex64;
}

const char* dtype_name(DType dtype);       // "float32"
const char* dtype_long_name(DType dtype);  // "Float": how torch writes it in messages
DType promote(DType a, DType b);           // torch.promote_types
DType default_dtype();                     // process-wide, float32 at first
void set_default_dtype(DType dtype);

inline std::ostream& operator<<(std::ostream& out, DType dtype) { return out << "taeda." << dtype_name(dtype); }

// visit(dtype, [&]<class T>() { ... }): calls the lambda with the C++ type of the dtype.
#define TAEDA_VISIT_CASE(T, name) \
    case DType::name: return f.template operator()<T>();
template <class F> auto visit_all(DType dtype, F&& f) {
    switch (dtype) { TAEDA_DTYPES(TAEDA_VISIT_CASE) }
    __builtin_unreachable();
}
#undef TAEDA_VISIT_CASE

// As visit_all, for the floating types (16-bit ones included); raises NotImplementedError naming `op` otherwise.
template <class F> auto visit_floating(DType dtype, const char* op, F&& f) {
    switch (dtype) {
        case DType::float32: return f.template operator()<float>();
        case DType::float64: return f.template operator()<double>();
        case DType::float16: return f.template operator()<Half>();
        case DType::bfloat16: return f.template operator()<BFloat16>();
        default:
            raise<NotImplementedError>(op, ": not implemented for '", dtype_long_name(dtype),
                                       "'; convert the input to a floating dtype first, e.g. with .float()");
    }
}

// Real numbers without bool.
template <class F> auto visit_real(DType dtype, const char* op, F&& f) {
    switch (dtype) {
        case DType::uint8: return f.template operator()<uint8_t>();
        case DType::int8: return f.template operator()<int8_t>();
        case DType::int16: return f.template operator()<int16_t>();
        case DType::int32: return f.template operator()<int32_t>();
        case DType::int64: return f.template operator()<int64_t>();
        case DType::float32:
        case DType::float64:
        case DType::float16:
        case DType::bfloat16: return visit_floating(dtype, op, f);
        default: raise<NotImplementedError>(op, ": not implemented for '", dtype_long_name(dtype), "'");
    }
}

// Element bytes only: moves data of any dtype by its size (1, 2, 4, 8, 16 bytes).
struct Bytes16 {
    uint64_t low, high;
};
template <class F> auto visit_size(int64_t size, F&& f) {
    switch (size) {
        case 1: return f.template operator()<uint8_t>();
        case 2: return f.template operator()<uint16_t>();
        case 4: return f.template operator()<uint32_t>();
        case 8: return f.template operator()<uint64_t>();
        default: return f.template operator()<Bytes16>();
    }
}

}  // namespace taeda
