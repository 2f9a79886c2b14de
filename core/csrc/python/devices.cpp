// The native half of taeda.cuda: devices, streams, events, memory and generators of the backend.
#include "kernels/kernel.h"
#include "ops/host.h"
#include "python/args.h"
#include "random/generator.h"
#include "tensor/backend.h"

namespace taeda::python {

namespace {

DeviceBackend& cuda() { return backend(DeviceType::cuda); }

// A device's number as Python gave it; the backend says which ones there are.
int device_number(int64_t number) {
    TAEDA_CHECK(number >= 0 && number < kMaxDevices, "CUDA error: invalid device ordinal ", number, "; ",
                cuda().device_count(), " devices are visible");
    return int(number);
}

// Lower numbers run first; the driver takes what is beyond its range as the end of it.
int stream_priority(int64_t wanted) { return int(std::clamp<int64_t>(wanted, -100, 100)); }

// Calls f with the integers that `args` holds, and wraps what it gives.
template <class F> PyObject* with_integers(PyObject* args, int count, F&& f) {
    return guarded([&]() -> PyObject* {
        int64_t n[3] = {};
        TAEDA_CHECK_AS(TypeError, PyTuple_GET_SIZE(args) == count, "expected ", count, " integers, got ",
                       PyTuple_GET_SIZE(args));
        for (int i = 0; i < count; ++i) n[i] = to_int(PyTuple_GET_ITEM(args, i));
        if constexpr (std::is_void_v<decltype(f(n))>) {
            f(n);
            Py_RETURN_NONE;
        } else {
            return wrap(f(n));
        }
    });
}
// Handles are 64-bit numbers; Python carries them as int.
#define CUDA_CALL(name, count, expression) \
    PyObject* name(PyObject*, PyObject* args) { \
        return with_integers(args, count, [](const int64_t* n) { \
            (void)n; \
            return expression; \
        }); \
    }
CUDA_CALL(device_count, 0, int64_t(cuda().device_count()))
CUDA_CALL(current_device, 0, int64_t(cuda().current_device()))
CUDA_CALL(set_device, 1, cuda().set_current_device(device_number(n[0])))
CUDA_CALL(synchronize, 1, (Unlocked(), cuda().synchronize(device_number(n[0]))))
CUDA_CALL(reset_peak_stats, 1, cuda().reset_peak_stats(device_number(n[0])))
CUDA_CALL(empty_cache, 0, (Unlocked(), cuda().empty_cache()))
CUDA_CALL(create_stream, 2, int64_t(cuda().create_stream(device_number(n[0]), stream_priority(n[1]))))
CUDA_CALL(current_stream, 1, int64_t(cuda().current_stream(device_number(n[0]))))
CUDA_CALL(set_stream, 2, cuda().set_current_stream(device_number(n[0]), StreamHandle(n[1])))
CUDA_CALL(synchronize_stream, 2, (Unlocked(), cuda().synchronize_stream(device_number(n[0]), StreamHandle(n[1]))))
CUDA_CALL(query_stream, 2, cuda().query_stream(device_number(n[0]), StreamHandle(n[1])))
CUDA_CALL(create_event, 2, int64_t(cuda().create_event(device_number(n[0]), n[1] != 0)))
CUDA_CALL(destroy_event, 1, cuda().destroy_event(EventHandle(n[0])))
CUDA_CALL(record_event, 3, cuda().record_event(device_number(n[0]), EventHandle(n[1]), StreamHandle(n[2])))
CUDA_CALL(wait_event, 3, cuda().wait_event(device_number(n[0]), EventHandle(n[1]), StreamHandle(n[2])))
CUDA_CALL(synchronize_event, 1, (Unlocked(), cuda().synchronize_event(EventHandle(n[0]))))
CUDA_CALL(query_event, 1, cuda().query_event(EventHandle(n[0])))
CUDA_CALL(elapsed_time, 2, cuda().elapsed_milliseconds(EventHandle(n[0]), EventHandle(n[1])))
CUDA_CALL(generator, 1, default_generator({DeviceType::cuda, int8_t(device_number(n[0]))}))
#undef CUDA_CALL

// Why CUDA cannot be used, or an empty text. Never raises.
PyObject* failure(PyObject*, PyObject*) {
    return guarded([]() -> PyObject* {
        std::string why;
        DeviceBackend* found = find_backend(DeviceType::cuda, &why);
        if (found) why = found->why_no_device();
        return PyUnicode_FromString(why.c_str());
    });
}
PyObject* loaded(PyObject*, PyObject*) { return wrap(backend_loaded(DeviceType::cuda)); }

PyObject* versions(PyObject*, PyObject*) {
    return guarded([]() -> PyObject* {
        auto [runtime, driver] = cuda().versions();
        return Py_BuildValue("(ii)", runtime, driver);
    });
}
PyObject* properties(PyObject*, PyObject* device) {
    return guarded([&]() -> PyObject* {
        DeviceProperties p = cuda().properties(device_number(to_int(device)));
        return Py_BuildValue("{s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:n,s:n,s:n}", "name", p.name.c_str(), "uuid",
                             p.uuid.c_str(), "major", p.major, "minor", p.minor, "multi_processor_count",
                             p.multiprocessors, "warp_size", p.warp_size, "max_threads_per_multi_processor",
                             p.threads_per_multiprocessor, "total_memory", Py_ssize_t(p.total_memory),
                             "shared_memory_per_block", Py_ssize_t(p.shared_memory_per_block), "L2_cache_size",
                             Py_ssize_t(p.cache_bytes));
    });
}
PyObject* free_and_total(PyObject*, PyObject* device) {
    return guarded([&]() -> PyObject* {
        auto [free, total] = cuda().free_and_total(device_number(to_int(device)));
        return Py_BuildValue("(nn)", Py_ssize_t(free), Py_ssize_t(total));
    });
}
PyObject* memory_stats(PyObject*, PyObject* device) {
    return guarded([&]() -> PyObject* {
        Object found(checked(PyDict_New()));
        for (const auto& [name, value] : cuda().memory_stats(device_number(to_int(device)))) {
            Object number(checked(PyLong_FromLongLong(value)));
            PyDict_SetItemString(found.get(), name.c_str(), number.get());
        }
        return found.release();
    });
}
PyObject* seed_all(PyObject*, PyObject* seed) {
    return guarded([&]() -> PyObject* {
        seed_devices(PyLong_AsUnsignedLongLongMask(seed));
        Py_RETURN_NONE;
    });
}

// -- tensors ------------------------------------------------------------------------------------------------------------

PyObject* pin_memory(PyObject*, PyObject* tensor) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        TAEDA_CHECK(t.is_cpu(), "cannot pin a tensor on ", t.device(), ": only dense CPU tensors can be pinned");
        if (t.numel() > 0 && cuda().is_pinned(t.raw())) return Py_NewRef(tensor);
        Storage storage(new StorageImpl);
        size_t bytes = size_t(t.numel()) * size_t(t.item_bytes());
        cuda().allocate_pinned(*storage, bytes);
        storage->bytes = bytes;
        Tensor pinned = empty_tensor(Ints{0}, t.dtype());
        pinned.impl()->storage = storage;
        pinned.impl()->set_contiguous(t.sizes());
        return wrap(ops::copy_(pinned, t));
    });
}
PyObject* is_pinned(PyObject*, PyObject* tensor) {
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        return wrap(t.is_cpu() && t.numel() > 0 && backend_loaded(DeviceType::cuda) && cuda().is_pinned(t.raw()));
    });
}
PyObject* record_stream(PyObject*, PyObject* args) {
    PyObject *tensor, *device, *stream;
    if (!PyArg_ParseTuple(args, "OOO", &tensor, &device, &stream)) return nullptr;
    return guarded([&]() -> PyObject* {
        const Tensor& t = tensor_of(tensor);
        TAEDA_CHECK(t.device().is_cuda(), "record_stream: expected a tensor on a GPU, got one on ", t.device());
        cuda().record_stream(*t.storage(), device_number(to_int(device)), StreamHandle(to_int(stream)));
        Py_RETURN_NONE;
    });
}

// _kernels(device type) -> {name: has an implementation there}, of the kernels that csrc/kernels declares
PyObject* kernels(PyObject*, PyObject* device) {
    return guarded([&]() -> PyObject* {
        Device wanted = to_device(device);
        if (wanted.is_cuda()) cuda();
        Object found(checked(PyDict_New()));
        for (const KernelListing* k = KernelListing::first; k; k = k->next)
            PyDict_SetItemString(found.get(), k->name, k->table[int(wanted.type)] ? Py_True : Py_False);
        return found.release();
    });
}

PyMethodDef functions[] = {
    {"_cuda_failure", failure, METH_NOARGS, nullptr},
    {"_cuda_loaded", loaded, METH_NOARGS, nullptr},
    {"_cuda_versions", versions, METH_NOARGS, nullptr},
    {"_cuda_properties", properties, METH_O, nullptr},
    {"_cuda_free_and_total", free_and_total, METH_O, nullptr},
    {"_cuda_memory_stats", memory_stats, METH_O, nullptr},
    {"_cuda_seed_all", seed_all, METH_O, nullptr},
    {"_cuda_device_count", device_count, METH_VARARGS, nullptr},
    {"_cuda_current_device", current_device, METH_VARARGS, nullptr},
    {"_cuda_set_device", set_device, METH_VARARGS, nullptr},
    {"_cuda_synchronize", synchronize, METH_VARARGS, nullptr},
    {"_cuda_reset_peak_stats", reset_peak_stats, METH_VARARGS, nullptr},
    {"_cuda_empty_cache", empty_cache, METH_VARARGS, nullptr},
    {"_cuda_create_stream", create_stream, METH_VARARGS, nullptr},
    {"_cuda_current_stream", current_stream, METH_VARARGS, nullptr},
    {"_cuda_set_stream", set_stream, METH_VARARGS, nullptr},
    {"_cuda_synchronize_stream", synchronize_stream, METH_VARARGS, nullptr},
    {"_cuda_query_stream", query_stream, METH_VARARGS, nullptr},
    {"_cuda_create_event", create_event, METH_VARARGS, nullptr},
    {"_cuda_destroy_event", destroy_event, METH_VARARGS, nullptr},
    {"_cuda_record_event", record_event, METH_VARARGS, nullptr},
    {"_cuda_wait_event", wait_event, METH_VARARGS, nullptr},
    {"_cuda_synchronize_event", synchronize_event, METH_VARARGS, nullptr},
    {"_cuda_query_event", query_event, METH_VARARGS, nullptr},
    {"_cuda_elapsed_time", elapsed_time, METH_VARARGS, nullptr},
    {"_cuda_generator", generator, METH_VARARGS, nullptr},
    {"_pin_memory", pin_memory, METH_O, nullptr},
    {"_is_pinned", is_pinned, METH_O, nullptr},
    {"_record_stream", record_stream, METH_VARARGS, nullptr},
    {"_kernels", kernels, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void add_devices(PyObject* module) {
    if (PyModule_AddFunctions(module, functions) < 0) throw PythonError();
}

}  // namespace taeda::python
