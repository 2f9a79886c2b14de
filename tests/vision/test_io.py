"""Image files and bytes."""

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision import io


@pytest.fixture
def picture(rng):
    return taeda.from_numpy(rng.integers(0, 256, (3, 9, 7), dtype=np.uint8))


def test_png_is_lossless(picture, tmp_path):
    io.write_png(picture, tmp_path / "a.png")
    assert io.read_image(tmp_path / "a.png").tolist() == picture.tolist()
    assert io.decode_image(io.read_file(tmp_path / "a.png")).tolist() == picture.tolist()
    assert io.decode_png(io.encode_png(picture[:1], compression_level=0)).tolist() == picture[:1].tolist()


def test_jpeg_is_close_on_smooth_pictures(tmp_path):
    ramp = taeda.arange(64, dtype=taeda.uint8).expand(3, 64, 64).contiguous()
    io.write_jpeg(ramp, tmp_path / "a.jpg", quality=95)
    back = io.read_image(str(tmp_path / "a.jpg"))
    assert float((back.float() - ramp.float()).abs().max()) <= 4
    assert len(io.encode_jpeg(ramp, quality=10)) < len(io.encode_jpeg(ramp, quality=95))


@pytest.mark.parametrize(
    ("mode", "channels"),
    [
        ("UNCHANGED", 4),
        (io.ImageReadMode.GRAY, 1),
        ("GRAY_ALPHA", 2),
        ("RGB", 3),
        (io.ImageReadMode.RGB_ALPHA, 4),
    ],
)
def test_modes(tmp_path, mode, channels):
    Image.new("RGBA", (3, 2), (10, 20, 30, 40)).save(tmp_path / "a.png")
    result = io.read_image(tmp_path / "a.png", mode)
    assert tuple(result.shape) == (channels, 2, 3)
    if channels == 4:
        assert result[:, 0, 0].tolist() == [10, 20, 30, 40]


def test_palette_and_bilevel_become_plain(tmp_path):
    Image.new("P", (2, 2)).save(tmp_path / "p.png")
    Image.new("1", (2, 2), 1).save(tmp_path / "b.png")
    assert io.read_image(tmp_path / "p.png").shape[0] == 3
    assert io.read_image(tmp_path / "b.png").tolist() == [[[255, 255], [255, 255]]]


def test_exif_orientation(tmp_path):
    picture = Image.new("RGB", (4, 2))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert tuple(io.read_image(tmp_path / "a.jpg").shape) == (3, 2, 4)
    assert tuple(io.read_image(tmp_path / "a.jpg", apply_exif_orientation=True).shape) == (3, 4, 2)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"hello world"])
def test_unreadable_images_are_described(tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(RuntimeError, match=rf"bad.png' is not a readable image \({len(content)} bytes"):
        io.read_image(tmp_path / "bad.png")


def test_cut_image_is_described(picture):
    whole = io.encode_png(picture)
    with pytest.raises(RuntimeError, match="input of 80 bytes is not a readable image"):
        io.decode_image(whole[:80])


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: io.read_image("/nothing/a.png"), FileNotFoundError, "/nothing/a.png"),
        (lambda: io.decode_image(taeda.zeros(3, 3, dtype=taeda.uint8)), ValueError, r"shape \(3, 3\)"),
        (lambda: io.encode_png(taeda.zeros(3, 4, 4)), RuntimeError, "uint8 .C, H, W. with 1 or 3 channels"),
        (lambda: io.encode_jpeg(taeda.zeros(2, 4, 4, dtype=taeda.uint8)), RuntimeError, r"shape \(2, 4, 4\)"),
        (lambda: io.encode_jpeg(taeda.zeros(3, 4, 4, dtype=taeda.uint8), quality=0), ValueError, "got 0"),
        (
            lambda: io.encode_png(taeda.zeros(3, 4, 4, dtype=taeda.uint8), 10),
            RuntimeError,
            "between 0 and 9, got 10",
        ),
        (lambda: io.write_file("/tmp/x", taeda.zeros(3)), ValueError, "uint8 tensor"),
    ],
)
def test_errors_say_what_was_passed(make, error, text):
    with pytest.raises(error, match=text):
        make()
