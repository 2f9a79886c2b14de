"""Padding, and moving values between space and channels."""

from __future__ import annotations

from collections.abc import Sequence

from taeda import Tensor

from ._shared import ops, sizes

__all__ = ["channel_shuffle", "fold", "pad", "unfold"]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Widens the last dimensions.

    Args:
        input: tensor; all modes but 'constant' pad the last 1, 2 or 3 dimensions of (N, C, ...) or (C, ...).
        pad: elements to add (before, after) the last dimension, then the one before it, and so on; may be
            negative.
        mode: 'constant', 'reflect', 'replicate' or 'circular'.
        value: what 'constant' fills in.
    """
    return ops.pad(input, pad, mode, value)


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Interleaves groups of channels of (N, C, ...).

    Raises:
        RuntimeError: too few dimensions, or C is no multiple of groups.
    """
    if input.dim() < 3:
        raise RuntimeError(
            f"channel_shuffle expects input with > 2 dims, but got input with sizes {input.shape}"
        )
    if groups <= 0:
        raise RuntimeError(
            f"Number of groups to divide channels in must be positive. Value of groups:{groups}"
        )
    channels = input.size(1)
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    split = input.reshape(input.size(0), groups, channels // groups, *input.shape[2:])
    return split.transpose(1, 2).reshape(input.shape)


def unfold(
    input: Tensor, kernel_size: object, dilation: object = 1, padding: object = 0, stride: object = 1
) -> Tensor:
    """Columns of all patches: (N, C, H, W) to (N, C * kernel elements, number of patches)."""
    return ops.im2col(input, sizes(kernel_size, 2), sizes(dilation, 2), sizes(padding, 2), sizes(stride, 2))


def fold(
    input: Tensor,
    output_size: object,
    kernel_size: object,
    dilation: object = 1,
    padding: object = 0,
    stride: object = 1,
) -> Tensor:
    """Sums columns of patches back into images: (N, C * kernel elements, L) to (N, C, *output_size)."""
    return ops.col2im(
        input,
        sizes(output_size, 2),
        sizes(kernel_size, 2),
        sizes(dilation, 2),
        sizes(padding, 2),
        sizes(stride, 2),
    )
