"""Linear algebra against NumPy and SciPy: values, batches, dtypes, empties, errors."""

import numpy as np
import pytest
import scipy.linalg

import taeda
from taeda import linalg

DTYPES = ["float32", "float64", "complex64", "complex128"]
TOLERANCE = {"float32": 2e-4, "complex64": 2e-4, "float64": 1e-10, "complex128": 1e-10}


def matrices(*shape, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def square(*shape, dtype="float64", seed=0):
    """Well-conditioned square matrices."""
    return (matrices(*shape, dtype=dtype, seed=seed) + 3 * np.eye(shape[-1])).astype(dtype)


def positive(*shape, dtype="float64", seed=0):
    a = matrices(*shape, dtype=dtype, seed=seed)
    return (a @ np.conj(np.swapaxes(a, -1, -2)) + shape[-1] * np.eye(shape[-1])).astype(dtype)


def close(actual, expected, dtype="float64"):
    actual = actual.numpy() if isinstance(actual, taeda.Tensor) else actual
    assert actual.shape == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def h(a):
    return np.conj(np.swapaxes(a, -1, -2))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (2, 3, 5, 5), (0, 3, 3), (0, 0)])
def test_inverse_determinant_and_solutions(dtype, shape):
    a = square(*shape, dtype=dtype)
    t = taeda.from_numpy(a)
    close(linalg.inv(t), np.linalg.inv(a), dtype)
    close(linalg.det(t), np.linalg.det(a), dtype)
    sign, logabsdet = linalg.slogdet(t)
    expected = np.linalg.slogdet(a)
    close(sign, expected[0], dtype)
    close(logabsdet, expected[1], dtype)
    b = matrices(*shape[:-1], 2, dtype=dtype, seed=1)
    close(linalg.solve(t, taeda.from_numpy(b)), np.linalg.solve(a, b), dtype)
    left = matrices(*shape[:-2], 2, shape[-1], dtype=dtype, seed=1)
    close(linalg.solve(t, taeda.from_numpy(left), left=False), left @ np.linalg.inv(a), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_many_columns(dtype):
    a = positive(150, 150, dtype=dtype) / 150
    b = matrices(150, 131, dtype=dtype)
    t = taeda.from_numpy(a)
    close(linalg.inv(t), np.linalg.inv(a), dtype)
    close(linalg.solve(t, taeda.from_numpy(b)), np.linalg.solve(a, b), dtype)
    lower = np.linalg.cholesky(a)
    x = linalg.solve_triangular(taeda.from_numpy(lower), taeda.from_numpy(b), upper=False)
    close(x, scipy.linalg.solve_triangular(lower, b, lower=True), dtype)


def test_solve_takes_vectors_and_broadcasts():
    a, b = square(3, 3), matrices(3)
    close(linalg.solve(taeda.from_numpy(a), taeda.from_numpy(b)), np.linalg.solve(a, b))
    batch, vectors = square(4, 3, 3), matrices(4, 3)
    close(
        linalg.solve(taeda.from_numpy(batch), taeda.from_numpy(vectors)),
        np.linalg.solve(batch, vectors[..., None])[..., 0],
    )
    right = matrices(5, 1, 3, 2)
    close(linalg.solve(taeda.from_numpy(batch), taeda.from_numpy(right)), np.linalg.solve(batch, right))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 4), (2, 6, 3), (2, 3, 6)])
def test_lu(dtype, shape):
    a = matrices(*shape, dtype=dtype)
    P, L, U = linalg.lu(taeda.from_numpy(a))
    close(P @ L @ U, a, dtype)
    assert np.allclose(np.triu(L.numpy(), 1), 0)
    assert np.allclose(np.tril(U.numpy(), -1), 0)
    lu, pivots = linalg.lu_factor(taeda.from_numpy(a))
    assert pivots.dtype is taeda.int32
    p, lower, upper = taeda.lu_unpack(lu, pivots)
    close(p @ lower @ upper, a, dtype)
    if shape == (4, 4):
        expected = scipy.linalg.lu_factor(a)
        close(lu, expected[0], dtype)
        assert (pivots.numpy() - 1).tolist() == expected[1].tolist()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("left", [False, True])
def test_lu_solve(dtype, adjoint, left):
    a, b = square(2, 4, 4, dtype=dtype), matrices(2, 4, 4, dtype=dtype, seed=3)
    lu, pivots = linalg.lu_factor(taeda.from_numpy(a))
    x = linalg.lu_solve(lu, pivots, taeda.from_numpy(b), left=left, adjoint=adjoint).numpy()
    matrix = h(a) if adjoint else a
    close(matrix @ x if left else x @ matrix, b, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
def test_cholesky(dtype, upper):
    a = positive(2, 5, 5, dtype=dtype)
    factor = linalg.cholesky(taeda.from_numpy(a), upper=upper)
    expected = np.linalg.cholesky(a)
    close(factor, h(expected) if upper else expected, dtype)
    close(taeda.cholesky_inverse(factor, upper=upper), np.linalg.inv(a), dtype)
    b = matrices(2, 5, 3, dtype=dtype, seed=1)
    close(taeda.cholesky_solve(taeda.from_numpy(b), factor, upper=upper), np.linalg.solve(a, b), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 4), (2, 6, 3), (2, 3, 6), (3, 0), (0, 3), (2, 140, 129), (70, 100)])
@pytest.mark.parametrize("mode", ["reduced", "complete", "r"])
def test_qr(dtype, shape, mode):
    a = matrices(*shape, dtype=dtype)
    Q, R = linalg.qr(taeda.from_numpy(a), mode)
    close(R, np.triu(R.numpy()), dtype)
    if mode == "r":
        return
    close(Q @ R, a, dtype)
    close(
        h(Q.numpy()) @ Q.numpy(),
        np.broadcast_to(np.eye(Q.shape[-1]), (*shape[:-2], Q.shape[-1], Q.shape[-1])),
        dtype,
    )
    assert Q.shape[-1] == (shape[-2] if mode == "complete" else min(shape[-2:]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_householder_products(dtype):
    a = matrices(2, 5, 3, dtype=dtype)
    reflectors, tau = taeda.geqrf(taeda.from_numpy(a))
    Q = linalg.householder_product(reflectors, tau)
    close(Q, linalg.qr(taeda.from_numpy(a))[0].numpy(), dtype)
    other = taeda.from_numpy(matrices(2, 5, 4, dtype=dtype, seed=2))
    complete = linalg.qr(taeda.from_numpy(a), "complete")[0]
    close(taeda.ormqr(reflectors, tau, other), (complete @ other).numpy(), dtype)
    close(taeda.ormqr(reflectors, tau, other, transpose=True), (complete.mH @ other).numpy(), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 4), (2, 6, 3), (2, 3, 6), (3, 0), (0, 3)])
@pytest.mark.parametrize("full", [False, True])
def test_svd(dtype, shape, full):
    a = matrices(*shape, dtype=dtype)
    U, S, Vh = linalg.svd(taeda.from_numpy(a), full_matrices=full)
    expected = np.linalg.svd(a, full_matrices=full)
    close(S, expected[1], dtype)
    assert U.shape == expected[0].shape
    assert Vh.shape == expected[2].shape
    k = min(shape[-2:])
    close((U.numpy()[..., :k] * S.numpy()[..., None, :]) @ Vh.numpy()[..., :k, :], a, dtype)
    close(linalg.svdvals(taeda.from_numpy(a)), expected[1], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("UPLO", ["L", "U"])
def test_eigenvalues_of_hermitian_matrices(dtype, UPLO):
    a = positive(3, 4, 4, dtype=dtype)
    noise = (
        np.triu(matrices(3, 4, 4, dtype=dtype), 1)
        if UPLO == "L"
        else np.tril(matrices(3, 4, 4, dtype=dtype), -1)
    )
    t = taeda.from_numpy((a + noise).astype(dtype))  # the other triangle must not matter
    L, V = linalg.eigh(t, UPLO)
    close(L, np.linalg.eigvalsh(a), dtype)
    assert not L.is_complex()
    close((V.numpy() * L.numpy()[:, None, :]) @ h(V.numpy()), a, "float32")
    close(linalg.eigvalsh(t, UPLO), np.linalg.eigvalsh(a), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_eigenvalues(dtype):
    a = matrices(3, 5, 5, dtype=dtype)
    L, V = linalg.eig(taeda.from_numpy(a))
    assert L.is_complex()
    close(taeda.from_numpy(a).to(L.dtype) @ V, V.numpy() * L.numpy()[:, None, :], "float32")
    key = lambda v: np.sort_complex(np.round(v, 3))  # noqa: E731
    for got, expected in zip(linalg.eigvals(taeda.from_numpy(a)).numpy(), np.linalg.eigvals(a), strict=True):
        np.testing.assert_allclose(key(got), key(expected), atol=3e-3)


@pytest.mark.parametrize("driver", [None, "gels", "gelsy", "gelsd", "gelss"])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 5, 3)])
def test_least_squares(driver, shape):
    a, b = matrices(*shape), matrices(*shape[:-1], 2, seed=1)
    found = linalg.lstsq(taeda.from_numpy(a), taeda.from_numpy(b), driver=driver)
    close(found.solution, np.linalg.pinv(a) @ b)
    if driver in (None, "gelsy"):  # as in torch, only the other drivers give residuals
        assert found.residuals.shape == (0,)
    elif shape[-2] > shape[-1]:
        residual = np.sum((a @ found.solution.numpy() - b) ** 2, axis=-2)
        close(found.residuals, residual)
    if driver != "gels":
        assert found.rank.numpy().reshape(-1).tolist() == [min(shape[-2:])] * found.rank.numel()
    if driver in ("gelsd", "gelss"):
        close(found.singular_values, np.linalg.svd(a, compute_uv=False))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 4), (2, 6, 3), (2, 3, 6)])
def test_pseudo_inverse_and_rank(dtype, shape):
    a = matrices(*shape, dtype=dtype)
    a[..., -1, :] = a[..., 0, :]
    t = taeda.from_numpy(a)
    close(linalg.pinv(t), np.linalg.pinv(a, rcond=1e-5), dtype)
    assert linalg.matrix_rank(t).tolist() == np.linalg.matrix_rank(a).tolist()
    assert linalg.matrix_rank(t, 100.0).tolist() == (0 * np.linalg.matrix_rank(a)).tolist()
    s = positive(3, 3, dtype=dtype)
    close(linalg.pinv(taeda.from_numpy(s), hermitian=True), np.linalg.inv(s), dtype)
    assert linalg.matrix_rank(taeda.from_numpy(s), hermitian=True).item() == 3


@pytest.mark.parametrize("order", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms_and_condition(order):
    a = square(4, 4)
    t = taeda.from_numpy(a)
    close(linalg.norm(t, order), np.linalg.norm(a, order))
    close(linalg.cond(t, order), np.linalg.cond(a, order))
    batch = matrices(2, 3, 4)
    if order is not None:
        expected = np.stack([np.linalg.norm(m, order) for m in batch])
        close(linalg.matrix_norm(taeda.from_numpy(batch), order), expected)
        close(linalg.matrix_norm(taeda.from_numpy(batch), order, keepdim=True), expected[:, None, None])


def test_exponentials_and_powers():
    for scale in (0.01, 1.0, 8.0):
        a = scale * matrices(3, 4, 4)
        close(
            linalg.matrix_exp(taeda.from_numpy(a)) / np.exp(2 * scale),
            scipy.linalg.expm(a) / np.exp(2 * scale),
        )
    a = square(3, 3)
    for n in (-2, 0, 1, 3, 5):
        close(linalg.matrix_power(taeda.from_numpy(a), n), np.linalg.matrix_power(a, n))


def test_combinations_of_others():
    a, b, c, d = matrices(3, 4), matrices(4, 2), matrices(2, 5), matrices(5)
    tensors = [taeda.from_numpy(x) for x in (a, b, c, d)]
    close(linalg.multi_dot(tensors), a @ b @ c @ d)
    close(linalg.multi_dot(tensors[:3]), a @ b @ c)
    x, y = matrices(3, 4, dtype="complex128"), matrices(3, 4, dtype="complex128", seed=1)
    close(linalg.vecdot(taeda.from_numpy(x), taeda.from_numpy(y)), np.sum(np.conj(x) * y, -1))
    t = matrices(2, 3, 6)
    close(
        linalg.tensorinv(taeda.from_numpy(t.reshape(6, 2, 3)), ind=1),
        np.linalg.tensorinv(t.reshape(6, 2, 3), ind=1),
    )
    rhs = matrices(2, 3, seed=2)
    whole = matrices(2, 3, 6, seed=4)
    close(
        linalg.tensorsolve(taeda.from_numpy(whole), taeda.from_numpy(rhs)), np.linalg.tensorsolve(whole, rhs)
    )
    close(
        linalg.vander(taeda.tensor([1.0, 2.0, 3.0], dtype=taeda.float64), N=4),
        np.vander([1, 2, 3], 4, increasing=True),
    )


def test_older_names():
    a = matrices(2, 5, 3)
    t = taeda.from_numpy(a)
    for some, columns in ((True, 3), (False, 5)):
        Q, R = taeda.qr(t, some=some)
        assert Q.shape == (2, 5, columns)
        close(Q @ R, a)
    lu, pivots, infos = taeda.from_numpy(square(3, 3)).lu(get_infos=True)
    close(taeda.lu_solve(taeda.eye(3, dtype=taeda.float64), lu, pivots), np.linalg.inv(square(3, 3)))
    assert infos.item() == 0
    close(linalg.vander(taeda.tensor(2.0, dtype=taeda.float64), N=3), np.array([[1.0, 2.0, 4.0]]))


def test_symmetric_indefinite_systems():
    a = matrices(2, 4, 4)
    a = a + np.swapaxes(a, -1, -2)
    b = matrices(2, 4, 3, seed=1)
    LD, pivots = linalg.ldl_factor(taeda.from_numpy(a))
    close(linalg.ldl_solve(LD, pivots, taeda.from_numpy(b)), np.linalg.solve(a, b))


def test_failures_raise_linalg_error():
    singular = taeda.zeros(2, 2)
    assert issubclass(linalg.LinAlgError, RuntimeError)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.inv: The diagonal element 1 is zero"):
        linalg.inv(singular)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.solve: .*input matrix is singular"):
        linalg.solve(singular, taeda.ones(2))
    with pytest.raises(
        linalg.LinAlgError, match=r"linalg.cholesky: \(Batch element 1\): .*leading minor of order 2"
    ):
        linalg.cholesky(taeda.stack([taeda.eye(2), taeda.tensor([[1.0, 2.0], [2.0, 1.0]])]))
    _, info = linalg.cholesky_ex(taeda.tensor([[1.0, 2.0], [2.0, 1.0]]))
    assert info.item() == 2
    assert linalg.inv_ex(singular).info.item() == 1
    with pytest.raises(linalg.LinAlgError, match=r"linalg.svd: .*NaN"):
        linalg.svd(taeda.full((2, 2), float("nan")))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: linalg.inv(taeda.ones(2, 3)),
            "linalg.inv: A must be batches of square matrices, but they are 2 by 3",
        ),
        (
            lambda: linalg.inv(taeda.ones(3)),
            r"linalg.inv: The input tensor A must have at least 2 dimensions, got shape \[3\]",
        ),
        (
            lambda: linalg.inv(taeda.ones(2, 2, dtype=taeda.int64)),
            r"Expected a floating point or complex tensor as input. Got Long",
        ),
        (
            lambda: linalg.inv(taeda.ones(2, 2, dtype=taeda.float16)),
            "Low precision dtypes not supported. Got Half",
        ),
        (
            lambda: linalg.solve(taeda.eye(2), taeda.ones(3, 1)),
            r"Incompatible shapes of A and B for the equation AX = B \(2x2 and 3x1\)",
        ),
        (lambda: linalg.solve(taeda.eye(2), taeda.ones(2, dtype=taeda.float64)), "same dtype, but found"),
        (lambda: linalg.qr(taeda.eye(2), "full"), "unrecognized mode 'full'"),
        (lambda: linalg.eigh(taeda.eye(2), "X"), "to be 'L' or 'U', but got X"),
        (
            lambda: linalg.lstsq(taeda.eye(2), taeda.ones(2), driver="qr"),
            r"should be one of \(gels, gelsy, gelsd, gelss\), got 'qr'",
        ),
        (lambda: linalg.multi_dot([taeda.ones(2, 3), taeda.ones(2, 3)]), "tensors 0 and 1 with shapes"),
        (lambda: linalg.norm(taeda.ones(2, 2), 3), "Order 3 not supported"),
        (lambda: linalg.tensorinv(taeda.ones(2, 3, 4), ind=1), "requirement prod"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


def test_results_have_names():
    a, b = square(3, 3), matrices(3, 2)
    solved = linalg.solve_ex(taeda.from_numpy(a), taeda.from_numpy(b))
    close(solved.result, np.linalg.solve(a, b))
    assert solved.info.item() == 0
    assert taeda.var_mean(taeda.ones(2)).__class__ is tuple  # and others have none
