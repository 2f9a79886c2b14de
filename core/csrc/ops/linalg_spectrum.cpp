// Singular values, eigenvalues, and what is made of them: pseudo-inverse, rank, condition.
#include <cmath>

#include "ops/linalg.h"

namespace taeda::native {

using namespace linalg;

namespace {

void check_driver(const std::optional<std::string>& driver, const char* name) {
    TAEDA_CHECK(!driver, name, ": keyword argument `driver=` is only supported on CUDA inputs");
}

bool upper_triangle(const std::string& UPLO, const char* name) {
    TAEDA_CHECK(UPLO.size() == 1 && std::strchr("LUlu", UPLO[0]), "Expected UPLO argument of ", name,
                " to be 'L' or 'U', but got ", UPLO);
    return UPLO == "U" || UPLO == "u";
}

}  // namespace

// -- singular values -----------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& A, bool full_matrices,
                                              const std::optional<std::string>& driver) {
    check_matrix(A, "linalg.svd");
    check_driver(driver, "linalg.svd");
    const int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
    const Ints batch = batch_of(A);
    Tensor U = columns(batch, m, full_matrices ? m : k, A.dtype(), A.device());
    Tensor Vh = columns(batch, full_matrices ? n : k, n, A.dtype(), A.device());
    Tensor S = empty_tensor(with_tail(batch, {k}), real_dtype(A.dtype()), A.device());
    if (A.is_meta()) return {U, S, Vh};
    if (A.numel() == 0) {
        if (U.numel()) ops::copy_(U, ops::eye(m, U.size(-1), A.dtype(), A.device()));
        if (Vh.numel()) ops::copy_(Vh, ops::eye(Vh.size(-2), n, A.dtype(), A.device()));
        return {U, S, Vh};
    }
    Tensor info = new_info(batch, A.device());
    svd_kernel(A.device().type, flat(in_columns(A)), flat(U), flat_vectors(S), flat(Vh), info);
    check_converged(info, "linalg.svd");
    return {U, S, Vh};
}

Tensor singular_values(const Tensor& A) {
    Tensor S =
        empty_tensor(with_tail(batch_of(A), {std::min(A.size(-2), A.size(-1))}), real_dtype(A.dtype()), A.device());
    if (!has_work(A)) return S;
    Tensor info = new_info(batch_of(A), A.device());
    svd_kernel(A.device().type, flat(in_columns(A)), Tensor(), flat_vectors(S), Tensor(), info);
    check_converged(info, "linalg.svd");
    return S;
}

Tensor linalg_svdvals(const Tensor& A, const std::optional<std::string>& driver) {
    check_matrix(A, "linalg.svdvals");
    check_driver(driver, "linalg.svdvals");
    return ops::singular_values(A);
}

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& self, bool some, bool compute_uv) {
    check_matrix(self, "svd", "input");
    if (compute_uv) {
        auto [U, S, Vh] = ops::linalg_svd(self, !some);
        return {U, S, adjoint(Vh)};
    }
    const Ints batch = batch_of(self);
    const int64_t m = self.size(-2), n = self.size(-1);
    return {ops::zeros(with_tail(batch, {m, m}), self.dtype(), self.device()), ops::singular_values(self),
            ops::zeros(with_tail(batch, {n, n}), self.dtype(), self.device())};
}

// -- eigenvalues ---------------------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& self, const std::string& UPLO) {
    check_square(self, "linalg.eigh");
    const bool upper = upper_triangle(UPLO, "linalg.eigh");
    Tensor V = in_columns(self), info = new_info(batch_of(self), self.device());
    Tensor L = empty_tensor(with_tail(batch_of(self), {self.size(-1)}), real_dtype(self.dtype()), self.device());
    if (has_work(V)) {
        eigh_kernel(self.device().type, flat(V), flat_vectors(L), info, true, upper);
        check_converged(info, "linalg.eigh");
    }
    return {L, V};
}

Tensor hermitian_eigenvalues(const Tensor& self, bool upper) {
    Tensor L = empty_tensor(with_tail(batch_of(self), {self.size(-1)}), real_dtype(self.dtype()), self.device());
    if (has_work(self)) {
        Tensor info = new_info(batch_of(self), self.device());
        eigh_kernel(self.device().type, flat(in_columns(self)), flat_vectors(L), info, false, upper);
        check_converged(info, "linalg.eigvalsh");
    }
    return L;
}

Tensor linalg_eigvalsh(const Tensor& self, const std::string& UPLO) {
    check_square(self, "linalg.eigvalsh");
    return ops::hermitian_eigenvalues(self, upper_triangle(UPLO, "linalg.eigvalsh"));
}

std::tuple<Tensor, Tensor> linalg_eig(const Tensor& self) {
    check_square(self, "linalg.eig");
    const DType dtype = complex_dtype(self.dtype());
    Tensor L = empty_tensor(with_tail(batch_of(self), {self.size(-1)}), dtype, self.device());
    Tensor V = columns(batch_of(self), self.size(-1), self.size(-1), dtype, self.device());
    if (has_work(V)) {
        Tensor info = new_info(batch_of(self), self.device());
        TAEDA_CHECK(host_truth(ops::contiguous(ops::all(ops::isfinite(self)))),
                    "linalg.eig: input tensor should not contain infs or NaNs.");
        eig_kernel(self.device().type, flat(in_columns(self)), flat_vectors(L), flat(V), info);
        check_converged(info, "linalg.eig");
    }
    return {L, V};
}

Tensor linalg_eigvals(const Tensor& self) {
    check_square(self, "linalg.eigvals");
    return std::get<0>(ops::linalg_eig(self));
}

// -- pseudo-inverse and rank ---------------------------------------------------------------------------------------------

namespace {

// The smallest singular value that counts, per matrix: max(atol, rtol * the largest). NumPy's and torch's defaults.
Tensor cutoff(const Tensor& A, const Tensor& values, const Tensor& atol, const Tensor& rtol) {
    const DType real = real_dtype(A.dtype());
    const double eps =
        real == DType::float32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
    Tensor absolute = atol.defined() ? ops::to(atol, real) : ops::zeros(Ints(), real, A.device());
    Tensor relative;
    if (rtol.defined()) relative = ops::to(rtol, real);
    else {
        Tensor standard = ops::full(Ints(), Scalar(eps * double(std::max(A.size(-1), A.size(-2)))), real, A.device());
        relative = atol.defined() ? ops::where(absolute > Scalar(0.0), ops::zeros_like(standard), standard) : standard;
    }
    Tensor largest = values.size(-1) ? ops::amax(values, Ints{-1}, false)
                                     : ops::zeros(values.sizes().slice(0, size_t(values.dim() - 1)), real, A.device());
    return ops::maximum(absolute, relative * largest);
}

Tensor number(std::optional<double> value, const Tensor& like) {
    return value ? ops::full(Ints(), Scalar(*value), DType::float64, like.device()) : Tensor();
}

// Rows and columns of a diagonal scaling: M * d over the last dimension.
Tensor scaled_columns(const Tensor& M, const Tensor& d) { return M * ops::unsqueeze(d, -2); }

}  // namespace

Tensor pseudo_inverse(const Tensor& self, const Tensor& atol, const Tensor& rtol, bool hermitian) {
    if (self.numel() == 0)
        return ops::zeros(with_tail(batch_of(self), {self.size(-1), self.size(-2)}), self.dtype(), self.device());
    if (hermitian) {
        auto [L, V] = ops::linalg_eigh(self, "L");
        Tensor size = ops::abs(L), kept = size > ops::unsqueeze(cutoff(self, size, atol, rtol), -1);
        Tensor inverse = ops::where(kept, ops::reciprocal(ops::where(kept, L, ops::ones_like(L))), ops::zeros_like(L));
        return ops::matmul(scaled_columns(V, inverse), adjoint(V));
    }
    auto [U, S, Vh] = ops::linalg_svd(self, false);
    Tensor kept = S > ops::unsqueeze(cutoff(self, S, atol, rtol), -1);
    Tensor inverse = ops::where(kept, ops::reciprocal(ops::where(kept, S, ops::ones_like(S))), ops::zeros_like(S));
    return ops::matmul(scaled_columns(adjoint(Vh), inverse), adjoint(U));
}

Tensor linalg_pinv(const Tensor& self, const Tensor& atol, const Tensor& rtol, bool hermitian) {
    check_matrix(self, "linalg.pinv");
    if (hermitian) check_square(self, "linalg.pinv");
    return ops::pseudo_inverse(self, atol, rtol, hermitian);
}
Tensor linalg_pinv(const Tensor& self, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
    return ops::linalg_pinv(self, number(atol, self), number(rtol, self), hermitian);
}
Tensor linalg_pinv(const Tensor& self, double rcond, bool hermitian) {
    return ops::linalg_pinv(self, Tensor(), number(rcond, self), hermitian);
}
Tensor linalg_pinv(const Tensor& self, const Tensor& rcond, bool hermitian) {
    return ops::linalg_pinv(self, Tensor(), rcond, hermitian);
}
Tensor pinverse(const Tensor& self, double rcond) {
    return ops::linalg_pinv(self, Tensor(), number(rcond, self), false);
}

Tensor linalg_matrix_rank(const Tensor& input, const Tensor& atol, const Tensor& rtol, bool hermitian) {
    check_matrix(input, "linalg.matrix_rank", "input");
    if (hermitian) check_square(input, "linalg.matrix_rank");
    GradMode off(false);
    if (input.numel() == 0) return ops::zeros(batch_of(input), DType::int64, input.device());
    Tensor values = hermitian ? ops::abs(ops::linalg_eigvalsh(input)) : ops::linalg_svdvals(input);
    return ops::sum(ops::to(values > ops::unsqueeze(cutoff(input, values, atol, rtol), -1), DType::int64), Ints{-1},
                    false);
}
Tensor linalg_matrix_rank(const Tensor& self, std::optional<double> atol, std::optional<double> rtol, bool hermitian) {
    return ops::linalg_matrix_rank(self, number(atol, self), number(rtol, self), hermitian);
}
Tensor linalg_matrix_rank(const Tensor& self, double tol, bool hermitian) {
    return ops::linalg_matrix_rank(self, number(tol, self), number(0.0, self), hermitian);
}
Tensor linalg_matrix_rank(const Tensor& input, const Tensor& tol, bool hermitian) {
    return ops::linalg_matrix_rank(input, tol, number(0.0, input), hermitian);
}

}  // namespace taeda::native
