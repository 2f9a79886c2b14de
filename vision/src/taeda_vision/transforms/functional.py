"""Transform maths: every function takes a PIL image or a tensor ``(..., C, H, W)`` and returns the same kind.

Parameters and numbers are torchvision's; tensors of integers hold 0..max of their type, floats 0..1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from PIL import Image

import taeda
from taeda import Tensor

from . import _pil, _tensor
from ._interpolation import InterpolationMode, interpolation_mode
from ._pixels import pil_to_tensor, to_pil_image, to_tensor

__all__ = [
    "InterpolationMode",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_gamma",
    "adjust_hue",
    "adjust_saturation",
    "affine",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "erase",
    "five_crop",
    "gaussian_blur",
    "get_dimensions",
    "get_image_num_channels",
    "get_image_size",
    "hflip",
    "invert",
    "normalize",
    "pad",
    "pil_to_tensor",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "rotate",
    "ten_crop",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]

ImageLike = TypeVar("ImageLike", bound=Image.Image | Tensor)
Fill = Sequence[float] | float | None


def _backend(img: object, op: str) -> Any:
    """The module for images of this kind: ``_tensor`` or ``_pil``, with functions of the same names."""
    if isinstance(img, Tensor):
        _tensor.require_image(img, op)
        return _tensor
    if isinstance(img, Image.Image):
        return _pil
    raise TypeError(
        f"{op}: expected a PIL image or a tensor, got {type(img).__name__}; convert arrays with to_tensor or "
        "Image.fromarray"
    )


def _on(img: ImageLike, op: str, *args: Any) -> ImageLike:
    """Call the function ``op`` of the image's kind."""
    result: ImageLike = getattr(_backend(img, op), op)(img, *args)
    return result


def get_dimensions(img: Image.Image | Tensor) -> list[int]:
    """``[channels, height, width]``."""
    dimensions: list[int] = _backend(img, "get_dimensions").get_dimensions(img)
    return dimensions


def get_image_size(img: Image.Image | Tensor) -> list[int]:
    """``[width, height]``."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Image.Image | Tensor) -> int:
    """Number of channels."""
    return get_dimensions(img)[0]


def convert_image_dtype(image: Tensor, dtype: Any = taeda.float32) -> Tensor:
    """Convert a tensor image to ``dtype``, scaling so that white stays white.

    Raises:
        TypeError: not a tensor.
        RuntimeError: float to an integer type too wide for it.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype: expected a tensor, got {type(image).__name__}")
    return _tensor.convert_image_dtype(image, dtype)


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """``(tensor - mean) / std`` for each channel of a float tensor ``(..., C, H, W)``.

    Raises:
        TypeError: not a float tensor.
        ValueError: fewer than 3 dimensions, or a zero in ``std``.
        RuntimeError: ``mean`` or ``std`` of another length than the channels.

    Example:
        >>> float(normalize(taeda.ones(1, 1, 1), [0.5], [0.25]))
        2.0
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"normalize: expected a tensor, got {type(tensor).__name__}; put ToTensor before it")
    return _tensor.normalize(tensor, mean, std, inplace)


def resized_size(
    height: int, width: int, size: int | Sequence[int] | None, max_size: int | None
) -> list[int]:
    """Output ``[height, width]`` of ``resize``: an int (or one value) is the length of the shorter edge."""
    if size is not None and not isinstance(size, Sequence):
        size = [int(size)]
    if size is not None and len(size) not in (1, 2):
        raise ValueError(f"resize: size should be an int or 1 or 2 values (height, width), got {size!r}")
    if size is not None and any(edge <= 0 for edge in size):
        raise ValueError(f"resize: sizes should be positive, got {size!r}")
    if size is not None and len(size) == 2:
        if max_size is not None:
            raise ValueError(f"resize: max_size needs a single size for the shorter edge, got {size!r}")
        return [int(size[0]), int(size[1])]
    short, long = sorted((height, width))
    if size is None:
        if max_size is None:
            raise ValueError("resize: give size or max_size")
        new_short, new_long = int(max_size * short / long), max_size
    else:
        new_short, new_long = int(size[0]), int(size[0] * long / short)
        if max_size is not None:
            if max_size <= size[0]:
                raise ValueError(
                    f"resize: max_size {max_size} should be greater than the shorter edge {size[0]}"
                )
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    return [new_short, new_long] if height <= width else [new_long, new_short]


def resize(
    img: ImageLike,
    size: int | Sequence[int] | None,
    interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> ImageLike:
    """Resize to ``size``: (height, width), or the length of the shorter edge.

    Args:
        img: PIL image or tensor ``(..., C, H, W)``.
        size: pixels; ``None`` with ``max_size`` scales the longer edge to it.
        interpolation: see ``InterpolationMode``.
        max_size: upper limit of the longer edge.
        antialias: low-pass filter tensors when shrinking; PIL images always are, tensors not for `None`.

    Raises:
        ValueError: sizes that contradict each other or are not positive; a PIL-only mode on a tensor.
    """
    mode = interpolation_mode(interpolation, "resize")
    _, height, width = get_dimensions(img)
    target = resized_size(height, width, size, max_size)
    if target == [height, width]:
        return img
    return _on(img, "resize", target, mode, bool(antialias))


def _padding_sides(padding: int | Sequence[int]) -> list[int]:
    if isinstance(padding, int):
        return [padding] * 4
    if not isinstance(padding, Sequence) or len(padding) not in (1, 2, 4):
        raise ValueError(
            f"pad: padding should be an int or 1, 2 (left and right, top and bottom) or 4 values "
            f"(left, top, right, bottom), got {padding!r}"
        )
    values = [int(value) for value in padding]
    return values * (4 // len(values))


def pad(
    img: ImageLike,
    padding: int | Sequence[int],
    fill: float | Sequence[float] = 0,
    padding_mode: str = "constant",
) -> ImageLike:
    """Add a border of ``padding`` pixels: all sides, (left/right, top/bottom) or (left, top, right, bottom).

    ``padding_mode`` is constant (with ``fill``), edge, reflect (without repeating the edge) or symmetric.

    Raises:
        ValueError: unknown mode or number of values.
    """
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            f"pad: padding_mode should be constant, edge, reflect or symmetric, got {padding_mode!r}"
        )
    sides = _padding_sides(padding)
    return _on(img, "pad", sides, fill, padding_mode)


def crop(img: ImageLike, top: int, left: int, height: int, width: int) -> ImageLike:
    """Cut out a window; where it reaches over the border the result is zero."""
    return _on(img, "crop", top, left, height, width)


def center_crop(img: ImageLike, output_size: int | Sequence[int]) -> ImageLike:
    """Cut ``output_size`` (an int or (height, width)) out of the middle; zeros where the image ends."""
    crop_height, crop_width = _pair(output_size)
    _, height, width = get_dimensions(img)
    if crop_width > width or crop_height > height:
        sides = [
            (crop_width - width) // 2 if crop_width > width else 0,
            (crop_height - height) // 2 if crop_height > height else 0,
            (crop_width - width + 1) // 2 if crop_width > width else 0,
            (crop_height - height + 1) // 2 if crop_height > height else 0,
        ]
        img = pad(img, sides, fill=0)
        _, height, width = get_dimensions(img)
    top = round((height - crop_height) / 2.0)
    left = round((width - crop_width) / 2.0)
    return crop(img, top, left, crop_height, crop_width)


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    if not isinstance(size, Sequence):
        return int(size), int(size)
    return (int(size[0]), int(size[0])) if len(size) == 1 else (int(size[0]), int(size[1]))


def resized_crop(
    img: ImageLike,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> ImageLike:
    """``crop`` followed by ``resize``."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def hflip(img: ImageLike) -> ImageLike:
    """Mirror left and right."""
    return _on(img, "hflip")


def vflip(img: ImageLike) -> ImageLike:
    """Mirror top and bottom."""
    return _on(img, "vflip")


def five_crop(img: ImageLike, size: int | Sequence[int]) -> tuple[ImageLike, ...]:
    """Top left, top right, bottom left, bottom right and central crops.

    Raises:
        ValueError: the image is smaller than ``size``.
    """
    height, width = _pair(size)
    _, full_height, full_width = get_dimensions(img)
    if height > full_height or width > full_width:
        raise ValueError(
            f"five_crop: size {(height, width)} is larger than the image {(full_height, full_width)}"
        )
    corners = [(top, left) for top in (0, full_height - height) for left in (0, full_width - width)]
    return (
        *(crop(img, top, left, height, width) for top, left in corners),
        center_crop(img, [height, width]),
    )


def ten_crop(img: ImageLike, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[ImageLike, ...]:
    """``five_crop`` of the image and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def rgb_to_grayscale(img: ImageLike, num_output_channels: int = 1) -> ImageLike:
    """Luma (ITU-R 601-2) with 1 or 3 equal channels."""
    return _on(img, "rgb_to_grayscale", num_output_channels)


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """Luma of a PIL image with 1 or 3 equal channels."""
    if not isinstance(img, Image.Image):
        raise TypeError(f"to_grayscale: expected a PIL image, got {type(img).__name__}; use rgb_to_grayscale")
    return _pil.rgb_to_grayscale(img, num_output_channels)


def invert(img: ImageLike) -> ImageLike:
    """Negative of the image."""
    return _on(img, "invert")


def _require_non_negative(factor: float, op: str) -> None:
    if factor < 0:
        raise ValueError(f"{op}: the factor should not be negative, got {factor}")


def adjust_brightness(img: ImageLike, brightness_factor: float) -> ImageLike:
    """Multiply brightness: 0 is black, 1 the image, 2 twice as bright."""
    _require_non_negative(brightness_factor, "adjust_brightness")
    return _on(img, "adjust_brightness", brightness_factor)


def adjust_contrast(img: ImageLike, contrast_factor: float) -> ImageLike:
    """Multiply contrast: 0 is grey, 1 the image."""
    _require_non_negative(contrast_factor, "adjust_contrast")
    return _on(img, "adjust_contrast", contrast_factor)


def adjust_saturation(img: ImageLike, saturation_factor: float) -> ImageLike:
    """Multiply saturation: 0 is black and white, 1 the image."""
    _require_non_negative(saturation_factor, "adjust_saturation")
    return _on(img, "adjust_saturation", saturation_factor)


def adjust_hue(img: ImageLike, hue_factor: float) -> ImageLike:
    """Turn the hue by ``hue_factor`` of a circle, -0.5 to 0.5.

    Raises:
        ValueError: outside of that range.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor should be between -0.5 and 0.5, got {hue_factor}")
    return _on(img, "adjust_hue", hue_factor)


def adjust_gamma(img: ImageLike, gamma: float, gain: float = 1) -> ImageLike:
    """``gain * img ** gamma`` with pixel values scaled to 0..1."""
    _require_non_negative(gamma, "adjust_gamma")
    return _on(img, "adjust_gamma", gamma, gain)


def gaussian_blur(
    img: ImageLike, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> ImageLike:
    """Gaussian blur with a kernel of odd ``kernel_size`` and ``sigma`` pixels, each one value or (x, y).

    Raises:
        ValueError: an even or non-positive kernel size, or a sigma that is not positive.
    """
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    sizes = sizes * 2 if len(sizes) == 1 else sizes
    if len(sizes) != 2 or any(size % 2 == 0 or size < 1 for size in sizes):
        raise ValueError(f"gaussian_blur: kernel_size should be odd and positive, got {kernel_size!r}")
    if sigma is None:
        sigma = [size * 0.15 + 0.35 for size in sizes]
    sigmas = [float(sigma)] * 2 if isinstance(sigma, (int, float)) else [float(value) for value in sigma]
    sigmas = sigmas * 2 if len(sigmas) == 1 else sigmas
    if len(sigmas) != 2 or any(value <= 0 for value in sigmas):
        raise ValueError(f"gaussian_blur: sigma should be positive, got {sigma!r}")
    return _on(img, "gaussian_blur", sizes, sigmas)


def rotate(
    img: ImageLike,
    angle: float,
    interpolation: InterpolationMode = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> ImageLike:
    """Rotate counter-clockwise by ``angle`` degrees around ``center`` (x, y pixels from the top left).

    ``expand`` enlarges the canvas to hold everything (for rotations about the middle); ``fill`` colours the
    corners.

    Raises:
        TypeError: ``angle`` is not a number.
        ValueError: an interpolation other than nearest or bilinear on a tensor.
    """
    if not isinstance(angle, (int, float)):
        raise TypeError(f"rotate: angle should be a number of degrees, got {type(angle).__name__}")
    mode = interpolation_mode(interpolation, "rotate")
    return _on(img, "rotate", angle, mode, expand, center, fill)


def affine(
    img: ImageLike,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> ImageLike:
    """Shear, rotate, scale and translate, keeping the centre fixed.

    Args:
        img: PIL image or tensor ``(..., C, H, W)``.
        angle: clockwise degrees.
        translate: pixels right and down.
        scale: positive factor.
        shear: degrees parallel to x, or (x, y).
        interpolation: nearest or bilinear (for PIL images also bicubic).
        fill: colour outside.
        center: x and y in pixels from the top left; the middle by default.

    Raises:
        ValueError: a scale that is not positive, wrong numbers of values.
    """
    if not isinstance(translate, Sequence) or len(translate) != 2:
        raise ValueError(f"affine: translate should be 2 values (x, y) in pixels, got {translate!r}")
    if scale <= 0:
        raise ValueError(f"affine: scale should be positive, got {scale}")
    shears = [float(shear), 0.0] if isinstance(shear, (int, float)) else [float(value) for value in shear]
    shears = [shears[0], shears[0]] if len(shears) == 1 else shears
    if len(shears) != 2:
        raise ValueError(f"affine: shear should be one or two values, got {shear!r}")
    mode = interpolation_mode(interpolation, "affine")
    return _on(img, "affine", angle, translate, scale, shears, mode, fill, center)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """Overwrite the window of height ``h`` and width ``w`` at row ``i``, column ``j`` with ``v``.

    Raises:
        TypeError: not a tensor.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"erase: expected a tensor, got {type(img).__name__}; put ToTensor before it")
    return _tensor.erase(img, i, j, h, w, v, inplace)
