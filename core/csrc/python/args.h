// Holders that turn a parsed Python object into the C++ argument of a typed operator. Each takes the object (null: not
// given) and the default; get() gives what the operator takes.
#pragma once

#include "python/object.h"

namespace taeda::python {

int64_t to_int(PyObject* o);
double to_double(PyObject* o);
Scalar to_scalar(PyObject* o);
DType to_dtype(PyObject* o);
Device to_device(PyObject* o);
Dims to_ints(PyObject* o, int64_t expand = 0);

inline bool given(PyObject* o) { return o && o != Py_None; }

class TensorArg {
public:
    explicit TensorArg(PyObject* o, Tensor = {}) : tensor_(given(o) ? &tensor_of(o) : &none_) {}
    const Tensor& get() const { return *tensor_; }

private:
    static inline const Tensor none_;
    const Tensor* tensor_;
};

class OperandArg {
public:
    explicit OperandArg(PyObject* o) {
        if (is_tensor(o)) tensor_ = &tensor_of(o);
        else number_ = wrapped_number(to_scalar(o));
    }
    OperandArg(PyObject* o, const Tensor&) : OperandArg(o) {}
    const Tensor& get() const { return tensor_ ? *tensor_ : number_; }

private:
    const Tensor* tensor_ = nullptr;
    Tensor number_;
};

class TensorListArg {
public:
    explicit TensorListArg(PyObject* o, TensorList = {}) {
        if (!given(o)) return;
        Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
        list_.reserve(size_t(n));
        for (Py_ssize_t i = 0; i < n; ++i) {
            PyObject* element = PySequence_Fast_GET_ITEM(o, i);
            list_.push_back(element == Py_None ? Tensor() : tensor_of(element));
        }
    }
    TensorList get() const { return list_; }

private:
    Tensors list_;
};

class IntsArg {
public:
    static Ints none() { return {}; }
    explicit IntsArg(PyObject* o, Ints otherwise = {}, int64_t expand = 0) {
        if (given(o)) values_ = to_ints(o, expand);
        else values_ = otherwise;
    }
    Ints get() const { return values_; }

private:
    Dims values_;
};

class OptionalIntsArg {
public:
    static std::optional<Ints> none() { return {}; }
    explicit OptionalIntsArg(PyObject* o, std::optional<Ints> otherwise = {}, int64_t expand = 0)
        : present_(given(o) || otherwise) {
        if (given(o)) values_ = to_ints(o, expand);
        else if (otherwise) values_ = *otherwise;
    }
    std::optional<Ints> get() const { return present_ ? std::optional<Ints>(values_) : std::nullopt; }

private:
    bool present_;
    Dims values_;
};

class OptionalFloatsArg {
public:
    explicit OptionalFloatsArg(PyObject* o, std::optional<Floats> = {}) : present_(given(o)) {
        if (!present_) return;
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
            values_.push_back(to_double(PySequence_Fast_GET_ITEM(o, i)));
    }
    std::optional<Floats> get() const { return present_ ? std::optional<Floats>(values_) : std::nullopt; }

protected:
    bool present_;
    std::vector<double> values_;
};

class FloatsArg : OptionalFloatsArg {
public:
    explicit FloatsArg(PyObject* o, Floats otherwise = {}) : OptionalFloatsArg(o) {
        if (!present_) values_.assign(otherwise.begin(), otherwise.end());
    }
    Floats get() const { return values_; }
};

// Values that one function reads: T read(PyObject*).
template <class T, auto read> class ValueArg {
public:
    explicit ValueArg(PyObject* o, T otherwise = T()) : value_(given(o) ? read(o) : otherwise) {}
    const T& get() const { return value_; }

private:
    T value_;
};
template <class T, auto read> class OptionalArg {
public:
    explicit OptionalArg(PyObject* o, std::optional<T> otherwise = {}) : value_(otherwise) {
        if (given(o)) value_ = read(o);
    }
    const std::optional<T>& get() const { return value_; }

private:
    std::optional<T> value_;
};

bool to_bool(PyObject* o);
inline std::string to_string(PyObject* o) { return PyUnicode_AsUTF8(o); }
inline MemoryFormat to_memory_format(PyObject* o) { return reinterpret_cast<PyMemoryFormat*>(o)->format; }
inline Generator to_generator(PyObject* o) { return reinterpret_cast<PyGenerator*>(o)->generator; }

using ScalarArg = ValueArg<Scalar, to_scalar>;
using IntArg = ValueArg<int64_t, to_int>;
using FloatArg = ValueArg<double, to_double>;
using BoolArg = ValueArg<bool, to_bool>;
using StringArg = ValueArg<std::string, to_string>;
using DTypeArg = ValueArg<DType, to_dtype>;
using GeneratorArg = ValueArg<Generator, to_generator>;
using OptionalScalarArg = OptionalArg<Scalar, to_scalar>;
using OptionalIntArg = OptionalArg<int64_t, to_int>;
using OptionalFloatArg = OptionalArg<double, to_double>;
using OptionalBoolArg = OptionalArg<bool, to_bool>;
using OptionalStringArg = OptionalArg<std::string, to_string>;
using OptionalDTypeArg = OptionalArg<DType, to_dtype>;
using OptionalDeviceArg = OptionalArg<Device, to_device>;
using OptionalMemoryFormatArg = OptionalArg<MemoryFormat, to_memory_format>;

}  // namespace taeda::python
