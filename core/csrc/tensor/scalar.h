// A Python number: bool, int, float or complex.
#pragma once

#include <complex>
#include <cstdint>

#include "tensor/dtype.h"

namespace taeda {

class Scalar {
public:
    enum class Kind : uint8_t { boolean, integer, floating, complex };

    Scalar() : Scalar(int64_t(0)) {}
    Scalar(bool v) : kind_(Kind::boolean) { i_ = v; }
    Scalar(int v) : Scalar(int64_t(v)) {}
    Scalar(int64_t v) : kind_(Kind::integer) { i_ = v; }
    Scalar(float v) : Scalar(double(v)) {}
    Scalar(double v) : kind_(Kind::floating) { d_[0] = v; }
    Scalar(std::complex<double> v) : kind_(Kind::complex) { d_[0] = v.real(), d_[1] = v.imag(); }

    Kind kind() const { return kind_; }
    bool is_boolean() const { return kind_ == Kind::boolean; }
    bool is_integral(bool or_bool = false) const { return kind_ == Kind::integer || (or_bool && is_boolean()); }
    bool is_floating() const { return kind_ == Kind::floating; }
    bool is_complex() const { return kind_ == Kind::complex; }

    double to_double() const { return kind_ <= Kind::integer ? double(i_) : d_[0]; }
    int64_t to_int() const { return kind_ <= Kind::integer ? i_ : int64_t(d_[0]); }
    bool to_bool() const { return kind_ <= Kind::integer ? i_ != 0 : d_[0] != 0 || (is_complex() && d_[1] != 0); }
    std::complex<double> to_complex() const { return {to_double(), is_complex() ? d_[1] : 0.0}; }

    // The value as an element of type T (wraps and truncates as C does).
    template <class T> T to() const {
        if constexpr (std::is_same_v<T, bool>) return to_bool();
        else if constexpr (is_complex_type<T>::value) return T(to_complex());
        else if constexpr (std::is_integral_v<T>) return T(to_int());
        else if constexpr (is_reduced_float<T>) return T(float(to_double()));
        else return T(to_double());
    }

    Scalar operator-() const {
        if (kind_ <= Kind::integer) return Scalar(-i_);
        return is_complex() ? Scalar(-to_complex()) : Scalar(-d_[0]);
    }
    bool equals(double v) const { return is_complex() ? to_complex() == std::complex<double>(v) : to_double() == v; }
    // The dtype a Python number has on its own: bool, int64, default float, default complex.
    DType dtype() const {
        switch (kind_) {
            case Kind::boolean: return DType::bool_;
            case Kind::integer: return DType::int64;
            case Kind::floating: return default_dtype();
            default: return complex_dtype(default_dtype());
        }
    }

private:
    Kind kind_;
    union {
        int64_t i_;
        double d_[2];
    };
};

std::ostream& operator<<(std::ostream& out, const Scalar& value);

}  // namespace taeda
