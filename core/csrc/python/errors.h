// Exception types that Python finds in the native module.
#pragma once

#include "python/object.h"

namespace taeda::python {

PyObject* linalg_error_type();  // taeda.linalg.LinAlgError, borrowed

}  // namespace taeda::python
