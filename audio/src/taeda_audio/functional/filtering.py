"""Recursive (IIR) filters: any order, differentiable, on any device.

The recursion is cut into blocks. Within a block, output is one matrix product of the input with the impulse
response and one of the last outputs before the block with the response to them. These last outputs pass from
block to block in a parallel scan, log2(blocks) steps long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = ["deemphasis", "filtfilt", "lfilter"]

BLOCK = 64


def _responses(
    a: npt.NDArray[np.float64], block: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """How the recursion answers an impulse, and each of the outputs before the block.

    Args:
        a: feedback coefficients of one filter without the leading one, shape (order,).
        block: samples of a block.

    Returns:
        Impulse responses at all delays, lower triangular of shape (block, block), and the answers to the
        outputs at -1, -2, ..., of shape (block, order).
    """
    order = len(a)
    # Column 0 starts from an impulse at 0, column j from an output of one at -j.
    history = np.zeros((order + block, order + 1))
    for delay in range(1, order + 1):
        history[order - delay, delay] = 1.0
    for n in range(order, order + block):
        history[n] = -(a[:, None] * history[n - order : n][::-1]).sum(0)
        if n == order:
            history[n, 0] += 1.0
    impulse = history[order:, 0]
    delays = np.arange(block)[:, None] - np.arange(block)
    return np.where(delays >= 0, impulse[np.abs(delays)], 0.0), history[order:, 1:]


def _recurse(x: Tensor, a: Tensor) -> Tensor:
    """``y[n] = x[n] - sum_j a[j] y[n - j]`` for x of shape (B, filters, T), a of shape (filters, order)."""
    batch, filters, length = x.shape
    order = a.size(-1)
    block = max(min(BLOCK, length), order)
    answers = [_responses(row, block) for row in a.detach().cpu().double().numpy()]
    impulse = taeda.from_numpy(np.stack([pair[0] for pair in answers])).to(x.device)
    initial = taeda.from_numpy(np.stack([pair[1] for pair in answers])).to(x.device)
    blocks = -(-length // block)
    padded = F.pad(x.double(), (0, blocks * block - length)).reshape(batch, filters, blocks, block)
    own = taeda.matmul(padded, impulse.transpose(-1, -2))
    # The last outputs of a block, the newest first, are what the next block starts from.
    ends = own[..., block - order :].flip(-1)
    onward = initial[:, block - order :].flip(-2).transpose(-1, -2)
    reach = 1
    while reach < blocks:
        # Now each block's end knows of the `reach` blocks before it; after this step of twice as many.
        ends = taeda.cat(
            [ends[:, :, :reach], ends[:, :, reach:] + taeda.matmul(ends[:, :, :-reach], onward)], dim=2
        )
        onward = taeda.matmul(onward, onward)
        reach *= 2
    inherited = taeda.matmul(F.pad(ends[:, :, :-1], (0, 0, 1, 0)), initial.transpose(-1, -2))
    return (own + inherited).reshape(batch, filters, blocks * block)[..., :length].to(x.dtype)


class _Recursion(taeda.autograd.Function):
    """`_recurse` with its derivative, which is the same recursion backwards in time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, a: Tensor) -> Tensor:
        y = _recurse(x, a)
        ctx.save_for_backward(a, y)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, y = ctx.saved_tensors
        grad_x: Tensor = _Recursion.apply(grad.flip(-1), a).flip(-1)
        order, length = a.size(-1), y.size(-1)
        delayed = F.pad(y, (order, 0))
        grad_a = [
            -(grad_x * delayed[..., order - delay : order - delay + length]).sum((0, 2))
            for delay in range(1, order + 1)
        ]
        return grad_x, taeda.stack(grad_a, dim=-1)


def lfilter(
    waveform: Tensor, a_coeffs: Tensor, b_coeffs: Tensor, clamp: bool = True, batching: bool = True
) -> Tensor:
    """Filter a waveform by the difference equation ``a[0] y[n] = sum_i b[i] x[n-i] - sum_{j>0} a[j] y[n-j]``.

    Args:
        waveform: samples of shape (..., time).
        a_coeffs: feedback coefficients of shape (order + 1,), or (filters, order + 1) for several filters.
        b_coeffs: feed-forward coefficients of the same shape.
        clamp: clip the result to -1 .. 1.
        batching: with several filters, apply filter i to channel i of a waveform (..., filters, time);
            otherwise apply all of them to the whole waveform.

    Returns:
        Tensor of the waveform's shape, or (..., filters, time) for several filters with ``batching=False``.

    Raises:
        TypeError: the waveform is not floating point.
        ValueError: the shapes do not fit, or a leading coefficient is zero.

    Example:
        >>> half = taeda.tensor([1.0, -0.5])
        >>> lfilter(taeda.tensor([1.0, 0.0, 0.0]), half, taeda.tensor([1.0, 0.0])).tolist()
        [1.0, 0.5, 0.25]
    """
    if not waveform.is_floating_point():
        raise TypeError(f"lfilter: expected floating-point samples, got {waveform.dtype}")
    if a_coeffs.shape != b_coeffs.shape or a_coeffs.dim() not in (1, 2):
        raise ValueError(
            f"lfilter: a_coeffs has shape {tuple(a_coeffs.shape)} and b_coeffs {tuple(b_coeffs.shape)}; "
            "expected the same, (order + 1,) or (filters, order + 1); fill the shorter with zeros"
        )
    if a_coeffs.dim() == 2 and batching and (waveform.dim() < 2 or waveform.size(-2) != a_coeffs.size(0)):
        raise ValueError(
            f"lfilter: {a_coeffs.size(0)} filters do not fit a waveform of shape {tuple(waveform.shape)}; "
            "expected as many channels in dim -2, or batching=False"
        )
    a = a_coeffs.reshape(-1, a_coeffs.size(-1)).to(waveform.dtype)
    b = b_coeffs.reshape(-1, b_coeffs.size(-1)).to(waveform.dtype)
    if bool((a[:, 0] == 0).any()):
        raise ValueError("lfilter: a_coeffs[0] is 0; divide by the first coefficient that is not")
    if a_coeffs.dim() == 2 and not batching:
        waveform = taeda.stack([waveform] * a.size(0), dim=-2)
    shape, filters, taps = tuple(waveform.shape), a.size(0), a.size(-1)
    x = F.pad(waveform.reshape(-1, filters, shape[-1]), (taps - 1, 0))
    fed = F.conv1d(x, (b / a[:, :1]).flip(-1).unsqueeze(1), groups=filters)
    y: Tensor = fed if taps == 1 else _Recursion.apply(fed, a[:, 1:] / a[:, :1])
    return (y.clamp(-1.0, 1.0) if clamp else y).reshape(shape)


def filtfilt(waveform: Tensor, a_coeffs: Tensor, b_coeffs: Tensor, clamp: bool = True) -> Tensor:
    """Filter forwards and then backwards, which leaves no delay.

    Args, errors and result as in `lfilter`.
    """
    forward = lfilter(waveform, a_coeffs, b_coeffs, clamp=False)
    return lfilter(forward.flip(-1), a_coeffs, b_coeffs, clamp=clamp).flip(-1)


def deemphasis(waveform: Tensor, coeff: float = 0.97) -> Tensor:
    """Undo `preemphasis`: each sample plus `coeff` times the result before, clipped to -1 .. 1.

    Args:
        waveform: samples of shape (..., time).
        coeff: between 0 and 1.
    """
    ones: dict[str, Any] = {"dtype": waveform.dtype, "device": waveform.device}
    return lfilter(waveform, taeda.tensor([1.0, -coeff], **ones), taeda.tensor([1.0, 0.0], **ones))
