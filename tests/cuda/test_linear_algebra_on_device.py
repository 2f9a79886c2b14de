"""Factorizations on the GPU: what defines them holds, and single-valued results are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
from taeda import linalg

DTYPES = {taeda.float32: 2e-3, taeda.float64: 1e-10, taeda.complex64: 2e-3, taeda.complex128: 1e-10}


@pytest.fixture(params=DTYPES, ids=str)
def dtype(request):
    return request.param


def matrix(dtype, *shape, seed=0):
    """The same numbers as NumPy, rounded to the dtype, and on the device."""
    rng = np.random.default_rng([seed, *shape])
    values = rng.standard_normal(shape)
    if dtype.is_complex:
        values = values + 1j * rng.standard_normal(shape)
    on_device = taeda.tensor(values).to(dtype).cuda()
    return host(on_device), on_device


def host(t):
    return t.resolve_conj().cpu().to(taeda.complex128 if t.is_complex() else taeda.float64).numpy()


def assert_close(result, expected, dtype):
    values = host(result) if isinstance(result, taeda.Tensor) else result
    np.testing.assert_allclose(values, expected, rtol=DTYPES[dtype], atol=DTYPES[dtype])


def adjoint(a):
    return a.conj().swapaxes(-1, -2)


def test_solving(dtype):
    (a, on_a), (b, on_b) = matrix(dtype, 3, 12, 12), matrix(dtype, 3, 12, 4)
    assert_close(linalg.solve(on_a, on_b), np.linalg.solve(a, b), dtype)
    assert_close(
        linalg.det(on_a) / np.abs(np.linalg.det(a)).max(),
        np.linalg.det(a) / np.abs(np.linalg.det(a)).max(),
        dtype,
    )
    lu, pivots = linalg.lu_factor(on_a)
    assert_close(linalg.lu_solve(lu, pivots, on_b, adjoint=True), np.linalg.solve(adjoint(a), b), dtype)


@pytest.mark.parametrize("shape", [(2, 6, 9), (9, 6)], ids=str)
def test_lu(dtype, shape):
    a, on_a = matrix(dtype, *shape)
    p, low, up = (host(t) for t in linalg.lu(on_a))
    assert_close(p @ low @ up, a, dtype)
    # The largest element of each column is the pivot; of complex ones the sum of both parts' sizes counts.
    assert np.abs(low).max() <= np.sqrt(2 if dtype.is_complex else 1) + DTYPES[dtype]
    assert linalg.lu_factor_ex(taeda.zeros(3, 3).cuda()).info.item() == 1


@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(dtype, upper):
    a, _ = matrix(dtype, 2, 9, 9)
    positive = a @ adjoint(a) + np.eye(9)
    on_device = taeda.tensor(positive).to(dtype).cuda()
    factor = np.linalg.cholesky(positive)
    assert_close(linalg.cholesky(on_device, upper=upper), adjoint(factor) if upper else factor, dtype)
    assert linalg.cholesky_ex(-on_device).info.cpu().tolist() == [1, 1]


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_systems(dtype, left, upper, unit):
    values, _ = matrix(dtype, 2, 8, 8)
    triangle = (np.triu if upper else np.tril)(0.3 * values + 3 * np.eye(8))
    b, on_b = matrix(dtype, 2, *((8, 3) if left else (3, 8)))
    on_device = taeda.tensor(triangle).to(dtype).cuda()
    x = host(linalg.solve_triangular(on_device, on_b, upper=upper, left=left, unitriangular=unit))
    if unit:
        triangle[:, range(8), range(8)] = 1
    assert_close(triangle @ x if left else x @ triangle, b, dtype)


@pytest.mark.parametrize("shape", [(2, 9, 6), (6, 9), (5, 5), (3, 1)], ids=str)
def test_qr(dtype, shape):
    a, on_a = matrix(dtype, *shape)
    for mode in ("reduced", "complete"):
        q, r = (host(t) for t in linalg.qr(on_a, mode=mode))
        assert_close(q @ r, a, dtype)
        assert_close(
            adjoint(q) @ q,
            np.broadcast_to(np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])),
            dtype,
        )
        assert_close(np.tril(r, -1), np.zeros_like(r), dtype)


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
def test_reflections_applied(dtype, left, transpose):
    _, on_a = matrix(dtype, 9, 9)
    c, on_c = matrix(dtype, *((9, 4) if left else (4, 9)))
    reflections, tau = taeda.geqrf(on_a)
    q = host(linalg.householder_product(reflections, tau))
    q = adjoint(q) if transpose else q
    assert_close(taeda.ormqr(reflections, tau, on_c, left, transpose), q @ c if left else c @ q, dtype)


@pytest.mark.parametrize("n", [1, 2, 5, 16, 33])
@pytest.mark.parametrize("triangle", ["L", "U"])
def test_hermitian_eigenvalues(dtype, n, triangle):
    a, _ = matrix(dtype, 2, n, n)
    a = a + adjoint(a)
    on_device = taeda.tensor(a).to(dtype).cuda()
    w, v = (host(t) for t in linalg.eigh(on_device, UPLO=triangle))
    assert_close(w, np.linalg.eigvalsh(a), dtype)
    assert_close(linalg.eigvalsh(on_device), np.linalg.eigvalsh(a), dtype)
    assert_close(v * w[:, None] @ adjoint(v), a, dtype)
    assert_close(adjoint(v) @ v, np.broadcast_to(np.eye(n), (2, n, n)), dtype)


@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("shape", [(2, 9, 6), (6, 9), (5, 5), (7, 1)], ids=str)
def test_singular_values(dtype, shape, rank):
    left, _ = matrix(dtype, *shape[:-1], rank)
    right, _ = matrix(dtype, *shape[:-2], rank, shape[-1])
    a = left @ right
    on_device = taeda.tensor(a).to(dtype).cuda()
    assert_close(linalg.svdvals(on_device), np.linalg.svd(a, compute_uv=False), dtype)
    for full in (False, True):
        u, s, vh = (host(t) for t in linalg.svd(on_device, full_matrices=full))
        k = s.shape[-1]
        assert_close(u[..., :k] * s[..., None, :] @ vh[..., :k, :], a, dtype)
        assert_close(
            adjoint(u) @ u,
            np.broadcast_to(np.eye(u.shape[-1]), adjoint(u).shape[:-2] + (u.shape[-1],) * 2),
            dtype,
        )
        assert_close(
            vh @ adjoint(vh),
            np.broadcast_to(np.eye(vh.shape[-2]), vh.shape[:-2] + (vh.shape[-2],) * 2),
            dtype,
        )


@pytest.mark.parametrize("shape", [(2, 9, 6), (6, 9), (5, 5), (3, 1)], ids=str)
def test_least_squares(dtype, shape):
    (a, on_a), (b, on_b) = matrix(dtype, *shape), matrix(dtype, *shape[:-1], 3, seed=1)
    result = linalg.lstsq(on_a, on_b)
    assert_close(result.solution, np.linalg.pinv(a) @ b, dtype)  # the shortest one where there are many
    if shape[-2] > shape[-1]:
        rest = b - a @ np.linalg.pinv(a) @ b
        assert_close(result.residuals, (np.abs(rest) ** 2).sum(-2), dtype)
    with pytest.raises(
        NotImplementedError, match="driver 'gelsd' is not implemented for CUDA; use driver='gels'"
    ):
        linalg.lstsq(on_a, on_b, driver="gelsd")
