"""Pictures of batches of images."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, BinaryIO

import taeda
from taeda import Tensor

from .transforms.functional import to_pil_image

__all__ = ["make_grid", "save_image"]


@taeda.no_grad()
def make_grid(
    tensor: Tensor | Sequence[Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Arrange images in rows: ``(N, C, H, W)``, or a list of ``(C, H, W)``, to one image ``(3, ...)``.

    Args:
        tensor: one-channel images become grey RGB.
        nrow: images in a row.
        padding: pixels between and around them.
        normalize: scale the values to 0..1 first, from ``value_range`` or from the smallest and largest.
        value_range: (low, high) of ``normalize``.
        scale_each: normalise every image by itself.
        pad_value: colour between the images.

    Raises:
        TypeError: neither a tensor nor a list of tensors.

    Example:
        >>> tuple(make_grid(taeda.zeros(5, 1, 8, 8), nrow=3, padding=2).shape)
        (3, 22, 32)
    """
    images = _as_batch(tensor)
    if normalize:
        images = _normalized(images, value_range, scale_each)
    if images.shape[0] == 1:
        return images[0]
    count, channels, height, width = (int(size) for size in images.shape)
    columns = min(nrow, count)
    rows = math.ceil(count / columns)
    height, width = height + padding, width + padding
    grid = taeda.full(
        (channels, height * rows + padding, width * columns + padding), pad_value, dtype=images.dtype
    )
    for index in range(count):
        top = index // columns * height + padding
        left = index % columns * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = images[index]
    return grid


def _as_batch(tensor: Tensor | Sequence[Tensor]) -> Tensor:
    if not isinstance(tensor, Tensor):
        is_list = isinstance(tensor, Sequence) and all(isinstance(image, Tensor) for image in tensor)
        if not is_list:
            raise TypeError(f"make_grid: expected a tensor or a list of tensors, got {type(tensor).__name__}")
        tensor = taeda.stack(list(tensor), dim=0)
    if tensor.ndim == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim == 3:
        tensor = tensor.unsqueeze(0)
    if tensor.ndim != 4:
        raise TypeError(f"make_grid: expected images (N, C, H, W), got shape {tuple(tensor.shape)}")
    return taeda.cat((tensor, tensor, tensor), 1) if tensor.shape[1] == 1 else tensor


def _normalized(images: Tensor, value_range: tuple[float, float] | None, scale_each: bool) -> Tensor:
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError(f"make_grid: value_range should be a tuple (low, high), got {value_range!r}")
    if scale_each:
        return taeda.stack([_scaled(image, value_range) for image in images.unbind(0)])
    return _scaled(images, value_range)


def _scaled(image: Tensor, value_range: tuple[float, float] | None) -> Tensor:
    low, high = value_range if value_range is not None else (float(image.min()), float(image.max()))
    return (image.clamp(min=low, max=high) - low) / max(high - low, 1e-5)


def save_image(
    tensor: Tensor | Sequence[Tensor],
    fp: str | os.PathLike[str] | BinaryIO,
    format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write images with values 0..1 as one picture file; see ``make_grid`` for the further arguments.

    Args:
        tensor: one image or a batch.
        fp: path or open file.
        format: Pillow's format name; by default from the file name.
        **kwargs: passed to ``make_grid``.
    """
    grid = make_grid(tensor, **kwargs)
    to_pil_image(grid.mul(255).add_(0.5).clamp_(0, 255).to(taeda.uint8)).save(fp, format=format)
