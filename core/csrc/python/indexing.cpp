#include "python/indexing.h"

#include "autograd/state.h"
#include "ops.h"
#include "ops/host.h"
#include "python/args.h"
#include "tensor/backend.h"

namespace taeda::python {

namespace {

// An index is applied in one pass: ints, slices, None and ... make views at once; tensors are collected for one gather.
struct Indexed {
    Tensor view;
    Tensors tensors;  // per dimension of `view`; undefined where the dimension is kept
    bool advanced = false;
};

bool is_sequence(PyObject* o) {
    return PyList_Check(o) || (PySequence_Check(o) && !PyTuple_Check(o) && !PyUnicode_Check(o));
}

// A list with slices, None, ... or tensors in it is an old way to write a tuple.
bool reads_as_tuple(PyObject* o) {
    if (PyTuple_Check(o)) return true;
    if (!PyList_Check(o) || PyList_GET_SIZE(o) >= 32) return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) {
        PyObject* e = PyList_GET_ITEM(o, i);
        if (e == Py_None || e == Py_Ellipsis || PySlice_Check(e)) return true;
    }
    return false;
}

int64_t consumed(PyObject* o) {
    if (o == Py_None || o == Py_Ellipsis || PyBool_Check(o)) return 0;
    if (is_tensor(o)) {
        const Tensor& t = tensor_of(o);
        return t.dtype() == DType::bool_ || t.dtype() == DType::uint8 ? t.dim() : 1;
    }
    return 1;
}

void put(Indexed& state, size_t at, const Tensor& index) {
    if (state.tensors.size() <= at) state.tensors.resize(at + 1);
    state.tensors[at] = index.is_cpu() ? on_device(index, state.view.device()) : index;
    state.advanced = true;
}

// Masks become the coordinates of their true elements.
int64_t put_tensor(Indexed& state, int64_t at, const Tensor& index) {
    if (index.dtype() != DType::bool_ && index.dtype() != DType::uint8) {
        TAEDA_CHECK_AS(IndexError, is_integral(index.dtype()),
                       "tensors used as indices must be long, int, byte or bool tensors, got ", index.dtype(),
                       "; convert it with .long(), or compare to get a mask");
        put(state, size_t(at), index.dtype() == DType::int64 ? index : ops::to(index, DType::int64));
        return at + 1;
    }
    for (int64_t d = 0; d < index.dim(); ++d)
        TAEDA_CHECK_AS(IndexError,
                       at + d < state.view.dim() && index.sizes()[size_t(d)] == state.view.sizes()[size_t(at + d)],
                       "The shape of the mask ", index.sizes(), " at index ", d,
                       " does not match the shape of the indexed tensor ", state.view.sizes(), " at index ", at + d);
    Tensor where = ops::nonzero(index.dtype() == DType::bool_ ? index : ops::to(index, DType::bool_));
    Tensors parts = ops::unbind(where, 1);
    if (index.dim() == 0) {  // a 0-dim mask keeps everything or nothing along a new dimension
        state.view = ops::unsqueeze(state.view, at);
        put(state, size_t(at), ops::zeros(Ints{where.size(0)}, DType::int64, where.device()));
        return at + 1;
    }
    for (const Tensor& part : parts) put(state, size_t(at++), part);
    return at;
}

int64_t slice_bound(PyObject* o, int64_t otherwise) { return o == Py_None ? otherwise : to_int(o); }

int64_t apply_slice(Indexed& state, int64_t at, PyObject* slice) {
    auto* s = reinterpret_cast<PySliceObject*>(slice);
    int64_t step = slice_bound(s->step, 1);
    TAEDA_CHECK_AS(ValueError, step > 0, "step must be greater than zero, got ", step, "; use .flip() to go backwards");
    if (s->start != Py_None || s->stop != Py_None || step != 1)
        state.view = ops::slice(state.view, at, slice_bound(s->start, 0), slice_bound(s->stop, INT64_MAX), step);
    return at + 1;
}

int64_t apply_one(Indexed& state, int64_t at, PyObject* o, int64_t skipped) {
    if (PyLong_Check(o) && !PyBool_Check(o)) {
        TAEDA_CHECK_AS(IndexError, at < state.view.dim(), "too many indices for tensor of dimension ",
                       state.view.dim());
        state.view = ops::select(state.view, at, to_int(o));
        return at;
    }
    if (PySlice_Check(o)) {
        TAEDA_CHECK_AS(IndexError, at < state.view.dim(), "too many indices for tensor of dimension ",
                       state.view.dim());
        return apply_slice(state, at, o);
    }
    if (o == Py_None) {
        state.view = ops::unsqueeze(state.view, at);
        return at + 1;
    }
    if (o == Py_Ellipsis) return at + skipped;
    if (PyBool_Check(o)) {
        state.view = ops::unsqueeze(state.view, at);
        put(state, size_t(at), ops::zeros(Ints{o == Py_True}, DType::int64));
        return at + 1;
    }
    if (is_tensor(o)) {
        const Tensor& t = tensor_of(o);
        if (t.dim() == 0 && is_integral(t.dtype()) && t.dtype() != DType::uint8) {
            state.view = ops::select(state.view, at, to_int(o));
            return at;
        }
        return put_tensor(state, at, t);
    }
    if (is_sequence(o) || PyTuple_Check(o) || is_array(o)) {
        Tensor index = tensor_from_data(o);
        if (index.numel() == 0 && !is_integral(index.dtype(), true)) index = ops::to(index, DType::int64);
        return put_tensor(state, at, index);
    }
    if (PyIndex_Check(o)) {
        state.view = ops::select(state.view, at, to_int(o));
        return at;
    }
    raise<IndexError>(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got ",
        Py_TYPE(o)->tp_name, ")");
}

Indexed apply_index(const Tensor& self, PyObject* index) {
    Indexed state{self, {}, false};
    if (!reads_as_tuple(index)) {
        apply_one(state, 0, index, self.dim());
        return state;
    }
    Object tuple(checked(PySequence_Tuple(index)));
    Py_ssize_t n = PyTuple_GET_SIZE(tuple.get());
    int64_t used = 0;
    for (Py_ssize_t i = 0; i < n; ++i) used += consumed(PyTuple_GET_ITEM(tuple.get(), i));
    TAEDA_CHECK_AS(IndexError, used <= self.dim(), "too many indices for tensor of dimension ", self.dim(), ": ", used,
                   " given");
    int64_t at = 0;
    for (Py_ssize_t i = 0; i < n; ++i) at = apply_one(state, at, PyTuple_GET_ITEM(tuple.get(), i), self.dim() - used);
    return state;
}

// Advanced indices that have other dimensions before them after integer indexing keep torch's placement by themselves.
Tensor as_value(PyObject* value, const Tensor& like) {
    if (is_tensor(value)) return tensor_of(value);
    return tensor_from_data(value, like.dtype(), like.device());
}

// Leading dimensions of size 1 of a value are dropped, as NumPy does.
Tensor fitting(Tensor value, const Tensor& target) {
    while (value.dim() > target.dim() && value.sizes()[0] == 1) value = ops::select(value, 0, 0);
    return value;
}

// A mask of the tensor's own shape needs no coordinates.
bool is_full_mask(const Tensor& self, PyObject* index) {
    return is_tensor(index) && self.dim() > 0 && self.is_cpu() && tensor_of(index).dtype() == DType::bool_ &&
           tensor_of(index).sizes() == self.sizes() && tensor_of(index).is_cpu();
}

}  // namespace

Tensor get_item(const Tensor& self, PyObject* index) {
    if (is_full_mask(self, index)) return ops::masked_select(self, tensor_of(index));
    Indexed found = apply_index(self, index);
    if (found.advanced) return ops::index(found.view, found.tensors);
    return found.view.is_same(self) ? ops::alias(self) : found.view;
}

void set_item(const Tensor& self, PyObject* index, PyObject* value) {
    bool number = PyFloat_Check(value) || PyLong_Check(value) || PyComplex_Check(value);
    if (number && is_full_mask(self, index)) {
        Scalar scalar = to_scalar(value);
        if (self.dtype() == DType::bool_) scalar = Scalar(scalar.to_bool());
        else if (is_integral(self.dtype())) scalar = Scalar(scalar.to_int());
        ops::masked_fill_(self, tensor_of(index), scalar);
        return;
    }
    Indexed found = apply_index(self, index);
    if (found.advanced) {
        Tensor v = number ? wrapped_number(to_scalar(value), self.dtype()) : as_value(value, self);
        if (v.dtype() != self.dtype()) {
            TAEDA_CHECK(v.dim() == 0 || !is_tensor(value),
                        "Index put requires the source and destination dtypes match, got ",
                        dtype_long_name(self.dtype()), " for the destination and ", dtype_long_name(v.dtype()),
                        " for the source.");
            v = ops::to(v, self.dtype());
        }
        ops::index_put_(found.view, found.tensors, v, false);
    } else if (number) {
        ops::fill_(found.view, to_scalar(value));
    } else {
        ops::copy_(found.view, fitting(as_value(value, self), found.view));
    }
}

// -- nested data ----------------------------------------------------------------------------------------------------

namespace {

bool holds_elements(PyObject* o) {
    return (PyList_Check(o) || PyTuple_Check(o) || (PySequence_Check(o) && !is_tensor(o) && !PyUnicode_Check(o)));
}

void find_shape(PyObject* o, Dims& shape) {
    while (true) {
        if (is_tensor(o)) {
            for (int64_t s : tensor_of(o).sizes()) shape.push_back(s);
            return;
        }
        if (!holds_elements(o) || is_array(o)) {
            if (is_array(o)) {
                Tensor t = from_array(o);
                for (int64_t s : t.sizes()) shape.push_back(s);
            }
            return;
        }
        Py_ssize_t n = PySequence_Size(o);
        if (n < 0) throw PythonError();
        shape.push_back(n);
        TAEDA_CHECK_AS(ValueError, shape.size() <= 64, "too many dimensions: the data is nested more than 64 deep");
        if (n == 0) return;
        Object first(checked(PySequence_GetItem(o, 0)));
        o = first.get();  // the sequence holds it
    }
}

DType number_dtype(PyObject* o) {
    if (PyBool_Check(o)) return DType::bool_;
    const char* name = Py_TYPE(o)->tp_name;
    if (std::strncmp(name, "numpy.", 6) == 0) {  // NumPy scalars keep their own dtype; some are Python floats as well
        Object array(checked(PyObject_CallMethod(o, "__array__", nullptr)));
        return from_array(array.get()).dtype();
    }
    if (PyLong_Check(o)) return DType::int64;
    if (PyFloat_Check(o)) return default_dtype();
    if (PyComplex_Check(o)) return complex_dtype(default_dtype());
    if (PyIndex_Check(o)) return DType::int64;
    if (Py_TYPE(o)->tp_as_number && Py_TYPE(o)->tp_as_number->nb_float) return default_dtype();
    raise<TypeError>("tensor(): could not infer dtype of ", name, "; expected numbers or nested sequences of numbers");
}

void find_dtype(PyObject* o, std::optional<DType>& dtype) {
    auto add = [&](DType d) { dtype = dtype ? promote(*dtype, d) : d; };
    if (is_tensor(o)) return add(tensor_of(o).dtype());
    if (is_array(o)) return add(from_array(o).dtype());
    if (!holds_elements(o)) {
        if (PyUnicode_Check(o))
            raise<TypeError>("tensor(): invalid data type 'str'; expected numbers or nested sequences of numbers");
        return add(number_dtype(o));
    }
    Object list(checked(PySequence_Fast(o, "tensor(): expected a sequence")));
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(list.get()); ++i)
        find_dtype(PySequence_Fast_GET_ITEM(list.get(), i), dtype);
}

template <class T> T element(PyObject* o) {
    if (is_tensor(o)) {
        Object number(checked(item(tensor_of(o))));
        return element<T>(number.get());
    }
    if constexpr (std::is_same_v<T, bool>) {
        return to_bool(o);
    } else if constexpr (std::is_integral_v<T>) {
        if (PyFloat_Check(o)) return T(to_double(o));
        int64_t v = to_scalar(o).to_int();
        TAEDA_CHECK(int64_t(T(v)) == v, "value cannot be converted to type ", dtype_name(dtype_of<T>),
                    " without overflow: ", v);
        return T(v);
    } else {
        return to_scalar(o).to<T>();
    }
}

template <class T> T* fill_data(PyObject* o, Ints shape, size_t depth, T* to) {
    if (is_tensor(o) || is_array(o)) {
        if (depth == shape.size()) {
            *to = element<T>(o);
            return to + 1;
        }
        Tensor part = on_host(ops::contiguous(ops::to(is_tensor(o) ? tensor_of(o) : from_array(o), dtype_of<T>)));
        TAEDA_CHECK_AS(ValueError, part.sizes() == shape.slice(depth, shape.size() - depth),
                       "expected a part of shape ", shape.slice(depth, shape.size() - depth), " at dim ", depth,
                       ", got ", part.sizes());
        std::memcpy(to, part.raw(), size_t(part.numel()) * sizeof(T));
        return to + part.numel();
    }
    if (depth == shape.size()) {
        *to = element<T>(o);
        return to + 1;
    }
    TAEDA_CHECK_AS(TypeError, holds_elements(o), "expected a sequence of length ", shape[depth], " at dim ", depth,
                   ", got ", Py_TYPE(o)->tp_name);
    Object list(checked(PySequence_Fast(o, "tensor(): expected a sequence")));
    Py_ssize_t n = PySequence_Fast_GET_SIZE(list.get());
    TAEDA_CHECK_AS(ValueError, n == shape[depth], "expected sequence of length ", shape[depth], " at dim ", depth,
                   " (got ", n, "); all rows of nested data must have the same length");
    for (Py_ssize_t i = 0; i < n; ++i) to = fill_data(PySequence_Fast_GET_ITEM(list.get(), i), shape, depth + 1, to);
    return to;
}

template <class T> PyObject* list_of(const T* data, Ints sizes, Ints strides, size_t depth, const Tensor& t) {
    if (depth == sizes.size()) {
        Tensor one = alias(t, Ints(), Ints(), int64_t(data - static_cast<T*>(t.storage()->data)));
        return item(one);
    }
    Object list(checked(PyList_New(sizes[depth])));
    for (int64_t i = 0; i < sizes[depth]; ++i)
        PyList_SET_ITEM(list.get(), i, checked(list_of(data + i * strides[depth], sizes, strides, depth + 1, t)));
    return list.release();
}

}  // namespace

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype, std::optional<Device> device) {
    Tensor made;
    if (is_tensor(data) || is_array(data)) {
        Tensor source = is_tensor(data) ? tensor_of(data) : from_array(data);
        GradMode off(false);
        made = ops::clone(ops::to(source, dtype.value_or(source.dtype())));
    } else {
        Dims shape;
        find_shape(data, shape);
        std::optional<DType> type = dtype;
        if (!type) find_dtype(data, type);
        made = empty_tensor(shape, type.value_or(default_dtype()));
        visit_all(made.dtype(), [&]<class T>() { fill_data<T>(data, shape, 0, made.data<T>()); });
    }
    if (!device) return made;
    Device target = resolve_device(*device);
    return made.device() == target || (made.is_cpu() && target.is_cpu()) ? made : ops::move_to(made, target);
}

PyObject* to_list(const Tensor& t) {
    if (t.dim() == 0) return item(t);
    TAEDA_CHECK(!t.is_meta(), "Tensor.tolist() cannot be called on meta tensors: they have no values");
    Tensor here = on_host(t);
    return visit_all(t.dtype(),
                     [&]<class T>() { return list_of(here.data<T>(), here.sizes(), here.strides(), 0, here); });
}

}  // namespace taeda::python
