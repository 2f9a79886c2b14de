// The primitives under Vec and Mask: registers, masks, fused multiply-add, rounding, 16-bit conversion per ISA level.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "tensor/dtype.h"

#ifndef TAEDA_VEC_BYTES
#define TAEDA_VEC_BYTES 16
#endif
#if defined(__AVX512F__) && TAEDA_VEC_BYTES == 64
#define TAEDA_VEC_AVX512 1
#elif defined(__AVX2__) && TAEDA_VEC_BYTES == 32
#define TAEDA_VEC_AVX2 1
#endif

namespace taeda::native {

constexpr int kBytes = TAEDA_VEC_BYTES;
template <class T> constexpr int lanes = kBytes / int(sizeof(T));

template <class T, int bytes = kBytes> struct vector_type {
    typedef T type __attribute__((vector_size(bytes)));
};
template <class T> using vector = typename vector_type<T>::type;
template <class T> using int_of = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
template <class T> using integers = vector<int_of<T>>;
// As many lanes of the small type E as a vector of T has.
template <class E, class T> using narrow = typename vector_type<E, lanes<T>* int(sizeof(E))>::type;

template <class T> vector<T> broadcast(T value) { return value - vector<T>{}; }  // keeps -0.0
template <class V> V load_raw(const void* p) {
    V v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

// The first n (< lanes) elements, zeros behind them; and back.
#if TAEDA_VEC_AVX512
template <class T> vector<T> load_part(const T* p, int64_t n) {
    if constexpr (sizeof(T) == 4) return vector<T>(_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p));
    else return vector<T>(_mm512_maskz_loadu_pd(__mmask8((1u << n) - 1), p));
}
template <class T> void store_part(T* p, vector<T> v, int64_t n) {
    if constexpr (sizeof(T) == 4) _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), __m512(v));
    else _mm512_mask_storeu_pd(p, __mmask8((1u << n) - 1), __m512d(v));
}
#else
template <class T> vector<T> load_part(const T* p, int64_t n) {
    vector<T> v{};
    std::memcpy(&v, p, size_t(n) * sizeof(T));
    return v;
}
template <class T> void store_part(T* p, vector<T> v, int64_t n) { std::memcpy(p, &v, size_t(n) * sizeof(T)); }
#endif

#if TAEDA_VEC_AVX512

template <class T> using mask_register = std::conditional_t<sizeof(T) == 4, __mmask16, __mmask8>;

template <class T> mask_register<T> mask_all(bool value) { return mask_register<T>(value ? -1 : 0); }
template <class T> bool mask_any(mask_register<T> m) { return m != 0; }
template <class T> mask_register<T> mask_from_bytes(const bool* p) {
    __m128i bytes = sizeof(T) == 4 ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))
                                   : _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return mask_register<T>(_mm_test_epi8_mask(bytes, bytes));
}
template <class T> void mask_to_bytes(bool* p, mask_register<T> m) {
    __m128i bytes = _mm_maskz_set1_epi8(__mmask16(m), 1);
    if constexpr (sizeof(T) == 4) _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
    else _mm_storel_epi64(reinterpret_cast<__m128i*>(p), bytes);
}
#define TAEDA_COMPARE(name, predicate) \
    template <class T> mask_register<T> name(vector<T> a, vector<T> b) { \
        if constexpr (sizeof(T) == 4) return _mm512_cmp_ps_mask(__m512(a), __m512(b), predicate); \
        else return _mm512_cmp_pd_mask(__m512d(a), __m512d(b), predicate); \
    }
TAEDA_COMPARE(less, _CMP_LT_OQ)
TAEDA_COMPARE(less_equal, _CMP_LE_OQ)
TAEDA_COMPARE(equal, _CMP_EQ_OQ)
#undef TAEDA_COMPARE
template <class T> mask_register<T> test_bits(integers<T> i, int_of<T> bits) {
    if constexpr (sizeof(T) == 4) return _mm512_test_epi32_mask(__m512i(i), _mm512_set1_epi32(bits));
    else return _mm512_test_epi64_mask(__m512i(i), _mm512_set1_epi64(bits));
}
template <class T> vector<T> select(mask_register<T> m, vector<T> a, vector<T> b) {
    if constexpr (sizeof(T) == 4) return vector<T>(_mm512_mask_blend_ps(m, __m512(b), __m512(a)));
    else return vector<T>(_mm512_mask_blend_pd(m, __m512d(b), __m512d(a)));
}

#else

template <class T> using mask_register = integers<T>;

template <class T> mask_register<T> mask_all(bool value) { return mask_register<T>{} - int_of<T>(value); }
template <class T> bool mask_any(mask_register<T> m) {
    int_of<T> any = 0;
    for (int i = 0; i < lanes<T>; ++i) any |= m[i];
    return any != 0;
}
template <class T> mask_register<T> mask_from_bytes(const bool* p) {
    return __builtin_convertvector(load_raw<narrow<int8_t, T>>(p), integers<T>) != 0;
}
template <class T> void mask_to_bytes(bool* p, mask_register<T> m) {
    auto bytes = __builtin_convertvector(m & 1, narrow<int8_t, T>);
    std::memcpy(p, &bytes, sizeof bytes);
}
template <class T> mask_register<T> less(vector<T> a, vector<T> b) { return a < b; }
template <class T> mask_register<T> less_equal(vector<T> a, vector<T> b) { return a <= b; }
template <class T> mask_register<T> equal(vector<T> a, vector<T> b) { return a == b; }
template <class T> mask_register<T> test_bits(integers<T> i, int_of<T> bits) { return (i & bits) != 0; }
template <class T> vector<T> select(mask_register<T> m, vector<T> a, vector<T> b) {
    return vector<T>((integers<T>(a) & m) | (integers<T>(b) & ~m));
}
#endif

// One word per primitive: the intrinsic of the level for float and double, else lane by lane. (The AVX-512 ones in
// their zero-masking form, all lanes on: GCC 12 warns of the undefined operand inside the plain ones.)
#if TAEDA_VEC_AVX512
#define TAEDA_INTRINSIC(ps, pd, ...) \
    if constexpr (sizeof(T) == 4) { \
        using R = __m512; \
        return vector<T>(_mm512_maskz_##ps(__mmask16(-1), __VA_ARGS__)); \
    } else { \
        using R = __m512d; \
        return vector<T>(_mm512_maskz_##pd(__mmask8(-1), __VA_ARGS__)); \
    }
#elif TAEDA_VEC_AVX2
#define TAEDA_INTRINSIC(ps, pd, ...) \
    if constexpr (sizeof(T) == 4) { \
        using R = __m256; \
        return vector<T>(_mm256_##ps(__VA_ARGS__)); \
    } else { \
        using R = __m256d; \
        return vector<T>(_mm256_##pd(__VA_ARGS__)); \
    }
#elif defined(__SSE2__)
#define TAEDA_INTRINSIC(ps, pd, ...) \
    if constexpr (sizeof(T) == 4) { \
        using R = __m128; \
        return vector<T>(_mm_##ps(__VA_ARGS__)); \
    } else { \
        using R = __m128d; \
        return vector<T>(_mm_##pd(__VA_ARGS__)); \
    }
#endif
#define TAEDA_PER_LANE(expression) \
    vector<T> r{}; \
    for (int i = 0; i < lanes<T>; ++i) r[i] = expression; \
    return r;

template <class T> vector<T> square_root(vector<T> x) {
#ifdef TAEDA_INTRINSIC
    TAEDA_INTRINSIC(sqrt_ps, sqrt_pd, R(x))
#else
    TAEDA_PER_LANE(std::sqrt(x[i]))
#endif
}

// The larger (smaller) of two numbers; `b` where one is NaN.
template <class T> vector<T> larger(vector<T> a, vector<T> b) {
#ifdef TAEDA_INTRINSIC
    TAEDA_INTRINSIC(max_ps, max_pd, R(a), R(b))
#else
    return select<T>(less<T>(b, a), a, b);
#endif
}
template <class T> vector<T> smaller(vector<T> a, vector<T> b) {
#ifdef TAEDA_INTRINSIC
    TAEDA_INTRINSIC(min_ps, min_pd, R(a), R(b))
#else
    return select<T>(less<T>(a, b), a, b);
#endif
}

template <class T> vector<T> mul_add(vector<T> a, vector<T> b, vector<T> c) {
#if TAEDA_VEC_AVX512 || TAEDA_VEC_AVX2
    TAEDA_INTRINSIC(fmadd_ps, fmadd_pd, R(a), R(b), R(c))
#elif defined(__FP_FAST_FMA)
    TAEDA_PER_LANE(sizeof(T) == 4 ? T(__builtin_fmaf(a[i], b[i], c[i])) : T(__builtin_fma(a[i], b[i], c[i])))
#else
    return a * b + c;
#endif
}

enum class Rounding { nearest_even = 0, down = 1, up = 2, to_zero = 3 };  // numbered as x86 does
template <Rounding mode, class T> vector<T> round_to_integer(vector<T> x) {
#if TAEDA_VEC_AVX512
    TAEDA_INTRINSIC(roundscale_ps, roundscale_pd, R(x), int(mode) | _MM_FROUND_NO_EXC)
#elif TAEDA_VEC_AVX2 || defined(__SSE4_1__)
    TAEDA_INTRINSIC(round_ps, round_pd, R(x), int(mode) | _MM_FROUND_NO_EXC)
#else
    if constexpr (mode == Rounding::nearest_even) {
        // Adding 2^mantissa_bits leaves no room for a fraction; larger values have none.
        const T huge = sizeof(T) == 4 ? T(0x1p23) : T(0x1p52);
        integers<T> sign = integers<T>(x) & integers<T>(broadcast<T>(T(-0.0)));
        vector<T> size = vector<T>(integers<T>(x) ^ sign);
        vector<T> rounded = vector<T>(integers<T>((size + huge) - huge) | sign);
        return select<T>(mask_register<T>(size < huge), rounded, x);
    } else {
        TAEDA_PER_LANE(mode == Rounding::down ? std::floor(x[i])
                       : mode == Rounding::up ? std::ceil(x[i])
                                              : std::trunc(x[i]))
    }
#endif
}

// Integral values below 2^22 (2^51) in size, to integers and back: faster than the conversions, which AVX2 lacks.
template <class T> constexpr int mantissa_bits = sizeof(T) == 4 ? 23 : 52;
template <class T> constexpr T magic = sizeof(T) == 4 ? T(0x1.8p23) : T(0x1.8p52);
template <class T> integers<T> to_integers(vector<T> x) {
    return integers<T>(x + magic<T>) - integers<T>(broadcast<T>(magic<T>));
}
template <class T> vector<T> to_floats(integers<T> i) {
    return vector<T>(i + integers<T>(broadcast<T>(magic<T>))) - magic<T>;
}

// x * 2^n for integral n, right also where the result over- or underflows.
template <class T> vector<T> scale(vector<T> x, vector<T> n) {
#if TAEDA_VEC_AVX512
    TAEDA_INTRINSIC(scalef_ps, scalef_pd, R(x), R(n))
#else
    constexpr int mantissa = mantissa_bits<T>, bias = sizeof(T) == 4 ? 127 : 1023;
    integers<T> whole = to_integers<T>(n), half = whole >> 1;
    return x * vector<T>((half + bias) << mantissa) * vector<T>((whole - half + bias) << mantissa);
#endif
}
#undef TAEDA_INTRINSIC
#undef TAEDA_PER_LANE

// Positive finite x as 2^exponent m with 3/4 <= m < 3/2.
template <class T> void split_mantissa(vector<T> x, vector<T>& m, vector<T>& exponent) {
#if TAEDA_VEC_AVX512
    if constexpr (sizeof(T) == 4) {
        m = vector<T>(_mm512_maskz_getmant_ps(__mmask16(-1), __m512(x), _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero));
        exponent = vector<T>(_mm512_maskz_getexp_ps(__mmask16(-1), __m512(x)));
    } else {
        m = vector<T>(_mm512_maskz_getmant_pd(__mmask8(-1), __m512d(x), _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero));
        exponent = vector<T>(_mm512_maskz_getexp_pd(__mmask8(-1), __m512d(x)));
    }
    exponent = select<T>(less<T>(m, broadcast<T>(1)), exponent + 1, exponent);
#else
    constexpr int width = mantissa_bits<T>;
    const T up = sizeof(T) == 4 ? T(0x1p24) : T(0x1p54);
    mask_register<T> tiny = less<T>(x, broadcast<T>(std::numeric_limits<T>::min()));
    x = select<T>(tiny, x * up, x);
    integers<T> base = integers<T>(broadcast<T>(T(0.75))), bits = integers<T>(x) - base;
    exponent = to_floats<T>(bits >> width);
    exponent = exponent - select<T>(tiny, broadcast<T>(sizeof(T) == 4 ? 24 : 54), broadcast<T>(0));
    m = vector<T>((bits & ((int_of<T>(1) << width) - 1)) + base);
#endif
}

#if TAEDA_VEC_AVX512
// table[index] per lane, for a table of 16 floats.
inline vector<float> lookup16(const float* table, integers<float> index) {
    return vector<float>(_mm512_maskz_permutexvar_ps(__mmask16(-1), __m512i(index), _mm512_load_ps(table)));
}
#endif

inline vector<float> load_bfloat16(const BFloat16* p) {
    // GCC 12 widens the halves of a register one by one.
#if TAEDA_VEC_AVX512
    auto wide = vector<uint32_t>(
        _mm512_maskz_cvtepu16_epi32(__mmask16(-1), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif TAEDA_VEC_AVX2
    auto wide = vector<uint32_t>(_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    auto wide = __builtin_convertvector(load_raw<narrow<uint16_t, float>>(p), vector<uint32_t>);
#endif
    return vector<float>(wide << 16);
}
inline void store_bfloat16(BFloat16* p, vector<float> x) {
#if TAEDA_VEC_AVX512 && defined(__AVX512BF16__)
    // The instruction takes subnormal numbers for zero.
    constexpr int subnormal = 0x20;
    if (!_mm512_fpclass_ps_mask(__m512(x), subnormal)) [[likely]] {
        auto narrowed = _mm512_cvtneps_pbh(__m512(x));
        std::memcpy(static_cast<void*>(p), &narrowed, sizeof narrowed);
        return;
    }
#endif
    auto bits = vector<uint32_t>(x);
    auto rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    auto is_nan = vector<uint32_t>(x != x);
    auto narrowed = __builtin_convertvector((rounded & ~is_nan) | (is_nan & 0x7fc0u), narrow<uint16_t, float>);
    std::memcpy(static_cast<void*>(p), &narrowed, sizeof narrowed);
}

inline vector<float> load_half(const Half* p) {
#if TAEDA_VEC_AVX512
    return vector<float>(_mm512_maskz_cvtph_ps(__mmask16(-1), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
#elif TAEDA_VEC_AVX2 && defined(__F16C__)
    return vector<float>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
#else
    vector<float> r;
    for (int i = 0; i < lanes<float>; ++i) r[i] = float(p[i]);
    return r;
#endif
}
inline void store_half(Half* p, vector<float> x) {
#if TAEDA_VEC_AVX512
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_maskz_cvtps_ph(__mmask16(-1), __m512(x), _MM_FROUND_TO_NEAREST_INT));
#elif TAEDA_VEC_AVX2 && defined(__F16C__)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(__m256(x), _MM_FROUND_TO_NEAREST_INT));
#else
    for (int i = 0; i < lanes<float>; ++i) p[i] = Half(x[i]);
#endif
}

// The two halves of a float vector as doubles, and back.
inline void widen(vector<float> x, vector<double>& low, vector<double>& high) {
    using Half = narrow<float, double>;
    Half parts[2];
    std::memcpy(parts, &x, sizeof x);
    low = __builtin_convertvector(parts[0], vector<double>);
    high = __builtin_convertvector(parts[1], vector<double>);
}
inline vector<float> narrow_down(vector<double> low, vector<double> high) {
    narrow<float, double> parts[2] = {__builtin_convertvector(low, narrow<float, double>),
                                      __builtin_convertvector(high, narrow<float, double>)};
    vector<float> r;
    std::memcpy(&r, parts, sizeof r);
    return r;
}

}  // namespace taeda::native
