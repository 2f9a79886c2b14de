// Sharing memory with NumPy, DLPack and anything with the buffer protocol. NumPy itself is imported on first use only.
#include "autograd/meta.h"
#include "ops.h"
#include "python/args.h"
#include "python/dlpack.h"
#include "python/indexing.h"
#include "tensor/backend.h"

namespace taeda::python {

namespace {

struct NumpyType {
    char kind;
    int size;
    DType dtype;
};
constexpr NumpyType kNumpyTypes[] = {
    {'f', 4, DType::float32}, {'f', 8, DType::float64},   {'f', 2, DType::float16},     {'i', 8, DType::int64},
    {'i', 4, DType::int32},   {'i', 2, DType::int16},     {'i', 1, DType::int8},        {'u', 1, DType::uint8},
    {'b', 1, DType::bool_},   {'c', 8, DType::complex64}, {'c', 16, DType::complex128},
};

// The PEP 3118 format of a dtype; bfloat16 has none.
const char* buffer_format(DType d) {
    constexpr const char* formats[kDTypes] = {"B", "b", "h", "i", "q", "e", "f", "d", "Zf", "Zd", "?", nullptr};
    return formats[int(d)];
}

DType dtype_of_format(const char* format, Py_ssize_t size) {
    std::string f = format ? format : "B";
    if (!f.empty() && (f[0] == '@' || f[0] == '=' || f[0] == '<')) f = f.substr(1);
    TAEDA_CHECK_AS(
        ValueError, f[0] != '>' && f[0] != '!',
        "given numpy array has byte order different from the native byte "
        "order. Conversion between byte orders is currently not supported; use array.astype(array.dtype.newbyteorder('='))");
    char kind = 0;
    if (f == "f" || f == "d" || f == "e") kind = 'f';
    else if (f == "?") kind = 'b';
    else if (f[0] == 'Z' && f.size() == 2) kind = 'c';
    else if (f.size() == 1 && std::strchr("bhilqn", f[0])) kind = 'i';
    else if (f == "B" || f == "c") kind = 'u';
    for (const NumpyType& t : kNumpyTypes)
        if (t.kind == kind && t.size == size) return t.dtype;
    raise<TypeError>(
        "can't convert memory of format '", format ? format : "", "' (", size,
        " bytes an element). The only "
        "supported types are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, "
        "uint8, and bool.");
}

struct HeldBuffer {
    Py_buffer view;
};

Storage hold(HeldBuffer* held) {
    return wrap_memory(held->view.buf, size_t(held->view.len), Device{}, [held] {
        Gil gil;
        PyBuffer_Release(&held->view);
        delete held;
    });
}

Tensor from_buffer_object(PyObject* o, bool must_write) {
    auto* held = new HeldBuffer;
    if (PyObject_GetBuffer(o, &held->view, PyBUF_RECORDS) != 0) {
        PyErr_Clear();
        if (must_write || PyObject_GetBuffer(o, &held->view, PyBUF_RECORDS_RO) != 0) {
            delete held;
            throw PythonError();
        }
    }
    const Py_buffer& view = held->view;
    Dims sizes(size_t(view.ndim), 0), strides(size_t(view.ndim), 0);
    try {
        DType dtype = dtype_of_format(view.format, view.itemsize);
        for (int d = 0; d < view.ndim; ++d) {
            sizes[size_t(d)] = view.shape[d];
            TAEDA_CHECK_AS(
                ValueError, view.strides[d] >= 0,
                "At least one stride in the given numpy array is negative, and "
                "tensors with negative strides are not currently supported. (You can probably work around this by "
                "making a copy of your array with array.copy().)");
            TAEDA_CHECK_AS(ValueError, view.strides[d] % view.itemsize == 0,
                           "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                           "reallocate the memory.");
            strides[size_t(d)] = view.strides[d] / view.itemsize;
        }
        Tensor t = alias(
            [&] {
                Tensor base = empty_tensor(Ints{0}, dtype);
                base.impl()->storage = hold(held);
                return base;
            }(),
            sizes, strides, 0);
        return t;
    } catch (...) {
        if (view.obj && !PyErr_Occurred()) PyBuffer_Release(&held->view);
        throw;
    }
}

PyObject* numpy_module() {
    static PyObject* module = PyImport_ImportModule("numpy");
    if (!module) throw PythonError();
    return module;
}

// -- the buffer protocol of tensors --

struct BufferShape {
    std::vector<Py_ssize_t> numbers;
};

int get_buffer(PyObject* o, Py_buffer* view, int flags) {
    return guarded_int([&] {
        const Tensor& t = tensor_of(o);
        view->obj = nullptr;
        TAEDA_CHECK_AS(TypeError, t.is_cpu(), "can't convert ", t.device(),
                       " device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.");
        TAEDA_CHECK(!t.requires_grad() || !thread_state.grad_enabled,
                    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
        const char* format = buffer_format(t.dtype());
        TAEDA_CHECK_AS(TypeError, format,
                       "Got unsupported ScalarType BFloat16: NumPy has no bfloat16; convert with .float() first");
        auto* shape = new BufferShape;
        for (int64_t s : t.sizes()) shape->numbers.push_back(s);
        for (int64_t s : t.strides()) shape->numbers.push_back(s * t.item_bytes());
        view->buf = t.raw();
        view->len = t.numel() * t.item_bytes();
        view->itemsize = t.item_bytes();
        view->readonly = 0;
        view->ndim = int(t.dim());
        view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format) : nullptr;
        view->shape = shape->numbers.data();
        view->strides = shape->numbers.data() + t.dim();
        view->suboffsets = nullptr;
        view->internal = shape;
        view->obj = Py_NewRef(o);
    });
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<BufferShape*>(view->internal); }

PyBufferProcs buffer_procs{get_buffer, release_buffer};

// A plain object whose only role is to keep the tensor's memory alive under an array.
PyObject* to_numpy(const Tensor& t) {
    PyObject* array_function = nullptr;
    static PyObject* asarray = PyObject_GetAttrString(numpy_module(), "asarray");
    array_function = asarray;
    if (!array_function) throw PythonError();
    Object wrapper(checked(wrap(t)));
    Object view(checked(PyMemoryView_FromObject(wrapper.get())));
    return checked(PyObject_CallOneArg(array_function, view.get()));
}

PyObject* method_numpy(PyObject* self, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"force", nullptr};
    int force = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$p", const_cast<char**>(names), &force)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(self);
        if (force) return to_numpy(detach_alias(ops::move_to(t, Device{})));
        TAEDA_CHECK(!t.requires_grad(),
                    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
        return to_numpy(t);
    });
}

PyObject* method_array(PyObject* self, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"dtype", "copy", nullptr};
    PyObject *dtype = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", const_cast<char**>(names), &dtype, &copy)) return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK(!tensor_of(self).requires_grad(),
                    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
        Object array(to_numpy(tensor_of(self)));
        if (dtype != Py_None) return PyObject_CallMethod(array.get(), "astype", "O", dtype);
        if (copy == Py_True) return PyObject_CallMethod(array.get(), "copy", nullptr);
        return array.release();
    });
}

PyObject* from_numpy(PyObject*, PyObject* array) {
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError, is_array(array), "from_numpy: expected np.ndarray (got ", Py_TYPE(array)->tp_name,
                       "); taeda.tensor() takes lists and numbers");
        return wrap(from_array(array));
    });
}

// What NumPy's own functions make of tensors: tensors. It passes a context and whether to return a scalar, too.
PyObject* method_array_wrap(PyObject*, PyObject* args) {
    PyObject *array, *context = nullptr, *scalar = nullptr;
    if (!PyArg_ParseTuple(args, "O|OO", &array, &context, &scalar)) return nullptr;
    return is_array(array) ? from_numpy(nullptr, array) : Py_NewRef(array);
}

PyObject* frombuffer(PyObject*, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"buffer", "dtype", "count", "offset", "requires_grad", nullptr};
    PyObject *buffer, *dtype;
    Py_ssize_t count = -1, offset = 0;
    int requires_grad = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$Onnp", const_cast<char**>(names), &buffer, &dtype, &count,
                                     &offset, &requires_grad))
        return nullptr;
    return guarded([&]() -> PyObject* {
        DType type = to_dtype(dtype);
        auto* held = new HeldBuffer;
        if (PyObject_GetBuffer(buffer, &held->view, PyBUF_WRITABLE) != 0) {
            PyErr_Clear();
            if (PyObject_GetBuffer(buffer, &held->view, PyBUF_SIMPLE) != 0) {
                delete held;
                throw PythonError();
            }
        }
        Storage storage = hold(held);
        int64_t size = item_size(type), available = int64_t(storage->bytes) - offset;
        TAEDA_CHECK_AS(ValueError, offset >= 0 && available > 0, "offset (", offset,
                       " bytes) must be non-negative and no greater "
                       "than buffer length (",
                       storage->bytes, " bytes) minus 1");
        if (count < 0) {
            TAEDA_CHECK_AS(ValueError, available % size == 0, "buffer length (", available, " bytes) after offset (",
                           offset, " bytes) must be a multiple of element size (", size, ")");
            count = available / size;
        }
        TAEDA_CHECK_AS(ValueError, count > 0 && count * size <= available, "requested buffer length (", count, " * ",
                       size, " bytes) after offset (", offset,
                       " bytes) must not be greater than actual buffer length (", storage->bytes, " bytes)");
        storage->data = static_cast<char*>(storage->data) + offset;
        storage->bytes -= size_t(offset);
        Tensor t = empty_tensor(Ints{0}, type);
        t.impl()->storage = storage;
        t.impl()->set_contiguous(Ints{count});
        if (requires_grad) set_requires_grad(t, true);
        return wrap(t);
    });
}

// -- DLPack ---------------------------------------------------------------------------------------------------------

DLDataType to_dlpack_type(DType d) {
    uint8_t code = is_complex(d)          ? kDLComplex
                   : d == DType::bfloat16 ? kDLBfloat
                   : is_floating(d)       ? kDLFloat
                   : d == DType::bool_    ? kDLBool
                   : d == DType::uint8    ? kDLUInt
                                          : kDLInt;
    return {code, uint8_t(item_size(d) * 8), 1};
}

DType from_dlpack_type(DLDataType type) {
    TAEDA_CHECK(type.lanes == 1, "from_dlpack: types with ", type.lanes, " lanes are not supported");
    for (int i = 0; i < kDTypes; ++i) {
        DLDataType mine = to_dlpack_type(DType(i));
        if (mine.code == type.code && mine.bits == type.bits) return DType(i);
    }
    raise("from_dlpack: unsupported type code ", int(type.code), " of ", int(type.bits), " bits");
}

struct Exported {
    Tensor tensor;
    std::vector<int64_t> sizes, strides;
    DLManagedTensor managed;
};

DLDevice dlpack_device(const Tensor& t) {
    TAEDA_CHECK(!t.is_meta(), "Can't export meta tensors: they have no values");
    return t.device().is_cuda() ? DLDevice{kDLCUDA, t.device().index} : DLDevice{kDLCPU, 0};
}

// The stream that a consumer of GPU memory names by the protocol's numbers; nothing if it wants no order at all.
std::optional<StreamHandle> consumer_stream(PyObject* stream) {
    if (!given(stream)) return StreamHandle(0);
    TAEDA_CHECK_AS(TypeError, PyLong_Check(stream) && !PyBool_Check(stream),
                   "__dlpack__: expected stream to be an int or None, got ", Py_TYPE(stream)->tp_name);
    int64_t number = to_int(stream);
    if (number == -1) return std::nullopt;
    TAEDA_CHECK_AS(ValueError, number > 0, "__dlpack__: stream=", number,
                   " names no CUDA stream; pass 1 for the default stream, 2 for that of the thread, the address of "
                   "another one, None, or -1 for no synchronization");
    return number == 1 ? StreamHandle(0) : StreamHandle(number);
}

// What the consumer's stream does from now on comes after what was asked of ours, and the memory is not handed out again
// before the consumer's stream is done with it.
void order_before(const Tensor& t, StreamHandle consumer) {
    DeviceBackend& cuda = backend(DeviceType::cuda);
    int device = t.device().index;
    StreamHandle producer = cuda.current_stream(device);
    cuda.record_stream(*t.storage(), device, consumer);  // the memory may belong to a third stream
    if (producer == consumer) return;
    EventHandle event = cuda.create_event(device, false);
    cuda.record_event(device, event, producer);
    cuda.wait_event(device, event, consumer);
    cuda.destroy_event(event);
}

// The tensor as a consumer asked for it: on its device, and its own copy if it wants one. Null with an error set if that
// cannot be.
Tensor exportable(const Tensor& t, PyObject* wanted_device, PyObject* copy) {
    Device device = t.device();
    if (given(wanted_device)) {
        int type = 0, number = 0;
        if (!PyArg_ParseTuple(wanted_device, "ii", &type, &number)) throw PythonError();
        DLDevice own = dlpack_device(t);
        if (type == kDLCPU) device = Device{};
        if ((type != own.device_type || number != own.device_id) && type != kDLCPU) {
            PyErr_Format(PyExc_BufferError,
                         "__dlpack__: cannot export a tensor on %s to device (%d, %d); move it first",
                         t.device().str().c_str(), type, number);
            throw PythonError();
        }
    }
    bool moves = device != t.device();
    if (moves && copy == Py_False) {
        PyErr_SetString(PyExc_BufferError, "__dlpack__: copy=False, but another device needs a copy");
        throw PythonError();
    }
    if (moves) return ops::move_to(t, device);
    return copy == Py_True ? ops::clone(t) : t;
}

// __dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None). The capsule is of the unversioned kind, which
// consumers of every version take.
PyObject* method_dlpack(PyObject* self, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"stream", "max_version", "dl_device", "copy", nullptr};
    PyObject *stream = nullptr, *version = nullptr, *device = nullptr, *copy = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO:__dlpack__", const_cast<char**>(names), &stream, &version,
                                     &device, &copy))
        return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK(!tensor_of(self).requires_grad(),
                    "Can't export tensors that require gradient, use tensor.detach()");
        DLDevice own = dlpack_device(tensor_of(self));
        TAEDA_CHECK_AS(ValueError, own.device_type == kDLCUDA || !given(stream),
                       "__dlpack__: a stream was given for a tensor on the CPU; pass None");
        Tensor t = exportable(tensor_of(self), device, copy);
        if (t.device().is_cuda())
            if (auto consumer = consumer_stream(stream)) order_before(t, *consumer);
        auto* exported =
            new Exported{t, {t.sizes().begin(), t.sizes().end()}, {t.strides().begin(), t.strides().end()}, {}};
        exported->managed = {{t.raw(), dlpack_device(t), int(t.dim()), to_dlpack_type(t.dtype()),
                              exported->sizes.data(), exported->strides.data(), 0},
                             exported,
                             [](DLManagedTensor* m) { delete static_cast<Exported*>(m->manager_ctx); }};
        return PyCapsule_New(&exported->managed, "dltensor", [](PyObject* capsule) {
            if (!PyCapsule_IsValid(capsule, "dltensor")) return;  // somebody took it
            auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
            m->deleter(m);
        });
    });
}

PyObject* method_dlpack_device(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* {
        DLDevice device = dlpack_device(tensor_of(self));
        return Py_BuildValue("(ii)", int(device.device_type), int(device.device_id));
    });
}

Device device_of_dlpack(DLDevice from) {
    if (from.device_type == kDLCPU) return {};
    TAEDA_CHECK(from.device_type == kDLCUDA,
                "from_dlpack: only memory of the CPU or of a CUDA device can be taken over, got device type ",
                from.device_type);
    TAEDA_CHECK(from.device_id >= 0 && from.device_id < kMaxDevices, "CUDA error: invalid device ordinal ",
                from.device_id, ": from_dlpack was given memory of a device that is not visible");
    return resolve_device({DeviceType::cuda, int8_t(from.device_id)});
}

// Asks an exporter for its capsule. One of GPU memory is told our current stream, to be ordered before it.
Object capsule_of(PyObject* exporter) {
    Object empty(checked(PyTuple_New(0))), options(checked(PyDict_New()));
    if (PyObject_HasAttrString(exporter, "__dlpack_device__")) {
        Object told(checked(PyObject_CallMethod(exporter, "__dlpack_device__", nullptr)));
        DLDevice from{};
        if (!PyArg_ParseTuple(told.get(), "ii", &from.device_type, &from.device_id)) throw PythonError();
        if (from.device_type == kDLCUDA) {
            StreamHandle current = backend(DeviceType::cuda).current_stream(device_of_dlpack(from).index);
            Object stream(checked(PyLong_FromUnsignedLongLong(current ? current : 1)));
            if (PyDict_SetItemString(options.get(), "stream", stream.get()) < 0) throw PythonError();
        }
    }
    Object method(checked(PyObject_GetAttrString(exporter, "__dlpack__")));
    return Object(checked(PyObject_Call(method.get(), empty.get(), options.get())));
}

PyObject* from_dlpack(PyObject*, PyObject* o) {
    return guarded([&]() -> PyObject* {
        Object made;
        if (PyObject_HasAttrString(o, "__dlpack__")) made = capsule_of(o);
        PyObject* capsule = made ? made.get() : o;
        TAEDA_CHECK_AS(
            TypeError, PyCapsule_IsValid(capsule, "dltensor"),
            "from_dlpack: expected an object with __dlpack__ or a fresh DLPack capsule (each can be taken once), got ",
            Py_TYPE(o)->tp_name);
        auto* m = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
        Device device = device_of_dlpack(m->dl_tensor.device);
        DType dtype = from_dlpack_type(m->dl_tensor.dtype);
        Ints sizes(m->dl_tensor.shape, size_t(m->dl_tensor.ndim));
        Dims strides =
            m->dl_tensor.strides ? Dims(Ints(m->dl_tensor.strides, sizes.size())) : contiguous_strides(sizes);
        Tensor base = empty_tensor(Ints{0}, dtype);
        PyCapsule_SetName(capsule, "used_dltensor");
        int64_t span = 1;
        for (size_t d = 0; d < sizes.size(); ++d) span += (sizes[d] - 1) * strides[d];
        base.impl()->storage = wrap_memory(static_cast<char*>(m->dl_tensor.data) + m->dl_tensor.byte_offset,
                                           size_t(std::max<int64_t>(span, 0) * item_size(dtype)), device, [m] {
                                               if (m->deleter) m->deleter(m);
                                           });
        base.impl()->device = device;
        return wrap(alias(base, sizes, strides, 0));
    });
}

PyMethodDef methods[] = {
    {"numpy", reinterpret_cast<PyCFunction>(method_numpy), METH_VARARGS | METH_KEYWORDS,
     "numpy(*, force=False): a NumPy array that shares the memory."},
    {"__array__", reinterpret_cast<PyCFunction>(method_array), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"__array_wrap__", method_array_wrap, METH_VARARGS, nullptr},
    {"__dlpack__", reinterpret_cast<PyCFunction>(method_dlpack), METH_VARARGS | METH_KEYWORDS, nullptr},
    {"__dlpack_device__", method_dlpack_device, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};
PyMethodDef functions[] = {
    {"from_numpy", from_numpy, METH_O, "from_numpy(ndarray): a tensor that shares the array's memory."},
    {"frombuffer", reinterpret_cast<PyCFunction>(frombuffer), METH_VARARGS | METH_KEYWORDS,
     "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False): a 1-d tensor over a buffer's memory."},
    {"from_dlpack", from_dlpack, METH_O, "from_dlpack(object): a tensor that shares the memory of a DLPack exporter."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool is_array(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    if (type->tp_as_buffer == nullptr || PyBytes_Check(o) || PyByteArray_Check(o) || is_tensor(o)) return false;
    return std::strcmp(type->tp_name, "numpy.ndarray") == 0 || std::strcmp(type->tp_name, "memoryview") == 0 ||
           std::strcmp(type->tp_name, "numpy.memmap") == 0 || std::strcmp(type->tp_name, "array.array") == 0;
}

Tensor from_array(PyObject* array) { return from_buffer_object(array, false); }

void add_interop(PyObject* module) {
    tensor_type->tp_as_buffer->bf_getbuffer = buffer_procs.bf_getbuffer;
    tensor_type->tp_as_buffer->bf_releasebuffer = buffer_procs.bf_releasebuffer;
    for (PyMethodDef* m = methods; m->ml_name; ++m) {
        Object method(checked(PyDescr_NewMethod(tensor_type, m)));
        if (PyDict_SetItemString(tensor_type->tp_dict, m->ml_name, method.get()) < 0) throw PythonError();
    }
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
}

}  // namespace taeda::python
