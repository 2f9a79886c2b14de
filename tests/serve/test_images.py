import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from taeda_serve.errors import RequestError
from taeda_serve.images import decode_image

from .conftest import encode


def png_of_declared_size(width: int, height: int) -> bytes:
    """A PNG whose header promises many pixels and whose data is a few bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_known_formats_decode_to_rgb(form):
    image = decode_image(encode((200, 30, 40), (9, 7), form))
    assert (image.mode, image.size) == ("RGB", (9, 7))
    np.testing.assert_allclose(np.asarray(image).mean(axis=(0, 1)), (200, 30, 40), atol=6)


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "LA"])
def test_every_mode_becomes_rgb(mode):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (255, 255, 255)).convert(mode).save(buffer, "TIFF")
    assert np.asarray(decode_image(buffer.getvalue())).tolist() == [[[255] * 3] * 4] * 4


@pytest.mark.parametrize(
    ("data", "status", "text"),
    [
        (b"", 415, "image: expected an encoded image .* got an empty body; send the file's bytes as is"),
        (b"hello world, this is text", 415, "got 25 bytes that start with b'hello world,'"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 415, "expected an encoded image"),
        (encode()[:-30], 422, "expected a complete image file, got .* bytes that fail to decode"),
        (encode(form="JPEG")[:-300], 422, "check that the file opens elsewhere and is sent whole"),
        (png_of_declared_size(10_000, 10_000), 413, "at most 40000000 pixels, got 10000 x 10000 = 100000000"),
        (png_of_declared_size(100_000, 100_000), 413, "send a smaller version of the image"),
    ],
)
def test_refused_images(data, status, text):
    with pytest.raises(RequestError, match=text) as caught:
        decode_image(data)
    assert caught.value.status == status


def outcome(data: bytes) -> str | int:
    try:
        return decode_image(data).mode
    except RequestError as error:
        return error.status


def test_random_damage_never_raises_anything_else():
    generator = np.random.default_rng(0)
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"):
        data = np.frombuffer(encode((1, 2, 3), (30, 30), form), np.uint8)
        for _ in range(40):
            broken = data.copy()
            where = generator.integers(0, len(broken), 4)
            broken[where] = generator.integers(0, 256, 4)
            assert outcome(broken.tobytes()) in ("RGB", 413, 415, 422)
