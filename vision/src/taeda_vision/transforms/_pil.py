"""Image operations on PIL images; ``functional.py`` is their public face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from . import _tensor
from ._affine import inverse_affine_matrix
from ._interpolation import InterpolationMode, pil_filter
from ._pixels import pil_to_tensor, to_pil_image

__all__: list[str] = []

Fill = Sequence[float] | float | None


def channels_of(img: Image.Image) -> int:
    """Number of channels."""
    return len(img.getbands())


def crop(img: Image.Image, top: int, left: int, height: int, width: int) -> Image.Image:
    """Cut a window; parts of it outside of the image are zero."""
    return img.crop((left, top, left + width, top + height))


def get_dimensions(img: Image.Image) -> list[int]:
    """``[channels, height, width]``."""
    return [channels_of(img), img.height, img.width]


def hflip(img: Image.Image) -> Image.Image:
    """Mirror left and right."""
    return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: Image.Image) -> Image.Image:
    """Mirror top and bottom."""
    return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


def invert(img: Image.Image) -> Image.Image:
    """Negative."""
    return ImageOps.invert(img)


def resize(img: Image.Image, size: Sequence[int], mode: InterpolationMode, antialias: bool) -> Image.Image:
    """Resize to ``size`` (height, width); Pillow filters when shrinking whatever ``antialias`` says."""
    return img.resize((size[1], size[0]), pil_filter(mode))


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


def rgb_to_grayscale(img: Image.Image, num_output_channels: int) -> Image.Image:
    """Luma, as mode L or repeated as RGB."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"rgb_to_grayscale: num_output_channels should be 1 or 3, got {num_output_channels}")
    grey = img.convert("L")
    return Image.merge("RGB", (grey, grey, grey)) if num_output_channels == 3 else grey


def adjust_brightness(img: Image.Image, factor: float) -> Image.Image:
    """Blend with black."""
    return ImageEnhance.Brightness(img).enhance(factor)


def adjust_contrast(img: Image.Image, factor: float) -> Image.Image:
    """Blend with the mean grey."""
    return ImageEnhance.Contrast(img).enhance(factor)


def adjust_saturation(img: Image.Image, factor: float) -> Image.Image:
    """Blend with the grey version."""
    return ImageEnhance.Color(img).enhance(factor)


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


def gaussian_blur(img: Image.Image, kernel_size: Sequence[int], sigma: Sequence[float]) -> Image.Image:
    """The tensors' blur, since Pillow's is an approximation."""
    return to_pil_image(_tensor.gaussian_blur(pil_to_tensor(img), kernel_size, sigma), mode=img.mode)


def rotate(
    img: Image.Image,
    angle: float,
    mode: InterpolationMode,
    expand: bool,
    center: Sequence[float] | None,
    fill: Fill,
) -> Image.Image:
    """Rotate counter-clockwise by ``angle`` degrees."""
    middle = None if center is None else (center[0], center[1])
    return img.rotate(angle, pil_filter(mode), expand, middle, fillcolor=fill_colour(img, fill))


def affine(
    img: Image.Image,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    mode: InterpolationMode,
    fill: Fill,
    center: Sequence[float] | None,
) -> Image.Image:
    """Shear, rotate clockwise, scale and translate."""
    middle = [img.width * 0.5, img.height * 0.5] if center is None else center
    matrix = inverse_affine_matrix(middle, angle, translate, scale, shear)
    return img.transform(
        img.size, Image.Transform.AFFINE, matrix, pil_filter(mode), fillcolor=fill_colour(img, fill)
    )
