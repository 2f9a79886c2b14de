"""Image files to tensors and back, through Pillow."""

from __future__ import annotations

import io as _io
import os
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

import taeda
from taeda import Tensor

from .transforms.functional import pil_to_tensor, to_pil_image

__all__ = [
    "ImageReadMode",
    "decode_gif",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "decode_webp",
    "encode_jpeg",
    "encode_png",
    "read_file",
    "read_image",
    "write_file",
    "write_jpeg",
    "write_png",
]


class ImageReadMode(Enum):
    """Channels of a decoded image; ``UNCHANGED`` keeps those of the file."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4


_PIL_MODES = {
    ImageReadMode.GRAY: "L",
    ImageReadMode.GRAY_ALPHA: "LA",
    ImageReadMode.RGB: "RGB",
    ImageReadMode.RGB_ALPHA: "RGBA",
}


def read_file(path: str | os.PathLike[str]) -> Tensor:
    """Bytes of a file as a uint8 tensor ``(size,)``.

    Raises:
        FileNotFoundError: no such file.
    """
    return taeda.from_numpy(np.frombuffer(bytearray(Path(path).read_bytes()), np.uint8))


def write_file(filename: str | os.PathLike[str], data: Tensor) -> None:
    """Write a uint8 tensor ``(size,)`` as a file.

    Raises:
        ValueError: not a one-dimensional uint8 tensor.
    """
    if data.dtype != taeda.uint8 or data.ndim != 1:
        raise ValueError(
            f"write_file: expected a uint8 tensor (size,), got {data.dtype} of shape {tuple(data.shape)}"
        )
    Path(filename).write_bytes(data.numpy().tobytes())


def read_image(
    path: str | os.PathLike[str],
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """Image file to a uint8 tensor ``(C, H, W)`` (int32 for 16-bit files).

    Args:
        path: JPEG, PNG, WebP, GIF, BMP, TIFF: what Pillow reads.
        mode: channels wanted.
        apply_exif_orientation: turn photographs upright.

    Raises:
        FileNotFoundError: no such file.
        RuntimeError: not an image, or damaged.
    """
    return _decode(Path(path).read_bytes(), f"'{os.fspath(path)}'", mode, apply_exif_orientation)


def decode_image(
    input: Tensor | str | os.PathLike[str],
    mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:
    """Bytes of an image file as a uint8 tensor ``(size,)``, or a path, to a tensor ``(C, H, W)``.

    Raises:
        RuntimeError: not an image, or damaged.
        ValueError: the input is not a one-dimensional uint8 tensor.

    Example:
        >>> image = taeda.zeros(3, 4, 5, dtype=taeda.uint8)
        >>> tuple(decode_image(encode_png(image)).shape)
        (3, 4, 5)
    """
    if not isinstance(input, Tensor):
        return read_image(input, mode, apply_exif_orientation)
    if input.dtype != taeda.uint8 or input.ndim != 1:
        raise ValueError(
            f"decode_image: expected a uint8 tensor (size,), got {input.dtype} of shape "
            f"{tuple(input.shape)}; read the file with read_file"
        )
    return _decode(input.numpy().tobytes(), f"input of {input.numel()} bytes", mode, apply_exif_orientation)


decode_jpeg = decode_png = decode_gif = decode_webp = decode_image


def _decode(content: bytes, source: str, mode: ImageReadMode | str, apply_exif_orientation: bool) -> Tensor:
    wanted = ImageReadMode[mode] if isinstance(mode, str) else mode
    try:
        with Image.open(_io.BytesIO(content)) as opened:
            image: Image.Image = opened
            image.load()
            if apply_exif_orientation:
                image = ImageOps.exif_transpose(image)
            return pil_to_tensor(_with_mode(image, wanted))
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        reason = "no image format that is known" if isinstance(error, UnidentifiedImageError) else error
        raise RuntimeError(
            f"decode_image: {source} is not a readable image ({len(content)} bytes, beginning with "
            f"{content[:8]!r}): {reason}; expected a whole PNG, JPEG, GIF, WebP or BMP file"
        ) from error


def _with_mode(image: Image.Image, mode: ImageReadMode) -> Image.Image:
    if mode is not ImageReadMode.UNCHANGED:
        return image.convert(_PIL_MODES[mode])
    if image.mode == "P":
        return image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.convert("L") if image.mode == "1" else image


def _encode(input: Tensor, name: str, channels: tuple[int, ...], **options: Any) -> Tensor:
    if input.dtype != taeda.uint8 or input.ndim != 3 or input.shape[0] not in channels:
        raise RuntimeError(
            f"encode_{name}: expected uint8 (C, H, W) with {' or '.join(map(str, channels))} channels, "
            f"got {input.dtype} of shape {tuple(input.shape)}"
        )
    buffer = _io.BytesIO()
    to_pil_image(input).save(buffer, format=name.upper(), **options)
    return taeda.from_numpy(np.frombuffer(bytearray(buffer.getvalue()), np.uint8))


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """uint8 image ``(1 or 3, H, W)`` to the bytes of a PNG file.

    Raises:
        RuntimeError: not such an image, or a level outside of 0..9.
    """
    if not 0 <= compression_level <= 9:
        raise RuntimeError(
            f"encode_png: compression_level should be between 0 and 9, got {compression_level}"
        )
    return _encode(input, "png", (1, 3), compress_level=compression_level)


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """uint8 image ``(1 or 3, H, W)`` to the bytes of a JPEG file.

    Raises:
        RuntimeError: not such an image.
        ValueError: a quality outside of 1..100.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"encode_jpeg: quality should be between 1 and 100, got {quality}")
    return _encode(input, "jpeg", (1, 3), quality=quality)


def write_png(input: Tensor, filename: str | os.PathLike[str], compression_level: int = 6) -> None:
    """Write a uint8 image ``(1 or 3, H, W)`` as a PNG file."""
    write_file(filename, encode_png(input, compression_level))


def write_jpeg(input: Tensor, filename: str | os.PathLike[str], quality: int = 75) -> None:
    """Write a uint8 image ``(1 or 3, H, W)`` as a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))
