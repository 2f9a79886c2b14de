// Exception types that Python finds in the native module.
#pragma once

#include "python/object.h"

namespace taeda::python {

PyObject* linalg_error_type();         // taeda.linalg.LinAlgError, borrowed
PyObject* out_of_memory_error_type();  // taeda.OutOfMemoryError, borrowed

}  // namespace taeda::python
