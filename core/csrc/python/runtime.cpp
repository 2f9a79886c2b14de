// Functions that are no operators: building tensors from data, settings, build information, boxed calls and modes.
#include "autograd/meta.h"
#include "dispatch/libraries.h"
#include "dispatch/registry.h"
#include "kernels/tf32.h"
#include "ops.h"
#include "python/args.h"
#include "python/errors.h"
#include "python/indexing.h"
#include "tensor/backend.h"
#include "tensor/threads.h"

namespace taeda::python {

namespace {

PyObject* make_tensor(PyObject*, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"data", "dtype", "device", "requires_grad", "pin_memory", nullptr};
    PyObject *data, *dtype = Py_None, *device = Py_None;
    int requires_grad = 0, pin_memory = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOpp", const_cast<char**>(names), &data, &dtype, &device,
                                     &requires_grad, &pin_memory))
        return nullptr;
    return guarded([&]() -> PyObject* {
        Tensor t = tensor_from_data(data, dtype == Py_None ? std::optional<DType>() : to_dtype(dtype),
                                    device == Py_None ? std::optional<Device>() : to_device(device));
        if (requires_grad) set_requires_grad(t, true);
        return wrap(t);
    });
}

// as_tensor(data, dtype, device): shares memory where it can
PyObject* as_tensor(PyObject*, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"data", "dtype", "device", nullptr};
    PyObject *data, *dtype = Py_None, *device = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OO", const_cast<char**>(names), &data, &dtype, &device))
        return nullptr;
    return guarded([&]() -> PyObject* {
        std::optional<DType> type = dtype == Py_None ? std::optional<DType>() : to_dtype(dtype);
        std::optional<Device> where = device == Py_None ? std::optional<Device>() : to_device(device);
        Tensor t = is_tensor(data) ? tensor_of(data) : is_array(data) ? from_array(data) : tensor_from_data(data, type);
        if (type && t.dtype() != *type) t = ops::to(t, *type);
        if (where) where = resolve_device(*where);
        if (where && t.device() != *where && !(t.is_cpu() && where->is_cpu())) t = ops::move_to(t, *where);
        return wrap(t);
    });
}

PyObject* promote_types(PyObject*, PyObject* args) {
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b)) return nullptr;
    return guarded([&]() -> PyObject* { return wrap(promote(to_dtype(a), to_dtype(b))); });
}

PyObject* result_type_of(PyObject*, PyObject* args) {
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO", &a, &b)) return nullptr;
    return guarded([&]() -> PyObject* {
        OperandArg x(a), y(b);
        return wrap(result_type(x.get(), y.get()));
    });
}

PyObject* get_default_dtype(PyObject*, PyObject*) { return wrap(default_dtype()); }
PyObject* set_default(PyObject*, PyObject* dtype) {
    return guarded([&]() -> PyObject* {
        set_default_dtype(to_dtype(dtype));
        Py_RETURN_NONE;
    });
}

constexpr int64_t kMostThreads = 1 << 15;

PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(taeda::num_threads()); }
PyObject* set_num_threads(PyObject*, PyObject* count) {
    return guarded([&]() -> PyObject* {
        int64_t n = to_int(count);
        TAEDA_CHECK(n > 0 && n <= kMostThreads, "set_num_threads expects a positive integer, got ", n);
        taeda::set_num_threads(int(n));
        Py_RETURN_NONE;
    });
}

PyObject* build_info(PyObject*, PyObject*) {
    return Py_BuildValue("{s:s,s:s,s:i,s:s}", "version", TAEDA_VERSION, "isa", isa_level().c_str(), "threads",
                         taeda::num_threads(), "compiler", "gcc " __VERSION__);
}

PyObject* allocator_stats(PyObject*, PyObject*) {
    auto s = cpu::allocator_stats();
    return Py_BuildValue("{s:n,s:n,s:n,s:K,s:K}", "allocated_bytes", Py_ssize_t(s.allocated), "reserved_bytes",
                         Py_ssize_t(s.reserved), "peak_allocated_bytes", Py_ssize_t(s.peak_allocated), "requests",
                         (unsigned long long)s.requests, "reused", (unsigned long long)s.reused);
}
PyObject* empty_cache(PyObject*, PyObject*) {
    cpu::empty_cache();
    Py_RETURN_NONE;
}

// -- boxed calls and modes --------------------------------------------------------------------------------------------

PyObject* from_value(const Value& value) {
    return std::visit(
        []<class T>(const T& v) -> PyObject* {
            if constexpr (std::is_same_v<T, std::monostate>) Py_RETURN_NONE;
            else if constexpr (std::is_same_v<T, Dims>) return wrap_ints(v);
            else if constexpr (std::is_same_v<T, std::string>) return PyUnicode_FromString(v.c_str());
            else if constexpr (std::is_same_v<T, std::vector<double>>) {
                Object list(checked(PyTuple_New(Py_ssize_t(v.size()))));
                for (size_t i = 0; i < v.size(); ++i) PyTuple_SET_ITEM(list.get(), Py_ssize_t(i), wrap(v[i]));
                return list.release();
            } else if constexpr (std::is_same_v<T, MemoryFormat>) return PyLong_FromLong(long(v));
            else return wrap(v);
        },
        value);
}

PyObject* from_stack(const Stack& stack) {
    Object tuple(checked(PyTuple_New(Py_ssize_t(stack.size()))));
    for (size_t i = 0; i < stack.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), Py_ssize_t(i), checked(from_value(stack[i])));
    return tuple.release();
}

// A mode whose handler is Python: handler(name, arguments, proceed) -> results, where proceed() runs the operator.
struct PythonMode : Mode {
    PyObject* handler;
    explicit PythonMode(PyObject* h) : handler(Py_NewRef(h)) {}
    ~PythonMode() override {
        Gil gil;
        Py_DECREF(handler);
    }
    struct Pending {
        const OpEntry* entry;
        const Stack* arguments;
        Stack* results;
        bool ran = false;
    };
    static PyObject* proceed(PyObject* capsule, PyObject*) {
        return guarded([&]() -> PyObject* {
            auto* pending = static_cast<Pending*>(PyCapsule_GetPointer(capsule, nullptr));
            pending->results->clear();
            pending->entry->boxed(*pending->arguments, *pending->results);
            pending->ran = true;
            return from_stack(*pending->results);
        });
    }
    static void replace(const Value& old, PyObject* given, Value& to) {
        if (std::holds_alternative<Tensor>(old) && is_tensor(given)) to = tensor_of(given);
        else if (std::holds_alternative<Tensors>(old) && PyTuple_Check(given)) {
            Tensors list;
            for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(given); ++i)
                list.push_back(tensor_of(PyTuple_GET_ITEM(given, i)));
            to = list;
        }
    }
    void handle(const OpEntry& entry, const Stack& arguments, Stack& results) override {
        Gil gil;
        Pending pending{&entry, &arguments, &results};
        static PyMethodDef method = {"proceed", proceed, METH_NOARGS,
                                     "Runs the operator below this mode; returns its results."};
        Object capsule(checked(PyCapsule_New(&pending, nullptr, nullptr)));
        Object function(checked(PyCFunction_New(&method, capsule.get())));
        Object name(checked(PyUnicode_FromString(entry.name))), args(checked(from_stack(arguments)));
        Object returned(PyObject_CallFunctionObjArgs(handler, name.get(), args.get(), function.get(), nullptr));
        if (!returned) throw CarriedPythonError("a mode's handler raised");
        TAEDA_CHECK(pending.ran, "the handler of a mode must call proceed() for ", entry.name);
        if (PyTuple_Check(returned.get()) && PyTuple_GET_SIZE(returned.get()) == Py_ssize_t(results.size()))
            for (size_t i = 0; i < results.size(); ++i)
                replace(Value(results[i]), PyTuple_GET_ITEM(returned.get(), Py_ssize_t(i)), results[i]);
    }
};

PyObject* push_mode(PyObject*, PyObject* args) {
    PyObject *owner, *handler;
    if (!PyArg_ParseTuple(args, "OO", &owner, &handler)) return nullptr;
    auto mode = std::make_shared<PythonMode>(handler);
    mode->owner = owner;
    modes::push(std::move(mode));
    Py_RETURN_NONE;
}
PyObject* pop_mode(PyObject*, PyObject* owner) {
    return guarded([&]() -> PyObject* {
        modes::leave(owner);
        Py_RETURN_NONE;
    });
}
PyObject* op_schemas(PyObject*, PyObject*) {
    return guarded([&]() -> PyObject* {
        Object found(checked(PyDict_New()));
        for (const OpEntry* entry : all_ops()) {
            Object schema(checked(PyUnicode_FromString(entry->schema)));
            PyDict_SetItemString(found.get(), entry->name, schema.get());
        }
        return found.release();
    });
}

std::atomic<bool>& tf32_switch(PyObject* family) {
    std::string name = to_string(family);
    if (name == "matmul") return allow_tf32.matmul;
    TAEDA_CHECK_AS(ValueError, name == "convolution", "allow_tf32: expected 'matmul' or 'convolution', got '", name,
                   "'");
    return allow_tf32.convolution;
}
PyObject* get_tf32(PyObject*, PyObject* family) {
    return guarded([&] { return PyBool_FromLong(tf32_switch(family)); });
}
PyObject* set_tf32(PyObject*, PyObject* args) {
    return guarded([&]() -> PyObject* {
        PyObject* family;
        int value;
        if (!PyArg_ParseTuple(args, "Op", &family, &value)) throw PythonError();
        tf32_switch(family) = value != 0;
        Py_RETURN_NONE;
    });
}

PyObject* set_parameter_type(PyObject*, PyObject* type) {
    parameter_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(type));
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"tensor", reinterpret_cast<PyCFunction>(make_tensor), METH_VARARGS | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False): a new tensor with a copy of data."},
    {"as_tensor", reinterpret_cast<PyCFunction>(as_tensor), METH_VARARGS | METH_KEYWORDS,
     "as_tensor(data, dtype=None, device=None): data as a tensor, sharing memory where possible."},
    {"promote_types", promote_types, METH_VARARGS, "promote_types(type1, type2): the smallest dtype that holds both."},
    {"result_type", result_type_of, METH_VARARGS, "result_type(tensor1, tensor2): the dtype of an operation on both."},
    {"get_default_dtype", get_default_dtype, METH_NOARGS, "The dtype of new floating-point tensors."},
    {"set_default_dtype", set_default, METH_O, "set_default_dtype(d): the dtype of new floating-point tensors."},
    {"get_num_threads", get_num_threads, METH_NOARGS, "Threads that operators use on the CPU."},
    {"set_num_threads", set_num_threads, METH_O, "set_num_threads(int): threads that operators use on the CPU."},
    {"_build_info", build_info, METH_NOARGS, nullptr},
    {"_cpu_memory_stats", allocator_stats, METH_NOARGS, nullptr},
    {"_cpu_empty_cache", empty_cache, METH_NOARGS, nullptr},
    {"_push_mode", push_mode, METH_VARARGS, nullptr},
    {"_pop_mode", pop_mode, METH_O, nullptr},
    {"_op_schemas", op_schemas, METH_NOARGS, nullptr},
    {"_allow_tf32", get_tf32, METH_O, nullptr},
    {"_set_allow_tf32", set_tf32, METH_VARARGS, nullptr},
    {"_set_parameter_type", set_parameter_type, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_runtime(PyObject* module) {
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
    PyModule_AddObjectRef(module, "LinAlgError", linalg_error_type());
    PyModule_AddObjectRef(module, "OutOfMemoryError", out_of_memory_error_type());
}

}  // namespace taeda::python
