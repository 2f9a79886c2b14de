// Value: any argument or result of an operator, for the boxed form of calls; and the small types schemas use.
#pragma once

#include <span>
#include <string>
#include <tuple>
#include <variant>

#include "random/generator.h"
#include "tensor/tensor.h"

namespace taeda {

enum class MemoryFormat : uint8_t { contiguous, preserve, channels_last, channels_last_3d };
using Floats = std::span<const double>;

// std::optional<Ints> that owns; converts to the view.
struct OptionalDims {
    bool present = false;
    Dims dims;
    OptionalDims() = default;
    OptionalDims(std::optional<Ints> o) : present(o.has_value()) {
        if (o) dims = *o;
    }
    operator std::optional<Ints>() const { return present ? std::optional<Ints>(dims) : std::nullopt; }
};
struct OptionalFloats {
    bool present = false;
    std::vector<double> values;
    OptionalFloats() = default;
    OptionalFloats(std::optional<Floats> o) : present(o.has_value()) {
        if (o) values.assign(o->begin(), o->end());
    }
    operator std::optional<Floats>() const { return present ? std::optional<Floats>(values) : std::nullopt; }
};

using Value = std::variant<std::monostate, Tensor, Tensors, Scalar, int64_t, double, bool, Dims, std::vector<double>,
                           std::string, DType, Device, Generator, MemoryFormat>;
using Stack = std::vector<Value>;

namespace boxing {

template <class T> Value pack(const T& v) {
    if constexpr (std::is_same_v<T, TensorList>) return Tensors(v.begin(), v.end());
    else if constexpr (std::is_same_v<T, Ints>) return Dims(v);
    else if constexpr (std::is_same_v<T, Floats>) return std::vector<double>(v.begin(), v.end());
    else return Value(v);
}
template <class T> Value pack(const std::optional<T>& v) { return v ? pack(*v) : Value(); }

// An owned C++ value that converts to the argument type of a typed operator.
template <class T> struct Unpack {
    static T get(const Value& v) { return std::get<T>(v); }
};
template <class T> struct Unpack<std::optional<T>> {
    static std::optional<T> get(const Value& v) {
        if (std::holds_alternative<std::monostate>(v)) return {};
        return Unpack<T>::get(v);
    }
};
template <> struct Unpack<Tensor> {
    static Tensor get(const Value& v) {
        return std::holds_alternative<std::monostate>(v) ? Tensor() : std::get<Tensor>(v);
    }
};
template <> struct Unpack<Generator> {
    static Generator get(const Value& v) {
        return std::holds_alternative<std::monostate>(v) ? Generator() : std::get<Generator>(v);
    }
};
template <> struct Unpack<TensorList> {
    static TensorList get(const Value& v) { return std::get<Tensors>(v); }
};
template <> struct Unpack<Ints> {
    static Ints get(const Value& v) { return std::get<Dims>(v); }
};
template <> struct Unpack<Floats> {
    static Floats get(const Value& v) { return std::get<std::vector<double>>(v); }
};

inline void push(Stack& out, Tensor t) { out.emplace_back(std::move(t)); }
inline void push(Stack& out, Tensors t) { out.emplace_back(std::move(t)); }
template <class T> void push(Stack& out, T v) { out.emplace_back(std::move(v)); }
template <class... T> void push(Stack& out, std::tuple<T...> results) {
    std::apply([&](auto&... r) { (out.emplace_back(std::move(r)), ...); }, results);
}

template <class R> struct Results {
    static R get(Stack& s) { return std::get<R>(std::move(s.at(0))); }
};
template <> struct Results<void> {
    static void get(Stack&) {}
};
template <class... T> struct Results<std::tuple<T...>> {
    static std::tuple<T...> get(Stack& s) {
        return [&]<size_t... I>(std::index_sequence<I...>) {
            return std::tuple<T...>{Unpack<T>::get(s.at(I))...};
        }(std::index_sequence_for<T...>());
    }
};

}  // namespace boxing

}  // namespace taeda
