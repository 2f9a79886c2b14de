// Factorisations: LU, Cholesky, QR, Bunch-Kaufman, and the products that undo them.
#include "ops/linalg.h"

namespace taeda::native {

using namespace linalg;

// -- LU --------------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> linalg_lu_factor_ex(const Tensor& A, bool pivot, bool check_errors) {
    check_matrix(A, "linalg.lu_factor");
    TAEDA_CHECK(pivot, "linalg.lu_factor: LU without pivoting is not implemented on the CPU");
    Tensor lu = in_columns(A), info = new_info(batch_of(A), A.device());
    Tensor pivots = ops::zeros(with_tail(batch_of(A), {std::min(A.size(-2), A.size(-1))}), DType::int32, A.device());
    if (has_work(lu)) lu_factor_kernel(A.device().type, flat(lu), flat_vectors(pivots), info);
    if (check_errors)
        check_info(info, "linalg.lu_factor_ex", [](int code) {
            return join("U[", code, ",", code,
                        "] is zero and using it on lu_solve would result in a division by zero.");
        });
    return {lu, pivots, info};
}

std::tuple<Tensor, Tensor> linalg_lu_factor(const Tensor& A, bool pivot) {
    auto [lu, pivots, info] = ops::linalg_lu_factor_ex(A, pivot, false);
    check_info(info, "linalg.lu_factor", [](int code) {
        return join("U[", code, ",", code,
                    "] is zero and using it on lu_solve would result in a division by zero. If you still want to "
                    "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)");
    });
    return {lu, pivots};
}

Tensor pivots_to_permutation(const Tensor& pivots, int64_t rows) {
    Dims sizes = with_tail(pivots.sizes().slice(0, size_t(pivots.dim() - 1)), {rows});
    if (pivots.is_meta()) return empty_tensor(sizes, DType::int64, pivots.device());
    Tensor order = empty_tensor(sizes, DType::int64), swaps = on_host(ops::contiguous(pivots));
    const int64_t k = pivots.size(-1), count = product(order.sizes().slice(0, size_t(order.dim() - 1)));
    for (int64_t b = 0; b < count; ++b) {
        int64_t* row = order.data<int64_t>() + b * rows;
        for (int64_t i = 0; i < rows; ++i) row[i] = i;
        for (int64_t i = 0; i < k; ++i) std::swap(row[i], row[swaps.data<int32_t>()[b * k + i] - 1]);
    }
    return on_device(order, pivots.device());
}

// P with A = P L U: column order[i] ... row order[i] of the identity's column i is 1.
Tensor permutation_matrix(const Tensor& order, DType dtype) {
    const int64_t n = order.size(-1);
    if (order.is_meta()) return ops::zeros(with_tail(order.sizes(), {n}), dtype, order.device());
    Tensor matrix = ops::zeros(with_tail(order.sizes(), {n}), dtype), here = on_host(order);
    const int64_t count = n ? order.numel() / n : 0;
    visit_all(dtype, [&]<class T>() {
        for (int64_t b = 0; b < count; ++b)
            for (int64_t i = 0; i < n; ++i) matrix.data<T>()[(b * n + here.data<int64_t>()[b * n + i]) * n + i] = T(1);
    });
    return on_device(matrix, order.device());
}

std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU_data, const Tensor& LU_pivots, bool unpack_data,
                                             bool unpack_pivots) {
    TAEDA_CHECK(LU_data.dim() >= 2, "lu_unpack: The input tensor LU_data must have at least 2 dimensions, got shape ",
                LU_data.sizes());
    TAEDA_CHECK(
        !unpack_pivots || LU_pivots.dtype() == DType::int32,
        "lu_unpack: LU_pivots is expected to be a contiguous tensor of dtype int32. Note: this function is intended to be "
        "used with the output produced by linalg.lu_factor; got ",
        LU_pivots.dtype());
    const int64_t m = LU_data.size(-2), n = LU_data.size(-1), k = std::min(m, n);
    Tensor none = ops::zeros(Ints{0}, LU_data.dtype(), LU_data.device()), P = none, L = none, U = none;
    if (unpack_data) {
        L = ops::tril(ops::narrow(LU_data, -1, 0, k), -1) + ops::eye(m, k, LU_data.dtype(), LU_data.device());
        U = ops::triu(ops::narrow(LU_data, -2, 0, k));
    }
    if (unpack_pivots) P = ops::permutation_matrix(ops::pivots_to_permutation(LU_pivots, m), LU_data.dtype());
    return {P, L, U};
}

std::tuple<Tensor, Tensor, Tensor> linalg_lu(const Tensor& A, bool pivot) {
    check_matrix(A, "linalg.lu");
    auto [lu, pivots, info] = ops::linalg_lu_factor_ex(A, pivot, false);
    return ops::lu_unpack(lu, pivots);
}

// -- Cholesky ----------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> linalg_cholesky_ex(const Tensor& self, bool upper, bool check_errors) {
    check_square(self, "linalg.cholesky");
    Tensor factor = in_columns(self), info = new_info(batch_of(self), self.device());
    if (has_work(factor)) {
        cholesky_kernel(self.device().type, flat(factor), info, upper);
        factor = upper ? ops::triu(factor) : ops::tril(factor);
    }
    if (check_errors) check_positive(info, "linalg.cholesky_ex");
    return {factor, info};
}

Tensor linalg_cholesky(const Tensor& self, bool upper) {
    auto [factor, info] = ops::linalg_cholesky_ex(self, upper, false);
    check_positive(info, "linalg.cholesky");
    return factor;
}

Tensor cholesky(const Tensor& self, bool upper) {
    auto [factor, info] = ops::linalg_cholesky_ex(self, upper, false);
    check_positive(info, "cholesky");
    return factor;
}

Tensor cholesky_solve(const Tensor& self, const Tensor& input2, bool upper) {
    check_square(input2, "cholesky_solve");
    TAEDA_CHECK(self.dim() >= 2 && self.size(-2) == input2.size(-1),
                "cholesky_solve: Incompatible matrix sizes for cholesky_solve: each A matrix is ", input2.size(-1),
                " by ", input2.size(-1), " but each b matrix has shape ", self.sizes());
    Tensor lower = upper ? adjoint(input2) : input2;
    return ops::linalg_solve_triangular(adjoint(lower), ops::linalg_solve_triangular(lower, self, false), true);
}

Tensor cholesky_inverse(const Tensor& self, bool upper) {
    check_square(self, "cholesky_inverse");
    return ops::cholesky_solve(ops::expand(identity(self, self.size(-1)), self.sizes()), self, upper);
}

// -- QR --------------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> geqrf(const Tensor& self) {
    check_matrix(self, "geqrf", "input");
    Tensor a = in_columns(self);
    Tensor tau =
        ops::zeros(with_tail(batch_of(self), {std::min(self.size(-2), self.size(-1))}), self.dtype(), self.device());
    if (has_work(a)) qr_factor_kernel(self.device().type, flat(a), flat_vectors(tau));
    return {a, tau};
}

std::tuple<Tensor, Tensor> linalg_qr(const Tensor& A, const std::string& mode) {
    check_matrix(A, "linalg.qr");
    TAEDA_CHECK(mode == "reduced" || mode == "complete" || mode == "r", "qr received unrecognized mode '", mode,
                "' but expected one of 'reduced' (default), 'r', or 'complete'");
    const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n), wide = mode == "complete" ? m : k;
    auto [a, tau] = native::geqrf(A);
    Tensor R = ops::triu(ops::narrow(a, -2, 0, std::min(m, wide)));
    if (mode == "r") return {ops::zeros(Ints{0}, A.dtype(), A.device()), R};
    Tensor Q = columns(batch_of(A), m, wide, A.dtype(), A.device());
    if (!has_work(Q)) return {Q, R};
    if (k == 0) return {ops::expand(identity(A, m), with_tail(batch_of(A), {m, m})), R};
    ops::copy_(ops::narrow(Q, -1, 0, k), ops::narrow(a, -1, 0, k));
    householder_product_kernel(A.device().type, flat(Q), flat_vectors(tau));
    return {Q, R};
}

Tensor linalg_householder_product(const Tensor& input, const Tensor& tau) {
    check_matrix(input, "linalg.householder_product", "input");
    check_same_dtype(input, tau, "linalg.householder_product");
    const int64_t m = input.size(-2), n = input.size(-1);
    TAEDA_CHECK(m >= n,
                "linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1], got ",
                input.sizes());
    TAEDA_CHECK(tau.dim() >= 1 && n >= tau.size(-1),
                "linalg.householder_product: input.shape[-1] must be greater than or equal to "
                "tau.shape[-1], got ",
                input.sizes(), " and ", tau.sizes());
    if (!grad_wanted(input, tau)) {
        GradMode off(false);
        Tensor a = in_columns(input);
        if (has_work(a)) householder_product_kernel(input.device().type, flat(a), flat_vectors(ops::contiguous(tau)));
        return a;
    }
    if (!input.numel()) return ops::clone(input);
    // Reflector by reflector, from the last: H_i Q = Q - tau_i v_i (v_i^H Q).
    Tensor Q = ops::eye(m, n, input.dtype(), input.device());
    Tensor vectors = ops::tril(input, -1) + Q;
    for (int64_t i = tau.size(-1) - 1; i >= 0; --i) {
        Tensor v = ops::narrow(vectors, -1, i, 1);
        Q = Q - ops::unsqueeze(ops::narrow(tau, -1, i, 1), -1) * ops::matmul(v, ops::matmul(adjoint(v), Q));
    }
    return Q;
}

Tensor ormqr(const Tensor& self, const Tensor& input2, const Tensor& input3, bool left, bool transpose) {
    check_matrix(self, "ormqr", "input");
    TAEDA_CHECK(input3.dim() >= 2 && input3.size(left ? -2 : -1) == self.size(-2), "ormqr: other.shape[",
                left ? -2 : -1, "] must be equal to input.shape[-2], got ", input3.sizes(), " and ", self.sizes());
    check_same_dtype(self, input3, "ormqr");
    if (grad_wanted(self, input2, input3)) {
        const int64_t m = self.size(-2);
        Tensor padded = self.size(-1) >= m ? ops::narrow(self, -1, 0, m) : [&] {
            const Tensor parts[] = {
                self, ops::zeros(with_tail(batch_of(self), {m, m - self.size(-1)}), self.dtype(), self.device())};
            return ops::cat(parts, -1);
        }();
        Tensor Q = ops::linalg_householder_product(padded, input2);
        if (transpose) Q = adjoint(Q);
        return left ? ops::matmul(Q, input3) : ops::matmul(input3, Q);
    }
    GradMode off(false);
    Tensor c = in_columns(input3);
    if (has_work(c))
        householder_apply_kernel(self.device().type, flat(in_columns(self)), flat_vectors(ops::contiguous(input2)),
                                 flat(c), left, transpose);
    return c;
}

// -- symmetric indefinite ----------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> linalg_ldl_factor_ex(const Tensor& self, bool hermitian, bool check_errors) {
    check_square(self, "linalg.ldl_factor_ex");
    Tensor LD = in_columns(self), info = new_info(batch_of(self), self.device());
    Tensor pivots = ops::zeros(with_tail(batch_of(self), {self.size(-1)}), DType::int32, self.device());
    if (has_work(LD)) {
        ldl_factor_kernel(self.device().type, flat(LD), flat_vectors(pivots), info, hermitian);
        LD = ops::tril(LD);
    }
    if (check_errors) check_singular(info, "linalg.ldl_factor_ex");
    return {LD, pivots, info};
}

std::tuple<Tensor, Tensor> linalg_ldl_factor(const Tensor& self, bool hermitian) {
    auto [LD, pivots, info] = ops::linalg_ldl_factor_ex(self, hermitian, false);
    check_singular(info, "linalg.ldl_factor");
    return {LD, pivots};
}

Tensor linalg_ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
    check_square(LD, "linalg.ldl_solve", "LD");
    TAEDA_CHECK(B.dim() >= 2 && B.size(-2) == LD.size(-1), "linalg.ldl_solve: Expected B with ", LD.size(-1),
                " rows, got shape ", B.sizes());
    check_same_dtype(LD, B, "linalg.ldl_solve");
    Dims batch = broadcast_shapes(batch_of(LD), batch_of(B), "linalg.ldl_solve");
    Tensor x = in_columns(ops::expand(B, with_tail(batch, {B.size(-2), B.size(-1)})));
    Tensor a = in_columns(ops::expand(LD, with_tail(batch, {LD.size(-2), LD.size(-1)})));
    Tensor order = ops::contiguous(ops::expand(pivots, with_tail(batch, {pivots.size(-1)})));
    if (has_work(x)) ldl_solve_kernel(LD.device().type, flat(a), flat_vectors(order), flat(x), hermitian);
    return x;
}

}  // namespace taeda::native
