// The native module taeda._C.
#include <unistd.h>

#include "dispatch/libraries.h"
#include "python/object.h"
#include "tensor/interpreter.h"

namespace {

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "taeda._C", "The native part of taeda.", -1, nullptr, nullptr, nullptr, nullptr, nullptr};

void* release_gil() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }

// While the interpreter ends, a thread that asks for the lock is ended by Python, which unwinds it through frames that
// allow no exception. It stops here instead, until the process is gone.
struct Halt {
    bool is_needed = true;
    ~Halt() {
        while (is_needed) pause();
    }
};
void take_gil(void* thread) {
    Halt otherwise;
    PyEval_RestoreThread(static_cast<PyThreadState*>(thread));
    otherwise.is_needed = false;
}

}  // namespace

PyMODINIT_FUNC PyInit__C() {
    using namespace taeda::python;
    return guarded([]() -> PyObject* {
        taeda::load_cpu_kernels();
        taeda::interpreter_lock = {release_gil, take_gil};
        Object module(checked(PyModule_Create(&definition)));
        add_tensor_type(module.get());
        add_small_types(module.get());
        add_operators(module.get());
        add_autograd(module.get());
        add_interop(module.get());
        add_runtime(module.get());
        add_autocast(module.get());
        add_devices(module.get());
        add_nn_module(module.get());
        return module.release();
    });
}
