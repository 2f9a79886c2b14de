"""Transform maths: every function takes a PIL image or a tensor ``(..., C, H, W)`` and returns the same kind.

Parameters and numbers are torchvision's; tensors of integers hold 0..max of their type, floats 0..1.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from enum import Enum
from typing import Any, TypeVar

import numpy as np
from PIL import Image

import taeda
from taeda import Tensor

from . import _pil, _tensor

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

ImageLike = TypeVar("ImageLike", Image.Image, Tensor)
Fill = Sequence[float] | float | None


class InterpolationMode(Enum):
    """How a pixel between pixels is computed; BOX, HAMMING and LANCZOS are for PIL images only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PIL_RESAMPLE = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
}
_TENSOR_MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")


def interpolation_mode(value: InterpolationMode | int | str, op: str) -> InterpolationMode:
    """``value`` as an ``InterpolationMode``; Pillow's numbers and the modes' names are understood."""
    if isinstance(value, InterpolationMode):
        return value
    by_number = {number: mode for mode, number in _PIL_RESAMPLE.items() if mode.value != "nearest-exact"}
    if isinstance(value, int) and value in by_number:
        return by_number[value]
    if isinstance(value, str) and value in {mode.value for mode in InterpolationMode}:
        return InterpolationMode(value)
    raise TypeError(
        f"{op}: interpolation should be an InterpolationMode, got {value!r}; "
        f"one of {', '.join(mode.name for mode in InterpolationMode)}"
    )


def _tensor_mode(mode: InterpolationMode, op: str, permitted: Sequence[str] = _TENSOR_MODES) -> str:
    if mode.value not in permitted:
        raise ValueError(
            f"{op}: interpolation {mode.value!r} is for PIL images only; tensors take {', '.join(permitted)}"
        )
    return mode.value


def _is_tensor(img: Any, op: str) -> bool:
    """True for image tensors, False for PIL images, ``TypeError`` otherwise."""
    if isinstance(img, Tensor):
        _tensor.require_image(img, op)
        return True
    if isinstance(img, Image.Image):
        return False
    raise TypeError(
        f"{op}: expected a PIL image or a tensor, got {type(img).__name__}; convert arrays with to_tensor or "
        "Image.fromarray"
    )


def get_dimensions(img: Image.Image | Tensor) -> list[int]:
    """``[channels, height, width]``."""
    if _is_tensor(img, "get_dimensions"):
        return [_tensor.channels_of(img), int(img.shape[-2]), int(img.shape[-1])]
    return [_pil.channels_of(img), img.height, img.width]


def get_image_size(img: Image.Image | Tensor) -> list[int]:
    """``[width, height]``."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Image.Image | Tensor) -> int:
    """Number of channels."""
    return get_dimensions(img)[0]


_MODE_DTYPES = {"1": np.bool_, "I": np.int32, "I;16": np.int32, "F": np.float32}


def _pil_array(pic: Image.Image) -> Any:
    """Writable array ``(C, H, W)`` of a PIL image."""
    array = np.array(pic, dtype=_MODE_DTYPES.get(pic.mode, np.uint8), copy=True)
    return array.reshape(pic.height, pic.width, -1).transpose(2, 0, 1).copy()


def to_tensor(pic: Image.Image | np.ndarray[Any, Any]) -> Tensor:
    """PIL image or array ``(H, W)`` or ``(H, W, C)`` to a tensor ``(C, H, W)``; bytes become 0..1 floats.

    Raises:
        TypeError: neither a PIL image nor an array.
        ValueError: an array that is not 2 or 3 dimensional.

    Example:
        >>> to_tensor(Image.new("L", (3, 1), 255)).tolist()
        [[[1.0, 1.0, 1.0]]]
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"to_tensor: expected an array (H, W) or (H, W, C), got shape {pic.shape}")
        array = np.ascontiguousarray(pic.reshape(*pic.shape[:2], -1).transpose(2, 0, 1))
    elif isinstance(pic, Image.Image):
        array = _pil_array(pic)
    else:
        raise TypeError(f"to_tensor: expected a PIL image or a NumPy array, got {type(pic).__name__}")
    if array.dtype == np.bool_ and isinstance(pic, Image.Image):
        return taeda.from_numpy(array).to(taeda.get_default_dtype())
    if array.dtype == np.uint8:
        return taeda.from_numpy(array).to(taeda.get_default_dtype()).div(255)
    return taeda.from_numpy(array)


def pil_to_tensor(pic: Image.Image) -> Tensor:
    """PIL image to a tensor ``(C, H, W)`` of the same values; 16-bit images become int32, 1-bit images bool.

    Raises:
        TypeError: not a PIL image.
    """
    if not isinstance(pic, Image.Image):
        raise TypeError(f"pil_to_tensor: expected a PIL image, got {type(pic).__name__}")
    return taeda.from_numpy(_pil_array(pic))


def convert_image_dtype(image: Tensor, dtype: Any = taeda.float32) -> Tensor:
    """Convert a tensor image to ``dtype``, scaling so that white stays white.

    Raises:
        TypeError: not a tensor.
        RuntimeError: float to an integer type too wide for it.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"convert_image_dtype: expected a tensor, got {type(image).__name__}")
    return _tensor.convert_image_dtype(image, dtype)


_CHANNEL_MODES = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}
_GREY_MODES = {"uint8": "L", "int16": "I;16", "uint16": "I;16", "int32": "I", "float32": "F"}


def to_pil_image(pic: Tensor | np.ndarray[Any, Any], mode: str | None = None) -> Image.Image:
    """Tensor ``(C, H, W)`` or array ``(H, W, C)``, or two-dimensional, to a PIL image; floats are 0..1.

    Args:
        pic: 1 to 4 channels.
        mode: Pillow's mode; by default L, LA, RGB or RGBA by the number of channels.

    Raises:
        TypeError: neither tensor nor array, or values of an unsupported type.
        ValueError: wrong number of dimensions or channels, or a mode that does not fit them.
    """
    if not isinstance(pic, (Tensor, np.ndarray)):
        raise TypeError(f"to_pil_image: expected a tensor or a NumPy array, got {type(pic).__name__}")
    if pic.ndim not in (2, 3):
        raise ValueError(f"to_pil_image: expected 2 or 3 dimensions, got shape {tuple(pic.shape)}")
    if isinstance(pic, Tensor):
        pic = pic.detach().cpu()
        if pic.is_floating_point() and mode != "F":
            pic = pic.mul(255).to(taeda.uint8)
        array = pic.numpy()
        array = array[:, :, None] if array.ndim == 2 else array.transpose(1, 2, 0)
    else:
        if pic.dtype.kind == "f" and mode != "F":
            pic = (pic * 255).astype(np.uint8)
        array = pic.reshape(*pic.shape[:2], -1)
    channels = array.shape[2]
    if channels > 4:
        raise ValueError(
            f"to_pil_image: expected at most 4 channels, got {channels} in shape {tuple(pic.shape)}"
        )
    if channels == 1:
        return _grey_image(array[:, :, 0], mode)
    return _colour_image(array, mode)


def _grey_image(array: Any, mode: str | None) -> Image.Image:
    expected = _GREY_MODES.get(str(array.dtype))
    if expected is None:
        raise TypeError(f"to_pil_image: type {array.dtype} is not supported; use {', '.join(_GREY_MODES)}")
    if mode not in (None, expected):
        raise ValueError(
            f"to_pil_image: mode {mode!r} does not fit one channel of {array.dtype}; use {expected!r}"
        )
    image = Image.fromarray(np.ascontiguousarray(array.astype(np.uint16) if expected == "I;16" else array))
    return image


def _colour_image(array: Any, mode: str | None) -> Image.Image:
    modes = _CHANNEL_MODES[array.shape[2]]
    if mode is not None and mode not in modes:
        raise ValueError(
            f"to_pil_image: mode {mode!r} does not fit {array.shape[2]} channels; use {', '.join(modes)}"
        )
    if array.dtype != np.uint8:
        raise TypeError(f"to_pil_image: images of several channels hold uint8, got {array.dtype}")
    bands = [Image.fromarray(np.ascontiguousarray(array[:, :, band])) for band in range(array.shape[2])]
    return Image.merge(mode or {2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]], bands)


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
    if isinstance(size, numbers.Integral):
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
    is_tensor = _is_tensor(img, "resize")
    mode = interpolation_mode(interpolation, "resize")
    _, height, width = get_dimensions(img)
    target = resized_size(height, width, size, max_size)
    if target == [height, width]:
        return img
    if is_tensor:
        return _tensor.resize(img, target, _tensor_mode(mode, "resize"), bool(antialias))
    return _pil.resize(img, target, _PIL_RESAMPLE[mode])


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
    if _is_tensor(img, "pad"):
        return _tensor.pad(img, sides, fill, padding_mode)
    return _pil.pad(img, sides, fill, padding_mode)


def crop(img: ImageLike, top: int, left: int, height: int, width: int) -> ImageLike:
    """Cut out a window; where it reaches over the border the result is zero."""
    if _is_tensor(img, "crop"):
        return _tensor.crop(img, top, left, height, width)
    return _pil.crop(img, top, left, height, width)


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
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[arg-type]
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
    if _is_tensor(img, "hflip"):
        return img.flip(-1)
    return img.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def vflip(img: ImageLike) -> ImageLike:
    """Mirror top and bottom."""
    if _is_tensor(img, "vflip"):
        return img.flip(-2)
    return img.transpose(Image.Transpose.FLIP_TOP_BOTTOM)


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
    if _is_tensor(img, "rgb_to_grayscale"):
        return _tensor.rgb_to_grayscale(img, num_output_channels)
    return _pil.to_grayscale(img, num_output_channels)


def to_grayscale(img: Image.Image, num_output_channels: int = 1) -> Image.Image:
    """Luma of a PIL image with 1 or 3 equal channels."""
    if not isinstance(img, Image.Image):
        raise TypeError(f"to_grayscale: expected a PIL image, got {type(img).__name__}; use rgb_to_grayscale")
    return _pil.to_grayscale(img, num_output_channels)


def invert(img: ImageLike) -> ImageLike:
    """Negative of the image."""
    if _is_tensor(img, "invert"):
        return _tensor.max_value(img.dtype) - img
    return _pil.ImageOps.invert(img)


def _require_non_negative(factor: float, op: str) -> None:
    if factor < 0:
        raise ValueError(f"{op}: the factor should not be negative, got {factor}")


def adjust_brightness(img: ImageLike, brightness_factor: float) -> ImageLike:
    """Multiply brightness: 0 is black, 1 the image, 2 twice as bright."""
    _require_non_negative(brightness_factor, "adjust_brightness")
    if _is_tensor(img, "adjust_brightness"):
        return _tensor.adjust_brightness(img, brightness_factor)
    return _pil.enhance(img, "Brightness", brightness_factor)


def adjust_contrast(img: ImageLike, contrast_factor: float) -> ImageLike:
    """Multiply contrast: 0 is grey, 1 the image."""
    _require_non_negative(contrast_factor, "adjust_contrast")
    if _is_tensor(img, "adjust_contrast"):
        return _tensor.adjust_contrast(img, contrast_factor)
    return _pil.enhance(img, "Contrast", contrast_factor)


def adjust_saturation(img: ImageLike, saturation_factor: float) -> ImageLike:
    """Multiply saturation: 0 is black and white, 1 the image."""
    _require_non_negative(saturation_factor, "adjust_saturation")
    if _is_tensor(img, "adjust_saturation"):
        return _tensor.adjust_saturation(img, saturation_factor)
    return _pil.enhance(img, "Color", saturation_factor)


def adjust_hue(img: ImageLike, hue_factor: float) -> ImageLike:
    """Turn the hue by ``hue_factor`` of a circle, -0.5 to 0.5.

    Raises:
        ValueError: outside of that range.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"adjust_hue: hue_factor should be between -0.5 and 0.5, got {hue_factor}")
    if _is_tensor(img, "adjust_hue"):
        return _tensor.adjust_hue(img, hue_factor)
    return _pil.adjust_hue(img, hue_factor)


def adjust_gamma(img: ImageLike, gamma: float, gain: float = 1) -> ImageLike:
    """``gain * img ** gamma`` with pixel values scaled to 0..1."""
    _require_non_negative(gamma, "adjust_gamma")
    if _is_tensor(img, "adjust_gamma"):
        return _tensor.adjust_gamma(img, gamma, gain)
    return _pil.adjust_gamma(img, gamma, gain)


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
    if _is_tensor(img, "gaussian_blur"):
        return _tensor.gaussian_blur(img, sizes, sigmas)
    return to_pil_image(_tensor.gaussian_blur(pil_to_tensor(img), sizes, sigmas), mode=img.mode)


def inverse_affine_matrix(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
) -> list[float]:
    """2x3 matrix, row by row, from output to input pixels of: shear, rotate clockwise, scale, translate.

    The forward map is ``T(translate) C R(angle) S(shear) scale C^-1`` with C the shift to ``center``.
    """
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    # R(turn) S_y S_x without scale, then its inverse from the adjugate (the determinant is 1).
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -math.cos(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -math.sin(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) + math.cos(turn)
    inverse = [d / scale, -b / scale, -c / scale, a / scale]
    offset_x, offset_y = -center[0] - translate[0], -center[1] - translate[1]
    return [
        inverse[0],
        inverse[1],
        inverse[0] * offset_x + inverse[1] * offset_y + center[0],
        inverse[2],
        inverse[3],
        inverse[2] * offset_x + inverse[3] * offset_y + center[1],
    ]


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
    is_tensor = _is_tensor(img, "rotate")
    mode = interpolation_mode(interpolation, "rotate")
    if not is_tensor:
        return _pil.rotate(img, angle, _PIL_RESAMPLE[mode], expand, center, fill)
    _, height, width = get_dimensions(img)
    shift = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
    matrix = inverse_affine_matrix(shift, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    size = _expanded_size(matrix, height, width) if expand else (height, width)
    return _tensor.warp(img, matrix, size, _tensor_mode(mode, "rotate", ("nearest", "bilinear")), fill)


def _expanded_size(matrix: Sequence[float], height: int, width: int) -> tuple[int, int]:
    """Height and width of the box around a rotated image; distances under 1e-4 pixels are rounding noise."""
    half_width, half_height = width * 0.5, height * 0.5
    corners = [(x, y) for x in (-half_width, half_width) for y in (-half_height, half_height)]
    xs = [matrix[0] * x + matrix[1] * y + half_width for x, y in corners]
    ys = [matrix[3] * x + matrix[4] * y + half_height for x, y in corners]

    def extent(values: Sequence[float]) -> int:
        low, high = (round(value * 1e4) / 1e4 for value in (min(values), max(values)))
        return math.ceil(high) - math.floor(low)

    return extent(ys), extent(xs)


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
    is_tensor = _is_tensor(img, "affine")
    mode = interpolation_mode(interpolation, "affine")
    _, height, width = get_dimensions(img)
    if not is_tensor:
        middle = [width * 0.5, height * 0.5] if center is None else center
        matrix = inverse_affine_matrix(middle, angle, translate, scale, shears)
        return _pil.warp(img, matrix, (width, height), _PIL_RESAMPLE[mode], fill)
    shift = [0.0, 0.0] if center is None else [center[0] - width * 0.5, center[1] - height * 0.5]
    matrix = inverse_affine_matrix(shift, angle, translate, scale, shears)
    return _tensor.warp(
        img, matrix, (height, width), _tensor_mode(mode, "affine", ("nearest", "bilinear")), fill
    )


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """Overwrite the window of height ``h`` and width ``w`` at row ``i``, column ``j`` with ``v``.

    Raises:
        TypeError: not a tensor.
    """
    if not isinstance(img, Tensor):
        raise TypeError(f"erase: expected a tensor, got {type(img).__name__}; put ToTensor before it")
    return _tensor.erase(img, i, j, h, w, v, inplace)
