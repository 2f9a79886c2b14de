"""Functional transforms of colours, against NumPy, colorsys and SciPy-free hand calculation."""

import colorsys

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision.transforms import functional as F


@pytest.fixture
def floats(rng):
    return rng.random((3, 4, 6)).astype(np.float32)


def luma(pixels):
    return 0.2989 * pixels[0] + 0.587 * pixels[1] + 0.114 * pixels[2]


def test_grayscale(floats):
    grey = F.rgb_to_grayscale(taeda.from_numpy(floats), 3).numpy()
    np.testing.assert_allclose(grey, np.stack([luma(floats)] * 3), atol=1e-6)
    assert F.rgb_to_grayscale(Image.new("RGB", (2, 2), (255, 0, 0)), 3).getpixel((0, 0)) == (76, 76, 76)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.8])
def test_brightness_contrast_saturation(floats, factor):
    image = taeda.from_numpy(floats)
    expected = {
        F.adjust_brightness: factor * floats,
        F.adjust_contrast: factor * floats + (1 - factor) * luma(floats).mean(),
        F.adjust_saturation: factor * floats + (1 - factor) * luma(floats),
    }
    for adjust, values in expected.items():
        np.testing.assert_allclose(adjust(image, factor).numpy(), values.clip(0, 1), atol=1e-5)


def test_bytes_are_kept_in_range():
    image = taeda.full((3, 2, 2), 200, dtype=taeda.uint8)
    brighter = F.adjust_brightness(image, 2.0)
    assert brighter.dtype == taeda.uint8
    assert brighter.unique().tolist() == [255]


@pytest.mark.parametrize("shift", [-0.5, -0.21, 0.0, 0.3])
def test_hue_against_colorsys(floats, shift):
    result = F.adjust_hue(taeda.from_numpy(floats), shift).numpy()
    for row in range(4):
        for column in range(6):
            hue, saturation, value = colorsys.rgb_to_hsv(*floats[:, row, column].tolist())
            expected = colorsys.hsv_to_rgb((hue + shift) % 1.0, saturation, value)
            np.testing.assert_allclose(result[:, row, column], expected, atol=1e-5)


def test_gamma(floats):
    result = F.adjust_gamma(taeda.from_numpy(floats), 2.0, gain=1.5).numpy()
    np.testing.assert_allclose(result, (1.5 * floats**2).clip(0, 1), atol=1e-5)


def test_invert():
    assert F.invert(taeda.tensor([[[0, 55]]], dtype=taeda.uint8)).tolist() == [[[255, 200]]]
    assert F.invert(Image.new("L", (1, 1), 5)).getpixel((0, 0)) == 250


def test_blur_of_a_point_is_the_gaussian():
    image = taeda.zeros(1, 9, 9)
    image[0, 4, 4] = 1.0
    result = F.gaussian_blur(image, [3, 5], [0.8, 1.2]).numpy()[0]
    x, y = np.exp(-0.5 * (np.arange(-1, 2) / 0.8) ** 2), np.exp(-0.5 * (np.arange(-2, 3) / 1.2) ** 2)
    expected = np.zeros((9, 9))
    expected[2:7, 3:6] = np.outer(y / y.sum(), x / x.sum())
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_blur_of_a_pil_image_keeps_its_kind(rgb):
    blurred = F.gaussian_blur(rgb, 3)
    assert (blurred.mode, blurred.size) == (rgb.mode, rgb.size)
    assert np.asarray(blurred).std() < np.asarray(rgb).std()


def test_pil_and_tensor_agree(rgb):
    tensor = F.pil_to_tensor(rgb)
    for adjust, argument in (
        (F.adjust_brightness, 1.3),
        (F.adjust_contrast, 0.6),
        (F.adjust_saturation, 1.4),
    ):
        on_pil = np.asarray(adjust(rgb, argument)).astype(int).transpose(2, 0, 1)
        assert np.abs(on_pil - adjust(tensor, argument).numpy().astype(int)).max() <= 2


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda im: F.adjust_brightness(im, -1), ValueError, "not be negative, got -1"),
        (lambda im: F.adjust_hue(im, 0.7), ValueError, "between -0.5 and 0.5, got 0.7"),
        (lambda im: F.adjust_contrast(taeda.zeros(2, 4, 4), 1.0), TypeError, "1 or 3 channels, got 2"),
        (lambda im: F.gaussian_blur(im, 4), ValueError, "odd and positive, got 4"),
        (lambda im: F.gaussian_blur(im, 3, 0.0), ValueError, "sigma should be positive"),
        (lambda im: F.rgb_to_grayscale(im, 2), ValueError, "should be 1 or 3, got 2"),
        (lambda im: F.to_grayscale(taeda.zeros(3, 4, 4)), TypeError, "use rgb_to_grayscale"),
    ],
)
def test_errors_say_what_was_passed(make, error, text, rgb):
    with pytest.raises(error, match=text):
        make(rgb)
