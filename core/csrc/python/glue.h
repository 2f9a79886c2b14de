// What the generated call glue needs.
#pragma once

#include "autograd/meta.h"
#include "python/args.h"
#include "python/parse.h"

namespace taeda::python {

using FastCall = PyObject* (*)(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames);

// One Python name: as a function (self is the module and not passed on) and as a method.
struct Callable {
    FastCall function, method;
};
struct NamedCallable {
    const char* name;
    const Callable* callable;
    bool is_method, is_function;
    const char* doc;
};
extern const NamedCallable kCallables[];
extern const size_t kCallableCount;

// Runs one call; an error that arises in it says which call that was.
template <class F> PyObject* guarded_call(Parser& parser, PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                                          PyObject* kwnames, F&& run) {
    bool parsed = false;
    try {
        Slots slots;
        int signature = parser.match(self, args, nargs, kwnames, slots);
        parsed = true;
        return run(signature, slots);
    } catch (...) { return parser.failed(parsed, self, args, nargs, kwnames); }
}

#define TAEDA_CALLABLE(name, call) \
    static PyObject* function_##name(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) { \
        return call(nullptr, args, nargs, kwnames); \
    } \
    extern const Callable name##_callable; \
    const Callable name##_callable{function_##name, call};

inline PyObject* same(PyObject* o) { return Py_NewRef(o); }

inline Tensor with_requires_grad(Tensor t, PyObject* flag) {
    if (given(flag) && to_bool(flag)) set_requires_grad(t, true);
    return t;
}

void check_layout(PyObject* layout);  // that it is taeda.strided, or nothing; small_types.cpp

inline const Tensor& out_tensor(PyObject* o) { return tensor_of(o); }
inline const Tensor& out_tensor(PyObject* o, Py_ssize_t i) {
    TAEDA_CHECK_AS(TypeError, i < PySequence_Fast_GET_SIZE(o), "out= must be a tuple of one tensor per result, got ",
                   PySequence_Fast_GET_SIZE(o));
    return tensor_of(PySequence_Fast_GET_ITEM(o, i));
}
template <class F> PyObject* give_out(PyObject* out, F&& call) {
    call();
    return Py_NewRef(out);
}

// A named tuple of results, such as taeda.return_types.max(values, indices).
class NamedResult {
public:
    NamedResult(const char* name, std::vector<const char*> fields);
    template <class... T> PyObject* wrap(const std::tuple<T...>& results) const {
        Object made(checked(PyStructSequence_New(type_)));
        Py_ssize_t i = 0;
        std::apply(
            [&](const auto&... r) { (PyStructSequence_SetItem(made.get(), i++, checked(python::wrap(r))), ...); },
            results);
        return made.release();
    }

private:
    std::vector<PyStructSequence_Field> fields_;
    PyTypeObject* type_;
};

}  // namespace taeda::python
