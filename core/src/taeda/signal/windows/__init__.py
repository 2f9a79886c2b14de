"""Window functions of M samples, with SciPy's formulas: symmetric, or periodic (`sym=False`) for spectra.

All take `sym`, `dtype` (float32 or float64), `layout` (taeda.strided), `device` and `requires_grad`, return a tensor of
shape (M,), and raise ValueError for what does not fit.

Example:
    >>> import taeda
    >>> taeda.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    >>> taeda.signal.windows.hann(4, sym=False)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import taeda
from taeda import Tensor

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]


def _samples(name: str, M: int, options: dict[str, Any]) -> Tensor:
    """0 to M - 1 in float64, once the options of all windows are checked."""
    dtype = options.get("dtype") or taeda.get_default_dtype()
    layout = options.get("layout", taeda.strided)
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout != taeda.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (taeda.float32, taeda.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return taeda.arange(M, dtype=taeda.float64)


def _finished(values: Tensor, options: dict[str, Any]) -> Tensor:
    dtype = options.get("dtype") or taeda.get_default_dtype()
    result = values.to(device=options.get("device"), dtype=dtype)
    return result.requires_grad_(bool(options.get("requires_grad", False)))


def _last(M: int, sym: bool) -> int:
    """The sample that a period ends with, at least 1."""
    return max(M - 1 if sym else M, 1)


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Tensor:
    """exp(-|n - center| / tau).

    Args:
        M: number of samples.
        center: the sample with the value 1; None is the middle, and the only choice for symmetric windows.
        tau: samples in which the window falls by e.
        sym: symmetric, or periodic.
        options: as in the module's description.
    """
    n = _samples("exponential", M, options)
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    middle = _last(M, sym) / 2 if center is None else center
    return _finished(taeda.exp(-(n - middle).abs() / tau) if M > 1 else n + 1, options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """sin(pi (n + 1/2) / M): half a period."""
    n = _samples("cosine", M, options)
    return _finished(taeda.sin((n + 0.5) * (math.pi / (M if sym else M + 1))) if M > 1 else n + 1, options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """exp(-(n - middle)^2 / (2 std^2))."""
    n = _samples("gaussian", M, options)
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    distance = (n - _last(M, sym) / 2) / std
    return _finished(taeda.exp(-0.5 * distance * distance) if M > 1 else n + 1, options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """i0(beta sqrt(1 - x^2)) / i0(beta) for x from -1 to 1; beta trades the main lobe's width for lower side lobes."""
    n = _samples("kaiser", M, options)
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    if M <= 1:
        return _finished(n + 1, options)
    x = n * (2 / _last(M, sym)) - 1
    height = taeda.i0(beta * (1 - x * x).clamp(min=0).sqrt())
    return _finished(height / taeda.i0(taeda.tensor(beta, dtype=taeda.float64)), options)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """A triangle from 0 to 1 and back."""
    n = _samples("bartlett", M, options)
    return _finished(1 - (n * (2 / _last(M, sym)) - 1).abs() if M > 1 else n + 1, options)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """a[0] - a[1] cos(x) + a[2] cos(2 x) - ... over one period.

    Raises:
        TypeError: the coefficients are no list or tuple.
        ValueError: there are none; or as in the module's description.
    """
    n = _samples("general_cosine", M, options)
    if not isinstance(a, (list, tuple)):
        raise TypeError(f"Coefficients must be a list/tuple, got {type(a).__name__}")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    if M <= 1:
        return _finished(n + 1, options)
    angle = n * (2 * math.pi / _last(M, sym))
    total = taeda.zeros_like(angle)
    for k, coefficient in enumerate(a):
        total = total + (-1) ** k * coefficient * taeda.cos(k * angle)
    return _finished(total, options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(x)."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.54 - 0.46 cos(x)."""
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.5 - 0.5 cos(x)."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(x) + 0.08 cos(2 x)."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The four-term window of Nuttall (1981), a flatter Blackman window."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)
