// Conversions between Python objects and C++ values, and from C++ exceptions to Python ones.
#include "ops/host.h"
#include "ops/linalg_error.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/glue.h"

namespace taeda::python {

PyObject* linalg_error_type() {
    static PyObject* type = PyErr_NewExceptionWithDoc(
        "taeda.linalg.LinAlgError", "A matrix is singular, not positive-definite, or its iteration does not converge.",
        PyExc_RuntimeError, nullptr);
    return type;
}

PyObject* out_of_memory_error_type() {
    static PyObject* type = PyErr_NewExceptionWithDoc("taeda.OutOfMemoryError", "Memory of a device is exhausted.",
                                                      PyExc_RuntimeError, nullptr);
    return type;
}

void set_python_error(const std::string& call) {
    auto set = [&](PyObject* type, const std::exception& e) {
        std::string text = e.what();
        if (!call.empty()) {
            while (!text.empty() && std::strchr(".! ", text.back())) text.pop_back();
            text += "; in " + call;
        }
        PyErr_SetString(type, text.c_str());
    };
    try {
        throw;
    } catch (const PythonError&) {
    } catch (const CarriedPythonError& e) { PyErr_Restore(e.type, e.value, e.traceback); } catch (const IndexError& e) {
        set(PyExc_IndexError, e);
    } catch (const ValueError& e) { set(PyExc_ValueError, e); } catch (const TypeError& e) {
        set(PyExc_TypeError, e);
    } catch (const NotImplementedError& e) { set(PyExc_NotImplementedError, e); } catch (const OutOfMemoryError& e) {
        set(out_of_memory_error_type(), e);
    } catch (const LinAlgError& e) { set(linalg_error_type(), e); } catch (const std::bad_alloc& e) {
        set(PyExc_MemoryError, e);
    } catch (const std::exception& e) { set(PyExc_RuntimeError, e); }
}

int64_t to_int(PyObject* o) {
    if (is_tensor(o)) {
        Object number(checked(item(tensor_of(o))));
        return to_int(number.get());
    }
    Object index;
    if (!PyLong_Check(o)) {
        index = Object(checked(PyNumber_Index(o)));
        o = index.get();
    }
    int64_t value = PyLong_AsLongLong(o);
    if (value == -1 && PyErr_Occurred()) throw PythonError();
    return value;
}

double to_double(PyObject* o) {
    double value = PyFloat_AsDouble(o);
    if (value == -1.0 && PyErr_Occurred()) throw PythonError();
    return value;
}

bool to_bool(PyObject* o) {
    int truth = PyObject_IsTrue(o);
    if (truth < 0) throw PythonError();
    return truth;
}

Scalar to_scalar(PyObject* o) {
    if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
    if (PyBool_Check(o)) return o == Py_True;
    if (PyLong_Check(o)) {
        int overflow = 0;
        int64_t value = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (overflow == 0) return value;
        uint64_t wide = PyLong_AsUnsignedLongLong(o);
        if (!PyErr_Occurred()) return int64_t(wide);
        PyErr_Clear();
        raise<Error>("the integer is too large: Overflow when unpacking long; values must fit in 64 bits");
    }
    if (PyComplex_Check(o)) {
        Py_complex c = PyComplex_AsCComplex(o);
        return std::complex<double>(c.real, c.imag);
    }
    if (is_tensor(o)) {
        Object number(checked(item(tensor_of(o))));
        return to_scalar(number.get());
    }
    if (std::strstr(Py_TYPE(o)->tp_name, "complex")) {
        Object number(checked(PyObject_CallOneArg(reinterpret_cast<PyObject*>(&PyComplex_Type), o)));
        return to_scalar(number.get());
    }
    if (std::strstr(Py_TYPE(o)->tp_name, "bool")) return to_bool(o);
    if (PyIndex_Check(o)) return to_int(o);
    return to_double(o);
}

DType to_dtype(PyObject* o) {
    if (Py_TYPE(o) == dtype_type) return reinterpret_cast<PyDType*>(o)->dtype;
    if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::float64;
    if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::int64;
    if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::bool_;
    if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::complex128;
    raise<TypeError>("expected a taeda.dtype, got ", Py_TYPE(o)->tp_name, "; dtypes are objects such as taeda.float32");
}

Device to_device(PyObject* o) {
    if (Py_TYPE(o) == device_type) return reinterpret_cast<PyDevice*>(o)->device;
    if (PyUnicode_Check(o)) return Device::parse(PyUnicode_AsUTF8(o));
    if (PyLong_Check(o)) return {DeviceType::cuda, int8_t(PyLong_AsLong(o))};
    raise<TypeError>("expected a taeda.device or a string such as 'cpu', got ", Py_TYPE(o)->tp_name);
}

Dims to_ints(PyObject* o, int64_t expand) {
    if (PyTuple_Check(o) || PyList_Check(o)) {
        Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
        if (n == 1 && expand > 1) return Dims(size_t(expand), to_int(PySequence_Fast_GET_ITEM(o, 0)));
        Dims values(size_t(n), 0);
        for (Py_ssize_t i = 0; i < n; ++i) values[size_t(i)] = to_int(PySequence_Fast_GET_ITEM(o, i));
        return values;
    }
    return Dims(size_t(std::max<int64_t>(expand, 1)), to_int(o));
}

namespace {

template <class T> PyObject* number(T v) {
    if constexpr (std::is_same_v<T, bool>) return PyBool_FromLong(v);
    else if constexpr (std::is_integral_v<T>) return PyLong_FromLongLong(v);
    else if constexpr (is_complex_type<T>::value) return PyComplex_FromDoubles(v.real(), v.imag());
    else return PyFloat_FromDouble(double(v));
}

}  // namespace

PyObject* item(const Tensor& t) {
    TAEDA_CHECK(t.numel() == 1, "a Tensor with ", t.numel(), " elements cannot be converted to Scalar; it has shape ",
                t.sizes(), ", use .tolist() or index one element");
    TAEDA_CHECK(!t.is_meta(), "Tensor.item() cannot be called on meta tensors: they have no values");
    Tensor here = on_host(t);
    return visit_all(t.dtype(), [&]<class T>() { return number(*here.data<T>()); });
}

PyObject* wrap(const Scalar& v) {
    if (v.is_boolean()) return number(v.to_bool());
    if (v.is_integral()) return number(v.to_int());
    if (v.is_floating()) return number(v.to_double());
    return number(v.to_complex());
}

PyObject* wrap(const Tensors& list) {
    Object made(checked(PyTuple_New(Py_ssize_t(list.size()))));
    for (size_t i = 0; i < list.size(); ++i) PyTuple_SET_ITEM(made.get(), Py_ssize_t(i), checked(wrap(list[i])));
    return made.release();
}

PyObject* wrap_ints(Ints values) {
    Object made(checked(PyTuple_New(Py_ssize_t(values.size()))));
    for (size_t i = 0; i < values.size(); ++i)
        PyTuple_SET_ITEM(made.get(), Py_ssize_t(i), checked(PyLong_FromLongLong(values[i])));
    return made.release();
}

PyObject* wrap_size(Ints sizes) {
    Object made(checked(size_type->tp_alloc(size_type, Py_ssize_t(sizes.size()))));
    for (size_t i = 0; i < sizes.size(); ++i)
        PyTuple_SET_ITEM(made.get(), Py_ssize_t(i), checked(PyLong_FromLongLong(sizes[i])));
    return made.release();
}

NamedResult::NamedResult(const char* name, std::vector<const char*> fields) {
    for (const char* field : fields) fields_.push_back({field, nullptr});
    fields_.push_back({nullptr, nullptr});
    PyStructSequence_Desc description{name, nullptr, fields_.data(), int(fields.size())};
    type_ = PyStructSequence_NewType(&description);
    if (!type_) throw PythonError();
}

}  // namespace taeda::python
