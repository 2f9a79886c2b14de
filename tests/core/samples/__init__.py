"""Samples of operators with references in NumPy and SciPy: what the generic checks of test_operators.py run on.

A family file adds records with `operator(...)`. Samples are written in float64; float arrays are cast to the dtype
under test, integer and bool arrays (indices, masks) stay as they are.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["OPERATORS", "Operator", "Sample", "load", "operator", "values"]


class Sample:
    """Arguments of one call; arrays stand for tensors."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        """Shapes and options."""
        parts = [f"array{a.shape}" if isinstance(a, np.ndarray) else repr(a) for a in self.args]
        return f"Sample({', '.join(parts + [f'{key}={value!r}' for key, value in self.kwargs.items()])})"


@dataclass(frozen=True)
class Operator:
    """An operator, what it must compute, and on what."""

    name: str  # in the catalogue
    reference: Callable[..., Any]  # takes a sample's arguments with NumPy arrays
    samples: tuple[Sample, ...]
    dtypes: str = "fd"  # f float32, d float64, i int64, b bool, c complex64
    rtol: dict[str, float] = field(default_factory=lambda: {"f": 1e-5, "d": 1e-11, "c": 2e-5})
    grad: bool | tuple[int, ...] = (
        False  # gradients are checked, of all arguments or of those at these positions
    )
    gradgrad: bool = False  # second gradients as well
    elementwise: bool = False  # any shape works, so empty ones are tried
    own_dtype: bool = False  # the reference gives the very dtype, whatever goes in
    meta: bool = True  # the shape of the result does not depend on values


OPERATORS: list[Operator] = []


def operator(
    name: str, reference: Callable[..., Any], *samples: Sample, scale: float = 1.0, **options: Any
) -> None:
    """Adds an operator; `scale` widens its tolerance."""
    tolerance = {"f": 1e-5 * scale, "d": 1e-11 * scale, "c": 2e-5 * scale}
    OPERATORS.append(Operator(name, reference, samples, rtol=tolerance, **options))


def values(*shape: int, low: float = -3.0, high: float = 3.0, seed: int = 0) -> np.ndarray:
    """Distinct numbers on (low, high) in random order, none within 0.001 of another or of a multiple of 0.1, where
    functions may have kinks."""
    count = int(np.prod(shape))
    generator = np.random.default_rng([seed, *shape])
    spread = np.linspace(low, high, 2 * count + 1)[1::2] + (0.013 + 0.037 * seed) * (high - low) / count
    near = np.round(spread, 1)
    return generator.permutation(
        np.where(np.abs(spread - near) < 0.004, near + 0.0137 / (1 + seed), spread)
    ).reshape(shape)


def load() -> list[Operator]:
    """All operators that have samples, family after family."""
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda found: found.name):
        importlib.import_module(f"{__name__}.{module.name}")
    return OPERATORS
