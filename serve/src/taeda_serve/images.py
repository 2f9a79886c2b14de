"""Decoding of image bytes that strangers send: known formats only, pixels counted before decoding."""

from __future__ import annotations

import io
import warnings

from PIL import Image, UnidentifiedImageError

from taeda_serve.errors import RequestError

__all__ = ["FORMATS", "MAX_PIXELS", "decode_image"]

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
MAX_PIXELS = 40_000_000
"""Largest accepted width times height; 40 megapixels decode to 120 MB."""


def decode_image(data: bytes, where: str = "image", max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode an encoded image to RGB, as `ImageFolder` does in training.

    Args:
        data: the encoded file.
        where: what error texts call it.
        max_pixels: largest accepted width times height.

    Raises:
        RequestError: 415 for no image of a known format, 413 for too many pixels, 422 for a damaged file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(where, f"more ({error})", max_pixels) from None
    except UnidentifiedImageError:
        start = f"{len(data)} bytes that start with {data[:12]!r}" if data else "an empty body"
        raise RequestError.about(
            415,
            where,
            expected=f"an encoded image ({', '.join(FORMATS)})",
            got=start,
            fix="send the file's bytes as is",
        ) from None
    except Exception as error:
        raise _damaged(where, data, error) from error
    width, height = image.size
    if width * height > max_pixels:
        raise _too_large(where, f"{width} x {height} = {width * height}", max_pixels)
    try:
        return image.convert("RGB")
    except Exception as error:  # decoders raise whatever their format's parser met: report it, keep serving
        raise _damaged(where, data, error) from error


def _too_large(where: str, got: str, max_pixels: int) -> RequestError:
    return RequestError.about(
        413,
        where,
        expected=f"at most {max_pixels} pixels",
        got=got,
        fix="send a smaller version of the image",
    )


def _damaged(where: str, data: bytes, error: Exception) -> RequestError:
    return RequestError.about(
        422,
        where,
        expected="a complete image file",
        got=f"{len(data)} bytes that fail to decode ({type(error).__name__}: {error})",
        fix="check that the file opens elsewhere and is sent whole",
    )
