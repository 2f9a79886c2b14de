// taeda.dtype, device, layout, memory_format, Generator and UntypedStorage.
#include "ops.h"
#include "python/args.h"
#include "python/glue.h"
#include "tensor/backend.h"

namespace taeda::python {

PyTypeObject* dtype_type = nullptr;
PyTypeObject* device_type = nullptr;
PyTypeObject* generator_type = nullptr;
PyTypeObject* layout_type = nullptr;
PyTypeObject* memory_format_type = nullptr;

namespace {

PyObject* dtypes[kDTypes];
PyTypeObject* storage_type = nullptr;

template <class F> void* slot(F* f) { return reinterpret_cast<void*>(f); }

PyTypeObject* make_type(PyType_Spec& spec) { return reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec))); }

// -- dtype ------------------------------------------------------------------------------------------------------------

DType dtype_value(PyObject* o) { return reinterpret_cast<PyDType*>(o)->dtype; }

PyObject* dtype_repr(PyObject* o) { return PyUnicode_FromFormat("taeda.%s", dtype_name(dtype_value(o))); }
PyObject* dtype_reduce(PyObject* o, PyObject*) { return PyUnicode_FromString(dtype_name(dtype_value(o))); }
PyObject* dtype_is_floating(PyObject* o, void*) { return wrap(is_floating(dtype_value(o))); }
PyObject* dtype_is_complex(PyObject* o, void*) { return wrap(is_complex(dtype_value(o))); }
PyObject* dtype_is_signed(PyObject* o, void*) { return wrap(is_signed(dtype_value(o))); }
PyObject* dtype_itemsize(PyObject* o, void*) { return wrap(item_size(dtype_value(o))); }
PyObject* dtype_to_real(PyObject* o, PyObject*) { return wrap(real_dtype(dtype_value(o))); }
PyObject* dtype_to_complex(PyObject* o, PyObject*) { return wrap(complex_dtype(dtype_value(o))); }

PyGetSetDef dtype_attributes[] = {{"is_floating_point", dtype_is_floating, nullptr, nullptr, nullptr},
                                  {"is_complex", dtype_is_complex, nullptr, nullptr, nullptr},
                                  {"is_signed", dtype_is_signed, nullptr, nullptr, nullptr},
                                  {"itemsize", dtype_itemsize, nullptr, "Bytes of one element.", nullptr},
                                  {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
                               {"to_real", dtype_to_real, METH_NOARGS, "The real dtype of a complex one."},
                               {"to_complex", dtype_to_complex, METH_NOARGS, "The complex dtype of a real one."},
                               {nullptr, nullptr, 0, nullptr}};
PyType_Slot dtype_slots[] = {
    {Py_tp_repr, slot(dtype_repr)}, {Py_tp_getset, dtype_attributes}, {Py_tp_methods, dtype_methods}, {0, nullptr}};
PyType_Spec dtype_spec = {"taeda.dtype", sizeof(PyDType), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                          dtype_slots};

void add_dtypes(PyObject* module) {
    dtype_type = make_type(dtype_spec);
    PyModule_AddObjectRef(module, "dtype", reinterpret_cast<PyObject*>(dtype_type));
    for (int i = 0; i < kDTypes; ++i) {
        auto* made = reinterpret_cast<PyDType*>(checked(dtype_type->tp_alloc(dtype_type, 0)));
        made->dtype = DType(i);
        dtypes[i] = reinterpret_cast<PyObject*>(made);
        PyModule_AddObjectRef(module, dtype_name(DType(i)), dtypes[i]);
    }
    constexpr std::pair<const char*, DType> names[] = {{"half", DType::float16},     {"float", DType::float32},
                                                       {"double", DType::float64},   {"short", DType::int16},
                                                       {"int", DType::int32},        {"long", DType::int64},
                                                       {"cfloat", DType::complex64}, {"cdouble", DType::complex128}};
    for (auto [name, dtype] : names) PyModule_AddObjectRef(module, name, dtypes[int(dtype)]);
}

// -- device -----------------------------------------------------------------------------------------------------------

Device device_value(PyObject* o) { return reinterpret_cast<PyDevice*>(o)->device; }

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"type", "index", nullptr};
    PyObject *type, *index = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", const_cast<char**>(names), &type, &index)) return nullptr;
    return guarded([&]() -> PyObject* {
        Device d = to_device(type);
        if (index != Py_None) {
            TAEDA_CHECK(d.index < 0,
                        "type (string) must not include an index because index was passed explicitly: ", d);
            d.index = int8_t(to_int(index));
        }
        return wrap(d);
    });
}
PyObject* device_type_of(PyObject* o, void*) {
    return PyUnicode_FromString(Device{device_value(o).type}.str().c_str());
}
PyObject* device_index(PyObject* o, void*) {
    if (device_value(o).index < 0) Py_RETURN_NONE;
    return PyLong_FromLong(device_value(o).index);
}
PyObject* device_str(PyObject* o) { return PyUnicode_FromString(device_value(o).str().c_str()); }
PyObject* device_repr(PyObject* o) {
    Device d = device_value(o);
    std::string text = "device(type='" + Device{d.type}.str() + "'";
    if (d.index >= 0) text += ", index=" + std::to_string(d.index);
    return PyUnicode_FromString((text + ")").c_str());
}
PyObject* device_compare(PyObject* a, PyObject* b, int how) {
    if (Py_TYPE(b) != device_type || (how != Py_EQ && how != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
    return wrap((device_value(a) == device_value(b)) == (how == Py_EQ));
}
Py_hash_t device_hash(PyObject* o) { return Py_hash_t(device_value(o).type) * 1000 + device_value(o).index + 1; }
PyObject* device_reduce(PyObject* o, PyObject*) {
    return Py_BuildValue("O(s)", reinterpret_cast<PyObject*>(device_type), device_value(o).str().c_str());
}
PyGetSetDef device_attributes[] = {{"type", device_type_of, nullptr, "'cpu', 'meta' or 'cuda'.", nullptr},
                                   {"index", device_index, nullptr, "Number of the device, or None.", nullptr},
                                   {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyType_Slot device_slots[] = {{Py_tp_new, slot(device_new)},   {Py_tp_str, slot(device_str)},
                              {Py_tp_repr, slot(device_repr)}, {Py_tp_richcompare, slot(device_compare)},
                              {Py_tp_hash, slot(device_hash)}, {Py_tp_getset, device_attributes},
                              {Py_tp_methods, device_methods}, {0, nullptr}};
PyType_Spec device_spec = {"taeda.device", sizeof(PyDevice), 0, Py_TPFLAGS_DEFAULT, device_slots};

// -- layout and memory format: named constants ------------------------------------------------------------------------

// Only strided tensors exist. The other layouts are names to compare with, and to be refused by what they are.
struct PyLayout {
    PyObject_HEAD const char* name;
};

const char* layout_name(PyObject* o) { return reinterpret_cast<PyLayout*>(o)->name; }
PyObject* layout_repr(PyObject* o) { return PyUnicode_FromFormat("taeda.%s", layout_name(o)); }
PyObject* layout_reduce(PyObject* o, PyObject*) { return PyUnicode_FromString(layout_name(o)); }
PyMethodDef layout_methods[] = {{"__reduce__", layout_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyType_Slot layout_slots[] = {{Py_tp_repr, slot(layout_repr)}, {Py_tp_methods, layout_methods}, {0, nullptr}};
PyType_Spec layout_spec = {"taeda.layout", sizeof(PyLayout), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                           layout_slots};

PyObject* format_repr(PyObject* o) {
    return PyUnicode_FromFormat("taeda.%s", reinterpret_cast<PyMemoryFormat*>(o)->name);
}
PyObject* format_reduce(PyObject* o, PyObject*) {
    return PyUnicode_FromString(reinterpret_cast<PyMemoryFormat*>(o)->name);
}
PyMethodDef format_methods[] = {{"__reduce__", format_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyType_Slot format_slots[] = {{Py_tp_repr, slot(format_repr)}, {Py_tp_methods, format_methods}, {0, nullptr}};
PyType_Spec format_spec = {"taeda.memory_format", sizeof(PyMemoryFormat), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, format_slots};

void add_constants(PyObject* module) {
    layout_type = make_type(layout_spec);
    PyModule_AddObjectRef(module, "layout", reinterpret_cast<PyObject*>(layout_type));
    for (const char* name : {"strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc"}) {
        Object made(checked(layout_type->tp_alloc(layout_type, 0)));
        reinterpret_cast<PyLayout*>(made.get())->name = name;
        PyModule_AddObjectRef(module, name, made.get());
        if (std::string_view(name) == "strided") PyDict_SetItemString(layout_type->tp_dict, "_strided", made.get());
    }
    memory_format_type = make_type(format_spec);
    PyModule_AddObjectRef(module, "memory_format", reinterpret_cast<PyObject*>(memory_format_type));
    constexpr std::pair<const char*, MemoryFormat> formats[] = {{"contiguous_format", MemoryFormat::contiguous},
                                                                {"preserve_format", MemoryFormat::preserve},
                                                                {"channels_last", MemoryFormat::channels_last},
                                                                {"channels_last_3d", MemoryFormat::channels_last_3d}};
    for (auto [name, format] : formats) {
        auto* made = reinterpret_cast<PyMemoryFormat*>(checked(memory_format_type->tp_alloc(memory_format_type, 0)));
        made->format = format;
        made->name = name;
        PyModule_AddObject(module, name, reinterpret_cast<PyObject*>(made));
    }
}

// -- Generator ----------------------------------------------------------------------------------------------------------

GeneratorImpl& generator_value(PyObject* o) { return *reinterpret_cast<PyGenerator*>(o)->generator; }

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
    static const char* names[] = {"device", nullptr};
    PyObject* device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &device)) return nullptr;
    return guarded([&]() -> PyObject* {
        auto* made = reinterpret_cast<PyGenerator*>(checked(type->tp_alloc(type, 0)));
        new (&made->generator) Generator(new GeneratorImpl);
        if (device && device != Py_None) made->generator->device = to_device(device);
        if (made->generator->device.is_cuda()) made->generator->device = resolve_device(made->generator->device);
        return reinterpret_cast<PyObject*>(made);
    });
}
void generator_dealloc(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    reinterpret_cast<PyGenerator*>(o)->generator.~Generator();
    type->tp_free(o);
    Py_DECREF(type);
}
PyObject* generator_manual_seed(PyObject* o, PyObject* seed) {
    return guarded([&]() -> PyObject* {
        generator_value(o).manual_seed(uint64_t(to_scalar(seed).to_int()));
        return Py_NewRef(o);
    });
}
PyObject* generator_seed(PyObject* o, PyObject*) {
    uint64_t value = 0;
    FILE* source = std::fopen("/dev/urandom", "rb");
    bool read = source && std::fread(&value, sizeof value, 1, source) == 1;
    if (source) std::fclose(source);
    if (!read) return PyErr_Format(PyExc_OSError, "Generator.seed: cannot read /dev/urandom");
    value >>= 1;
    generator_value(o).manual_seed(value);
    return PyLong_FromUnsignedLongLong(value);
}
PyObject* generator_initial_seed(PyObject* o, PyObject*) {
    return PyLong_FromUnsignedLongLong(generator_value(o).seed);
}
PyObject* generator_get_state(PyObject* o, PyObject*) {
    return guarded([&]() -> PyObject* {
        Tensor state = empty_tensor(Ints{16}, DType::uint8);
        uint64_t numbers[2] = {generator_value(o).seed, generator_value(o).offset};
        std::memcpy(state.raw(), numbers, 16);
        return wrap(state);
    });
}
PyObject* generator_set_state(PyObject* o, PyObject* state) {
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError,
                       is_tensor(state) && tensor_of(state).dtype() == DType::uint8 && tensor_of(state).is_contiguous(),
                       "set_state: RNG state must be a contiguous uint8 tensor, as get_state() gives it");
        TAEDA_CHECK(tensor_of(state).numel() == 16, "set_state: RNG state has ", tensor_of(state).numel(),
                    " bytes, expected 16");
        uint64_t numbers[2];
        std::memcpy(numbers, tensor_of(state).raw(), 16);
        generator_value(o).manual_seed(numbers[0]);
        generator_value(o).offset = numbers[1];
        return Py_NewRef(o);
    });
}
PyObject* generator_device(PyObject* o, void*) { return wrap(generator_value(o).device); }
PyGetSetDef generator_attributes[] = {{"device", generator_device, nullptr, nullptr, nullptr},
                                      {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef generator_methods[] = {
    {"manual_seed", generator_manual_seed, METH_O, "Starts the stream of this seed."},
    {"seed", generator_seed, METH_NOARGS, "Seeds from the system's entropy; returns the seed."},
    {"initial_seed", generator_initial_seed, METH_NOARGS, "The seed of the stream."},
    {"get_state", generator_get_state, METH_NOARGS, "Seed and position, 16 bytes."},
    {"set_state", generator_set_state, METH_O, "Continues where get_state() was taken."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot generator_slots[] = {{Py_tp_new, slot(generator_new)},
                                 {Py_tp_dealloc, slot(generator_dealloc)},
                                 {Py_tp_methods, generator_methods},
                                 {Py_tp_getset, generator_attributes},
                                 {0, nullptr}};
PyType_Spec generator_spec = {"taeda.Generator", sizeof(PyGenerator), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                              generator_slots};

// -- UntypedStorage -------------------------------------------------------------------------------------------------------

struct PyStorage {
    PyObject_HEAD Storage storage;
};
StorageImpl& storage_value(PyObject* o) { return *reinterpret_cast<PyStorage*>(o)->storage; }

PyObject* wrap_storage(const Storage& s) {
    auto* made = reinterpret_cast<PyStorage*>(checked(storage_type->tp_alloc(storage_type, 0)));
    new (&made->storage) Storage(s);
    return reinterpret_cast<PyObject*>(made);
}
PyObject* storage_new(PyTypeObject*, PyObject* args, PyObject*) {
    Py_ssize_t bytes = 0;
    if (!PyArg_ParseTuple(args, "|n", &bytes)) return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(ValueError, bytes >= 0, "UntypedStorage: size must not be negative, got ", bytes);
        return wrap_storage(allocate(size_t(bytes)));
    });
}
void storage_dealloc(PyObject* o) {
    PyTypeObject* type = Py_TYPE(o);
    reinterpret_cast<PyStorage*>(o)->storage.~Storage();
    type->tp_free(o);
    Py_DECREF(type);
}
PyObject* storage_data_ptr(PyObject* o, PyObject*) { return wrap(int64_t(storage_value(o).data)); }
PyObject* storage_nbytes(PyObject* o, PyObject*) { return wrap(int64_t(storage_value(o).bytes)); }
Py_ssize_t storage_length(PyObject* o) { return Py_ssize_t(storage_value(o).bytes); }
int storage_buffer(PyObject* o, Py_buffer* view, int flags) {
    if (!storage_value(o).device.is_cpu()) {
        PyErr_SetString(PyExc_BufferError, "the storage is not in host memory; use a storage of tensor.cpu()");
        return -1;
    }
    return PyBuffer_FillInfo(view, o, storage_value(o).data, Py_ssize_t(storage_value(o).bytes), 0, flags);
}
PyMethodDef storage_methods[] = {{"data_ptr", storage_data_ptr, METH_NOARGS, "Address of the memory."},
                                 {"nbytes", storage_nbytes, METH_NOARGS, "Size in bytes."},
                                 {"size", storage_nbytes, METH_NOARGS, "Size in bytes."},
                                 {nullptr, nullptr, 0, nullptr}};
PyType_Slot storage_slots[] = {{Py_tp_new, slot(storage_new)},          {Py_tp_dealloc, slot(storage_dealloc)},
                               {Py_tp_methods, storage_methods},        {Py_sq_length, slot(storage_length)},
                               {Py_bf_getbuffer, slot(storage_buffer)}, {0, nullptr}};
PyType_Spec storage_spec = {"taeda.UntypedStorage", sizeof(PyStorage), 0, Py_TPFLAGS_DEFAULT, storage_slots};

PyObject* untyped_storage(PyObject* self, PyObject*) {
    return guarded([&]() -> PyObject* { return wrap_storage(tensor_of(self).storage()); });
}
PyMethodDef untyped_storage_method = {"untyped_storage", untyped_storage, METH_NOARGS, "The memory behind the tensor."};

// _tensor_from_storage(storage, dtype, offset, size, stride)
PyObject* tensor_from_storage(PyObject*, PyObject* args) {
    PyObject *storage, *dtype, *size, *stride;
    Py_ssize_t offset;
    if (!PyArg_ParseTuple(args, "OOnOO", &storage, &dtype, &offset, &size, &stride)) return nullptr;
    return guarded([&]() -> PyObject* {
        TAEDA_CHECK_AS(TypeError, Py_TYPE(storage) == storage_type, "_tensor_from_storage: expected an UntypedStorage");
        DType type = to_dtype(dtype);
        Dims sizes = to_ints(size), strides = to_ints(stride);
        TAEDA_CHECK_AS(ValueError, sizes.size() == strides.size() && offset >= 0,
                       "size and stride differ in length: ", sizes, ", ", strides);
        int64_t last = offset;
        bool empty = false;
        for (size_t d = 0; d < sizes.size(); ++d) {
            TAEDA_CHECK_AS(ValueError, sizes[d] >= 0 && strides[d] >= 0,
                           "sizes and strides must not be negative: ", sizes, ", ", strides);
            empty = empty || sizes[d] == 0;
            int64_t step = 0;
            bool wraps = sizes[d] > 0 && (__builtin_mul_overflow(sizes[d] - 1, strides[d], &step) ||
                                          __builtin_add_overflow(last, step, &last));
            TAEDA_CHECK_AS(ValueError, !wraps, "sizes ", sizes, " with strides ", strides,
                           " exceed what memory can address");
        }
        TAEDA_CHECK_AS(ValueError, empty || (last + 1) <= int64_t(storage_value(storage).bytes) / item_size(type),
                       "a view of size ", sizes, " and stride ", strides, " at offset ", offset, " needs ", last + 1,
                       " elements, but the storage holds ", int64_t(storage_value(storage).bytes) / item_size(type));
        Tensor base = empty_tensor(Ints{0}, type);
        base.impl()->storage = reinterpret_cast<PyStorage*>(storage)->storage;
        base.impl()->device = base.impl()->storage->device;
        base.impl()->offset = offset;
        base.impl()->set_geometry(sizes, strides);
        return wrap(base);
    });
}
PyMethodDef functions[] = {{"_tensor_from_storage", tensor_from_storage, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void check_layout(PyObject* layout) {
    TAEDA_CHECK_AS(NotImplementedError, !given(layout) || std::string_view(layout_name(layout)) == "strided",
                   "layout taeda.", layout_name(layout),
                   " is not supported: tensors are strided; leave layout= out, or pass taeda.strided");
}

PyObject* wrap(DType dtype) { return Py_NewRef(dtypes[int(dtype)]); }

PyObject* wrap(Device device) {
    auto* made = reinterpret_cast<PyDevice*>(checked(device_type->tp_alloc(device_type, 0)));
    made->device = device;
    return reinterpret_cast<PyObject*>(made);
}

PyObject* wrap(const Generator& g) {
    auto* made = reinterpret_cast<PyGenerator*>(checked(generator_type->tp_alloc(generator_type, 0)));
    new (&made->generator) Generator(g);
    return reinterpret_cast<PyObject*>(made);
}

void add_small_types(PyObject* module) {
    add_dtypes(module);
    add_constants(module);
    device_type = make_type(device_spec);
    generator_type = make_type(generator_spec);
    storage_type = make_type(storage_spec);
    PyModule_AddObjectRef(module, "device", reinterpret_cast<PyObject*>(device_type));
    PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(generator_type));
    PyModule_AddObjectRef(module, "UntypedStorage", reinterpret_cast<PyObject*>(storage_type));
    PyModule_AddObject(module, "default_generator", checked(wrap(default_generator())));
    Object method(checked(PyDescr_NewMethod(tensor_type, &untyped_storage_method)));
    if (PyDict_SetItemString(tensor_type->tp_dict, "untyped_storage", method.get()) < 0) throw PythonError();
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
}

}  // namespace taeda::python
