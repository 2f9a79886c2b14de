// Integers that order as numbers do: what sorting works on.
#pragma once

#include <cstring>

#include "tensor/dtype.h"

namespace taeda {

template <int bytes> struct unsigned_of;
template <> struct unsigned_of<1> {
    using type = uint8_t;
};
template <> struct unsigned_of<2> {
    using type = uint16_t;
};
template <> struct unsigned_of<4> {
    using type = uint32_t;
};
template <> struct unsigned_of<8> {
    using type = uint64_t;
};
template <class T> using key_type = typename unsigned_of<int(sizeof(T))>::type;

// An integer with the order of x; all NaNs map to the largest, both zeros to one.
template <class T> TAEDA_HD key_type<T> key_of(T x) {
    using K = key_type<T>;
    constexpr K sign = K(K(1) << (sizeof(T) * 8 - 1));
    K bits;
    memcpy(&bits, &x, sizeof x);
    if constexpr (std::is_integral_v<T>) return std::is_signed_v<T> ? K(bits ^ sign) : bits;
    else {
        if (x != x) return K(~K(0));
        if (x == T(0)) bits = 0;
        return bits & sign ? K(~bits) : K(bits | sign);
    }
}

}  // namespace taeda
