// What the linear algebra operators share: checks, column-major copies, and reports of failure.
#pragma once

#include "autograd/meta.h"
#include "kernels/copy.h"
#include "kernels/linalg.h"
#include "native.h"
#include "ops/derivatives.h"
#include "ops/host.h"
#include "ops/linalg_error.h"

namespace taeda::linalg {

inline Ints batch_of(const Tensor& t) { return t.sizes().slice(0, t.sizes().size() - 2); }
inline Dims with_tail(Ints batch, std::initializer_list<int64_t> tail) {
    Dims sizes(batch);
    for (int64_t n : tail) sizes.push_back(n);
    return sizes;
}

// An uninitialised batch of column-major matrices.
Tensor columns(Ints batch, int64_t rows, int64_t count, DType dtype, Device device);
// A column-major copy.
Tensor in_columns(const Tensor& t);
// The kernels' view of either: (B, rows, columns), and (B, n) of vectors.
Tensor flat(const Tensor& matrices);
Tensor flat_vectors(const Tensor& vectors);
// A zero int32 status per matrix.
Tensor new_info(Ints batch, Device device);
inline bool has_work(const Tensor& t) { return !t.is_meta() && t.numel() > 0; }

// At least two dimensions, and a dtype that LAPACK has; `name` is the full name, such as "linalg.inv".
void check_matrix(const Tensor& a, const char* name, const char* argument = "A");
void check_square(const Tensor& a, const char* name, const char* argument = "A");
void check_dtype(const Tensor& a, const char* name);
void check_same_dtype(const Tensor& a, const Tensor& b, const char* name);

// Raises LinAlgError if some status is not zero: "name: (Batch element 1): " and what `why` says of the number.
template <class Why> void check_info(const Tensor& info, const char* name, Why&& why) {
    if (info.is_meta()) return;
    Tensor dense = on_host(ops::contiguous(info));
    for (int64_t i = 0; i < dense.numel(); ++i) {
        int32_t code = dense.data<int32_t>()[i];
        if (code == 0) continue;
        raise<LinAlgError>(name, ": ", info.dim() ? join("(Batch element ", i, "): ") : std::string(), why(code));
    }
}
void check_singular(const Tensor& info, const char* name);  // of lu_factor, for solvers
void check_inverse(const Tensor& info, const char* name);
void check_positive(const Tensor& info, const char* name);
void check_converged(const Tensor& info, const char* name);

inline Tensor adjoint(const Tensor& t) { return ops::adjoint(t); }
inline Tensor diagonal(const Tensor& t) { return ops::diagonal(t, 0, -2, -1); }
inline Tensor identity(const Tensor& like, int64_t n) { return ops::eye(n, std::nullopt, like.dtype(), like.device()); }

}  // namespace taeda::linalg
