// Dense linear algebra on batches of matrices.
//
// Matrices are (B, rows, columns) in column-major order without gaps: strides (rows * columns, 1, rows). Vectors per
// matrix are (B, n), contiguous. One dtype throughout: float32, float64, complex64 or complex128; singular and
// Hermitian eigenvalues are of its real dtype. `info` is int32 (B): 0 for success, else what LAPACK says. `pivots` are
// int32 (B, min(rows, columns)), counted from 1. "inout" arguments are overwritten. Results do not depend on the
// number of threads.
#pragma once

#include "kernels/kernel.h"

namespace taeda {

// a inout: L below the diagonal, U on and above it.
TAEDA_KERNEL("openblas", lu_factor, const Tensor& a, const Tensor& pivots, const Tensor& info)
// b inout: solves A x = b ('N'), A^T x = b ('T') or A^H x = b ('C') with the result of lu_factor.
TAEDA_KERNEL("openblas", lu_solve, const Tensor& lu, const Tensor& pivots, const Tensor& b, char transpose)
// a inout: one triangle is read and overwritten with the factor; the other is left alone.
TAEDA_KERNEL("openblas", cholesky, const Tensor& a, const Tensor& info, bool upper)
// b inout: solves A x = b (left) or x A = b.
TAEDA_KERNEL("openblas", triangular_solve, const Tensor& a, const Tensor& b, bool upper, bool left, bool unit)
// a inout: R on and above the diagonal, Householder vectors below it; tau (B, min(rows, columns)).
TAEDA_KERNEL("openblas", qr_factor, const Tensor& a, const Tensor& tau)
// a inout: the columns of the product of the reflectors in a's columns.
TAEDA_KERNEL("openblas", householder_product, const Tensor& a, const Tensor& tau)
// c inout: Q c, Q^H c, c Q or c Q^H with the result of qr_factor.
TAEDA_KERNEL("openblas", householder_apply, const Tensor& a, const Tensor& tau, const Tensor& c, bool left,
             bool adjoint)
// a is destroyed. s (B, k); u (B, rows, rows or k) and vh (B, columns or k, columns), both undefined for values alone.
TAEDA_KERNEL("openblas", svd, const Tensor& a, const Tensor& u, const Tensor& s, const Tensor& vh, const Tensor& info)
// a inout: one triangle is read; eigenvectors where wanted, else destroyed. w (B, n) ascending.
TAEDA_KERNEL("openblas", eigh, const Tensor& a, const Tensor& w, const Tensor& info, bool vectors, bool upper)
// a is destroyed. w (B, n) and v (B, n, n) are complex; v undefined for values alone.
TAEDA_KERNEL("openblas", eig, const Tensor& a, const Tensor& w, const Tensor& v, const Tensor& info)
// a is destroyed; b inout (B, max(rows, columns), k); s (B, min(rows, columns)) and rank int64 (B) where the driver
// gives them. driver: "gels", "gelsy", "gelsd" or "gelss".
TAEDA_KERNEL("openblas", lstsq, const Tensor& a, const Tensor& b, const Tensor& s, const Tensor& rank,
             const Tensor& info, double rcond, const char* driver)
// a inout: the Bunch-Kaufman factors of a symmetric (or Hermitian) matrix whose lower triangle is read.
TAEDA_KERNEL("openblas", ldl_factor, const Tensor& a, const Tensor& pivots, const Tensor& info, bool hermitian)
// b inout: solves A x = b with the result of ldl_factor.
TAEDA_KERNEL("openblas", ldl_solve, const Tensor& a, const Tensor& pivots, const Tensor& b, bool hermitian)

}  // namespace taeda
