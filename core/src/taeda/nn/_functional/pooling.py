"""Pooling, and its inverse."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor

from ._shared import ops, sizes

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_with_indices",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d",
    "fractional_max_pool2d_with_indices",
    "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
    "lp_pool1d",
    "lp_pool2d",
    "lp_pool3d",
    "max_pool1d",
    "max_pool1d_with_indices",
    "max_pool2d",
    "max_pool2d_with_indices",
    "max_pool3d",
    "max_pool3d_with_indices",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

_Pair = tuple[Tensor, Tensor]


# -- maximum -------------------------------------------------------------------------------------------------


def max_pool1d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> _Pair:  # fmt: skip
    """Largest element of each window of (N, C, L) or (C, L), and where it is."""
    stride = kernel_size if stride is None else stride
    return ops.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | _Pair:  # fmt: skip
    """Largest element of each window of (N, C, L) or (C, L).

    Args:
        input: tensor.
        kernel_size: length of a window.
        stride: distance of the windows; None is kernel_size.
        padding: elements of minus infinity on both sides.
        dilation: distance of the elements of a window.
        ceil_mode: whether a window may end beyond the input.
        return_indices: whether to return (values, indices into the plane).
    """
    stride = kernel_size if stride is None else stride
    op = ops.max_pool1d_with_indices if return_indices else ops.max_pool1d
    return op(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> _Pair:  # fmt: skip
    """Largest element of each window of (N, C, H, W) or (C, H, W), and where it is."""
    stride = kernel_size if stride is None else stride
    return ops.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | _Pair:  # fmt: skip
    """Largest element of each window of (N, C, H, W) or (C, H, W); arguments as in `max_pool1d`."""
    stride = kernel_size if stride is None else stride
    op = ops.max_pool2d_with_indices if return_indices else ops.max_pool2d
    return op(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d_with_indices(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> _Pair:  # fmt: skip
    """Largest element of each window of (N, C, D, H, W) or (C, D, H, W), and where it is."""
    stride = kernel_size if stride is None else stride
    return ops.max_pool3d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Tensor | _Pair:  # fmt: skip
    """Largest element of each window of (N, C, D, H, W) or (C, D, H, W); arguments as in `max_pool1d`."""
    stride = kernel_size if stride is None else stride
    op = ops.max_pool3d_with_indices if return_indices else ops.max_pool3d
    return op(input, kernel_size, stride, padding, dilation, ceil_mode)


# -- a given output size -------------------------------------------------------------------------------------


def _output_sizes(input: Tensor, output_size: Any, dims: int) -> list[int]:
    """The output sizes, where None keeps the input's."""
    wanted = sizes(output_size, dims)
    if input.dim() not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"adaptive_avg_pool{dims}d: Expected {dims + 1}D or {dims + 2}D tensor (C, ...) or (N, C, ...), but got "
            f"shape {tuple(input.shape)}"
        )
    return [own if new is None else new for own, new in zip(input.shape[-dims:], wanted, strict=True)]


def adaptive_max_pool1d_with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> _Pair:
    """Largest elements of output_size stretches of (N, C, L) or (C, L), and where they are."""
    return ops.adaptive_max_pool1d(input, sizes(output_size, 1))


def adaptive_max_pool1d(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor | _Pair:
    """Largest elements of output_size stretches of (N, C, L) or (C, L)."""
    pair = adaptive_max_pool1d_with_indices(input, output_size)
    return pair if return_indices else pair[0]


def adaptive_max_pool2d_with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> _Pair:
    """Largest elements of a grid of windows over (N, C, H, W) or (C, H, W), and where they are."""
    return ops.adaptive_max_pool2d(input, _output_sizes(input, output_size, 2))


def adaptive_max_pool2d(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor | _Pair:
    """Largest elements of a grid of windows over (N, C, H, W) or (C, H, W)."""
    pair = adaptive_max_pool2d_with_indices(input, output_size)
    return pair if return_indices else pair[0]


def adaptive_max_pool3d_with_indices(input: Tensor, output_size: Any, return_indices: bool = False) -> _Pair:
    """Largest elements of a grid of windows over (N, C, D, H, W) or (C, D, H, W), and where they are."""
    return ops.adaptive_max_pool3d(input, _output_sizes(input, output_size, 3))


def adaptive_max_pool3d(input: Tensor, output_size: Any, return_indices: bool = False) -> Tensor | _Pair:
    """Largest elements of a grid of windows over (N, C, D, H, W) or (C, D, H, W)."""
    pair = adaptive_max_pool3d_with_indices(input, output_size)
    return pair if return_indices else pair[0]


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over a grid of windows over (N, C, H, W) or (C, H, W); None keeps the input's size."""
    return ops.adaptive_avg_pool2d(input, _output_sizes(input, output_size, 2))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over a grid of windows over (N, C, D, H, W) or (C, D, H, W); None keeps the input's size."""
    return ops.adaptive_avg_pool3d(input, _output_sizes(input, output_size, 3))


# -- power mean ----------------------------------------------------------------------------------------------


def _lp_pool(
    pool: Any, input: Tensor, norm_type: float, kernel: Any, stride: Any, ceil_mode: bool, dims: int
) -> Tensor:
    window = sizes(kernel, dims)
    stride = window if stride is None else stride
    means: Tensor = pool(input.pow(norm_type), window, stride, 0, ceil_mode)
    area: int = math.prod(window)
    return (means.sign() * means.abs().relu() * area).pow(1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """p-th root of the sum of p-th powers over windows of (N, C, L) or (C, L)."""
    return _lp_pool(ops.avg_pool1d, input, norm_type, kernel_size, stride, ceil_mode, 1)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """p-th root of the sum of p-th powers over windows of (N, C, H, W) or (C, H, W)."""
    return _lp_pool(ops.avg_pool2d, input, norm_type, kernel_size, stride, ceil_mode, 2)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """p-th root of the sum of p-th powers over windows of (N, C, D, H, W) or (C, D, H, W)."""
    return _lp_pool(ops.avg_pool3d, input, norm_type, kernel_size, stride, ceil_mode, 3)


# -- random windows ------------------------------------------------------------------------------------------


def _window_starts(samples: Tensor, length: int, outputs: int, window: int) -> Tensor:
    """First elements of overlapping windows at pseudo-random distances (Graham, 2014): (..., outputs)."""
    steps = taeda.arange(outputs, dtype=samples.dtype, device=samples.device)
    if outputs > 1:
        alpha = (length - window) / (outputs - 1)
        u = samples.unsqueeze(-1)
        starts = ((steps + u) * alpha).to(taeda.int64) - (u * alpha).to(taeda.int64)
        return taeda.where(steps == outputs - 1, length - window, starts)
    return taeda.full((*samples.shape, 1), length - window, dtype=taeda.int64, device=samples.device)


def _fractional_max_pool(
    name: str,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    samples: Tensor | None,
    dims: int,
) -> _Pair:
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    planes = input.shape[-dims:]
    if output_size is None:
        outputs = [
            int(length * ratio) for length, ratio in zip(planes, sizes(output_ratio, dims), strict=True)
        ]
    else:
        outputs = list(sizes(output_size, dims))
    window = sizes(kernel_size, dims)
    for length, count, width in zip(planes, outputs, window, strict=True):
        if count + width - 1 > length:
            raise RuntimeError(
                f"{name}: {count} windows of {width} elements do not fit into {length} elements; "
                "choose a smaller output_size or kernel_size"
            )
    batched = input if input.dim() == dims + 2 else input.unsqueeze(0)
    batch, channels = batched.shape[:2]
    if samples is None:
        samples = taeda.rand(batch, channels, dims, dtype=input.dtype, device=input.device)
    flat = taeda.zeros(1, dtype=taeda.int64, device=input.device)
    for axis in range(dims):
        # The samples of 2-d planes are those of (W, H), of 3-d ones those of (D, H, W).
        sample = samples[:batch, :, dims - 1 - axis if dims == 2 else axis]
        starts = _window_starts(sample, planes[axis], outputs[axis], window[axis])
        inside = starts.unsqueeze(-1) + taeda.arange(window[axis], device=input.device)
        shape = [batch, channels] + [1] * (2 * dims)
        shape[2 + axis], shape[2 + dims + axis] = outputs[axis], window[axis]
        flat = flat * planes[axis] + inside.reshape(shape)
    elements = batched.flatten(2).gather(2, flat.flatten(2)).reshape(*flat.shape[: 2 + dims], -1)
    values, at = elements.max(-1)
    indices = flat.flatten(2 + dims).gather(-1, at.unsqueeze(-1)).squeeze(-1)
    return (values, indices) if input.dim() == dims + 2 else (values.squeeze(0), indices.squeeze(0))


def fractional_max_pool2d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> _Pair:  # fmt: skip
    """Largest elements of randomly placed windows of (N, C, H, W) or (C, H, W), and where they are."""
    return _fractional_max_pool(
        "fractional_max_pool2d", input, kernel_size, output_size, output_ratio, _random_samples, 2
    )


def fractional_max_pool2d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> Tensor | _Pair:  # fmt: skip
    """Largest elements of randomly placed windows of (N, C, H, W) or (C, H, W) (Graham, 2014).

    Args:
        input: tensor.
        kernel_size: size of a window.
        output_size: size of the result; or
        output_ratio: size of the result as a share of the input's.
        return_indices: whether to return (values, indices into the plane).
        _random_samples: (N, C, 2) in [0, 1), instead of drawing them.

    Raises:
        ValueError: neither output_size nor output_ratio is given.
        RuntimeError: the windows do not fit into the input.
    """
    pair = fractional_max_pool2d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return pair if return_indices else pair[0]


def fractional_max_pool3d_with_indices(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> _Pair:  # fmt: skip
    """Largest elements of randomly placed windows of (N, C, D, H, W) or (C, D, H, W), and where they are."""
    return _fractional_max_pool(
        "fractional_max_pool3d", input, kernel_size, output_size, output_ratio, _random_samples, 3
    )


def fractional_max_pool3d(
    input: Tensor, kernel_size: Any, output_size: Any = None, output_ratio: Any = None,
    return_indices: bool = False, _random_samples: Tensor | None = None,
) -> Tensor | _Pair:  # fmt: skip
    """Largest elements of randomly placed windows of (N, C, D, H, W); see `fractional_max_pool2d`."""
    pair = fractional_max_pool3d_with_indices(
        input, kernel_size, output_size, output_ratio, return_indices, _random_samples
    )
    return pair if return_indices else pair[0]


# -- inverse -------------------------------------------------------------------------------------------------


def _unpool(
    name: str,
    input: Tensor,
    indices: Tensor,
    kernel: Any,
    stride: Any,
    padding: Any,
    output_size: Any,
    dims: int,
) -> Tensor:
    window, margin = sizes(kernel, dims), sizes(padding, dims)
    step = window if stride is None else sizes(stride, dims)
    planes = input.shape[-dims:]
    default = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(planes, step, window, margin, strict=True)]
    shape = default if output_size is None else _checked_output_size(output_size, default, step, dims)
    if indices.shape != input.shape:
        raise RuntimeError(
            f"{name}: expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}), "
            f"got {list(indices.shape)}"
        )
    leading = input.shape[:-dims]
    result = taeda.zeros(*leading, math.prod(shape), dtype=input.dtype, device=input.device)
    result = result.scatter(-1, indices.flatten(-dims), input.flatten(-dims))
    return result.reshape(*leading, *shape)


def _checked_output_size(
    output_size: Sequence[int], default: list[int], step: Sequence[int], dims: int
) -> list[int]:
    if len(output_size) == dims + 2:
        output_size = output_size[2:]
    if len(output_size) != dims:
        raise ValueError(
            f"output_size should be a sequence containing {dims} or {dims + 2} elements, but it has a "
            "length of "
            f"'{len(output_size)}'"
        )
    for axis in range(dims):
        low, high = default[axis] - step[axis], default[axis] + step[axis]
        if not low < output_size[axis] < high:
            raise ValueError(
                f'invalid output_size "{output_size}" (dim {axis} must be between {low} and {high})'
            )
    return list(output_size)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts what `max_pool1d` kept back where it was; everything else is 0.

    Args:
        input: (N, C, L) or (C, L).
        indices: places that `max_pool1d` returned.
        kernel_size: that of the pooling, and so are stride and padding.
        stride: None is kernel_size.
        padding: elements of padding.
        output_size: size of the result, where the pooling leaves several possible.

    Raises:
        ValueError: output_size cannot have been the pooling's input.
        RuntimeError: indices do not have the input's shape.
    """
    return _unpool("max_unpool1d", input, indices, kernel_size, stride, padding, output_size, 1)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts what `max_pool2d` kept back where it was; arguments as in `max_unpool1d`."""
    return _unpool("max_unpool2d", input, indices, kernel_size, stride, padding, output_size, 2)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts what `max_pool3d` kept back where it was; arguments as in `max_unpool1d`."""
    return _unpool("max_unpool3d", input, indices, kernel_size, stride, padding, output_size, 3)
