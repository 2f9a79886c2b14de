#include "ops/linalg_backward.h"

#include "ops/host.h"
#include "ops/linalg.h"

namespace taeda::ops {

namespace {

Tensor H(const Tensor& t) { return ops::adjoint(t); }
Tensor main_diagonal(const Tensor& t) { return ops::diagonal(t, 0, -2, -1); }
Tensor times(const Tensor& a, const Tensor& b) { return ops::matmul(a, b); }
// Columns (rows) scaled by a vector per matrix.
Tensor by_columns(const Tensor& M, const Tensor& d) { return M * ops::unsqueeze(d, -2); }
Tensor by_rows(const Tensor& M, const Tensor& d) { return M * ops::unsqueeze(d, -1); }
Tensor halved_diagonal(const Tensor& lower) {
    return ops::tril(lower) - ops::diag_embed(main_diagonal(lower)) * Scalar(0.5);
}
Tensor without_diagonal(const Tensor& M) { return M - ops::diag_embed(main_diagonal(M)); }

// a^-1 b and a b^-1 for triangular matrices.
Tensor solve(const Tensor& a, const Tensor& b, bool upper, bool unit = false) {
    return ops::linalg_solve_triangular(a, b, upper, true, unit);
}
Tensor divide(const Tensor& b, const Tensor& a, bool upper, bool unit = false) {
    return ops::linalg_solve_triangular(a, b, upper, false, unit);
}

// numerator / differences, and 0 where both vanish (no gradient reached those vectors).
Tensor over_differences(const Tensor& numerator, const Tensor& differences) {
    Tensor vanishes = ops::logical_and(ops::eq(numerator, wrapped_number(Scalar(0))),
                                       ops::eq(differences, wrapped_number(Scalar(0))));
    return numerator / ops::where(vanishes, ops::ones_like(differences), differences);
}

}  // namespace

// A = P L U with rows and columns beyond the square part belonging to L (tall) or U (wide).
Tensor lu_factor_backward(const Tensor& grad, const Tensor& LU, const Tensor& pivots) {
    const int64_t m = LU.size(-2), n = LU.size(-1), k = std::min(m, n);
    auto [P, L_all, U_all] = ops::lu_unpack(LU, pivots);
    Tensor L = ops::narrow(L_all, -2, 0, k), U = ops::narrow(U_all, -1, 0, k);
    Tensor square = ops::narrow(ops::narrow(grad, -2, 0, k), -1, 0, k);
    Tensor gL = ops::tril(square, -1), gU = ops::triu(square);
    Tensor lower = times(H(L), gL), upper = times(gU, H(U));
    Tensor rest;
    if (m > n) {
        Tensor L2 = ops::narrow(L_all, -2, k, m - k), gL2 = ops::narrow(grad, -2, k, m - k);
        upper = upper - times(H(L2), gL2);
        rest = divide(gL2, H(U), false);
    } else if (n > m) {
        Tensor U2 = ops::narrow(U_all, -1, k, n - k), gU2 = ops::narrow(grad, -1, k, n - k);
        lower = lower - times(gU2, H(U2));
        rest = solve(H(L), gU2, true, true);
    }
    Tensor result = divide(solve(H(L), ops::tril(lower, -1) + ops::triu(upper), true, true), H(U), false);
    if (rest.defined()) {
        const Tensor parts[] = {result, rest};
        result = ops::cat(parts, m > n ? -2 : -1);
    }
    return times(P, result);
}

Tensor cholesky_backward(const Tensor& grad, const Tensor& factor, bool upper) {
    Tensor L = upper ? H(factor) : factor, gL = upper ? H(grad) : grad;
    Tensor middle = halved_diagonal(times(H(L), gL));
    Tensor result = divide(solve(H(L), middle, true), L, false);
    return (result + H(result)) * Scalar(0.5);
}

Tensor qr_backward(const Tensor& grad_Q, const Tensor& grad_R, const Tensor& Q, const Tensor& R,
                   const std::string& mode) {
    TAEDA_CHECK(
        mode != "r",
        "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use linalg.qr(A, "
        "mode='reduced') if you are going to require gradients");
    const int64_t m = Q.size(-2), n = R.size(-1), k = std::min(m, n);
    TAEDA_CHECK(mode == "reduced" || m <= n,
                "The QR decomposition is not differentiable when mode='complete' and nrows > ncols");
    Tensor U = ops::narrow(R, -1, 0, k), gU = ops::narrow(grad_R, -1, 0, k), gQ = grad_Q;
    Tensor wide;
    if (n > m) {
        // R = [U | V] and A = [X | Y] with Y = Q V: what Y's part does to Q joins its gradient.
        Tensor gV = ops::narrow(grad_R, -1, k, n - k), V = ops::narrow(R, -1, k, n - k);
        gQ = gQ + times(times(Q, V), H(gV));
        wide = times(Q, gV);
    }
    Tensor M = times(U, H(gU)) - times(H(gQ), Q);
    Tensor low = ops::tril(M, -1);
    Tensor real_diagonal = ops::to(ops::real(main_diagonal(M)), M.dtype());
    Tensor symmetric = low + H(low) + ops::diag_embed(real_diagonal);
    Tensor result = divide(gQ + times(Q, symmetric), H(U), false);
    if (!wide.defined()) return result;
    const Tensor parts[] = {result, wide};
    return ops::cat(parts, -1);
}

// grad_b: the gradient of the right-hand side, which solves the adjoint system.
Tensor triangular_solve_backward(const Tensor& grad_b, const Tensor& x, bool upper, bool left, bool unit) {
    Tensor product = left ? -times(grad_b, H(x)) : -times(H(x), grad_b);
    return upper ? ops::triu(product, unit ? 1 : 0) : ops::tril(product, unit ? -1 : 0);
}

namespace {

bool any_zero(const Tensor& t) {
    GradMode off(false);
    return host_truth(ops::contiguous(ops::any(ops::eq(t, wrapped_number(Scalar(0))))));
}

// The adjugate's adjoint of a singular matrix, from A = U S V^H: each singular value replaced by the product of the others.
Tensor cofactors(const Tensor& A) {
    auto [U, S, Vh] = ops::linalg_svd(A, false);
    const int64_t n = S.size(-1);
    Tensors others;
    for (int64_t i = 0; i < n; ++i) {
        Tensors rest;
        if (i > 0) rest.push_back(ops::narrow(S, -1, 0, i));
        if (i + 1 < n) rest.push_back(ops::narrow(S, -1, i + 1, n - i - 1));
        others.push_back(rest.empty() ? ops::ones_like(ops::select(S, -1, 0)) : ops::prod(ops::cat(rest, -1), -1));
    }
    Tensor phase = ops::conj(ops::linalg_det(U) * ops::linalg_det(Vh));
    return times(by_columns(U, ops::stack(others, -1)), Vh) * ops::unsqueeze(ops::unsqueeze(phase, -1), -1);
}

}  // namespace

Tensor det_backward(const Tensor& grad, const Tensor& A, const Tensor& det) {
    if (any_zero(det)) return ops::unsqueeze(ops::unsqueeze(grad, -1), -1) * cofactors(A);
    Tensor scale = ops::expand(ops::unsqueeze(grad * ops::conj(det), -1), A.sizes().slice(0, size_t(A.dim() - 1)));
    return ops::linalg_solve(H(A), ops::diag_embed(scale));
}

Tensor determinant_backward(const Tensor& grad_first, const Tensor& grad_log, const Tensor& A, const Tensor& first,
                            bool logarithm) {
    if (A.numel() == 0) return ops::zeros_like(A);
    if (!logarithm) return det_backward(grad_first, A, first);
    Tensor scale = grad_log;
    if (A.is_complex()) scale = ops::complex(grad_log, ops::imag(grad_first * ops::conj(first)));
    scale = ops::expand(ops::unsqueeze(scale, -1), A.sizes().slice(0, size_t(A.dim() - 1)));
    return ops::linalg_solve(H(A), ops::diag_embed(scale));
}

Tensor svd_backward(const Tensor& grad_U, const Tensor& grad_S, const Tensor& grad_Vh, const Tensor& U_all,
                    const Tensor& S, const Tensor& Vh_all) {
    const int64_t k = S.size(-1), m = U_all.size(-2), n = Vh_all.size(-1);
    Tensor U = ops::narrow(U_all, -1, 0, k), Vh = ops::narrow(Vh_all, -2, 0, k);
    Tensor gU = ops::narrow(grad_U, -1, 0, k), gVh = ops::narrow(grad_Vh, -2, 0, k);
    Tensor a = times(H(U), gU), b = times(Vh, H(gVh));
    Tensor skew_U = a - H(a), skew_V = b - H(b);
    Tensor squares = S * S;
    Tensor differences = ops::unsqueeze(squares, -2) - ops::unsqueeze(squares, -1);
    Tensor middle = over_differences(without_diagonal(by_columns(skew_U, S) + by_rows(skew_V, S)), differences);
    middle = middle + ops::diag_embed(grad_S);
    // The phase that each pair of complex singular vectors shares.
    if (U.is_complex()) middle = middle + ops::diag_embed(main_diagonal(skew_U) / (S * Scalar(2.0)));
    Tensor result = times(U, times(middle, Vh));
    // Parts of the gradients outside the spaces that the singular vectors span.
    if (m > k) {
        Tensor outside = gU - times(U, times(H(U), gU));
        result = result + times(over_differences(outside, ops::expand(ops::unsqueeze(S, -2), outside.sizes())), Vh);
    }
    if (n > k) {
        Tensor outside = gVh - times(times(gVh, H(Vh)), Vh);
        result = result + times(U, over_differences(outside, ops::expand(ops::unsqueeze(S, -1), outside.sizes())));
    }
    return result;
}

Tensor singular_values_backward(const Tensor& grad, const Tensor& A) {
    auto [U, S, Vh] = ops::linalg_svd(A, false);
    return times(by_columns(U, grad), Vh);
}

Tensor eigh_backward(const Tensor& grad_L, const Tensor& grad_V, const Tensor& L, const Tensor& V) {
    Tensor differences = ops::unsqueeze(L, -2) - ops::unsqueeze(L, -1);
    Tensor middle = over_differences(without_diagonal(times(H(V), grad_V)), differences) + ops::diag_embed(grad_L);
    return times(V, times(middle, H(V)));
}

Tensor eig_backward(const Tensor& grad_L, const Tensor& grad_V, const Tensor& L, const Tensor& V) {
    Tensor overlap = times(H(V), grad_V);
    Tensor lengths = ops::to(ops::real(main_diagonal(overlap)), V.dtype());  // eigenvectors are normalised
    Tensor differences = ops::conj(ops::unsqueeze(L, -2) - ops::unsqueeze(L, -1));
    Tensor middle = overlap - times(H(V), by_columns(V, lengths));
    middle = over_differences(without_diagonal(middle), differences) + ops::diag_embed(grad_L);
    return ops::linalg_solve(H(V), times(middle, H(V)));
}

Tensor pseudo_inverse_backward(const Tensor& grad, const Tensor& A, const Tensor& inverse) {
    Tensor inverse_h = H(inverse), grad_h = H(grad);
    if (A.size(-2) <= A.size(-1)) {
        Tensor K = times(grad_h, inverse), KP = times(K, inverse_h);
        return KP - H(times(inverse, K)) - times(times(A, inverse), KP) +
               times(times(inverse_h, inverse), grad_h - times(K, A));
    }
    Tensor K = times(inverse, grad_h), PK = times(inverse_h, K);
    return PK - H(times(K, inverse)) + times(times(grad_h - times(A, K), inverse), inverse_h) -
           times(times(PK, inverse), A);
}

}  // namespace taeda::ops
