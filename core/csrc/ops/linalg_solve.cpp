// Systems of equations, inverses, determinants and least squares.
#include <cmath>

#include "ops/linalg.h"

namespace taeda::native {

using namespace linalg;

namespace {

// As torch (and NumPy before 2) tells vectors from matrices: one dimension, or the batch shape of A.
bool is_vector(const Tensor& A, const Tensor& B) {
    return B.dim() == 1 || (A.dim() - 1 == B.dim() && B.sizes() == A.sizes().slice(0, size_t(A.dim() - 1)));
}

struct System {
    Tensor A, B;  // broadcast to one batch shape
};
System broadcast(const Tensor& A, const Tensor& B, const char* name) {
    Dims batch = broadcast_shapes(batch_of(A), batch_of(B), name);
    return {ops::expand(A, with_tail(batch, {A.size(-2), A.size(-1)})),
            ops::expand(B, with_tail(batch, {B.size(-2), B.size(-1)}))};
}

void check_shapes(const Tensor& A, const Tensor& B, bool left, const char* name) {
    const bool fits = left ? A.size(-2) == B.size(-2) : A.size(-1) == B.size(-1);
    TAEDA_CHECK(fits, name, ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
                A.size(-2), "x", A.size(-1), " and ", B.size(-2), "x", B.size(-1), ")");
}

}  // namespace

// -- solving -----------------------------------------------------------------------------------------------------------

Tensor linalg_solve_triangular(const Tensor& self, const Tensor& B, bool upper, bool left, bool unitriangular) {
    check_square(self, "linalg.solve_triangular");
    check_matrix(B, "linalg.solve_triangular", "B");
    check_same_dtype(self, B, "linalg.solve_triangular");
    check_shapes(self, B, left, "linalg.solve_triangular");
    auto [a, b] = broadcast(self, B, "linalg.solve_triangular");
    Tensor x = in_columns(b);
    if (has_work(x)) triangular_solve_kernel(x.device().type, flat(in_columns(a)), flat(x), upper, left, unitriangular);
    return x;
}

std::tuple<Tensor, Tensor> triangular_solve(const Tensor& self, const Tensor& A, bool upper, bool transpose,
                                            bool unitriangular) {
    Tensor a = transpose ? ops::transpose(A, -2, -1) : A;
    Tensor x = ops::linalg_solve_triangular(a, self, upper != transpose, true, unitriangular);
    return {x, ops::clone(A)};
}

Tensor solve_with_matrix(const Tensor& A, const Tensor& B, Tensor& info) {
    auto [a, b] = broadcast(A, B, "linalg.solve");
    Tensor lu = in_columns(a), x = in_columns(b);
    info = new_info(batch_of(a), A.device());
    Tensor pivots = ops::zeros(with_tail(batch_of(a), {A.size(-1)}), DType::int32, A.device());
    if (!has_work(lu)) return x;
    lu_factor_kernel(A.device().type, flat(lu), flat_vectors(pivots), info);
    if (has_work(x)) lu_solve_kernel(A.device().type, flat(lu), flat_vectors(pivots), flat(x), 'N');
    return x;
}

std::tuple<Tensor, Tensor> solve_left(const Tensor& A, const Tensor& B) {
    Tensor info;
    Tensor x = solve_with_matrix(A, B, info);
    return {x, info};
}

std::tuple<Tensor, Tensor> linalg_solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) {
    check_square(A, "linalg.solve");
    check_same_dtype(A, B, "linalg.solve");
    TAEDA_CHECK(B.dim() > 0, "linalg.solve: B must have at least 1 dimension");
    const bool vector = is_vector(A, B);
    TAEDA_CHECK(left || !vector,
                "linalg.solve: Vector broadcasting of the left hand side is not supported for left=False. In this case "
                "linalg.solve is equivalent to B / A.squeeze(-1)");
    Tensor b = vector ? ops::unsqueeze(B, -1) : B;
    check_shapes(A, b, left, "linalg.solve");
    auto [x, info] =
        left ? ops::solve_left(A, b) : ops::solve_left(ops::transpose(A, -2, -1), ops::transpose(b, -2, -1));
    if (check_errors) check_singular(info, "linalg.solve");
    if (!left) x = ops::transpose(x, -2, -1);
    return {vector ? ops::squeeze(x, -1) : x, info};
}

Tensor linalg_solve(const Tensor& A, const Tensor& B, bool left) {
    auto [x, info] = ops::linalg_solve_ex(A, B, left, false);
    check_singular(info, "linalg.solve");
    return x;
}

Tensor linalg_lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
    check_square(LU, "linalg.lu_solve", "LU");
    check_same_dtype(LU, B, "linalg.lu_solve");
    check_matrix(B, "linalg.lu_solve", "B");
    TAEDA_CHECK(pivots.dtype() == DType::int32, "linalg.lu_solve: pivots should be a Tensor of scalar type int32, got ",
                pivots.dtype());
    check_shapes(LU, B, left, "linalg.lu_solve");
    auto [P, L, U] = ops::lu_unpack(LU, pivots);
    // X A = B is A^H X^H = B^H.
    if (!left) return linalg::adjoint(ops::linalg_lu_solve(LU, pivots, linalg::adjoint(B), true, !adjoint));
    if (!adjoint) {
        Tensor y = ops::linalg_solve_triangular(L, ops::matmul(ops::transpose(P, -2, -1), B), false, true, true);
        return ops::linalg_solve_triangular(U, y, true);
    }
    Tensor y = ops::linalg_solve_triangular(linalg::adjoint(U), B, false);
    return ops::matmul(P, ops::linalg_solve_triangular(linalg::adjoint(L), y, true, true, true));
}

Tensor lu_solve(const Tensor& self, const Tensor& LU_data, const Tensor& LU_pivots) {
    return ops::linalg_lu_solve(LU_data, LU_pivots, self);
}

// -- inverse and determinant ---------------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> linalg_inv_ex(const Tensor& A, bool check_errors) {
    check_square(A, "linalg.inv");
    Tensor info;
    Tensor inverse = solve_with_matrix(A, identity(A, A.size(-1)), info);
    if (check_errors) check_inverse(info, "linalg.inv_ex");
    return {inverse, info};
}

Tensor linalg_inv(const Tensor& A) {
    auto [inverse, info] = ops::linalg_inv_ex(A, false);
    check_inverse(info, "linalg.inv");
    return inverse;
}

Tensor inverse(const Tensor& self) { return ops::linalg_inv(self); }
Tensor det(const Tensor& self) { return ops::linalg_det(self); }
Tensor matrix_exp(const Tensor& self) { return ops::linalg_matrix_exp(self); }

Tensor linalg_det(const Tensor& A) {
    check_square(A, "linalg.det");
    auto [sign, logabsdet] = ops::lu_determinant(A, false);
    return sign;
}

// By LU: (det, nothing), or with `logarithm` (sign, log abs det).
std::tuple<Tensor, Tensor> lu_determinant(const Tensor& A, bool logarithm) {
    const Ints batch = batch_of(A);
    Tensor first = ops::ones(batch, A.dtype(), A.device()),
           second = ops::zeros(batch, real_dtype(A.dtype()), A.device());
    if (!has_work(A)) return {first, second};
    const int64_t n = A.size(-1);
    Tensor lu = in_columns(A), info = new_info(batch, A.device());
    Tensor pivots = ops::zeros(with_tail(batch, {n}), DType::int32, A.device());
    lu_factor_kernel(A.device().type, flat(lu), flat_vectors(pivots), info);
    // Every pivot that is not its own row has swapped two rows.
    Tensor own = ops::arange(Scalar(1), Scalar(n + 1), Scalar(1), DType::int32, A.device());
    Tensor swaps = ops::sum(pivots != own, Ints{-1}, false, DType::int64);
    Tensor sign = Scalar(1) - Scalar(2) * ops::bitwise_and(swaps, wrapped_number(Scalar(1)));
    Tensor diagonal = ops::diagonal(lu, 0, -2, -1);
    if (!logarithm) return {ops::prod(diagonal, -1, false) * sign, second};
    return {ops::prod(ops::sgn(diagonal), -1, false) * sign, ops::sum(ops::log(ops::abs(diagonal)), Ints{-1}, false)};
}

std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& A) {
    check_square(A, "linalg.slogdet");
    return ops::lu_determinant(A, true);
}
std::tuple<Tensor, Tensor> slogdet(const Tensor& self) { return ops::linalg_slogdet(self); }

Tensor logdet(const Tensor& self) {
    check_square(self, "logdet");
    auto [sign, logabsdet] = ops::linalg_slogdet(self);
    if (self.is_complex()) return ops::log(sign) + logabsdet;
    return ops::where(sign == Scalar(-1), wrapped_number(Scalar(std::nan(""))), logabsdet);
}

// -- powers and exponentials -----------------------------------------------------------------------------------------------

// Scaling and squaring with the Taylor polynomial of degree 18, exact to float64 rounding for norms up to one.
Tensor linalg_matrix_exp(const Tensor& self) {
    check_square(self, "linalg.matrix_exp");
    const int64_t n = self.size(-1);
    Tensor one = ops::expand(identity(self, n), self.sizes());
    if (!has_work(self)) return ops::clone(self);
    double norm;
    {
        GradMode off(false);
        Tensor sums = ops::sum(ops::abs(self), Ints{-2}, false);
        Tensor largest = ops::to(ops::amax(sums, Ints(), false), DType::float64);
        norm = host_value<double>(largest);
    }
    TAEDA_CHECK(std::isfinite(norm), "linalg.matrix_exp: expected finite numbers, but the input holds NaN or infinity");
    const int squarings = norm > 1 ? int(std::ceil(std::log2(norm))) : 0;
    Tensor a = ops::scaled(self, Scalar(std::ldexp(1.0, -squarings)));
    Tensor result = one;
    for (int k = 18; k >= 1; --k) result = one + ops::matmul(a, result) * Scalar(1.0 / k);
    for (int k = 0; k < squarings; ++k) result = ops::matmul(result, result);
    return result;
}

// -- least squares ---------------------------------------------------------------------------------------------------------

namespace {

// The default is torch's: on a GPU the one driver that there is.
const char* checked_driver(const std::optional<std::string>& driver, Device device) {
    if (!driver) return device.is_cuda() ? "gels" : "gelsy";
    for (const char* known : {"gels", "gelsy", "gelsd", "gelss"})
        if (*driver == known) return known;
    raise("linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got '", *driver, "'");
}

}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> linalg_lstsq(const Tensor& self, const Tensor& b,
                                                        std::optional<double> rcond,
                                                        const std::optional<std::string>& driver) {
    check_matrix(self, "linalg.lstsq", "input");
    check_same_dtype(self, b, "linalg.lstsq");
    TAEDA_CHECK(b.dim() >= 1, "linalg.lstsq: input `b` must have at least 1 dimension");
    const char* routine = checked_driver(driver, self.device());
    const bool vector = is_vector(self, b);
    Tensor rhs = vector ? ops::unsqueeze(b, -1) : b;
    const int64_t m = self.size(-2), n = self.size(-1), k = rhs.size(-1);
    TAEDA_CHECK(rhs.size(-2) == m, "linalg.lstsq: input.size(-2) should match b.size(", vector ? -1 : -2, "), got ",
                self.sizes(), " and ", b.sizes());
    const DType real = real_dtype(self.dtype());
    Tensor empty = ops::zeros(Ints{0}, real, self.device()), residuals = empty,
           rank = ops::zeros(Ints{0}, DType::int64, self.device()), values = empty;
    auto [A, B] = broadcast(self, rhs, "linalg.lstsq");
    const std::string which = routine;
    const double cut = rcond ? *rcond
                       : (self.dtype() == real && real == DType::float32) || real == DType::float32
                           ? double(std::numeric_limits<float>::epsilon()) * double(std::max(m, n))
                           : std::numeric_limits<double>::epsilon() * double(std::max(m, n));
    Tensor full = columns(batch_of(A), std::max(m, n), k, self.dtype(), self.device());
    {
        GradMode off(false);
        Tensor info = new_info(batch_of(A), self.device());
        if (which != "gels") rank = ops::zeros(batch_of(A), DType::int64, self.device());
        if (which == "gelsd" || which == "gelss")
            values = ops::zeros(with_tail(batch_of(A), {std::min(m, n)}), real, self.device());
        ops::zero_(full);
        if (has_work(full) && has_work(A)) {
            ops::copy_(ops::narrow(full, -2, 0, m), B);
            Tensor s = values.dim() > 1 || values.numel() ? flat_vectors(values) : empty;
            lstsq_kernel(self.device().type, flat(in_columns(A)), flat(full), s, which != "gels" ? rank : Tensor(),
                         info, cut, routine);
            check_info(info, "linalg.lstsq", [](int code) {
                return join(
                    "The least squares solution could not be computed because the input matrix does not have full rank (error code: ",
                    code, ").");
            });
        }
    }
    Tensor solution = grad_wanted(self, b) ? ops::matmul(ops::pseudo_inverse(A, Tensor(), Tensor(), false), B)
                                           : ops::narrow(full, -2, 0, n);
    bool full_rank = m > n && which != "gelsy";
    if (full_rank && which != "gels" && !rank.is_meta()) {
        Tensor found = on_host(rank);
        for (int64_t i = 0; i < found.numel(); ++i) full_rank = full_rank && found.data<int64_t>()[i] == n;
    }
    if (full_rank) residuals = ops::sum(ops::square(ops::abs(ops::matmul(A, solution) - B)), Ints{-2}, false);
    else if (grad_wanted(self, b))  // empty, and a part of the graph as torch's
        residuals = ops::narrow(ops::reshape(ops::abs(solution), Ints{-1}), 0, 0, 0);
    return {vector ? ops::squeeze(solution, -1) : solution, residuals, rank, values};
}

}  // namespace taeda::native
