"""Image operations on PIL images; ``functional.py`` is their public face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

__all__: list[str] = []

Fill = Sequence[float] | float | None


def channels_of(img: Image.Image) -> int:
    """Number of channels."""
    return len(img.getbands())


def crop(img: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    """Cut a window; parts of it outside of the image are zero."""
    return img.crop((left, top, left + width, top + height))


def resize(img: Image.Image, size: Sequence[int], resample: int) -> Image.Image:
    """Resize to ``size`` (height, width)."""
    return img.resize((size[1], size[0]), Image.Resampling(resample))


def pad(img: Image.Image, sides: Sequence[int], fill: Any, mode: str) -> Image.Image:
    """Pad by ``sides`` (left, top, right, bottom)."""
    left, top, right, bottom = sides
    if mode == "constant":
        colour = fill_colour(img, fill)
        return ImageOps.expand(img, border=(left, top, right, bottom), fill=colour)
    if img.mode == "P":
        palette = img.getpalette()
        padded = Image.fromarray(_pad_array(np.asarray(img), sides, mode))
        padded.putpalette(palette or [])
        return padded
    return Image.fromarray(_pad_array(np.asarray(img), sides, mode))


def _pad_array(array: Any, sides: Sequence[int], mode: str) -> Any:
    left, top, right, bottom = sides
    array = array[
        max(-top, 0) : array.shape[0] - max(-bottom, 0), max(-left, 0) : array.shape[1] - max(-right, 0)
    ]
    widths = [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))] + [(0, 0)] * (array.ndim - 2)
    return np.pad(array, widths, mode=mode)  # type: ignore[call-overload]


def fill_colour(img: Image.Image, fill: Fill) -> Any:
    """``fill`` in the form that Pillow wants for ``img``: one number, or one a channel."""
    channels = channels_of(img)
    if fill is None:
        fill = 0
    if isinstance(fill, (int, float)):
        return tuple([int(fill)] * channels) if channels > 1 else fill
    values = tuple(int(value) for value in fill) if img.mode != "F" else tuple(fill)
    if len(values) == 1:
        values = values * channels
    if len(values) != channels:
        raise ValueError(f"fill: expected 1 or {channels} values for a {img.mode!r} image, got {len(values)}")
    return values if channels > 1 else values[0]


def to_grayscale(img: Image.Image, num_output_channels: int) -> Image.Image:
    """Luma, as mode L or repeated as RGB."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"to_grayscale: num_output_channels should be 1 or 3, got {num_output_channels}")
    grey = img.convert("L")
    return Image.merge("RGB", (grey, grey, grey)) if num_output_channels == 3 else grey


def enhance(img: Image.Image, kind: str, factor: float) -> Image.Image:
    """Pillow's Brightness, Contrast, Color (saturation) or Sharpness enhancer."""
    return getattr(ImageEnhance, kind)(img).enhance(factor)  # type: ignore[no-any-return]


def adjust_hue(img: Image.Image, factor: float) -> Image.Image:
    """Turn the hue by ``factor`` of a full circle; grey images are returned as they are."""
    if img.mode in ("L", "1", "I", "F"):
        return img
    hue, saturation, value = img.convert("HSV").split()
    turned = (np.asarray(hue, dtype=np.int16) + int(factor * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(turned.astype(np.uint8)), saturation, value)).convert(img.mode)


def adjust_gamma(img: Image.Image, gamma: float, gain: float) -> Image.Image:
    """``gain * img ** gamma`` through a table of 256 values."""
    table = [int((255 + 1 - 1e-3) * gain * pow(level / 255.0, gamma)) for level in range(256)]
    rgb = img.convert("RGB").point(table * 3)
    return rgb.convert(img.mode)


def warp(
    img: Image.Image, matrix: Sequence[float], size: tuple[int, int], resample: int, fill: Fill
) -> Image.Image:
    """Sample at ``matrix`` (output pixel to input pixel, 2x3 row by row) onto ``size`` (width, height)."""
    return img.transform(
        size,
        Image.Transform.AFFINE,
        tuple(matrix),
        Image.Resampling(resample),
        fillcolor=fill_colour(img, fill),
    )


def rotate(
    img: Image.Image, angle: float, resample: int, expand: bool, center: Sequence[float] | None, fill: Fill
) -> Image.Image:
    """Rotate counter-clockwise by ``angle`` degrees."""
    return img.rotate(
        angle,
        Image.Resampling(resample),
        expand,
        None if center is None else (center[0], center[1]),
        fillcolor=fill_colour(img, fill),
    )
