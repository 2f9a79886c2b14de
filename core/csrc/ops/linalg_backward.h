// Gradients of factorisations; the catalogue's formulas call them. All of them can be differentiated again.
#pragma once

#include "dispatch/values.h"
#include "ops.h"

namespace taeda::ops {

Tensor lu_factor_backward(const Tensor& grad, const Tensor& LU, const Tensor& pivots);
Tensor cholesky_backward(const Tensor& grad, const Tensor& factor, bool upper);
Tensor qr_backward(const Tensor& grad_Q, const Tensor& grad_R, const Tensor& Q, const Tensor& R,
                   const std::string& mode);
Tensor triangular_solve_backward(const Tensor& grad_b, const Tensor& x, bool upper, bool left, bool unit);
Tensor det_backward(const Tensor& grad, const Tensor& A, const Tensor& det);
Tensor determinant_backward(const Tensor& grad_first, const Tensor& grad_log, const Tensor& A, const Tensor& first,
                            bool logarithm);
Tensor svd_backward(const Tensor& grad_U, const Tensor& grad_S, const Tensor& grad_Vh, const Tensor& U, const Tensor& S,
                    const Tensor& Vh);
Tensor singular_values_backward(const Tensor& grad, const Tensor& A);
Tensor eigh_backward(const Tensor& grad_L, const Tensor& grad_V, const Tensor& L, const Tensor& V);
Tensor eig_backward(const Tensor& grad_L, const Tensor& grad_V, const Tensor& L, const Tensor& V);
Tensor pseudo_inverse_backward(const Tensor& grad, const Tensor& A, const Tensor& inverse);

}  // namespace taeda::ops
