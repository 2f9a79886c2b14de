"""How features move along time: deltas, and normalisation in a sliding window."""

from __future__ import annotations

import taeda
from taeda import Tensor
from taeda.nn import functional as F

__all__ = ["compute_deltas", "sliding_window_cmn"]


def compute_deltas(specgram: Tensor, win_length: int = 5, mode: str = "replicate") -> Tensor:
    """Slope of each feature along time, by regression over a window.

    ``d_t = sum_n n (c_{t+n} - c_{t-n}) / (2 sum_n n^2)`` with n from 1 to ``(win_length - 1) // 2``.

    Args:
        specgram: features of shape (..., freq, time).
        win_length: width of the window, at least 3.
        mode: how `nn.functional.pad` extends both ends.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: `win_length` is below 3.

    Example:
        >>> compute_deltas(taeda.tensor([[0.0, 2.0, 4.0, 6.0]]), win_length=3).tolist()
        [[1.0, 2.0, 2.0, 1.0]]
    """
    if win_length < 3:
        raise ValueError(f"compute_deltas: expected win_length >= 3, got {win_length}")
    reach = (win_length - 1) // 2
    norm = reach * (reach + 1) * (2 * reach + 1) / 3
    rows = specgram.reshape(-1, 1, specgram.size(-1))
    slope = taeda.arange(-reach, reach + 1, device=specgram.device).to(specgram.dtype).reshape(1, 1, -1)
    return (F.conv1d(F.pad(rows, (reach, reach), mode=mode), slope) / norm).reshape(specgram.shape)


def sliding_window_cmn(
    specgram: Tensor,
    cmn_window: int = 600,
    min_cmn_window: int = 100,
    center: bool = False,
    norm_vars: bool = False,
) -> Tensor:
    """Subtract the mean of each feature over a window of frames (and divide by the deviation), as Kaldi does.

    Args:
        specgram: features of shape (..., time, freq).
        cmn_window: frames of the window.
        min_cmn_window: frames of the window at the start, when not centred.
        center: whether the window is centred on the frame, or ends at it.
        norm_vars: also divide by the standard deviation.

    Returns:
        Tensor of the same shape.
    """
    frames = specgram.size(-2)
    index = taeda.arange(frames, device=specgram.device)
    if center:
        start = index - cmn_window // 2
        end = start + cmn_window
    else:
        start = index - cmn_window
        end = (index + 1).clamp(min=min_cmn_window)
    # A window over the begin or the end is moved inside.
    if center:
        end = end + (-start).clamp(min=0)
    over = (end - frames).clamp(min=0)
    end = end - over
    start = (start.clamp(min=0) - over).clamp(min=0)
    count = (end - start).to(specgram.dtype).unsqueeze(-1)

    def window_sum(values: Tensor) -> Tensor:
        # Differences of running totals: float64 keeps what a long recording would lose in float32.
        total = F.pad(values.to(taeda.float64).cumsum(-2), (0, 0, 1, 0))
        return (total.index_select(-2, end) - total.index_select(-2, start)).to(specgram.dtype)

    mean = window_sum(specgram) / count
    centred = specgram - mean
    if not norm_vars:
        return centred
    variance = window_sum(specgram.square()) / count - mean.square()
    single = count == 1
    return taeda.where(single, taeda.zeros_like(centred), centred / taeda.where(single, 1.0, variance).sqrt())
