"""Conversions between PIL images, arrays and tensors."""

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision import transforms as T
from taeda_vision.transforms import functional as F


def test_to_tensor_scales_bytes_and_moves_channels_first(rgb):
    result = F.to_tensor(rgb)
    assert result.dtype == taeda.float32
    np.testing.assert_allclose(
        result.numpy(), np.asarray(rgb).transpose(2, 0, 1) / np.float32(255), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("mode", "dtype", "value"),
    [
        ("L", taeda.uint8, 200),
        ("I", taeda.int32, 70000),
        ("F", taeda.float32, 0.25),
        ("I;16", taeda.int32, 60000),
    ],
)
def test_pil_to_tensor_keeps_values(mode, dtype, value):
    result = F.pil_to_tensor(Image.new(mode, (3, 2), value))
    assert result.dtype == dtype
    assert result.tolist() == [[[value] * 3] * 2]


def test_bilevel_image_becomes_zeros_and_ones():
    picture = Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1")
    assert F.to_tensor(picture).tolist() == [[[0.0, 1.0]]]
    assert F.pil_to_tensor(picture).tolist() == [[[False, True]]]


def test_array_of_two_dimensions_gets_a_channel():
    assert F.to_tensor(np.array([[0, 51]], np.uint8)).tolist() == [[[0.0, pytest.approx(0.2)]]]
    assert F.to_tensor(np.array([[3, -7]], np.int64)).tolist() == [[[3, -7]]]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_round_trip_through_tensor(mode, rgb):
    picture = rgb.convert(mode)
    back = F.to_pil_image(F.pil_to_tensor(picture))
    assert back.mode == mode
    assert np.array_equal(np.asarray(back), np.asarray(picture))


def test_float_tensor_to_pil_truncates_like_byte_cast():
    values = taeda.tensor([[[0.0, 0.5, 1.0]]])
    assert np.asarray(F.to_pil_image(values)).tolist() == [[0, 127, 255]]
    assert T.ToPILImage("F")(values).mode == "F"


@pytest.mark.parametrize(
    ("source", "target", "values", "expected"),
    [
        (taeda.uint8, taeda.float32, [0, 51, 255], [0.0, 0.2, 1.0]),
        (taeda.float32, taeda.uint8, [0.0, 0.5, 1.0], [0, 127, 255]),
        (taeda.uint8, taeda.int16, [1, 255], [128, 255 * 128]),
        (taeda.int16, taeda.uint8, [128, 32767], [1, 255]),
        (taeda.float32, taeda.float64, [0.5], [0.5]),
        (taeda.uint8, taeda.uint8, [7], [7]),
    ],
)
def test_convert_image_dtype_keeps_black_and_white(source, target, values, expected):
    result = T.ConvertImageDtype(target)(taeda.tensor(values, dtype=source).view(1, 1, -1))
    assert result.dtype == target
    np.testing.assert_allclose(result.numpy().ravel(), expected, rtol=1e-6)


def test_unsafe_cast_is_refused():
    with pytest.raises(RuntimeError, match="cannot represent every"):
        F.convert_image_dtype(taeda.zeros(1, 2, 2), taeda.int64)


def test_normalize_by_hand():
    image = taeda.tensor([1.0, 2.0, 3.0, 4.0]).view(2, 1, 2)
    result = T.Normalize([1.0, 2.0], [0.5, 2.0])(image)
    assert result.flatten().tolist() == [0.0, 2.0, 0.5, 1.0]
    assert image.flatten().tolist() == [1.0, 2.0, 3.0, 4.0]
    F.normalize(image, [1.0], [1.0], inplace=True)
    assert image.flatten().tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: F.normalize(taeda.zeros(1, 2, 2, dtype=taeda.uint8), [0.5], [0.5]),
            TypeError,
            "float tensor",
        ),
        (lambda: F.normalize(taeda.zeros(2, 2), [0.5], [0.5]), ValueError, r"shape \(2, 2\)"),
        (lambda: F.normalize(taeda.zeros(3, 2, 2), [0.5], [0.0]), ValueError, "std holds a zero"),
        (
            lambda: F.normalize(taeda.zeros(3, 2, 2), [0.5, 0.5], [1.0]),
            RuntimeError,
            "mean has 2 values.*3 channels",
        ),
        (lambda: F.normalize(Image.new("L", (2, 2)), [0.5], [0.5]), TypeError, "put ToTensor before it"),
        (lambda: F.to_tensor("cat.png"), TypeError, "expected a PIL image or a NumPy array, got str"),
        (lambda: F.to_tensor(np.zeros((1, 2, 3, 4))), ValueError, r"shape \(1, 2, 3, 4\)"),
        (lambda: F.pil_to_tensor(np.zeros((2, 2))), TypeError, "expected a PIL image, got ndarray"),
        (lambda: F.to_pil_image([1]), TypeError, "got list"),
        (
            lambda: F.to_pil_image(taeda.zeros(1, 3, 4, 4)),
            ValueError,
            r"2 or 3 dimensions, got shape \(1, 3, 4, 4\)",
        ),
        (lambda: F.to_pil_image(taeda.zeros(5, 4, 4)), ValueError, "at most 4 channels, got 5"),
        (
            lambda: F.to_pil_image(taeda.zeros(3, 4, 4), mode="L"),
            ValueError,
            "mode 'L' does not fit 3 channels",
        ),
        (
            lambda: F.to_pil_image(taeda.zeros(1, 4, 4, dtype=taeda.int64)),
            TypeError,
            "int64 is not supported",
        ),
        (lambda: T.ConvertImageDtype("float32"), TypeError, "dtype should be a taeda.dtype"),
        (
            lambda: F.convert_image_dtype(np.zeros(3), taeda.float32),
            TypeError,
            "expected a tensor, got ndarray",
        ),
    ],
)
def test_errors_say_what_was_passed(make, error, text):
    with pytest.raises(error, match=text):
        make()
