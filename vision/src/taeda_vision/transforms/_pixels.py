"""Pixels between PIL images, NumPy arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

import taeda
from taeda import Tensor

__all__ = ["pil_to_tensor", "to_pil_image", "to_tensor"]

_MODE_DTYPES = {"1": np.bool_, "I": np.int32, "I;16": np.int32, "F": np.float32}


def _pil_array(pic: Image.Image) -> Any:
    """Writable array ``(C, H, W)`` of a PIL image."""
    array: np.ndarray[Any, Any] = np.array(pic, dtype=_MODE_DTYPES.get(pic.mode, np.uint8), copy=True)
    if array.dtype == np.bool_:
        array = array.view(np.uint8) != 0  # Pillow gives bytes 0 and 255, a boolean's are 0 and 1
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
