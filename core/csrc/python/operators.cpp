// Puts the generated operators into `_C.ops` and onto the tensor type.
#include "python/glue.h"

namespace taeda::python {

void add_operators(PyObject* module) {
    static PyModuleDef definition = {
        PyModuleDef_HEAD_INIT, "taeda._C.ops", "Every operator.", 0, nullptr, nullptr, nullptr, nullptr, nullptr};
    Object ops(checked(PyModule_Create(&definition)));
    Object public_names(checked(PyList_New(0)));
    auto* table = new PyMethodDef[2 * kCallableCount];  // lives as long as the interpreter
    for (size_t i = 0; i < kCallableCount; ++i) {
        const NamedCallable& c = kCallables[i];
        table[2 * i] = {c.name, reinterpret_cast<PyCFunction>(c.callable->function), METH_FASTCALL | METH_KEYWORDS,
                        c.doc};
        Object function(checked(PyCFunction_NewEx(&table[2 * i], nullptr, nullptr)));
        if (PyObject_SetAttrString(ops.get(), c.name, function.get()) < 0) throw PythonError();
        if (c.is_function) {
            Object name(checked(PyUnicode_FromString(c.name)));
            PyList_Append(public_names.get(), name.get());
        }
        if (c.is_method) {
            table[2 * i + 1] = {c.name, reinterpret_cast<PyCFunction>(c.callable->method),
                                METH_FASTCALL | METH_KEYWORDS, c.doc};
            Object method(checked(PyDescr_NewMethod(tensor_type, &table[2 * i + 1])));
            if (PyDict_SetItemString(tensor_type->tp_dict, c.name, method.get()) < 0) throw PythonError();
        }
    }
    PyType_Modified(tensor_type);
    PyModule_AddObjectRef(ops.get(), "function_names", public_names.get());
    PyModule_AddObjectRef(module, "ops", ops.get());
}

}  // namespace taeda::python
