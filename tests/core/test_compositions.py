"""Functions that are compositions in Python: histograms, slopes, low-rank factors, copies of views, and others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck

rng = np.random.default_rng(0)


@pytest.mark.parametrize("density", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("bins", [4, [-1.0, 0.0, 0.25, 2.0]])
def test_histogram(bins: Any, weighted: bool, density: bool) -> None:
    x, w = rng.standard_normal((5, 20)), rng.random((5, 20))
    ours = taeda.histogram(
        taeda.tensor(x), bins if isinstance(bins, int) else taeda.tensor(bins, dtype=taeda.float64),
        weight=taeda.tensor(w) if weighted else None, density=density,
    )  # fmt: skip
    hist, edges = np.histogram(x, bins, weights=w if weighted else None, density=density)
    np.testing.assert_allclose(ours.hist.numpy(), hist)
    np.testing.assert_allclose(ours.bin_edges.numpy(), edges)


@pytest.mark.parametrize("density", [False, True])
def test_histogram_of_points(density: bool) -> None:
    x = rng.standard_normal((200, 2))
    ours = taeda.histogramdd(taeda.tensor(x), [3, 4], range=[-1.0, 1.0, -2.0, 2.0], density=density)
    hist, edges = np.histogramdd(x, [3, 4], range=[(-1, 1), (-2, 2)], density=density)
    np.testing.assert_allclose(ours.hist.numpy(), hist)
    for got, expected in zip(ours.bin_edges, edges, strict=True):
        np.testing.assert_allclose(got.numpy(), expected)


def test_histogram_errors() -> None:
    x = taeda.ones(3)
    with pytest.raises(RuntimeError, match="histogram: bins must be > 0, but got 0"):
        taeda.histogram(x, 0)
    with pytest.raises(RuntimeError, match=r"min should not exceed max, but got min 2\.0 max 1\.0"):
        taeda.histogram(x, 2, range=(2.0, 1.0))
    with pytest.raises(RuntimeError, match=r"got input with shape \(3, 1\) and weight \(2,\)"):
        taeda.histogram(x, 2, weight=taeda.ones(2))
    with pytest.raises(
        RuntimeError, match="size of bins must be equal to the innermost dimension of the input: expected 2"
    ):
        taeda.histogramdd(taeda.ones(3, 2), [1, 2, 3])


@pytest.mark.parametrize("edge_order", [1, 2])
def test_gradient_of_samples(edge_order: int) -> None:
    f = rng.standard_normal((5, 6))
    t = taeda.tensor(f)
    for got, expected in zip(
        taeda.gradient(t, edge_order=edge_order), np.gradient(f, edge_order=edge_order), strict=True
    ):
        np.testing.assert_allclose(got.numpy(), expected)
    (along,) = taeda.gradient(t, spacing=0.5, dim=1, edge_order=edge_order)
    np.testing.assert_allclose(along.numpy(), np.gradient(f, 0.5, axis=1, edge_order=edge_order))
    points = np.cumsum(rng.random(5))
    (along,) = taeda.gradient(t, spacing=(taeda.tensor(points),), dim=0, edge_order=edge_order)
    np.testing.assert_allclose(along.numpy(), np.gradient(f, points, axis=0, edge_order=edge_order))


def test_gradient_errors() -> None:
    x = taeda.ones(3, 1)
    with pytest.raises(RuntimeError, match="spacing argument of length 1 and a dim argument of length 2"):
        taeda.gradient(x, spacing=(1.0,))
    with pytest.raises(RuntimeError, match="only supports edge_order=1 and edge_order=2"):
        taeda.gradient(x, edge_order=3)
    with pytest.raises(RuntimeError, match="dim -2 appears multiple times"):
        taeda.gradient(x, dim=(0, -2))
    with pytest.raises(RuntimeError, match=r"at least edge_order\+1, got 1 along dim 1"):
        taeda.gradient(x)
    with pytest.raises(IndexError):
        taeda.gradient(x, dim=3)


def test_covariance_checks_its_weights() -> None:
    x, ones = taeda.ones(2, 3), taeda.ones(3)
    with pytest.raises(
        RuntimeError, match="fweights to have one or fewer dimensions but got fweights with 2"
    ):
        taeda.cov(x, fweights=taeda.ones(1, 3, dtype=taeda.int64))
    with pytest.raises(RuntimeError, match="fweights to have integral dtype"):
        taeda.cov(x, fweights=ones)
    with pytest.raises(RuntimeError, match="aweights to have floating point dtype"):
        taeda.cov(x, aweights=ones.long())
    with pytest.raises(RuntimeError, match=r"observations in the input but got 2 != 3"):
        taeda.cov(x, aweights=taeda.ones(2))
    with pytest.raises(RuntimeError, match="aweights cannot be negative"):
        taeda.cov(x, aweights=-ones)
    one = rng.standard_normal((1, 4))
    np.testing.assert_allclose(taeda.cov(taeda.tensor(one)).item(), np.cov(one))
    assert taeda.corrcoef(taeda.tensor(one)).item() == 1


@pytest.mark.parametrize("shape", [(9, 5), (5, 9), (2, 6, 4)])
def test_low_rank_factors(shape: tuple[int, ...]) -> None:
    *batch, m, n = shape
    a = rng.standard_normal((*batch, m, 2)) @ rng.standard_normal((*batch, 2, n))
    U, S, V = taeda.svd_lowrank(taeda.tensor(a), q=3)
    np.testing.assert_allclose((U * S.unsqueeze(-2) @ V.mT).numpy(), a, atol=1e-9)
    np.testing.assert_allclose(S[..., :2].numpy(), np.linalg.svd(a, compute_uv=False)[..., :2], atol=1e-9)
    U, S, V = taeda.pca_lowrank(taeda.tensor(a), q=3)
    np.testing.assert_allclose((U * S.unsqueeze(-2) @ V.mT).numpy(), a - a.mean(-2, keepdims=True), atol=1e-9)
    with pytest.raises(
        ValueError, match=r"q\(=99\) must be non-negative integer and not greater than min\(m, n\)="
    ):
        taeda.svd_lowrank(taeda.tensor(a), q=99)


def test_copies_of_views() -> None:
    x = taeda.arange(6).reshape(2, 3)
    for copy, expected in (
        (taeda.t_copy(x), [[0, 3], [1, 4], [2, 5]]),
        (taeda.view_copy(x, (3, 2)), [[0, 1], [2, 3], [4, 5]]),
        (taeda.expand_copy(x[:1], (2, 3)), [[0, 1, 2], [0, 1, 2]]),
        (taeda.diagonal_copy(x), [0, 4]),
        (taeda.unfold_copy(x, 1, 2, 1), [[[0, 1], [1, 2]], [[3, 4], [4, 5]]]),
        (taeda.unbind_copy(x)[1], [3, 4, 5]),
    ):
        assert copy.tolist() == expected
        assert copy.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    out = taeda.empty(0, dtype=taeda.int64)
    assert taeda.squeeze_copy(x[:1], out=out) is out
    assert out.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_mantissa_and_exponent(dtype: str) -> None:
    special = np.array([0.0, -0.0, 1.0, -3.0, np.inf, -np.inf, np.nan])
    info = np.finfo(dtype)
    edge = np.array([info.max, -info.max, info.tiny, info.smallest_subnormal, info.smallest_subnormal * 5])
    x = np.concatenate([special, edge, rng.standard_normal(50) * 10.0 ** rng.integers(-4, 4, 50)]).astype(
        dtype
    )
    mantissa, exponent = taeda.frexp(taeda.from_numpy(x))
    expected = np.frexp(x)
    np.testing.assert_array_equal(mantissa.numpy(), expected[0])
    finite = np.isfinite(x)
    np.testing.assert_array_equal(exponent.numpy()[finite], expected[1][finite])
    assert exponent.dtype == taeda.int32


def test_gradient_of_the_mantissa() -> None:
    x = taeda.tensor([3.0, -0.3, 7.5], dtype=taeda.float64, requires_grad=True)
    assert gradcheck(lambda t: taeda.frexp(t).mantissa, (x,))


def test_small_ones() -> None:
    assert taeda.nonzero_static(taeda.tensor([0, 3, 4]), size=3).tolist() == [[1], [2], [-1]]
    assert taeda.nonzero_static(taeda.tensor([0, 3, 4]), size=1).tolist() == [[1]]
    assert taeda.empty_permuted((2, 3), (1, 0)).stride() == (1, 2)
    with pytest.raises(RuntimeError, match="Duplicate dim not allowed"):
        taeda.empty_permuted((2, 3), (1, 1))
    assert (taeda.tensor([2.0]).__rdiv__(1)).tolist() == [0.5]
    assert taeda.zero_(taeda.ones(2)).tolist() == [0, 0]
    assert [part.tolist() for part in taeda.unsafe_chunk(taeda.arange(3), 2)] == [[0, 1], [2]]
    assert taeda.diff(taeda.ones(3), 0, prepend=taeda.ones(2)).shape == (3,)
    parts = taeda.tensor_split(taeda.arange(5), taeda.tensor([1, 3]))
    assert [part.tolist() for part in parts] == [[0], [1, 2], [3, 4]]
    assert taeda.arange(4).tensor_split(taeda.tensor(2))[0].tolist() == [0, 1]
    assert taeda.qr(taeda.eye(2)).Q.shape == (2, 2)
    assert taeda.lu(taeda.eye(2)).pivots.tolist() == [1, 2]
    assert taeda.lu(taeda.eye(2), get_infos=True)[2].item() == 0
    assert taeda.matrix_power(2 * taeda.eye(2), 3).tolist() == [[8, 0], [0, 8]]
    assert (2 * taeda.eye(2)).matrix_power(-1).tolist() == [[0.5, 0], [0, 0.5]]
    assert taeda.gradient(taeda.arange(3.0), spacing=None)[0].tolist() == [1, 1, 1]
    matrix = taeda.tensor([[3.0, 0.0], [0.0, -4.0]])
    assert matrix.norm("nuc").item() == 7


def test_scatter_products_with_zeros() -> None:
    """The gradient of a factor is the product of the others, also where it is zero."""
    x = taeda.tensor([[0.0, 2.0, 3.0]], dtype=taeda.float64, requires_grad=True)
    src = taeda.tensor([[4.0, 0.0, 5.0, 6.0]], dtype=taeda.float64, requires_grad=True)
    index = taeda.tensor([[0, 1, 1, 2]])
    out = x.scatter_reduce(1, index, src, "prod")
    assert out.tolist() == [[0, 0, 18]]
    out.sum().backward()
    assert x.grad.tolist() == [[4, 0, 6]]
    assert src.grad.tolist() == [[0, 10, 0, 3]]
    nonzero = taeda.tensor([[1.5, 2.0, 3.0]], dtype=taeda.float64, requires_grad=True)
    factors = taeda.tensor([[4.0, 0.5, 5.0, 6.0]], dtype=taeda.float64, requires_grad=True)
    product = lambda a, b: a.scatter_reduce(1, index, b, "prod")  # noqa: E731
    assert gradcheck(product, (nonzero, factors))
    assert gradgradcheck(product, (nonzero, factors))


def test_a_slice_filled_twice_counts_once() -> None:
    value = taeda.tensor(2.0, requires_grad=True)
    taeda.zeros(3, 2).index_fill(0, taeda.tensor([1, 1, 2]), value).sum().backward()
    assert value.grad.item() == 4


def test_masked_scatter_broadcasts() -> None:
    mask = taeda.tensor([[True, False], [False, True]])
    assert taeda.zeros(2).masked_scatter(mask, taeda.tensor([1.0, 2.0])).tolist() == [[1, 0], [0, 2]]


def test_replication_of_what_is_cut() -> None:
    x = np.arange(4.0).reshape(1, 1, 4)
    got = taeda.nn.functional.pad(taeda.tensor(x), (-4, 5), mode="replicate")
    assert got.tolist() == [[[3.0] * 5]]
    got = taeda.nn.functional.pad(taeda.tensor(x), (2, -1), mode="replicate")
    assert got.tolist() == [[[0, 0, 0, 1, 2]]]


def test_nan_is_below_no_threshold() -> None:
    """NaN goes through threshold and relu, and so do the gradients that arrive there."""
    nan = float("nan")
    assert np.isnan(taeda.threshold(taeda.tensor([nan]), 0.0, 5.0).item())
    x = taeda.tensor([nan, -1.0, 2.0], requires_grad=True)
    x.relu().backward(taeda.tensor([3.0, 3.0, 3.0]))
    assert x.grad.tolist() == [3, 0, 3]
    pooled = taeda.tensor([[[-1.0, 2.0, 1.0, 4.0]]], requires_grad=True)
    taeda.nn.functional.lp_pool1d(pooled, 1.5, 2).sum().backward()
    gradient = pooled.grad.numpy()[0, 0]
    assert np.isnan(gradient[:2]).all()
    assert np.isfinite(gradient[2:]).all()


def test_positions_by_dimension() -> None:
    flat = rng.integers(-24, 24, (3, 5))
    for got, expected in zip(
        taeda.unravel_index(taeda.tensor(flat), (2, 3, 4)),
        np.unravel_index(flat % 24, (2, 3, 4)),
        strict=True,
    ):
        np.testing.assert_array_equal(got.numpy(), expected)
    with pytest.raises(ValueError, match=r"indices must lie in \[-6, 6\) for shape \(2, 3\)"):
        taeda.unravel_index(taeda.tensor([6]), (2, 3))
    with pytest.raises(TypeError, match=r"integer dtype, got taeda\.float32"):
        taeda.unravel_index(taeda.ones(1), (2, 3))


def test_a_number_in_a_tensor_is_no_dimension() -> None:
    x = taeda.tensor([[1, 5], [7, 3]])
    assert taeda.max(x, taeda.tensor(4)).tolist() == [[4, 5], [7, 4]]
    assert x.min(taeda.tensor(4)).tolist() == [[1, 4], [4, 3]]
    assert x.max(1).values.tolist() == [5, 7]


def test_operators_of_bools() -> None:
    x, y = taeda.tensor([True, True, False, False]), taeda.tensor([True, False, True, False])
    assert taeda.fmax(x, y).tolist() == taeda.heaviside(x, y).tolist() == [True, True, True, False]
    assert taeda.fmin(x, y).tolist() == [True, False, False, False]
    assert taeda.sgn(x).tolist() == x.tolist()
    index = taeda.tensor([0, 0, 1, 2])
    for how, expected in (("amax", [True, False, False, True]), ("amin", [True, False, False, True])):
        start = taeda.tensor([False, True, False, True])
        got = start.scatter_reduce(0, index, x & (index < 1) | (index > 3), how, include_self=False)
        assert got.tolist() == expected


def test_ranges_of_whole_numbers_cut_fractions_off() -> None:
    assert taeda.arange(0, 3.1, dtype=taeda.int64).tolist() == [0, 1, 2]
    assert taeda.arange(0.5, 4, 1.5, dtype=taeda.int64).tolist() == [0, 1, 2, 3]
    assert taeda.arange(5, 0, -2).tolist() == [5, 3, 1]
    assert taeda.arange(0, 1, 0.25).tolist() == [0, 0.25, 0.5, 0.75]
    assert taeda.cov(taeda.tensor([[1, 2, 3], [3, 2, 1]])).tolist() == [[1, -1], [-1, 1]]
