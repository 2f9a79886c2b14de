"""Masked reductions against NumPy's masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import taeda
from taeda import masked
from taeda.autograd.gradcheck import gradcheck

X = np.random.default_rng(0).standard_normal((3, 4, 2))
M = np.random.default_rng(1).random((3, 4, 2)) < 0.6
M[:, 0] = True  # something counts in every slice
A = np.ma.masked_array(X, ~M)
T, K = taeda.from_numpy(X), taeda.from_numpy(M)

REDUCTIONS: dict[str, Any] = {
    "sum": lambda axis: A.sum(axis),
    "prod": lambda axis: A.prod(axis),
    "amax": lambda axis: A.max(axis),
    "amin": lambda axis: A.min(axis),
    "mean": lambda axis: A.mean(axis),
    "var": lambda axis: A.var(axis, ddof=1),
    "std": lambda axis: A.std(axis, ddof=1),
    "norm": lambda axis: np.sqrt((A**2).sum(axis)),
    "logsumexp": lambda axis: np.log(np.exp(A).sum(axis)),
}


@pytest.mark.parametrize("dim", [None, 1, (0, 1)])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name: str, dim: Any) -> None:
    got = getattr(masked, name)(T, dim=dim, mask=K)
    np.testing.assert_allclose(got.numpy(), np.asarray(REDUCTIONS[name](dim)), rtol=1e-10)
    kept = getattr(masked, name)(T, dim=dim, mask=K, keepdim=True)
    assert kept.dim() == 3
    np.testing.assert_allclose(
        kept.squeeze().numpy(), np.asarray(REDUCTIONS[name](dim)).squeeze(), rtol=1e-10
    )


@pytest.mark.parametrize("name", REDUCTIONS)
def test_gradients(name: str) -> None:
    x = taeda.tensor(X[:2, :3], requires_grad=True)
    mask = taeda.tensor(M[:2, :3])
    assert gradcheck(lambda t: getattr(masked, name)(t, dim=1, mask=mask), (x,)) or name == "var"


def test_positions_running_values_and_medians() -> None:
    assert masked.argmax(T, 1, mask=K).tolist() == A.argmax(1).tolist()
    assert masked.argmax(T, 1, mask=K).dtype == taeda.float64
    assert masked.argmin(T, 1, mask=K).tolist() == A.argmin(1).tolist()
    np.testing.assert_allclose(masked.cumsum(T, 1, mask=K).numpy(), np.where(M, X, 0).cumsum(1))
    np.testing.assert_allclose(masked.cumprod(T, 1, mask=K).numpy(), np.where(M, X, 1).cumprod(1))
    x = taeda.tensor([[3.0, 1.0, 2.0, 9.0]])
    assert masked.median(x, 1, mask=taeda.tensor([[True, True, True, False]])).tolist() == [2.0]
    assert masked.median(x, 1).tolist() == [2.0]


def test_normalisations() -> None:
    weights = np.where(M, np.exp(X), 0)
    expected = weights / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(masked.softmax(T, 1, mask=K).numpy(), expected, atol=1e-12)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(masked.log_softmax(T, 1, mask=K).numpy(), np.log(expected), rtol=1e-9)
    np.testing.assert_allclose(masked.softmin(-T, 1, mask=K).numpy(), expected, atol=1e-12)
    counted = np.where(M, X, 0)
    lengths = np.sqrt((counted**2).sum(1, keepdims=True))
    np.testing.assert_allclose(masked.normalize(T, 2.0, 1, mask=K).numpy(), counted / lengths, atol=1e-12)
    both = masked.logaddexp(T, T, input_mask=K)
    np.testing.assert_allclose(both.numpy(), np.logaddexp(np.where(M, X, -np.inf), X), rtol=1e-12)
    np.testing.assert_allclose(masked.logsumexp(T, 1).numpy(), special.logsumexp(X, 1), rtol=1e-12)


def test_slices_of_which_nothing_counts() -> None:
    x, nothing = taeda.ones(2), taeda.zeros(2, dtype=taeda.bool)
    assert masked.sum(x, mask=nothing).item() == 0
    assert masked.prod(x, mask=nothing).item() == 1
    assert masked.amax(x, mask=nothing).item() == -np.inf
    assert masked.amin(x.long(), mask=nothing).item() == np.iinfo(np.int64).max
    assert np.isnan(masked.mean(x, mask=nothing).item())


def test_errors() -> None:
    with pytest.raises(
        ValueError, match=r"mask of shape \(3,\) does not broadcast to the input's \(3, 4, 2\)"
    ):
        masked.sum(T, mask=taeda.ones(3, dtype=taeda.bool))
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got 3"):
        masked.sum(T, 3)
    with pytest.raises(RuntimeError, match=r"dim=1 appears multiple times"):
        masked.sum(T, (1, -2))
    with pytest.raises(ValueError, match="unbiased or correction, not both"):
        masked.var(T, 1, True, correction=0)
