#include "kernels/cpu/cast.h"

#include "kernels/cpu/parallel.h"
#include "kernels/vec/vec.h"

namespace taeda::cpu {
namespace {

template <class To, class From> To convert(From x) {
    if constexpr (std::is_same_v<To, bool>) return x != From(0);
    else if constexpr (std::is_floating_point_v<From> && std::is_same_v<To, uint8_t>) return To(int64_t(x));
    else return static_cast<To>(x);
}

template <class To, class From> void cast_loop(To* to, const From* from, int64_t n) {
    for (int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
}

template <class S> void widen(float* to, const S* from, int64_t n) {
    constexpr int64_t width = Vec<float>::size;
    int64_t i = 0;
    for (; i + width <= n; i += width) load_vec(from + i).store(to + i);
    if (i < n) load_vec(from + i, n - i).store(to + i, n - i);
}
template <class S> void narrow(S* to, const float* from, int64_t n) {
    constexpr int64_t width = Vec<float>::size;
    int64_t i = 0;
    for (; i + width <= n; i += width) store_vec(to + i, Vec<float>::load(from + i));
    if (i < n) store_vec(to + i, Vec<float>::load(from + i, n - i), n - i);
}

// float32, float64, integers and bool convert directly to each other.
bool is_plain(DType d) { return d != DType::float16 && d != DType::bfloat16 && !is_complex(d); }

template <class F> void visit_plain(DType dtype, F&& f) {
    switch (dtype) {
        case DType::uint8: return f.template operator()<uint8_t>();
        case DType::int8: return f.template operator()<int8_t>();
        case DType::int16: return f.template operator()<int16_t>();
        case DType::int32: return f.template operator()<int32_t>();
        case DType::int64: return f.template operator()<int64_t>();
        case DType::float32: return f.template operator()<float>();
        case DType::float64: return f.template operator()<double>();
        case DType::bool_: return f.template operator()<bool>();
        default: __builtin_unreachable();
    }
}

// The plain dtype that stands between a 16-bit or complex one and the others.
DType neighbour(DType d) { return d == DType::complex128 ? DType::float64 : DType::float32; }

[[gnu::noinline]] void to_neighbour(void* to, const void* from, DType from_dtype, int64_t n) {
    switch (from_dtype) {
        case DType::float16: return widen(static_cast<float*>(to), static_cast<const Half*>(from), n);
        case DType::bfloat16: return widen(static_cast<float*>(to), static_cast<const BFloat16*>(from), n);
        case DType::complex64:
            for (int64_t i = 0; i < n; ++i) static_cast<float*>(to)[i] = static_cast<const complex64*>(from)[i].real();
            return;
        default:
            for (int64_t i = 0; i < n; ++i)
                static_cast<double*>(to)[i] = static_cast<const complex128*>(from)[i].real();
    }
}
[[gnu::noinline]] void from_neighbour(void* to, DType to_dtype, const void* from, int64_t n) {
    switch (to_dtype) {
        case DType::float16: return narrow(static_cast<Half*>(to), static_cast<const float*>(from), n);
        case DType::bfloat16: return narrow(static_cast<BFloat16*>(to), static_cast<const float*>(from), n);
        case DType::complex64:
            for (int64_t i = 0; i < n; ++i) static_cast<complex64*>(to)[i] = static_cast<const float*>(from)[i];
            return;
        default:
            for (int64_t i = 0; i < n; ++i) static_cast<complex128*>(to)[i] = static_cast<const double*>(from)[i];
    }
}

// At most kBlock elements: through the neighbours of both sides.
void cast_block(void* to, DType to_dtype, const void* from, DType from_dtype, int64_t n) {
    alignas(64) double first[kBlock], second[kBlock];
    if (!is_plain(from_dtype)) {
        DType middle = neighbour(from_dtype);
        void* target = middle == to_dtype ? to : first;
        to_neighbour(target, from, from_dtype, n);
        if (middle == to_dtype) return;
        from = first, from_dtype = middle;
    }
    if (is_plain(to_dtype)) return cast_elements(to, to_dtype, from, from_dtype, n);
    DType middle = neighbour(to_dtype);
    if (middle != from_dtype) {
        cast_elements(second, middle, from, from_dtype, n);
        from = second;
    }
    from_neighbour(to, to_dtype, from, n);
}

}  // namespace

void cast_elements(void* to, DType to_dtype, const void* from, DType from_dtype, int64_t n) {
    if (to_dtype == from_dtype) {
        std::memcpy(to, from, size_t(n * item_size(to_dtype)));
    } else if (is_plain(to_dtype) && is_plain(from_dtype)) {
        visit_plain(to_dtype, [&]<class To>() {
            visit_plain(from_dtype,
                        [&]<class From>() { cast_loop(static_cast<To*>(to), static_cast<const From*>(from), n); });
        });
    } else if (is_complex(to_dtype) && is_complex(from_dtype)) {  // twice as many reals
        cast_elements(to, real_dtype(to_dtype), from, real_dtype(from_dtype), 2 * n);
    } else {
        for (int64_t i = 0; i < n; i += kBlock)
            cast_block(static_cast<char*>(to) + i * item_size(to_dtype), to_dtype,
                       static_cast<const char*>(from) + i * item_size(from_dtype), from_dtype, std::min(kBlock, n - i));
    }
}

}  // namespace taeda::cpu
