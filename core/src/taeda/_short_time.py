"""Short-time Fourier transforms, and the windows for them."""

from __future__ import annotations

import math
from typing import Any

import taeda
from taeda import Tensor
from taeda._precision import float32_under_autocast

__all__ = [
    "bartlett_window",
    "blackman_window",
    "hamming_window",
    "hann_window",
    "istft",
    "kaiser_window",
    "stft",
]


def _angles(window_length: int, periodic: bool, name: str) -> Tensor:
    """Positions of the samples on one period of the window, 0 to 2 pi, float64."""
    if window_length < 0:
        raise RuntimeError(f"{name}: expected window_length >= 0, got {window_length}")
    period = window_length if periodic else window_length - 1
    return taeda.arange(window_length, dtype=taeda.float64) * (2 * math.pi / max(period, 1))


def _finished(
    values: Tensor, name: str, dtype: Any, device: Any, requires_grad: bool, layout: Any = None
) -> Tensor:
    dtype = taeda.get_default_dtype() if dtype is None else dtype
    if not dtype.is_floating_point:
        raise RuntimeError(f"{name}: expected a floating-point dtype, got {dtype}")
    if layout not in (None, taeda.strided):
        raise RuntimeError(f"{name}: expected layout taeda.strided, got {layout}")
    # One sample is the middle of the window, where all of them are 1.
    values = taeda.ones(1, dtype=taeda.float64) if values.numel() == 1 else values
    return values.to(device=device, dtype=dtype).requires_grad_(requires_grad)


def hann_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.5 - 0.5 cos(x) over one period.

    Args:
        window_length: samples.
        periodic: leave out the last sample, which repeats the first one of the next period; right for `stft`.
        dtype: a floating dtype; None takes the default one.
        layout: `taeda.strided`.
        device: where the result lies.
        requires_grad: whether autograd records it.

    Returns:
        Tensor of shape (window_length,).

    Raises:
        RuntimeError: the length is negative, or the dtype not floating.

    Example:
        >>> hann_window(4).tolist()
        [0.0, 0.5, 1.0, 0.5]
    """
    values = 0.5 - 0.5 * taeda.cos(_angles(window_length, periodic, "hann_window"))
    return _finished(values, "hann_window", dtype, device, requires_grad, layout)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """alpha - beta cos(x) over one period; arguments and errors as in `hann_window`."""
    values = alpha - beta * taeda.cos(_angles(window_length, periodic, "hamming_window"))
    return _finished(values, "hamming_window", dtype, device, requires_grad, layout)


def blackman_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """0.42 - 0.5 cos(x) + 0.08 cos(2 x) over one period; arguments and errors as in `hann_window`."""
    angles = _angles(window_length, periodic, "blackman_window")
    values = 0.42 - 0.5 * taeda.cos(angles) + 0.08 * taeda.cos(2 * angles)
    return _finished(values, "blackman_window", dtype, device, requires_grad, layout)


def bartlett_window(
    window_length: int,
    periodic: bool = True,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """A triangle from 0 to 1 and back over one period; arguments and errors as in `hann_window`."""
    values = 1 - (_angles(window_length, periodic, "bartlett_window") / math.pi - 1).abs()
    return _finished(values, "bartlett_window", dtype, device, requires_grad, layout)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """i0(beta sqrt(1 - x^2)) / i0(beta) for x from -1 to 1; arguments and errors as in `hann_window`."""
    position = _angles(window_length, periodic, "kaiser_window") / math.pi - 1
    height = beta * (1 - position * position).clamp(min=0).sqrt()
    values = taeda.i0(height) / taeda.i0(taeda.tensor(beta, dtype=taeda.float64))
    return _finished(values, "kaiser_window", dtype, device, requires_grad, layout)


def _centred_window(name: str, window: Tensor | None, win_length: int, n_fft: int, like: Tensor) -> Tensor:
    """The window with zeros at both ends, n_fft samples; ones where none is given."""
    if window is None:
        window = taeda.ones(win_length, dtype=_real_dtype(like), device=like.device)
    elif tuple(window.shape) != (win_length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={win_length}, "
            f"but got window with size {list(window.shape)}"
        )
    left = (n_fft - win_length) // 2
    if win_length == n_fft:
        return window
    return taeda.cat([window.new_zeros(left), window, window.new_zeros(n_fft - win_length - left)])


def _real_dtype(x: Tensor) -> Any:
    return taeda.float64 if x.dtype in (taeda.float64, taeda.complex128) else taeda.float32


def _sizes(name: str, n_fft: int, hop_length: int | None, win_length: int | None) -> tuple[int, int]:
    hop_length = n_fft // 4 if hop_length is None else hop_length
    win_length = n_fft if win_length is None else win_length
    if hop_length <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop_length}")
    if not 0 < win_length <= n_fft:
        raise RuntimeError(
            f"{name}: expected 0 < win_length <= n_fft={n_fft}, but got win_length={win_length}"
        )
    return hop_length, win_length


@float32_under_autocast
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """The Fourier transforms of overlapping, windowed frames.

    Args:
        input: samples of shape (T,) or (B, T).
        n_fft: samples of a frame.
        hop_length: samples between the starts of frames; None takes n_fft // 4.
        win_length: samples of the window, which is centred in the frame; None takes `n_fft`.
        window: of shape (win_length,); None means ones.
        center: pad the input by n_fft // 2 at both ends, so that frame t is centred on sample t * hop_length.
        pad_mode: how `nn.functional.pad` does that.
        normalized: multiply by 1 / sqrt(n_fft).
        onesided: give only the first n_fft // 2 + 1 frequencies; None means yes for real inputs.
        return_complex: complex output; False gives pairs of real numbers in a last dimension.
        align_to_window: without `center`, let frames start where the window does. Not supported when True.

    Returns:
        Complex tensor of shape (F, frames) or (B, F, frames).

    Raises:
        RuntimeError: an argument or the input's shape does not fit, or it has fewer than n_fft samples.

    Example:
        >>> stft(taeda.ones(8), n_fft=4, hop_length=4, center=False, return_complex=True).real.tolist()
        [[4.0, 4.0], [0.0, 0.0], [0.0, 0.0]]
    """
    complex_input = input.is_complex() or (window is not None and window.is_complex())
    if return_complex is None:
        if not complex_input:
            raise RuntimeError(
                "stft: requires the return_complex parameter be given for real inputs; pass True"
            )
        return_complex = True
    if align_to_window:
        raise RuntimeError(
            "stft: align_to_window=True is not supported; cut the input by (n_fft - win_length) // 2"
        )
    if not (input.is_floating_point() or input.is_complex()):
        raise RuntimeError(f"stft: expected a tensor of floating point or complex values, got {input.dtype}")
    if input.dim() not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got shape {list(input.shape)}")
    hop_length, win_length = _sizes("stft", n_fft, hop_length, win_length)
    onesided = not complex_input if onesided is None else onesided
    if onesided and complex_input:
        raise RuntimeError("stft: onesided=True is impossible for complex inputs; pass onesided=False")
    x = input if input.dim() == 2 else input.unsqueeze(0)
    if center:
        x = taeda.nn.functional.pad(x, (n_fft // 2, n_fft // 2), mode=pad_mode)
    if n_fft <= 0 or n_fft > x.size(-1):
        raise RuntimeError(f"stft: expected 0 < n_fft <= {x.size(-1)} samples, but got n_fft={n_fft}")
    frames = x.unfold(-1, n_fft, hop_length) * _centred_window("stft", window, win_length, n_fft, x)
    norm = "ortho" if normalized else "backward"
    spectrum = taeda.fft.rfft(frames, norm=norm) if onesided else taeda.fft.fft(frames, norm=norm)
    spectrum = spectrum.transpose(-1, -2)
    spectrum = spectrum if input.dim() == 2 else spectrum.squeeze(0)
    return spectrum if return_complex else taeda.view_as_real(spectrum)


def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """The samples whose `stft` is nearest to the input (least squares; Griffin and Lim 1984).

    Args:
        input: complex tensor of shape (F, frames) or (B, F, frames).
        n_fft, hop_length, win_length, window, center, normalized, onesided: as in `stft`.
        length: samples of the result; None takes what the frames cover.
        return_complex: give complex samples; needs all frequencies (``onesided=False``).

    Returns:
        Tensor of shape (T,) or (B, T).

    Raises:
        RuntimeError: an argument or the input's shape does not fit, or no window covers some samples.
    """
    if not input.is_complex():
        raise RuntimeError(
            f"istft: requires a complex-valued input, got {input.dtype}; see taeda.view_as_complex"
        )
    if input.dim() not in (2, 3) or 0 in input.shape:
        raise RuntimeError(
            f"istft: expected a non-empty tensor (F, frames) or (B, F, frames), got {list(input.shape)}"
        )
    hop_length, win_length = _sizes("istft", n_fft, hop_length, win_length)
    onesided = (input.size(-2) != n_fft) if onesided is None else onesided
    frequencies = n_fft // 2 + 1 if onesided else n_fft
    if input.size(-2) != frequencies:
        raise RuntimeError(
            f"istft: expected {frequencies} frequencies in dim -2 for n_fft={n_fft} and onesided={onesided}, "
            f"got {input.size(-2)}"
        )
    if return_complex and onesided:
        raise RuntimeError(
            "istft: cannot have onesided output if window or input is complex; pass onesided=False"
        )
    spectrum = (input if input.dim() == 3 else input.unsqueeze(0)).transpose(-1, -2)
    norm = "ortho" if normalized else "backward"
    if return_complex:
        frames = taeda.fft.ifft(spectrum, norm=norm)
    else:  # real samples: the frequencies above n_fft // 2 can only be the mirror image of the others
        frames = taeda.fft.irfft(spectrum[..., : n_fft // 2 + 1], n=n_fft, norm=norm)
    shape = _centred_window("istft", window, win_length, n_fft, input)
    count = frames.size(1)
    total = n_fft + hop_length * (count - 1)
    samples = _overlap_add(frames * shape, total, hop_length)
    cover = _overlap_add((shape * shape).expand(1, count, n_fft), total, hop_length)
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else total - start
    samples, cover = samples[:, start : min(end, total)], cover[:, start : min(end, total)]
    least = float(cover.abs().min()) if samples.size(-1) else 0.0
    if least < 1e-11:
        raise RuntimeError(
            f"istft: window overlap add min: {least}; some samples lie under no window; "
            "use a smaller hop_length, or center=True"
        )
    samples = samples / cover
    if end > total:
        samples = taeda.nn.functional.pad(samples, (0, end - total))
    return samples if input.dim() == 3 else samples.squeeze(0)


def _overlap_add(frames: Tensor, total: int, hop_length: int) -> Tensor:
    """Sum frames (B, count, n) that start hop_length apart to (B, total)."""
    return taeda.unfold_backward(frames, [frames.size(0), total], 1, frames.size(-1), hop_length)
