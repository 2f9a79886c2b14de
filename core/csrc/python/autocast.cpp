// What taeda.amp is made of; the mode itself is in dispatch/autocast.h.
#include "dispatch/autocast.h"

#include "python/args.h"

namespace taeda::python {

namespace {

DeviceType device_type_of(PyObject* name) {
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) throw PythonError();
    return Device::parse(text).type;
}

// _autocast_set_policy(device_type, operator, policy), policy 0: lower precision, 1: float32, 2: the widest
PyObject* set_policy(PyObject*, PyObject* args) {
    PyObject* device;
    const char* name;
    int policy;
    if (!PyArg_ParseTuple(args, "Usi", &device, &name, &policy)) return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(ValueError, policy >= 0 && policy <= 2, "_autocast_set_policy: expected policy 0, 1 or 2, got ",
                       policy);
        autocast::set_policy(device_type_of(device), name, autocast::Policy(policy));
        Py_RETURN_NONE;
    });
}

// _autocast_push(owner, device_type, dtype or None, cached)
PyObject* push(PyObject*, PyObject* args) {
    PyObject *owner, *device, *dtype;
    int cached;
    if (!PyArg_ParseTuple(args, "OUOp", &owner, &device, &dtype, &cached)) return nullptr;
    return guarded([&]() -> PyObject* {
        std::optional<DType> lower;
        if (dtype != Py_None) lower = to_dtype(dtype);
        auto mode = autocast::make_mode(device_type_of(device), lower, cached);
        mode->owner = owner;
        modes::push(std::move(mode));
        Py_RETURN_NONE;
    });
}

PyObject* active(PyObject*, PyObject* device) {
    return guarded([&]() -> PyObject* {
        std::optional<DType> lower = autocast::active(device_type_of(device));
        if (!lower) Py_RETURN_NONE;
        return wrap(*lower);
    });
}

PyObject* clear_cache(PyObject*, PyObject*) {
    autocast::clear_cache();
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_autocast_set_policy", set_policy, METH_VARARGS, nullptr},
    {"_autocast_push", push, METH_VARARGS, nullptr},
    {"_autocast_active", active, METH_O, nullptr},
    {"_autocast_clear_cache", clear_cache, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_autocast(PyObject* module) {
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
}

}  // namespace taeda::python
