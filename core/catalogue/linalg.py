"""Linear algebra: factorisations, equations, spectra, norms. `taeda.linalg` gives most of it without the prefix."""

from catalogue.families import FUNCTION, composite, op

# -- factorisations ----------------------------------------------------------------------------------------------------

op("linalg_lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor LU, Tensor pivots, Tensor info)",
   "L and U in one matrix, pivots counted from 1, and a status per matrix.", where=(), out=True,
   vjp={"A": "lu_factor_backward(grads[0], result0, result1)"})  # fmt: skip
composite("linalg_lu_factor(Tensor A, *, bool pivot=True) -> (Tensor LU, Tensor pivots)", "L and U in one matrix, and pivots.",
          where=(), out=True)  # fmt: skip
composite(
    "linalg_lu(Tensor A, *, bool pivot=True) -> (Tensor P, Tensor L, Tensor U)",
    "A = P L U.",
    where=(),
    out=True,
)
composite("lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True) "
          "-> (Tensor P, Tensor L, Tensor U)", "P, L and U from what lu_factor gives.", where=(FUNCTION,), out=True)  # fmt: skip
op(
    "pivots_to_permutation(Tensor pivots, int rows) -> Tensor",
    "The order of rows after the swaps of pivots.",
    where=(),
)
op("permutation_matrix(Tensor order, dtype dtype) -> Tensor", "P with (P^T A)[i] = A[order[i]].", where=())

op("linalg_cholesky_ex(Tensor self, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)",
   "The factor L of A = L L^H (or U of A = U^H U), and a status per matrix.", where=(), out=True,
   vjp={"self": "cholesky_backward(grads[0], result0, upper)"})  # fmt: skip
composite("linalg_cholesky(Tensor self, *, bool upper=False) -> Tensor", "The factor L of A = L L^H, or U of A = U^H U.",
          where=(), out=True)  # fmt: skip
composite(
    "cholesky(Tensor self, bool upper=False) -> Tensor",
    "The factor L of A = L L^H, or U of A = U^H U.",
    out=True,
)
composite("cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor", "The x with A x = self, from A's Cholesky factor.",
          out=True)  # fmt: skip
composite(
    "cholesky_inverse(Tensor self, bool upper=False) -> Tensor",
    "The inverse of A, from its Cholesky factor.",
    out=True,
)

op(
    "geqrf(Tensor self) -> (Tensor a, Tensor tau)",
    "LAPACK's form of the QR factors: R and Householder vectors.",
    out=True,
)
op("linalg_qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)", "A = Q R; mode 'reduced', 'complete', or 'r' for R alone.",
   where=(), out=True, vjp={"A": "qr_backward(grads[0], grads[1], result0, result1, mode)"})  # fmt: skip
composite("linalg_householder_product(Tensor input, Tensor tau) -> Tensor", "The first columns of a product of reflectors.",
          where=(), out=True)  # fmt: skip
composite("ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor",
          "A matrix multiplied by the Q that geqrf describes.", out=True)  # fmt: skip
op(
    "linalg_ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False) "
    "-> (Tensor LD, Tensor pivots, Tensor info)",
    "Factors of a symmetric indefinite matrix, and a status.",
    where=(),
    out=True,
)
composite("linalg_ldl_factor(Tensor self, *, bool hermitian=False) -> (Tensor LD, Tensor pivots)",
          "Factors of a symmetric indefinite matrix.", where=(), out=True)  # fmt: skip
op("linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False) -> Tensor", "The x with A x = B, from ldl_factor.",
   where=(), out=True)  # fmt: skip

# -- equations -----------------------------------------------------------------------------------------------------------

op("linalg_solve_triangular(Tensor self, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
   "X with A X = B (or X A = B) for a triangular A.", where=(), out=True,
   vjp={"self": "triangular_solve_backward(linalg_solve_triangular(adjoint(self), grad, !upper, left, unitriangular), result, "
                "upper, left, unitriangular)",
        "B": "linalg_solve_triangular(adjoint(self), grad, !upper, left, unitriangular)"})  # fmt: skip
composite("triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) "
          "-> (Tensor solution, Tensor cloned_coefficient)", "The x with A x = self for a triangular A.", out=True)  # fmt: skip
op("solve_left(Tensor A, Tensor B) -> (Tensor result, Tensor info)", "X with A X = B, and a status per matrix.", where=(),
   vjp={"A": "-matmul(linalg_solve(adjoint(A), grads[0]), adjoint(result0))", "B": "linalg_solve(adjoint(A), grads[0])"})  # fmt: skip
composite("linalg_solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor result, Tensor info)",
          "X with A X = B (or X A = B), and a status per matrix.", where=(), out=True)  # fmt: skip
composite(
    "linalg_solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
    "X with A X = B, or X A = B.",
    where=(),
    out=True,
)
composite("linalg_lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor",
          "X with A X = B, from lu_factor.", where=(), out=True)  # fmt: skip
composite(
    "lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots) -> Tensor",
    "The x with A x = self, from lu_factor.",
    out=True,
)
op("linalg_inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)", "Inverses, and a status per matrix.",
   where=(), out=True, vjp={"A": "-matmul(adjoint(result0), matmul(grads[0], adjoint(result0)))"})  # fmt: skip
composite("linalg_inv(Tensor A) -> Tensor", "Inverses.", where=(), out=True)
composite("inverse(Tensor self) -> Tensor", "Inverses.", out=True)
composite("linalg_det(Tensor A) -> Tensor", "Determinants.", where=(), out=True)
composite("det(Tensor self) -> Tensor", "Determinants.")
op("lu_determinant(Tensor A, bool logarithm) -> (Tensor first, Tensor second)",
   "(det, not used), or (sign, log of the absolute value).", where=(),
   vjp={"A": "determinant_backward(grads[0], grads[1], A, result0, logarithm)"})  # fmt: skip
composite(
    "linalg_slogdet(Tensor A) -> (Tensor sign, Tensor logabsdet)",
    "Signs and logarithms of determinants.",
    where=(),
    out=True,
)
composite(
    "slogdet(Tensor self) -> (Tensor sign, Tensor logabsdet)",
    "Signs and logarithms of determinants.",
    out=True,
)
composite("logdet(Tensor self) -> Tensor", "Logarithms of determinants; NaN for negative ones.")
composite("linalg_matrix_exp(Tensor self) -> Tensor", "Matrix exponentials.", where=())
composite("matrix_exp(Tensor self) -> Tensor", "Matrix exponentials.")
composite("linalg_lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None) "
          "-> (Tensor solution, Tensor residuals, Tensor rank, Tensor singular_values)", "Least-squares solutions.",
          where=(), out=True)  # fmt: skip

# -- spectra -------------------------------------------------------------------------------------------------------------

op("linalg_svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor U, Tensor S, Tensor Vh)", "A = U diag(S) Vh.",
   where=(), out=True, vjp={"A": "svd_backward(grads[0], grads[1], grads[2], result0, result1, result2)"})  # fmt: skip
composite(
    "svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor U, Tensor S, Tensor V)",
    "A = U diag(S) V^H.",
    out=True,
)
op(
    "singular_values(Tensor A) -> Tensor",
    "Singular values, descending.",
    where=(),
    vjp={"A": "singular_values_backward(grad, A)"},
)
composite(
    "linalg_svdvals(Tensor A, *, str? driver=None) -> Tensor",
    "Singular values, descending.",
    where=(),
    out=True,
)
op("linalg_eigh(Tensor self, str UPLO='L') -> (Tensor eigenvalues, Tensor eigenvectors)", "Of a Hermitian matrix, ascending.",
   where=(), out=True, vjp={"self": "eigh_backward(grads[0], grads[1], result0, result1)"})  # fmt: skip
op("hermitian_eigenvalues(Tensor self, bool upper) -> Tensor", "Eigenvalues of a Hermitian matrix, ascending.", where=(),
   vjp={"self": "eigh_backward(grad, zeros_like(self), result, std::get<1>(linalg_eigh(self, upper ? \"U\" : \"L\")))"})  # fmt: skip
composite(
    "linalg_eigvalsh(Tensor self, str UPLO='L') -> Tensor",
    "Eigenvalues of a Hermitian matrix, ascending.",
    where=(),
    out=True,
)
op("linalg_eig(Tensor self) -> (Tensor eigenvalues, Tensor eigenvectors)", "Complex eigenvalues and eigenvectors.", where=(), out=True,
   vjp={"self": "eig_backward(grads[0], grads[1], result0, result1)"})  # fmt: skip
composite("linalg_eigvals(Tensor self) -> Tensor", "Complex eigenvalues.", where=(), out=True)
op("pseudo_inverse(Tensor self, Tensor? atol, Tensor? rtol, bool hermitian) -> Tensor", "The Moore-Penrose inverse.", where=(),
   vjp={"self": "pseudo_inverse_backward(grad, self, result)"})  # fmt: skip
composite("linalg_pinv(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor",
          "The Moore-Penrose inverse.", where=(), out=True)  # fmt: skip
composite("linalg_pinv.tensors(Tensor self, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor",
          "The Moore-Penrose inverse.", where=(), out=True)  # fmt: skip
composite(
    "linalg_pinv.rcond(Tensor self, float rcond, bool hermitian=False) -> Tensor",
    "The Moore-Penrose inverse.",
    where=(),
    out=True,
)
composite("linalg_pinv.rcond_tensor(Tensor self, Tensor rcond, bool hermitian=False) -> Tensor", "The Moore-Penrose inverse.",
          where=(), out=True)  # fmt: skip
composite("pinverse(Tensor self, float rcond=1e-15) -> Tensor", "The Moore-Penrose inverse.")
composite("linalg_matrix_rank(Tensor self, *, float? atol=None, float? rtol=None, bool hermitian=False) -> Tensor", "Ranks.",
          where=(), out=True)  # fmt: skip
composite("linalg_matrix_rank.tensors(Tensor input, *, Tensor? atol=None, Tensor? rtol=None, bool hermitian=False) -> Tensor", "Ranks.",
          where=(), out=True)  # fmt: skip
composite(
    "linalg_matrix_rank.tol(Tensor self, float tol, bool hermitian=False) -> Tensor",
    "Ranks.",
    where=(),
    out=True,
)
composite(
    "linalg_matrix_rank.tol_tensor(Tensor input, Tensor tol, bool hermitian=False) -> Tensor",
    "Ranks.",
    where=(),
    out=True,
)

# -- norms and products ----------------------------------------------------------------------------------------------------

composite("linalg_matrix_norm(Tensor self, Scalar ord, int[2] dim=[-2,-1], bool keepdim=False, *, dtype? dtype=None) -> Tensor",
          "Norms of matrices: order 1, 2, inf or a negative one.", where=(), out=True)  # fmt: skip
composite("linalg_matrix_norm.named(Tensor self, str ord='fro', int[2] dim=[-2,-1], bool keepdim=False, *, dtype? dtype=None) "
          "-> Tensor", "Norms of matrices: 'fro' or 'nuc'.", where=(), out=True)  # fmt: skip
composite("linalg_norm(Tensor self, Scalar? ord=None, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
          "A vector or matrix norm.", where=(), out=True)  # fmt: skip
composite("linalg_norm.named(Tensor self, str ord, int[1]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
          "A matrix norm: 'fro' or 'nuc'.", where=(), out=True)  # fmt: skip
composite("linalg_cond(Tensor self, Scalar? p=None) -> Tensor", "Condition numbers.", where=(), out=True)
composite(
    "linalg_cond.named(Tensor self, str p) -> Tensor",
    "Condition numbers in the norm 'fro' or 'nuc'.",
    where=(),
    out=True,
)
composite(
    "linalg_vecdot(Tensor x, Tensor y, *, int dim=-1) -> Tensor",
    "Sums of conj(x) * y over a dimension.",
    where=(),
    out=True,
)
composite(
    "linalg_diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    "Diagonals of matrices, a view.",
    where=(),
)
composite(
    "linalg_multi_dot(Tensor[] tensors) -> Tensor",
    "The product of several matrices, in the cheapest order.",
    where=(),
    out=True,
)
composite(
    "linalg_tensorinv(Tensor self, int ind=2) -> Tensor",
    "The inverse with respect to tensordot.",
    where=(),
    out=True,
)
composite("linalg_tensorsolve(Tensor self, Tensor other, int[]? dims=None) -> Tensor", "The x with tensordot(self, x) = other.",
          where=(), out=True)  # fmt: skip
composite(
    "linalg_vander(Tensor x, *, int? N=None) -> Tensor",
    "Powers 0 to N - 1 of the entries, in a new last dimension.",
    where=(),
)
