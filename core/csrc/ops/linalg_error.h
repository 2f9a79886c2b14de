#pragma once

#include "tensor/error.h"

namespace taeda {

// A matrix is singular, not positive-definite, or its iteration does not converge.
struct LinAlgError : Error {
    using Error::Error;
};

}  // namespace taeda
