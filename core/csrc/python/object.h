// The Python side of tensors: the object, wrapping and unwrapping, and errors.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "dispatch/values.h"

namespace taeda::python {

struct PyTensor {
    PyObject_HEAD Tensor tensor;
    PyObject* weakrefs;
    PyObject* attributes;
};

extern PyTypeObject* tensor_type;     // taeda.Tensor
extern PyTypeObject* parameter_type;  // taeda.nn.Parameter once it is imported; null before
extern PyTypeObject* size_type;       // taeda.Size
extern PyTypeObject* dtype_type;
extern PyTypeObject* device_type;
extern PyTypeObject* generator_type;
extern PyTypeObject* layout_type;
extern PyTypeObject* memory_format_type;

struct PyDType {
    PyObject_HEAD DType dtype;
};
struct PyDevice {
    PyObject_HEAD Device device;
};
struct PyGenerator {
    PyObject_HEAD Generator generator;
};
struct PyMemoryFormat {
    PyObject_HEAD MemoryFormat format;
    const char* name;
};

// An owned reference.
class Object {
public:
    Object() = default;
    explicit Object(PyObject* p) : p_(p) {}
    Object(Object&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    Object& operator=(Object&& o) noexcept {
        std::swap(p_, o.p_);
        return *this;
    }
    ~Object() { Py_XDECREF(p_); }
    static Object borrowed(PyObject* p) { return Object(Py_XNewRef(p)); }
    PyObject* get() const { return p_; }
    PyObject* release() { return std::exchange(p_, nullptr); }
    explicit operator bool() const { return p_ != nullptr; }

private:
    PyObject* p_ = nullptr;
};

// What a weak reference refers to; empty once that is gone.
inline Object referent(PyObject* reference) {
#if PY_VERSION_HEX >= 0x030D0000
    PyObject* found = nullptr;
    PyWeakref_GetRef(reference, &found);
    return Object(found);
#else
    PyObject* found = PyWeakref_GetObject(reference);
    return found == Py_None ? Object() : Object::borrowed(found);
#endif
}

// Thrown where a Python exception is already set.
struct PythonError {};
inline PyObject* checked(PyObject* p) {
    if (!p) throw PythonError();
    return p;
}
// Carries a Python exception through code that knows only C++ ones (the engine); python/errors.cpp.
struct CarriedPythonError : Error {
    PyObject *type, *value, *traceback;
    explicit CarriedPythonError(const char* text) : Error(text) { PyErr_Fetch(&type, &value, &traceback); }
};

struct Gil {
    PyGILState_STATE state = PyGILState_Ensure();
    ~Gil() { PyGILState_Release(state); }
};

// Sets the Python exception for the C++ exception that is being handled; `call` says in which call it arose.
void set_python_error(const std::string& call = {});

template <class F> auto guarded(F&& f) -> decltype(f()) {
    try {
        return f();
    } catch (...) {
        set_python_error();
        return decltype(f())(0);
    }
}
template <class F> int guarded_int(F&& f) {
    try {
        f();
        return 0;
    } catch (...) {
        set_python_error();
        return -1;
    }
}

inline bool is_tensor(PyObject* o) { return Py_TYPE(o) == tensor_type || PyType_IsSubtype(Py_TYPE(o), tensor_type); }
inline const Tensor& tensor_of(PyObject* o) { return reinterpret_cast<PyTensor*>(o)->tensor; }

PyObject* wrap(const Tensor& t);
PyObject* wrap_as(PyTypeObject* type, const Tensor& t);  // a new object of a subclass
PyObject* wrap(const Tensors& list);                     // a tuple
PyObject* wrap(DType dtype);
PyObject* wrap(Device device);
PyObject* wrap(const Scalar& value);
PyObject* wrap(const Generator& g);
inline PyObject* wrap(bool v) { return PyBool_FromLong(v); }
inline PyObject* wrap(int64_t v) { return PyLong_FromLongLong(v); }
inline PyObject* wrap(double v) { return PyFloat_FromDouble(v); }
PyObject* wrap_size(Ints sizes);   // taeda.Size
PyObject* wrap_ints(Ints values);  // plain tuple
template <class... T> PyObject* wrap(const std::tuple<T...>& results) {
    Object made(checked(PyTuple_New(sizeof...(T))));
    Py_ssize_t i = 0;
    std::apply([&](const auto&... r) { (PyTuple_SET_ITEM(made.get(), i++, checked(wrap(r))), ...); }, results);
    return made.release();
}

// One element as a Python number.
PyObject* item(const Tensor& t);

void add_tensor_type(PyObject* module);
void add_small_types(PyObject* module);
void add_operators(PyObject* module);
void add_autograd(PyObject* module);
void add_interop(PyObject* module);
void add_runtime(PyObject* module);
void add_autocast(PyObject* module);
void add_devices(PyObject* module);
void add_nn_module(PyObject* module);

}  // namespace taeda::python
