"""Window functions against SciPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal.windows as reference

import taeda
from taeda.signal import windows

OPTIONS: dict[str, dict[str, Any]] = {
    "bartlett": {}, "blackman": {}, "cosine": {}, "exponential": {"tau": 3.0}, "gaussian": {"std": 2.5},
    "general_cosine": {"a": [0.5, 0.3, 0.2]}, "general_hamming": {"alpha": 0.6}, "hamming": {}, "hann": {},
    "kaiser": {"beta": 8.0}, "nuttall": {},
}  # fmt: skip


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("M", [0, 1, 2, 7, 10])
@pytest.mark.parametrize("name", OPTIONS)
def test_values(name: str, M: int, sym: bool) -> None:
    ours = getattr(windows, name)(M, sym=sym, dtype=taeda.float64, **OPTIONS[name])
    theirs = getattr(reference, name)(M, sym=sym, **OPTIONS[name])
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


def test_centre_of_an_exponential_window() -> None:
    ours = windows.exponential(6, center=2.0, tau=1.5, sym=False, dtype=taeda.float64)
    np.testing.assert_allclose(ours.numpy(), reference.exponential(6, center=2.0, tau=1.5, sym=False))


def test_dtype_and_gradient() -> None:
    assert windows.hann(4).dtype == taeda.float32
    assert windows.kaiser(4, requires_grad=True).requires_grad


@pytest.mark.parametrize("name", OPTIONS)
def test_errors(name: str) -> None:
    window = getattr(windows, name)
    with pytest.raises(ValueError, match="requires non-negative window length, got M=-1"):
        window(-1, **OPTIONS[name])
    with pytest.raises(ValueError, match=r"expects float32 or float64 dtypes, got: .*int64"):
        window(3, dtype=taeda.int64, **OPTIONS[name])


def test_errors_of_single_windows() -> None:
    with pytest.raises(ValueError, match="Tau must be positive, got: -1 instead"):
        windows.exponential(3, tau=-1)
    with pytest.raises(ValueError, match="Center must be None for symmetric windows"):
        windows.exponential(3, center=1.0)
    with pytest.raises(ValueError, match="Standard deviation must be positive, got: -1 instead"):
        windows.gaussian(3, std=-1)
    with pytest.raises(ValueError, match="beta must be non-negative, got: -1 instead"):
        windows.kaiser(3, beta=-1)
    with pytest.raises(TypeError, match="Coefficients must be a list/tuple, got str"):
        windows.general_cosine(3, a="ab")
    with pytest.raises(ValueError, match="Coefficients cannot be empty"):
        windows.general_cosine(3, a=[])
