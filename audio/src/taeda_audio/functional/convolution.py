"""Convolution of waveforms with each other."""

from __future__ import annotations

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = ["convolve", "fftconvolve"]

MODES = ("full", "valid", "same")


def _check(operation: str, x: Tensor, y: Tensor, mode: str) -> None:
    if mode not in MODES:
        raise ValueError(f"{operation}: unknown mode {mode!r}; expected one of {MODES}")
    fits = x.dim() == y.dim() and all(
        a in (1, b) or b == 1 for a, b in zip(tuple(x.shape[:-1]), tuple(y.shape[:-1]))
    )
    if not fits:
        raise ValueError(
            f"{operation}: leading dims of {tuple(x.shape)} and {tuple(y.shape)} do not broadcast; "
            "expected as many dims, equal or 1"
        )


def _crop(full: Tensor, x_length: int, y_length: int, mode: str) -> Tensor:
    if mode == "full":
        return full
    length = x_length if mode == "same" else max(x_length, y_length) - min(x_length, y_length) + 1
    start = (full.size(-1) - length) // 2
    return full[..., start : start + length]


def convolve(x: Tensor, y: Tensor, mode: str = "full") -> Tensor:
    """Convolution along the last dimension, summed directly; best when one operand is short.

    Args:
        x: waveforms of shape (..., N).
        y: waveforms of shape (..., M); leading dims broadcast.
        mode: "full" gives N + M - 1 samples, "valid" max(N, M) - min(N, M) + 1, "same" N.

    Raises:
        ValueError: the mode is unknown, or leading dims do not broadcast.

    Example:
        >>> convolve(taeda.tensor([1.0, 2.0]), taeda.tensor([1.0, 1.0])).tolist()
        [1.0, 3.0, 2.0]
    """
    _check("convolve", x, y, mode)
    x_length, y_length = x.size(-1), y.size(-1)
    if x_length < y_length:
        x, y = y, x
    leading = taeda.broadcast_shapes(tuple(x.shape[:-1]), tuple(y.shape[:-1]))
    rows = x.expand((*leading, x.size(-1))).reshape(1, -1, x.size(-1))
    kernels = y.expand((*leading, y.size(-1))).reshape(-1, 1, y.size(-1)).flip(-1)
    full = F.conv1d(rows, kernels, groups=rows.size(1), padding=y.size(-1) - 1)
    return _crop(full.reshape((*leading, -1)), x_length, y_length, mode)


def fftconvolve(x: Tensor, y: Tensor, mode: str = "full") -> Tensor:
    """`convolve` by fast Fourier transform; best when both operands are long.

    Args, errors and result as in `convolve`.
    """
    _check("fftconvolve", x, y, mode)
    n = x.size(-1) + y.size(-1) - 1
    full = taeda.fft.irfft(taeda.fft.rfft(x, n=n) * taeda.fft.rfft(y, n=n), n=n)
    return _crop(full, x.size(-1), y.size(-1), mode)
