"""Reductions over any dimensions of tensors of any strides, beside NumPy; accuracy; independence of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import taeda
from taeda.autograd.gradcheck import gradcheck

Array = NDArray[np.generic]

REDUCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "amax": np.max,
    "amin": np.min,
    "nansum": np.nansum,
    "var": lambda x, axis: np.var(x, axis=axis, ddof=1),
    "logsumexp": lambda x, axis: np.log(np.sum(np.exp(x), axis=axis)),
    "count_nonzero": np.count_nonzero,
    "any": np.any,
    "all": np.all,
}


def _case(seed: int) -> tuple[Array, taeda.Tensor, tuple[int, ...]]:
    """A float64 array of few different values, the same as a permuted tensor, and some of its dimensions."""
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.choice([1, 2, 3, 7, 33, 70, 1100], size=rng.integers(1, 4)))
    while np.prod(shape) > 200_000:
        shape = shape[:-1]
    order = rng.permutation(len(shape))
    memory = rng.integers(-20, 21, [shape[d] for d in order]) / 4
    array = memory.transpose(np.argsort(order))
    dims = tuple(int(d) for d in range(len(shape)) if rng.random() < 0.6) or (len(shape) - 1,)
    return array, taeda.from_numpy(array), dims


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("name", REDUCTIONS)
def test_any_dimensions_of_any_strides(name: str, seed: int) -> None:
    array, tensor, dims = _case(seed)
    if name == "var" and np.prod([array.shape[d] for d in dims]) < 2:
        pytest.skip("the variance of one element is NaN")
    want = REDUCTIONS[name](array, axis=dims)
    np.testing.assert_allclose(getattr(tensor, name)(dims).numpy(), want, rtol=1e-12, atol=1e-12)
    single = getattr(tensor.float(), name)(dims, keepdim=True) if name != "count_nonzero" else None
    if single is not None:
        np.testing.assert_allclose(
            single.numpy(), np.asarray(want).reshape(single.shape), rtol=3e-5, atol=3e-5
        )


@pytest.mark.parametrize("seed", range(15))
def test_positions_of_extrema_are_the_first(seed: int) -> None:
    array, tensor, dims = _case(seed)
    for dim in dims:
        np.testing.assert_array_equal(tensor.argmax(dim).numpy(), array.argmax(dim))
        np.testing.assert_array_equal(tensor.float().argmin(dim).numpy(), array.argmin(dim))
        values, indices = tensor.int().max(dim)
        np.testing.assert_array_equal(values.numpy(), array.astype(np.int32).max(dim))
        np.testing.assert_array_equal(indices.numpy(), array.astype(np.int32).argmax(dim))
    assert tensor.argmax().item() == array.argmax()


def test_nan_wins_extrema_at_its_first_place() -> None:
    x = np.random.normal(size=(50, 300)).astype(np.float32)
    x[7, 100] = x[7, 200] = x[20, 0] = np.nan
    tensor = taeda.from_numpy(x)
    for dim in (0, 1):
        np.testing.assert_array_equal(tensor.argmax(dim).numpy(), x.argmax(dim))
        np.testing.assert_array_equal(tensor.argmin(dim).numpy(), x.argmin(dim))
        np.testing.assert_array_equal(tensor.amax(dim).numpy(), x.max(dim))


def test_sums_of_many_float32_stay_accurate() -> None:
    x = np.random.uniform(0, 1, 3_000_000).astype(np.float32)
    tensor = taeda.from_numpy(x)
    want = x.astype(np.float64).sum()
    assert abs(tensor.sum().item() - want) <= 1e-6 * want
    columns = x.reshape(300_000, 10)
    np.testing.assert_allclose(
        taeda.from_numpy(columns).sum(0).numpy(), columns.astype(np.float64).sum(0), rtol=1e-6
    )
    big = tensor + 10_000
    assert abs(big.var().item() - x.astype(np.float64).var(ddof=1)) <= 1e-3


def test_results_do_not_depend_on_threads() -> None:
    x = taeda.randn(700, 901)
    reductions = [
        lambda t: t.sum(),
        lambda t: t.sum(0),
        lambda t: t.var(1),
        lambda t: t.softmax(0),
        lambda t: t.logsumexp(0),
    ]
    results = []
    for threads in (1, 2, 3):
        taeda.set_num_threads(threads)
        results.append([f(x) for f in reductions])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert taeda.equal(a, b)


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_softmax_and_running_sums(dim: int, dtype: str) -> None:
    x = np.random.normal(0, 3, (5, 37, 20))
    tensor = taeda.from_numpy(x).to(getattr(taeda, dtype))
    x = tensor.double().numpy()
    tolerance = {"float32": 2e-6, "float64": 1e-13, "bfloat16": 2e-2}[dtype]
    powers = np.exp(x - x.max(dim, keepdims=True))
    want = powers / powers.sum(dim, keepdims=True)
    np.testing.assert_allclose(tensor.softmax(dim).double().numpy(), want, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        tensor.log_softmax(dim).double().numpy(), np.log(want), rtol=tolerance, atol=tolerance
    )
    np.testing.assert_allclose(
        tensor.cumsum(dim).double().numpy(), x.cumsum(dim), rtol=tolerance, atol=tolerance
    )
    values, indices = tensor.cummax(dim)
    np.testing.assert_array_equal(values.double().numpy(), np.maximum.accumulate(x, dim))
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), dim), values.double().numpy())


@pytest.mark.parametrize("rows", [1, 2, 3, 40])
@pytest.mark.parametrize("length", [1, 16, 100, 1000, 1700, 5001])
def test_softmax_of_rows(rows: int, length: int) -> None:
    x = np.random.normal(0, 5, (rows, length)).astype(np.float32)
    x[-1, : length // 2] = -np.inf
    x[rows // 2, -1] = np.nan
    tensor = taeda.from_numpy(x).requires_grad_()
    powers = np.exp((x - x.max(1, keepdims=True)).astype(np.float64))
    want = powers / powers.sum(1, keepdims=True)
    result = tensor.softmax(1)
    np.testing.assert_allclose(result.detach().numpy(), want, rtol=4e-6, atol=1e-7)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(tensor.log_softmax(1).detach().numpy(), np.log(want), rtol=4e-6, atol=2e-6)
    weights = np.random.normal(0, 1, x.shape).astype(np.float32)
    result.backward(taeda.from_numpy(weights))
    assert tensor.grad is not None
    gradient = want * (weights - (want * weights).sum(1, keepdims=True))
    np.testing.assert_allclose(tensor.grad.numpy(), gradient, rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("order", [0, 0.5, 1, 2, 3, -1, float("inf"), float("-inf")])
def test_vector_norms_of_complex_numbers(order: float) -> None:
    rng = np.random.default_rng(0)
    array = rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))
    got = taeda.linalg.vector_norm(taeda.from_numpy(array), order, dim=1)
    assert got.dtype == taeda.float64
    np.testing.assert_allclose(got.numpy(), [np.linalg.norm(row, order) for row in np.abs(array)])


@pytest.mark.parametrize("order", [1, 2, 3, float("inf")])
def test_gradients_of_vector_norms_of_complex_numbers(order: float) -> None:
    rng = np.random.default_rng(0)
    x = taeda.from_numpy(rng.standard_normal((2, 3)) + 1j * rng.standard_normal((2, 3))).requires_grad_()
    assert gradcheck(lambda t: taeda.linalg.vector_norm(t, order, dim=1), (x,))


@pytest.mark.parametrize("shape", [(3, 4), (5,), ()])
def test_moments_of_complex_numbers(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    array = np.asarray(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
    tensor = taeda.from_numpy(array).requires_grad_()
    for dims in [None, *range(len(shape))]:
        variance, mean = taeda.var_mean(tensor, dims, correction=0)
        np.testing.assert_allclose(variance.detach().numpy(), np.var(array, axis=dims), atol=1e-14)
        np.testing.assert_allclose(mean.detach().numpy(), np.mean(array, axis=dims))
        np.testing.assert_allclose(
            tensor.std(dims, correction=0).detach().numpy(), np.std(array, axis=dims), atol=1e-14
        )
    if shape:
        assert gradcheck(lambda t: taeda.var(t, -1), (tensor,))
        assert gradcheck(lambda t: taeda.std(t, -1), (tensor,))


def test_logsumexp_of_complex_numbers() -> None:
    rng = np.random.default_rng(0)
    array = rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))
    tensor = taeda.from_numpy(array).requires_grad_()
    np.testing.assert_allclose(tensor.logsumexp(1).detach().numpy(), np.log(np.exp(array).sum(1)))
    np.testing.assert_allclose(
        tensor.logsumexp((0, 1), True).detach().numpy(), [[np.log(np.exp(array).sum())]]
    )
    assert gradcheck(lambda t: t.logsumexp(1), (tensor,))
