// taeda.Tensor: the type, its attributes and its number, mapping and comparison protocols. Operator methods are added
// from the generated table (operators.cpp).

#include "autograd/engine.h"
#include "ops.h"
#include "python/glue.h"
#include "python/indexing.h"

#include <structmember.h>

namespace taeda::python {

PyTypeObject* tensor_type = nullptr;
PyTypeObject* parameter_type = nullptr;
PyTypeObject* size_type = nullptr;

PyObject* wrap_as(PyTypeObject* type, const Tensor& t) {
    auto* made = reinterpret_cast<PyTensor*>(checked(type->tp_alloc(type, 0)));
    new (&made->tensor) Tensor(t);
    made->weakrefs = made->attributes = nullptr;
    t.impl()->python = made;
    return reinterpret_cast<PyObject*>(made);
}

PyObject* wrap(const Tensor& t) {
    if (!t.defined()) Py_RETURN_NONE;
    if (t.impl()->python) return Py_NewRef(static_cast<PyObject*>(t.impl()->python));
    return wrap_as(tensor_type, t);
}

namespace {

const Tensor& self_of(PyObject* o) { return tensor_of(o); }

void tensor_dealloc(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    auto* self = reinterpret_cast<PyTensor*>(o);
    PyObject_GC_UnTrack(o);
    if (self->weakrefs) PyObject_ClearWeakRefs(o);
    Py_CLEAR(self->attributes);
    if (self->tensor.defined() && self->tensor.impl()->python == o) self->tensor.impl()->python = nullptr;
    self->tensor.~Tensor();
    type->tp_free(o);
    Py_DECREF(type);
}

int tensor_traverse(PyObject* o, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(o));
    Py_VISIT(reinterpret_cast<PyTensor*>(o)->attributes);
    return 0;
}

int tensor_clear(PyObject* o) {
    Py_CLEAR(reinterpret_cast<PyTensor*>(o)->attributes);
    return 0;
}

// Tensor(2, 3) is uninitialised float32, Tensor(data) is tensor(data).float(): the old constructor, kept for scripts.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError, !kwargs || PyDict_GET_SIZE(kwargs) == 0,
                       "Tensor() takes no keyword arguments; use taeda.tensor(data, dtype=..., device=...)");
        Py_ssize_t n = PyTuple_GET_SIZE(args);
        Tensor made;
        if (n == 1 && !PyLong_Check(PyTuple_GET_ITEM(args, 0))) {
            PyObject* data = PyTuple_GET_ITEM(args, 0);
            if (Py_TYPE(data) == size_type) made = empty_tensor(to_ints(data), default_dtype());
            else if (is_tensor(data)) made = alias(tensor_of(data));
            else made = tensor_from_data(data, default_dtype());
        } else {
            made = empty_tensor(n ? to_ints(args) : Dims{0}, default_dtype());
        }
        return wrap_as(type, made);
    });
}

PyObject* make_subclass(PyObject*, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"cls", "data", "require_grad", nullptr};
    PyObject *cls, *data;
    int requires_grad = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p", const_cast<char**>(names), &cls, &data, &requires_grad))
        return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError, PyType_Check(cls) && is_tensor(data),
                       "_make_subclass(cls, data): expected a type and a Tensor");
        Tensor t = detach_alias(tensor_of(data));
        if (requires_grad) set_requires_grad(t, true);
        return wrap_as(reinterpret_cast<PyTypeObject*>(cls), t);
    });
}

PyObject* as_subclass(PyObject* self, PyObject* cls) {
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError, PyType_Check(cls), "as_subclass(cls): expected a type");
        return wrap_as(reinterpret_cast<PyTypeObject*>(cls), ops::alias(self_of(self)));
    });
}

// -- attributes ---------------------------------------------------------------------------------------------------

#define GETTER(name, value) \
    PyObject* get_##name(PyObject* o, void*) { \
        return guarded([&]() -> PyObject* { \
            const Tensor& t = self_of(o); \
            return value; \
        }); \
    }
GETTER(shape, wrap_size(t.sizes()))
GETTER(dtype, wrap(t.dtype()))
GETTER(device, wrap(t.device()))
GETTER(ndim, wrap(t.dim()))
GETTER(requires_grad, wrap(t.requires_grad()))
GETTER(is_leaf, wrap(!t.requires_grad() || !grad_fn(t)))
GETTER(itemsize, wrap(t.item_bytes()))
GETTER(nbytes, wrap(t.item_bytes() * t.numel()))
GETTER(grad, t.impl()->autograd ? wrap(t.impl()->autograd->grad) : Py_NewRef(Py_None))
GETTER(output_nr, wrap(t.impl()->autograd ? int64_t(t.impl()->autograd->output_index) : int64_t(0)))
GETTER(version, wrap(int64_t(t.version())))
GETTER(retains_grad, wrap(bool(t.impl()->autograd&& t.impl()->autograd->retains_grad)))
GETTER(data, wrap(detach_alias(t)))
GETTER(transposed, wrap(t.dim() < 2 ? ops::alias(t) : ops::permute(t, [&] {
           Dims d(size_t(t.dim()));
           for (size_t i = 0; i < d.size(); ++i) d[i] = t.dim() - 1 - int64_t(i);
           return d;
       }())))
GETTER(matrix_transposed, wrap(ops::transpose(t, -2, -1)))
GETTER(adjoint, wrap(t.dim() < 2 ? ops::conj(t) : ops::conj(ops::transpose(t, -2, -1))))
GETTER(real, wrap(ops::real(t)))
GETTER(imag, wrap(ops::imag(t)))
GETTER(is_cpu, wrap(t.is_cpu()))
GETTER(is_cuda, wrap(t.device().is_cuda()))
GETTER(is_meta, wrap(t.is_meta()))
GETTER(false_, wrap((void(t), false)))
GETTER(base, t.impl()->autograd&& t.impl()->autograd->view ? wrap(t.impl()->autograd->view->base) : Py_NewRef(Py_None))
#undef GETTER

PyObject* get_grad_fn(PyObject* o, void*) {
    return guarded([&]() -> PyObject* { return wrap_node(grad_fn(self_of(o))); });
}

PyObject* get_layout(PyObject*, void*) {
    static PyObject* strided = PyObject_GetAttrString(reinterpret_cast<PyObject*>(layout_type), "_strided");
    return Py_XNewRef(strided);
}

int set_requires_grad_attribute(PyObject* o, PyObject* value, void*) {
    return guarded_int([&] {
        TAEDA_CHECK_AS(TypeError, value && PyBool_Check(value), "requires_grad must be a bool");
        set_requires_grad(self_of(o), value == Py_True);
    });
}

int set_grad(PyObject* o, PyObject* value, void*) {
    return guarded_int([&] {
        const Tensor& t = self_of(o);
        if (!value || value == Py_None) {
            if (t.impl()->autograd) t.impl()->autograd->grad = Tensor();
            return;
        }
        TAEDA_CHECK_AS(TypeError, is_tensor(value),
                       "assigned grad expected to be a Tensor or None but got grad of type ", Py_TYPE(value)->tp_name);
        const Tensor& grad = tensor_of(value);
        TAEDA_CHECK(!grad.is_same(t), "can't assign Variable as its own grad");
        TAEDA_CHECK(grad.sizes() == t.sizes(), "assigned grad has data of a different size: the tensor has shape ",
                    t.sizes(), ", the grad ", grad.sizes());
        TAEDA_CHECK(grad.dtype() == t.dtype(), "assigned grad has data of a different type: the tensor is ", t.dtype(),
                    ", the grad ", grad.dtype());
        autograd_meta(t).grad = grad;
    });
}

int set_data(PyObject* o, PyObject* value, void*) {
    return guarded_int([&] {
        TAEDA_CHECK_AS(TypeError, value && is_tensor(value), "Tensor.data must be set to a Tensor");
        TensorImpl* to = self_of(o).impl();
        TensorImpl* from = tensor_of(value).impl();
        to->storage = from->storage;
        to->dtype = from->dtype;
        to->device = from->device;
        to->offset = from->offset;
        to->set_geometry(from->sizes, from->strides);
        if (to->autograd) to->autograd->accumulator = nullptr;
    });
}

// tensor.real = value and tensor.imag = value write through the view.
template <Tensor (*part)(const Tensor&)> int set_part(PyObject* o, PyObject* value, void*) {
    return guarded_int([&] {
        TAEDA_CHECK_AS(TypeError, value && is_tensor(value), "the part of a complex tensor must be set to a Tensor");
        ops::copy_(part(self_of(o)), tensor_of(value));
    });
}

PyGetSetDef tensor_attributes[] = {
    {"shape", get_shape, nullptr, "Sizes of all dimensions.", nullptr},
    {"dtype", get_dtype, nullptr, "Element type.", nullptr},
    {"device", get_device, nullptr, "Where the memory is.", nullptr},
    {"layout", get_layout, nullptr, "Always taeda.strided.", nullptr},
    {"ndim", get_ndim, nullptr, "Number of dimensions.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad_attribute, "Whether gradients are computed for it.",
     nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Whether no recorded operation made it.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", nullptr},
    {"_grad", get_grad, set_grad, nullptr, nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The recorded operation that made it, or None.", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which output of grad_fn it is.", nullptr},
    {"_version", get_version, nullptr, "Counts in-place changes.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Whether retain_grad() was called.", nullptr},
    {"data", get_data, set_data, "The same memory, unknown to autograd.", nullptr},
    {"_base", get_base, nullptr, "The tensor whose memory this view shares, or None.", nullptr},
    {"T", get_transposed, nullptr, "Dimensions in reverse order.", nullptr},
    {"mT", get_matrix_transposed, nullptr, "Last two dimensions swapped.", nullptr},
    {"H", get_adjoint, nullptr, "Conjugate transpose of a matrix.", nullptr},
    {"mH", get_adjoint, nullptr, "Conjugate transpose of the last two dimensions.", nullptr},
    {"real", get_real, set_part<ops::real>, "Real part, a view.", nullptr},
    {"imag", get_imag, set_part<ops::imag>, "Imaginary part, a view.", nullptr},
    {"is_cpu", get_is_cpu, nullptr, nullptr, nullptr},
    {"is_cuda", get_is_cuda, nullptr, nullptr, nullptr},
    {"is_meta", get_is_meta, nullptr, nullptr, nullptr},
    {"is_sparse", get_false_, nullptr, nullptr, nullptr},
    {"is_quantized", get_false_, nullptr, nullptr, nullptr},
    {"is_mkldnn", get_false_, nullptr, nullptr, nullptr},
    {"is_nested", get_false_, nullptr, nullptr, nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

// -- methods that are no operators --------------------------------------------------------------------------------

PyObject* method_size(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = self_of(self);
        Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        if (total == 0 || args[0] == Py_None) return wrap_size(t.sizes());
        return wrap(t.size(to_int(args[0])));
    });
}

PyObject* method_stride(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = self_of(self);
        Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
        if (total == 0 || args[0] == Py_None) return wrap_ints(t.strides());
        return wrap(t.stride(to_int(args[0])));
    });
}

#define METHOD(name, value) \
    PyObject* method_##name(PyObject* self, PyObject*) { \
        return guarded([&]() -> PyObject* { \
            const Tensor& t = self_of(self); \
            return value; \
        }); \
    }
METHOD(dim, wrap(t.dim()))
METHOD(numel, wrap(t.numel()))
METHOD(item, item(t))
METHOD(element_size, wrap(t.item_bytes()))
METHOD(storage_offset, wrap(t.offset()))
METHOD(data_ptr, wrap(int64_t(t.is_meta() ? nullptr : t.raw())))
METHOD(is_floating_point, wrap(t.is_floating()))
METHOD(is_complex, wrap(t.is_complex()))
METHOD(is_signed, wrap(is_signed(t.dtype())))
METHOD(is_inference, wrap(t.impl()->is_inference))
METHOD(is_false, wrap((void(t), false)))
METHOD(self, (void(t), same(self)))
METHOD(tolist, to_list(t))
#undef METHOD

PyObject* method_is_contiguous(PyObject* self, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"memory_format", nullptr};
    PyObject* format = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &format)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = self_of(self);
        if (!format || format == Py_None) return wrap(t.is_contiguous());
        return wrap(ops::is_contiguous_as(t, to_memory_format(format)));
    });
}

PyObject* method_requires_grad_(PyObject* self, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"requires_grad", nullptr};
    int value = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", const_cast<char**>(names), &value)) return nullptr;
    return guarded([&]() -> PyObject* {
        set_requires_grad(self_of(self), value);
        return same(self);
    });
}

PyObject* method_is_shared(PyObject*, PyObject*) { Py_RETURN_FALSE; }

PyMethodDef tensor_methods[] = {
    {"size", reinterpret_cast<PyCFunction>(method_size), METH_FASTCALL | METH_KEYWORDS,
     "size(dim=None): all sizes, or one."},
    {"stride", reinterpret_cast<PyCFunction>(method_stride), METH_FASTCALL | METH_KEYWORDS,
     "stride(dim=None): all strides, or one."},
    {"dim", method_dim, METH_NOARGS, "Number of dimensions."},
    {"ndimension", method_dim, METH_NOARGS, "Number of dimensions."},
    {"numel", method_numel, METH_NOARGS, "Number of elements."},
    {"nelement", method_numel, METH_NOARGS, "Number of elements."},
    {"item", method_item, METH_NOARGS, "The only element as a Python number."},
    {"tolist", method_tolist, METH_NOARGS, "The elements as nested lists of Python numbers."},
    {"element_size", method_element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", method_storage_offset, METH_NOARGS, "Position of the first element in the storage."},
    {"data_ptr", method_data_ptr, METH_NOARGS, "Address of the first element."},
    {"is_floating_point", method_is_floating_point, METH_NOARGS, nullptr},
    {"is_complex", method_is_complex, METH_NOARGS, nullptr},
    {"is_signed", method_is_signed, METH_NOARGS, nullptr},
    {"is_inference", method_is_inference, METH_NOARGS, nullptr},
    {"is_conj", method_is_false, METH_NOARGS, "Always False: conjugation is computed at once."},
    {"is_neg", method_is_false, METH_NOARGS, "Always False: negation is computed at once."},
    {"resolve_conj", method_self, METH_NOARGS, "The tensor itself: conjugation is computed at once."},
    {"resolve_neg", method_self, METH_NOARGS, "The tensor itself: negation is computed at once."},
    {"is_shared", method_is_shared, METH_NOARGS, nullptr},
    {"is_contiguous", reinterpret_cast<PyCFunction>(method_is_contiguous), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"requires_grad_", reinterpret_cast<PyCFunction>(method_requires_grad_), METH_VARARGS | METH_KEYWORDS,
     "requires_grad_(requires_grad=True): asks for gradients, in place."},
    {"as_subclass", as_subclass, METH_O, "The same tensor as an object of a subclass."},
    {"_make_subclass", reinterpret_cast<PyCFunction>(make_subclass), METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     nullptr},
    {nullptr, nullptr, 0, nullptr},
};

// -- protocols ------------------------------------------------------------------------------------------------------

FastCall find_call(const char* name) {
    for (size_t i = 0; i < kCallableCount; ++i)
        if (std::strcmp(kCallables[i].name, name) == 0) return kCallables[i].callable->method;
    return nullptr;
}

bool operand_like(PyObject* o) {
    return is_tensor(o) || PyLong_Check(o) || PyFloat_Check(o) || PyComplex_Check(o) ||
           (!PySequence_Check(o) && Py_TYPE(o)->tp_as_number &&
            (Py_TYPE(o)->tp_as_number->nb_float || Py_TYPE(o)->tp_as_number->nb_index));
}

// An array of NumPy beside a tensor counts as a tensor of the same memory, on either side.
PyObject* call_beside_array(FastCall call, PyObject* a, PyObject* b) {
    const bool left = is_array(a);
    if (left == is_array(b) || !operand_like(left ? b : a)) Py_RETURN_NOTIMPLEMENTED;
    return guarded([&]() -> PyObject* {
        Object array(wrap(from_array(left ? a : b)));
        PyObject* args[] = {left ? array.get() : a, left ? b : array.get()};
        return call(nullptr, args, 2, nullptr);
    });
}

#define BINARY(slot, op) \
    PyObject* slot(PyObject* a, PyObject* b) { \
        static const FastCall call = find_call(op); \
        if (!operand_like(a) || !operand_like(b)) [[unlikely]] \
            return call_beside_array(call, a, b); \
        PyObject* args[] = {a, b}; \
        return call(nullptr, args, 2, nullptr); \
    }
#define UNARY(slot, op) \
    PyObject* slot(PyObject* a) { \
        static const FastCall call = find_call(op); \
        return call(a, nullptr, 0, nullptr); \
    }
BINARY(number_add, "add")
BINARY(number_subtract, "sub")
BINARY(number_multiply, "mul")
BINARY(number_divide, "true_divide")
BINARY(number_floor_divide, "floor_divide")
BINARY(number_remainder, "remainder")
BINARY(number_and, "bitwise_and")
BINARY(number_or, "bitwise_or")
BINARY(number_xor, "bitwise_xor")
BINARY(number_lshift, "bitwise_left_shift")
BINARY(number_rshift, "bitwise_right_shift")
BINARY(number_matmul, "matmul")
BINARY(inplace_add, "add_")
BINARY(inplace_subtract, "sub_")
BINARY(inplace_multiply, "mul_")
BINARY(inplace_divide, "true_divide_")
BINARY(inplace_floor_divide, "floor_divide_")
BINARY(inplace_remainder, "remainder_")
BINARY(inplace_and, "bitwise_and_")
BINARY(inplace_or, "bitwise_or_")
BINARY(inplace_xor, "bitwise_xor_")
BINARY(inplace_lshift, "bitwise_left_shift_")
BINARY(inplace_rshift, "bitwise_right_shift_")
BINARY(compare_less, "lt")
BINARY(compare_less_equal, "le")
BINARY(compare_equal, "eq")
BINARY(compare_not_equal, "ne")
BINARY(compare_greater, "gt")
BINARY(compare_greater_equal, "ge")
BINARY(power_binary, "pow")
BINARY(inplace_power_binary, "pow_")
UNARY(number_negative, "neg")
UNARY(number_absolute, "abs")
UNARY(number_invert, "bitwise_not")
#undef BINARY
#undef UNARY

PyObject* number_power(PyObject* a, PyObject* b, PyObject*) { return power_binary(a, b); }
PyObject* inplace_power(PyObject* a, PyObject* b, PyObject*) { return inplace_power_binary(a, b); }
PyObject* number_positive(PyObject* a) { return same(a); }

int number_bool(PyObject* o) {
    int truth = -1;
    if (guarded_int([&] {
            const Tensor& t = self_of(o);
            TAEDA_CHECK(t.numel() == 1, "Boolean value of Tensor with ",
                        t.numel() == 0 ? "no values" : "more than one value",
                        " is ambiguous; use .any() or .all() (shape ", t.sizes(), ")");
            Object value(checked(item(t)));
            truth = PyObject_IsTrue(value.get());
        }))
        return -1;
    return truth;
}

PyObject* number_index(PyObject* o) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = self_of(o);
        TAEDA_CHECK_AS(TypeError, t.numel() == 1 && is_integral(t.dtype(), true),
                       "only integer tensors of a single element can be converted to an index; got ", t.dtype(),
                       " of shape ", t.sizes());
        Object value(checked(item(t)));
        return PyNumber_Index(value.get());
    });
}

PyObject* number_int(PyObject* o) {
    return guarded([&]() -> PyObject* {
        Object value(checked(item(self_of(o))));
        return PyNumber_Long(value.get());
    });
}

PyObject* number_float(PyObject* o) {
    return guarded([&]() -> PyObject* {
        Object value(checked(item(self_of(o))));
        return PyNumber_Float(value.get());
    });
}

Py_ssize_t mapping_length(PyObject* o) {
    const Tensor& t = self_of(o);
    if (t.dim() > 0) return Py_ssize_t(t.sizes()[0]);
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor; .item() gives its value");
    return -1;
}

PyObject* mapping_get(PyObject* o, PyObject* index) {
    return guarded([&]() -> PyObject* { return wrap(get_item(self_of(o), index)); });
}

int mapping_set(PyObject* o, PyObject* index, PyObject* value) {
    return guarded_int([&] {
        TAEDA_CHECK_AS(TypeError, value, "elements of a tensor cannot be deleted");
        set_item(self_of(o), index, value);
    });
}

PyObject* tensor_iterate(PyObject* o) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = self_of(o);
        TAEDA_CHECK_AS(TypeError, t.dim() > 0, "iteration over a 0-d tensor; .item() gives its value");
        Object parts(checked(wrap(ops::unbind(t, 0))));
        return PyObject_GetIter(parts.get());
    });
}

PyObject* tensor_compare(PyObject* a, PyObject* b, int how) {
    switch (how) {
        case Py_LT: return compare_less(a, b);
        case Py_LE: return compare_less_equal(a, b);
        case Py_EQ: return compare_equal(a, b);
        case Py_NE: return compare_not_equal(a, b);
        case Py_GT: return compare_greater(a, b);
        default: return compare_greater_equal(a, b);
    }
}

Py_hash_t tensor_hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(o) >> 4); }

PyMemberDef tensor_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, attributes), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

template <class F> void* slot(F* f) { return reinterpret_cast<void*>(f); }

PyType_Slot tensor_slots[] = {
    {Py_tp_doc, const_cast<char*>("A multi-dimensional array whose operations can be differentiated.")},
    {Py_tp_new, slot(tensor_new)},
    {Py_tp_dealloc, slot(tensor_dealloc)},
    {Py_tp_traverse, slot(tensor_traverse)},
    {Py_tp_clear, slot(tensor_clear)},
    {Py_tp_getset, tensor_attributes},
    {Py_tp_methods, tensor_methods},
    {Py_tp_members, tensor_members},
    {Py_tp_iter, slot(tensor_iterate)},
    {Py_tp_richcompare, slot(tensor_compare)},
    {Py_tp_hash, slot(tensor_hash)},
    {Py_mp_length, slot(mapping_length)},
    {Py_mp_subscript, slot(mapping_get)},
    {Py_mp_ass_subscript, slot(mapping_set)},
    {Py_nb_add, slot(number_add)},
    {Py_nb_subtract, slot(number_subtract)},
    {Py_nb_multiply, slot(number_multiply)},
    {Py_nb_true_divide, slot(number_divide)},
    {Py_nb_floor_divide, slot(number_floor_divide)},
    {Py_nb_remainder, slot(number_remainder)},
    {Py_nb_power, slot(number_power)},
    {Py_nb_and, slot(number_and)},
    {Py_nb_or, slot(number_or)},
    {Py_nb_xor, slot(number_xor)},
    {Py_nb_lshift, slot(number_lshift)},
    {Py_nb_rshift, slot(number_rshift)},
    {Py_nb_matrix_multiply, slot(number_matmul)},
    {Py_nb_inplace_add, slot(inplace_add)},
    {Py_nb_inplace_subtract, slot(inplace_subtract)},
    {Py_nb_inplace_multiply, slot(inplace_multiply)},
    {Py_nb_inplace_true_divide, slot(inplace_divide)},
    {Py_nb_inplace_floor_divide, slot(inplace_floor_divide)},
    {Py_nb_inplace_remainder, slot(inplace_remainder)},
    {Py_nb_inplace_power, slot(inplace_power)},
    {Py_nb_inplace_and, slot(inplace_and)},
    {Py_nb_inplace_or, slot(inplace_or)},
    {Py_nb_inplace_xor, slot(inplace_xor)},
    {Py_nb_inplace_lshift, slot(inplace_lshift)},
    {Py_nb_inplace_rshift, slot(inplace_rshift)},
    {Py_nb_negative, slot(number_negative)},
    {Py_nb_positive, slot(number_positive)},
    {Py_nb_absolute, slot(number_absolute)},
    {Py_nb_invert, slot(number_invert)},
    {Py_nb_bool, slot(number_bool)},
    {Py_nb_int, slot(number_int)},
    {Py_nb_float, slot(number_float)},
    {Py_nb_index, slot(number_index)},
    {0, nullptr},
};

PyType_Spec tensor_spec = {"taeda.Tensor", sizeof(PyTensor), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, tensor_slots};

// -- taeda.Size -------------------------------------------------------------------------------------------------------

PyObject* size_numel(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* { return wrap(product(to_ints(self))); });
}

PyObject* size_repr(PyObject* self) {
    return guarded(
        [&]() -> PyObject* { return PyUnicode_FromString(join("taeda.Size(", Ints(to_ints(self)), ")").c_str()); });
}

PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject*) {
    return guarded([&]() -> PyObject* {
        PyObject* values = nullptr;
        if (!PyArg_ParseTuple(args, "|O", &values)) return nullptr;
        if (!values) return type->tp_alloc(type, 0);
        Object list(checked(PySequence_Tuple(values)));
        return wrap_size(to_ints(list.get()));
    });
}

PyObject* size_as_size(PyObject* tuple) {
    if (!tuple || !PyTuple_CheckExact(tuple)) return tuple;
    Object plain(tuple);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i)
        if (!PyLong_Check(PyTuple_GET_ITEM(tuple, i))) return plain.release();
    return guarded([&]() -> PyObject* { return wrap_size(to_ints(plain.get())); });
}
PyObject* size_concat(PyObject* a, PyObject* b) { return size_as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b)); }
PyObject* size_subscript(PyObject* a, PyObject* i) {
    return size_as_size(PyTuple_Type.tp_as_mapping->mp_subscript(a, i));
}
PyObject* size_reduce(PyObject* self, PyObject*) {
    Object plain(PySequence_List(self));
    return plain ? Py_BuildValue("O(O)", reinterpret_cast<PyObject*>(size_type), plain.get()) : nullptr;
}

PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "Number of elements of a tensor of this shape."},
                              {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                              {nullptr, nullptr, 0, nullptr}};
PyType_Slot size_slots[] = {{Py_tp_doc, const_cast<char*>("The shape of a tensor: a tuple of int.")},
                            {Py_tp_new, slot(size_new)},
                            {Py_tp_repr, slot(size_repr)},
                            {Py_tp_methods, size_methods},
                            {Py_sq_concat, slot(size_concat)},
                            {Py_mp_subscript, slot(size_subscript)},
                            {0, nullptr}};
PyType_Spec size_spec = {"taeda.Size", 0, 0, Py_TPFLAGS_DEFAULT, size_slots};

}  // namespace

void add_tensor_type(PyObject* module) {
    tensor_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&tensor_spec)));
    Object bases(checked(PyTuple_Pack(1, &PyTuple_Type)));
    size_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpecWithBases(&size_spec, bases.get())));
    PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type));
    PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(size_type));
}

}  // namespace taeda::python
