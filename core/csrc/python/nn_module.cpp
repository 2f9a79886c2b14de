// The two hot paths of taeda.nn.Module: reading an attribute, and a call without hooks.
//
// Module is a Python class (taeda/nn/modules), and its meaning is written there: `__getattr__` looks into the tables of
// parameters, buffers and submodules, and `__call__` runs the hooks around `forward`. Through Python's slots an
// attribute that is a parameter costs 0.5 us and an empty call 0.2 us. `_speed_up_module_class(cls)` gives a class
// slots that do the same directly, as long as the class has not overridden those two methods. Assigning either to a
// class later gives it Python's slots back, because Python then sets them anew.
#include "python/object.h"

namespace taeda::python {

namespace {

PyObject *module_getattr_method, *module_call_method;  // Module.__getattr__ and Module.__call__
PyObject *name_getattr, *name_call, *name_forward, *name_hooked, *name_call_with_hooks, *name_note_place;
PyObject* table_names[3];  // _parameters, _buffers, _modules

PyObject* getattro(PyObject* self, PyObject* name) {
    PyObject* found = _PyObject_GenericGetAttrWithDict(self, name, nullptr, 1);
    if (found || PyErr_Occurred()) return found;
    Object own(PyObject_GenericGetDict(self, nullptr));
    if (!own) return nullptr;
    for (PyObject* table_name : table_names) {
        PyObject* table = PyDict_GetItemWithError(own.get(), table_name);
        if (table && PyDict_Check(table)) {
            PyObject* value = PyDict_GetItemWithError(table, name);
            if (value) return Py_NewRef(value);
        }
        if (PyErr_Occurred()) return nullptr;
    }
    return PyObject_CallFunctionObjArgs(module_getattr_method, self, name, nullptr);  // sets the error
}

// Whether hooks may be there: the attribute `_hooked` of the instance, or of the class.
int is_hooked(PyObject* self, PyObject* own) {
    PyObject* flag = PyDict_GetItemWithError(own, name_hooked);
    if (!flag && PyErr_Occurred()) return -1;
    if (!flag) flag = _PyType_Lookup(Py_TYPE(self), name_hooked);
    return flag ? PyObject_IsTrue(flag) : 0;
}

PyObject* run(PyObject* self, PyObject* args, PyObject* kwargs) {
    Object own(PyObject_GenericGetDict(self, nullptr));
    if (!own) return nullptr;
    const int hooked = is_hooked(self, own.get());
    if (hooked < 0) return nullptr;
    if (hooked) {
        Object names(kwargs ? Py_NewRef(kwargs) : PyDict_New());
        if (!names) return nullptr;
        return PyObject_CallMethodObjArgs(self, name_call_with_hooks, args, names.get(), nullptr);
    }
    // A plain function in the class, not hidden by an attribute of the instance, is called without binding it.
    PyObject* forward = _PyType_Lookup(Py_TYPE(self), name_forward);
    const Py_ssize_t count = PyTuple_GET_SIZE(args);
    constexpr Py_ssize_t kMost = 8;
    if (forward && PyFunction_Check(forward) && count < kMost && !PyDict_GetItemWithError(own.get(), name_forward)) {
        Object kept(Py_NewRef(forward));
        PyObject* stack[kMost + 1] = {nullptr, self};
        for (Py_ssize_t i = 0; i < count; ++i) stack[i + 2] = PyTuple_GET_ITEM(args, i);
        return PyObject_VectorcallDict(forward, stack + 1, (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, kwargs);
    }
    if (PyErr_Occurred()) return nullptr;
    Object bound(PyObject_GetAttr(self, name_forward));
    return bound ? PyObject_Call(bound.get(), args, kwargs) : nullptr;
}

// Has `_note_place` write into the error that is set which layer it comes from.
void note_place(PyObject* self) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    Object noted(PyObject_CallMethodOneArg(self, name_note_place, value));
    if (!noted) PyErr_Clear();  // the first error is the one to tell
    PyErr_Restore(type, value, traceback);
}

PyObject* call(PyObject* self, PyObject* args, PyObject* kwargs) {
    PyObject* result = run(self, args, kwargs);
    if (!result && PyErr_ExceptionMatches(PyExc_Exception)) note_place(self);
    return result;
}

// _set_module_class(Module): whose __getattr__ and __call__ the slots stand for.
PyObject* set_module_class(PyObject*, PyObject* cls) {
    Py_XSETREF(module_getattr_method, PyObject_GetAttr(cls, name_getattr));
    Py_XSETREF(module_call_method, PyObject_GetAttr(cls, name_call));
    if (!module_getattr_method || !module_call_method) return nullptr;
    Py_RETURN_NONE;
}

// _speed_up_module_class(cls)
PyObject* speed_up_module_class(PyObject*, PyObject* cls) {
    if (!PyType_Check(cls)) return PyErr_Format(PyExc_TypeError, "_speed_up_module_class: expected a class");
    auto* type = reinterpret_cast<PyTypeObject*>(cls);
    PyObject* getattribute = _PyType_Lookup(type, name_getattr);
    Object generic(PyObject_GetAttrString(cls, "__getattribute__"));
    Object plain(PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__getattribute__"));
    if (!generic || !plain) return nullptr;
    if (getattribute == module_getattr_method && generic.get() == plain.get()) type->tp_getattro = getattro;
    if (_PyType_Lookup(type, name_call) == module_call_method) type->tp_call = call;
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_set_module_class", set_module_class, METH_O, nullptr},
    {"_speed_up_module_class", speed_up_module_class, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_nn_module(PyObject* module) {
    const char* tables[] = {"_parameters", "_buffers", "_modules"};
    for (int i = 0; i < 3; ++i) table_names[i] = checked(PyUnicode_InternFromString(tables[i]));
    name_getattr = checked(PyUnicode_InternFromString("__getattr__"));
    name_call = checked(PyUnicode_InternFromString("__call__"));
    name_forward = checked(PyUnicode_InternFromString("forward"));
    name_hooked = checked(PyUnicode_InternFromString("_hooked"));
    name_call_with_hooks = checked(PyUnicode_InternFromString("_call_with_hooks"));
    name_note_place = checked(PyUnicode_InternFromString("_note_place"));
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
}

}  // namespace taeda::python
