"""Linear algebra on matrices and batches of matrices.

Factorisations, equations, eigenvalues, norms. Names, arguments and conventions are those of `torch.linalg`;
matrices are the last two dimensions. float32, float64, complex64 and complex128 are computed by OpenBLAS's LAPACK.
"""

from __future__ import annotations

from typing import Any

from taeda._C import LinAlgError, Tensor, ops

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

cholesky = ops.linalg_cholesky
cholesky_ex = ops.linalg_cholesky_ex
cond = ops.linalg_cond
cross = ops.linalg_cross
det = ops.linalg_det
diagonal = ops.linalg_diagonal
eig = ops.linalg_eig
eigh = ops.linalg_eigh
eigvals = ops.linalg_eigvals
eigvalsh = ops.linalg_eigvalsh
householder_product = ops.linalg_householder_product
inv = ops.linalg_inv
inv_ex = ops.linalg_inv_ex
ldl_factor = ops.linalg_ldl_factor
ldl_factor_ex = ops.linalg_ldl_factor_ex
ldl_solve = ops.linalg_ldl_solve
lstsq = ops.linalg_lstsq
lu = ops.linalg_lu
lu_factor = ops.linalg_lu_factor
lu_factor_ex = ops.linalg_lu_factor_ex
lu_solve = ops.linalg_lu_solve
matmul = ops.matmul
matrix_exp = ops.linalg_matrix_exp
matrix_norm = ops.linalg_matrix_norm
matrix_rank = ops.linalg_matrix_rank
multi_dot = ops.linalg_multi_dot
norm = ops.linalg_norm
pinv = ops.linalg_pinv
qr = ops.linalg_qr
slogdet = ops.linalg_slogdet
solve = ops.linalg_solve
solve_ex = ops.linalg_solve_ex
solve_triangular = ops.linalg_solve_triangular
svd = ops.linalg_svd
svdvals = ops.linalg_svdvals
tensorinv = ops.linalg_tensorinv
tensorsolve = ops.linalg_tensorsolve
vecdot = ops.linalg_vecdot
vector_norm = ops.linalg_vector_norm


def matrix_power(A: Tensor, n: int, *, out: Any = None) -> Tensor:
    """The product of n copies of A; of its inverse for negative n.

    Args:
        A: (..., M, M).
        n: any integer.
        out: takes the result.

    Raises:
        RuntimeError: the matrices are not square.
        LinAlgError: n is negative and a matrix is singular.

    Example:
        >>> import taeda
        >>> taeda.linalg.matrix_power(taeda.tensor([[1., 1.], [0., 1.]]), 3)
        tensor([[1., 3.],
                [0., 1.]])
    """
    return ops.linalg_matrix_power(inv(A) if n < 0 else A, abs(n), out=out)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """The powers 0, 1, ... N - 1 of every entry, in a new last dimension.

    Args:
        x: (..., n), or a single number, which counts as n = 1.
        N: how many powers; n by default.

    Raises:
        RuntimeError: N is below 1.

    Example:
        >>> import taeda
        >>> taeda.linalg.vander(taeda.tensor([2, 3]), N=3)
        tensor([[1, 2, 4],
                [1, 3, 9]])
    """
    return ops.linalg_vander(x, N=N)
