// Autograd in Python: running backward, nodes, hooks, and nodes whose backward is a Python callable.
#include "autograd/engine.h"
#include "ops.h"
#include "python/args.h"
#include "python/indexing.h"

namespace taeda::python {

namespace {

struct PyNode {
    PyObject_HEAD Ref<Node> node;
};
PyTypeObject* node_type = nullptr;

Node& node_of(PyObject* o) { return *reinterpret_cast<PyNode*>(o)->node; }

// Throws the Python exception that is set, through the engine.
[[noreturn]] void carry() { throw CarriedPythonError("an exception was raised in Python code called by backward"); }

PyObject* or_carry(PyObject* p) {
    if (!p) carry();
    return p;
}

Tensors tensors_of(PyObject* sequence, const char* what) {
    Object list(or_carry(PySequence_Fast(sequence, what)));
    Tensors found;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i) {
        PyObject* o = PySequence_Fast_GET_ITEM(list.get(), i);
        if (o != Py_None && !is_tensor(o)) {
            PyErr_Format(PyExc_TypeError, "%s: expected Tensor or None, got %s", what, Py_TYPE(o)->tp_name);
            carry();
        }
        found.push_back(o == Py_None ? Tensor() : tensor_of(o));
    }
    return found;
}

// A reference to a Python object that C++ may drop on any thread.
std::shared_ptr<PyObject> shared(PyObject* o) {
    return {Py_NewRef(o), [](PyObject* p) {
                if (!Py_IsInitialized()) return;
                Gil gil;
                Py_DECREF(p);
            }};
}

TensorHook tensor_hook(PyObject* callable) {
    return [hook = shared(callable)](const Tensor& grad) {
        Gil gil;
        Object argument(or_carry(wrap(grad)));
        Object result(or_carry(PyObject_CallOneArg(hook.get(), argument.get())));
        if (result.get() == Py_None) return Tensor();
        if (!is_tensor(result.get())) {
            PyErr_Format(PyExc_RuntimeError, "a hook on a tensor must return None or a Tensor, got %s",
                         Py_TYPE(result.get())->tp_name);
            carry();
        }
        return tensor_of(result.get());
    };
}

// What ctx.save_for_backward kept: owned by the context object, which must not own the node that owns it.
struct SavedState {
    Node* owner;
    std::vector<SavedTensor> tensors;
};

// A node that calls Python: backward(*grads) -> gradients of the inputs.
struct FunctionNode : Node {
    std::shared_ptr<PyObject> backward;
    std::shared_ptr<SavedState> saved;
    std::string label;
    ~FunctionNode() override {
        if (saved) saved->owner = nullptr;
    }
    void release() override {
        if (!saved) return;
        for (SavedTensor& s : saved->tensors) s.release();
    }
    const char* name() const override { return label.c_str(); }
    Tensors apply(Tensors grads) override {
        Gil gil;
        TAEDA_CHECK(backward, "Trying to backward through the graph a second time; specify retain_graph=True");
        Object arguments(or_carry(wrap(grads)));
        Object result(or_carry(PyObject_CallObject(backward.get(), arguments.get())));
        Object tuple;
        if (is_tensor(result.get()) || result.get() == Py_None) tuple = Object(or_carry(PyTuple_Pack(1, result.get())));
        PyObject* values = tuple ? tuple.get() : result.get();
        Tensors found = tensors_of(values, (label + ".backward").c_str());
        TAEDA_CHECK(found.size() == edges.size(), "function ", label,
                    " returned an incorrect number of gradients (expected ", edges.size(), ", got ", found.size(), ")");
        return found;
    }
};

// -- the Node type ----------------------------------------------------------------------------------------------------

void node_dealloc(PyObject* o) {
    auto* self = reinterpret_cast<PyNode*>(o);
    PyTypeObject* type = Py_TYPE(o);
    if (self->node && self->node->python == o) self->node->python = nullptr;
    self->node.~Ref<Node>();
    type->tp_free(o);
    Py_DECREF(type);
}

PyObject* node_name(PyObject* self, PyObject*) { return PyUnicode_FromString(node_of(self).name()); }

PyObject* node_repr(PyObject* self) { return PyUnicode_FromFormat("<%s object at %p>", node_of(self).name(), self); }

PyObject* node_next(PyObject* self, void*) {
    return guarded([&]() -> PyObject* {
        const auto& edges = node_of(self).edges;
        Object all(checked(PyTuple_New(Py_ssize_t(edges.size()))));
        for (size_t i = 0; i < edges.size(); ++i) {
            Object next(checked(wrap_node(edges[i].node)));
            PyTuple_SET_ITEM(all.get(), Py_ssize_t(i), checked(Py_BuildValue("(OI)", next.get(), edges[i].index)));
        }
        return all.release();
    });
}

PyObject* node_variable(PyObject* self, void*) {
    return guarded([&]() -> PyObject* {
        Tensor t = node_of(self).variable();
        if (t.defined()) return wrap(t);
        PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", node_of(self).name());
        return nullptr;
    });
}

template <class List> void remove_id(List& list, uint64_t id) {
    std::erase_if(list, [id](const auto& entry) {
        if constexpr (requires { entry.id; }) return entry.id == id;
        else return entry.first == id;
    });
}

PyObject* node_register_hook(PyObject* self, PyObject* callable) {
    return guarded([&]() -> PyObject* {
        uint64_t id = next_hook_id();
        node_of(self).hook_list().after.emplace_back(
            id, [hook = shared(callable)](Tensors outputs, const Tensors& grads) {
                Gil gil;
                Object o(or_carry(wrap(outputs))), g(or_carry(wrap(grads)));
                Object result(or_carry(PyObject_CallFunctionObjArgs(hook.get(), o.get(), g.get(), nullptr)));
                return result.get() == Py_None ? outputs : tensors_of(result.get(), "hook result");
            });
        return PyLong_FromUnsignedLongLong(id);
    });
}

PyObject* node_register_prehook(PyObject* self, PyObject* callable) {
    return guarded([&]() -> PyObject* {
        uint64_t id = next_hook_id();
        node_of(self).hook_list().before.emplace_back(id, [hook = shared(callable)](Tensors grads) {
            Gil gil;
            Object g(or_carry(wrap(grads)));
            Object result(or_carry(PyObject_CallOneArg(hook.get(), g.get())));
            return result.get() == Py_None ? grads : tensors_of(result.get(), "prehook result");
        });
        return PyLong_FromUnsignedLongLong(id);
    });
}

PyObject* node_remove_hook(PyObject* self, PyObject* id) {
    return guarded([&]() -> PyObject* {
        uint64_t wanted = uint64_t(to_int(id));
        NodeHooks& hooks = node_of(self).hook_list();
        remove_id(hooks.after, wanted);
        remove_id(hooks.before, wanted);
        Py_RETURN_NONE;
    });
}

PyMethodDef node_methods[] = {
    {"name", node_name, METH_NOARGS, "Name of the operation, such as AddBackward0."},
    {"_register_hook", node_register_hook, METH_O, nullptr},
    {"_register_prehook", node_register_prehook, METH_O, nullptr},
    {"_remove_hook", node_remove_hook, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef node_attributes[] = {
    {"next_functions", node_next, nullptr, "The nodes that gradients flow to, with the position of their input.",
     nullptr},
    {"variable", node_variable, nullptr, "The leaf of an AccumulateGrad node.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyType_Slot node_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                            {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                            {Py_tp_methods, node_methods},
                            {Py_tp_getset, node_attributes},
                            {0, nullptr}};
PyType_Spec node_spec = {"taeda.autograd.graph.Node", sizeof(PyNode), 0, Py_TPFLAGS_DEFAULT, node_slots};

// -- functions ----------------------------------------------------------------------------------------------------------

// _backward(roots, grads, retain_graph, create_graph, inputs, accumulate) -> tuple of gradients
PyObject* backward(PyObject*, PyObject* args) {
    PyObject *roots, *grads, *inputs;
    int keep, create, accumulate;
    if (!PyArg_ParseTuple(args, "OOppOp", &roots, &grads, &keep, &create, &inputs, &accumulate)) return nullptr;
    return guarded([&]() -> PyObject* {
        Tensors result = run_backward(tensors_of(roots, "tensors"), tensors_of(grads, "grad_tensors"), keep, create,
                                      tensors_of(inputs, "inputs"), accumulate);
        return wrap(result);
    });
}

// _function_node(name, backward, inputs) -> Node: one edge per input (None allowed)
PyObject* function_node(PyObject*, PyObject* args) {
    const char* name;
    PyObject *callable, *inputs;
    if (!PyArg_ParseTuple(args, "sOO", &name, &callable, &inputs)) return nullptr;
    return guarded([&]() -> PyObject* {
        auto* node = new FunctionNode;
        Ref<Node> holder(node);
        node->label = name;
        node->backward = shared(callable);
        for (const Tensor& t : tensors_of(inputs, "inputs")) node->edges.push_back(gradient_edge(t));
        return wrap_node(holder);
    });
}

// _set_history(tensor, node, inplace): ties an output of a Python function to its node
PyObject* set_history_of(PyObject*, PyObject* args) {
    PyObject *tensor, *node;
    int inplace;
    if (!PyArg_ParseTuple(args, "OOp", &tensor, &node, &inplace)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        const Ref<Node>& made = reinterpret_cast<PyNode*>(node)->node;
        if (inplace) rebase_history(t, made);
        else set_history(t, made);
        Py_RETURN_NONE;
    });
}

// _save_for_backward(node, tensors, are_outputs) -> what _saved_tensors takes
PyObject* save_for_backward(PyObject*, PyObject* args) {
    PyObject *node, *tensors, *are_outputs;
    if (!PyArg_ParseTuple(args, "OOO!", &node, &tensors, &PyTuple_Type, &are_outputs)) return nullptr;
    return guarded([&]() -> PyObject* {
        auto state = std::make_shared<SavedState>();
        state->owner = &node_of(node);
        Py_ssize_t i = 0;
        for (const Tensor& t : tensors_of(tensors, "save_for_backward"))
            state->tensors.emplace_back(t, PyTuple_GET_ITEM(are_outputs, i++) == Py_True);
        static_cast<FunctionNode&>(node_of(node)).saved = state;
        return PyCapsule_New(new std::shared_ptr<SavedState>(state), "taeda.saved", [](PyObject* capsule) {
            delete static_cast<std::shared_ptr<SavedState>*>(PyCapsule_GetPointer(capsule, "taeda.saved"));
        });
    });
}

PyObject* saved_tensors(PyObject*, PyObject* capsule) {
    return guarded([&]() -> PyObject* {
        void* held = PyCapsule_GetPointer(capsule, "taeda.saved");
        if (!held) throw PythonError();
        std::shared_ptr<SavedState> state = *static_cast<std::shared_ptr<SavedState>*>(held);
        TAEDA_CHECK(state->owner, "saved_tensors: the graph that they were saved for is gone");
        Tensors found;
        for (const SavedTensor& s : state->tensors) found.push_back(s.unpack(*state->owner));
        return wrap(found);
    });
}

// _push_saved_tensors_hooks(pack, unpack)
PyObject* push_hooks(PyObject*, PyObject* args) {
    PyObject *pack, *unpack;
    if (!PyArg_ParseTuple(args, "OO", &pack, &unpack)) return nullptr;
    return guarded([&]() -> PyObject* {
        SavedTensorHooks hooks;
        hooks.pack = [hook = shared(pack)](const Tensor& t) -> std::shared_ptr<void> {
            Gil gil;
            Object argument(or_carry(wrap(t)));
            Object packed(or_carry(PyObject_CallOneArg(hook.get(), argument.get())));
            return shared(packed.get());
        };
        hooks.unpack = [hook = shared(unpack)](const std::shared_ptr<void>& packed) {
            Gil gil;
            Object result(or_carry(PyObject_CallOneArg(hook.get(), static_cast<PyObject*>(packed.get()))));
            TAEDA_CHECK_AS(TypeError, is_tensor(result.get()),
                           "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
                           Py_TYPE(result.get())->tp_name);
            return Tensor(tensor_of(result.get()));
        };
        push_saved_tensor_hooks(std::move(hooks));
        Py_RETURN_NONE;
    });
}
PyObject* pop_hooks(PyObject*, PyObject*) {
    return guarded([&]() -> PyObject* {
        pop_saved_tensor_hooks();
        Py_RETURN_NONE;
    });
}
// _disable_saved_tensors_hooks(message or None) -> the message before
PyObject* disable_hooks(PyObject*, PyObject* message) {
    return guarded([&]() -> PyObject* {
        std::optional<std::string> text;
        if (message != Py_None) text = PyUnicode_AsUTF8(message);
        auto before = forbid_saved_tensor_hooks(text);
        if (!before) Py_RETURN_NONE;
        return PyUnicode_FromString(before->c_str());
    });
}

PyObject* register_tensor_hook(PyObject*, PyObject* args) {
    PyObject *tensor, *callable;
    if (!PyArg_ParseTuple(args, "OO", &tensor, &callable)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        TAEDA_CHECK(t.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
        uint64_t id = next_hook_id();
        if (Ref<Node> node = grad_fn(t))
            node->hook_list().tensor.push_back({id, autograd_meta(t).output_index, tensor_hook(callable)});
        else autograd_meta(t).hooks.emplace_back(id, tensor_hook(callable));
        return PyLong_FromUnsignedLongLong(id);
    });
}

PyObject* register_after_accumulate(PyObject*, PyObject* args) {
    PyObject *tensor, *callable;
    if (!PyArg_ParseTuple(args, "OO", &tensor, &callable)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        TAEDA_CHECK(t.requires_grad() && !grad_fn(t),
                    "post accumulate grad hooks cannot be registered on non-leaf tensors");
        uint64_t id = next_hook_id();
        autograd_meta(t).after_accumulate.emplace_back(id, [hook = shared(callable)](const Tensor& leaf) {
            Gil gil;
            Object argument(or_carry(wrap(leaf)));
            Object(or_carry(PyObject_CallOneArg(hook.get(), argument.get())));
        });
        return PyLong_FromUnsignedLongLong(id);
    });
}

PyObject* remove_tensor_hook(PyObject*, PyObject* args) {
    PyObject* tensor;
    unsigned long long id;
    if (!PyArg_ParseTuple(args, "OK", &tensor, &id)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        AutogradMeta& meta = autograd_meta(t);
        remove_id(meta.hooks, id);
        remove_id(meta.after_accumulate, id);
        if (Ref<Node> node = grad_fn(t); node && node->hooks) {
            remove_id(node->hooks->tensor, id);
            remove_id(node->hooks->retain, id);
        }
        Py_RETURN_NONE;
    });
}

PyObject* retain_grad(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        TAEDA_CHECK(t.requires_grad(), "can't retain_grad on Tensor that has requires_grad=False");
        Ref<Node> node = grad_fn(t);
        if (!node || autograd_meta(t).retains_grad) Py_RETURN_NONE;
        autograd_meta(t).retains_grad = true;
        // The hook must not keep the tensor alive, which keeps the node alive: remember the wrapper weakly.
        auto reference = shared(checked(PyWeakref_NewRef(self, nullptr)));
        node->hook_list().retain.push_back(
            {next_hook_id(), autograd_meta(t).output_index, [reference](const Tensor& grad) {
                 Gil gil;
                 if (Object o = referent(reference.get())) {
                     Tensor& kept = autograd_meta(tensor_of(o.get())).grad;
                     kept = kept.defined() ? ops::add(kept, grad) : grad;
                 }
                 return Tensor();
             }});
        Py_RETURN_NONE;
    });
}

PyObject* is_grad_enabled(PyObject*, PyObject*) { return wrap(thread_state.grad_enabled); }
PyObject* set_grad_enabled(PyObject*, PyObject* value) {
    bool before = thread_state.grad_enabled;
    thread_state.grad_enabled = value == Py_True;
    return wrap(before);
}
PyObject* is_inference(PyObject*, PyObject*) { return wrap(thread_state.inference); }
PyObject* set_inference(PyObject*, PyObject* value) {
    bool before = thread_state.inference;
    thread_state.inference = value == Py_True;
    return wrap(before);
}

PyObject* bump_version(PyObject*, PyObject* tensor) {
    tensor_of(tensor).bump_version();
    Py_RETURN_NONE;
}

PyObject* has_frozen_view(PyObject*, PyObject* args) {
    PyObject* tensor;
    const char* why;
    if (!PyArg_ParseTuple(args, "Os", &tensor, &why)) return nullptr;
    AutogradMeta* meta = tensor_of(tensor).impl()->autograd;
    if (meta && meta->view) {
        static std::vector<std::unique_ptr<std::string>> texts;
        texts.push_back(std::make_unique<std::string>(why));
        meta->view->frozen = texts.back()->c_str();
    }
    Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_backward", backward, METH_VARARGS, nullptr},
    {"_function_node", function_node, METH_VARARGS, nullptr},
    {"_set_history", set_history_of, METH_VARARGS, nullptr},
    {"_register_tensor_hook", register_tensor_hook, METH_VARARGS, nullptr},
    {"_register_after_accumulate", register_after_accumulate, METH_VARARGS, nullptr},
    {"_remove_tensor_hook", remove_tensor_hook, METH_VARARGS, nullptr},
    {"_save_for_backward", save_for_backward, METH_VARARGS, nullptr},
    {"_saved_tensors", saved_tensors, METH_O, nullptr},
    {"_push_saved_tensors_hooks", push_hooks, METH_VARARGS, nullptr},
    {"_pop_saved_tensors_hooks", pop_hooks, METH_NOARGS, nullptr},
    {"_disable_saved_tensors_hooks", disable_hooks, METH_O, nullptr},
    {"_freeze_view", has_frozen_view, METH_VARARGS, nullptr},
    {"_bump_version", bump_version, METH_O, nullptr},
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operations are recorded for backward."},
    {"_set_grad_enabled", set_grad_enabled, METH_O, nullptr},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, "Whether inference mode is on."},
    {"_set_inference", set_inference, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyMethodDef tensor_methods[] = {
    {"retain_grad", retain_grad, METH_NOARGS, "retain_grad(): keeps .grad of a tensor that is not a leaf."},
};

}  // namespace

PyObject* wrap_node(const Ref<Node>& node) {
    if (!node) Py_RETURN_NONE;
    if (node->python) return Py_NewRef(static_cast<PyObject*>(node->python));
    auto* made = reinterpret_cast<PyNode*>(checked(node_type->tp_alloc(node_type, 0)));
    new (&made->node) Ref<Node>(node);
    node->python = made;
    return reinterpret_cast<PyObject*>(made);
}

void add_autograd(PyObject* module) {
    node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&node_spec)));
    PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type));
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
    Object method(checked(PyDescr_NewMethod(tensor_type, &tensor_methods[0])));
    if (PyDict_SetItemString(tensor_type->tp_dict, "retain_grad", method.get()) < 0) throw PythonError();
}

}  // namespace taeda::python
