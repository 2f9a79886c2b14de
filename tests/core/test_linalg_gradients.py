"""Gradients of linear algebra, first and second, against finite differences."""

import numpy as np
import pytest

import taeda
from taeda import linalg
from taeda.autograd import gradcheck, gradgradcheck

REAL, COMPLEX = taeda.float64, taeda.complex128


def matrix(*shape, dtype=REAL, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if dtype is COMPLEX:
        values = values + 1j * rng.standard_normal(shape)
    if shift:
        values = values + shift * np.eye(*shape[-2:])
    return taeda.tensor(values, dtype=dtype, requires_grad=True)


def hermitian(x):
    return x @ x.mH + 0.5 * taeda.eye(x.shape[-1], dtype=x.dtype)


def phase_free_svd(x):
    U, S, Vh = linalg.svd(x, full_matrices=False)
    return U.abs(), S, Vh.abs(), (U * Vh.mT.sum(-2, keepdim=True)).abs()


SQUARE = {
    "inv": linalg.inv,
    "det": linalg.det,
    "slogdet": lambda x: linalg.slogdet(x)[1],
    "cholesky": lambda x: linalg.cholesky(hermitian(x)),
    "cholesky upper": lambda x: linalg.cholesky(hermitian(x), upper=True),
    "matrix_exp": linalg.matrix_exp,
    "eigvalsh": lambda x: linalg.eigvalsh(hermitian(x)),
    "eigh": lambda x: linalg.eigh(hermitian(x))[1].abs(),
    "eigvals": lambda x: linalg.eigvals(x).abs(),
    "eig": lambda x: linalg.eig(x)[1].abs(),
}
ANY = {
    "lu": lambda x: linalg.lu(x)[1:],
    "svdvals": linalg.svdvals,
    "svd": phase_free_svd,
    "pinv": linalg.pinv,
    "nuclear norm": lambda x: linalg.matrix_norm(x, "nuc"),
}


@pytest.mark.parametrize("dtype", [REAL, COMPLEX])
@pytest.mark.parametrize("name", SQUARE)
def test_of_square_matrices(name, dtype):
    assert gradcheck(SQUARE[name], (matrix(2, 3, 3, dtype=dtype, shift=2.0),), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("dtype", [REAL, COMPLEX])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("name", ANY)
def test_of_any_matrices(name, shape, dtype):
    assert gradcheck(ANY[name], (matrix(*shape, dtype=dtype),), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("dtype", [REAL, COMPLEX])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
def test_of_qr(shape, dtype):
    # Q and R are determined up to phases that LAPACK fixes by a real diagonal of R.
    assert gradcheck(
        lambda x: linalg.qr(x)[:], (matrix(*shape, dtype=dtype, shift=2.0),), atol=1e-4, rtol=1e-3
    )


@pytest.mark.parametrize("dtype", [REAL, COMPLEX])
@pytest.mark.parametrize("left", [True, False])
def test_of_solutions(left, dtype):
    a, b = matrix(2, 3, 3, dtype=dtype, shift=3.0), matrix(2, 3, 3, dtype=dtype, seed=1)
    assert gradcheck(lambda a, b: linalg.solve(a, b, left=left), (a, b))
    for upper in (True, False):
        for unit in (True, False):
            assert gradcheck(
                lambda a, b, u=upper, d=unit: linalg.solve_triangular(
                    a.triu() if u else a.tril(), b, upper=u, left=left, unitriangular=d
                ),
                (a, b),
            )
    assert gradcheck(lambda a, b: linalg.lu_solve(*linalg.lu_factor(a), b, left=left), (a, b))


def test_of_least_squares_and_reflectors():
    assert gradcheck(
        lambda a, b: linalg.lstsq(a, b).solution, (matrix(4, 2), matrix(4, 3, seed=1)), atol=1e-4
    )
    reflectors, tau = taeda.geqrf(matrix(4, 3).detach())
    assert gradcheck(
        linalg.householder_product, (reflectors.requires_grad_(), tau.requires_grad_()), atol=1e-4
    )


def test_of_the_determinant_of_a_singular_matrix():
    # The cofactors of [[1, 2], [2, 4]] are [[4, -2], [-2, 1]].
    a = taeda.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=REAL, requires_grad=True)
    linalg.det(a).backward()
    np.testing.assert_allclose(a.grad.numpy(), [[4, -2], [-2, 1]], atol=1e-12)


def test_repeated_eigenvalues_pass_gradients_of_values():
    a = taeda.eye(3, dtype=REAL, requires_grad=True)
    linalg.eigh(a)[0].sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigvalsh"])
def test_second_derivatives(name):
    assert gradgradcheck(SQUARE[name], (matrix(3, 3, shift=2.0),), atol=1e-3, rtol=1e-3)


def test_second_derivatives_of_solutions():
    assert gradgradcheck(linalg.solve, (matrix(3, 3, shift=3.0), matrix(3, 2, seed=1)), atol=1e-4)
    assert gradgradcheck(lambda x: linalg.svd(x, full_matrices=False)[1], (matrix(3, 2),), atol=1e-3)
