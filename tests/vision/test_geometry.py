"""Functional transforms that move pixels, against NumPy and Pillow."""

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision.transforms import InterpolationMode
from taeda_vision.transforms import functional as F
from taeda_vision.transforms._affine import inverse_affine_matrix


def tensor_of(array):
    return taeda.from_numpy(np.ascontiguousarray(array))


def array_of(image):
    return np.asarray(image) if isinstance(image, Image.Image) else image.numpy()


@pytest.fixture(params=["pil", "tensor"])
def image(request, grey):
    return grey if request.param == "pil" else F.pil_to_tensor(grey)


def plane(image):
    return array_of(image).reshape(array_of(image).shape[-2:])


def test_dimensions(image, rgb):
    assert F.get_dimensions(image) == [1, 7, 5]
    assert F.get_image_size(image) == [5, 7]
    assert F.get_image_num_channels(rgb) == 3


def test_flips(image):
    pixels = plane(image)
    assert np.array_equal(plane(F.hflip(image)), pixels[:, ::-1])
    assert np.array_equal(plane(F.vflip(image)), pixels[::-1])


def test_crop_inside_and_over_the_border(image):
    pixels = np.pad(plane(image), 4)
    for top, left, height, width in [(1, 2, 3, 2), (-2, -1, 5, 4), (5, 3, 4, 4), (-3, -3, 13, 11)]:
        expected = pixels[top + 4 : top + 4 + height, left + 4 : left + 4 + width]
        assert np.array_equal(plane(F.crop(image, top, left, height, width)), expected)


def test_center_crop_smaller_and_larger(image):
    assert np.array_equal(plane(F.center_crop(image, [3, 3])), plane(image)[2:5, 1:4])
    larger = plane(F.center_crop(image, [9, 9]))
    assert np.array_equal(larger[1:8, 2:7], plane(image))
    assert larger.sum() == plane(image).astype(int).sum()


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [2, [1, 2], [1, 2, 3, 1]])
def test_pad_matches_numpy(image, mode, padding):
    left, top, right, bottom = [padding] * 4 if isinstance(padding, int) else (padding * 2)[:4]
    options = {"constant_values": 9} if mode == "constant" else {}
    expected = np.pad(plane(image), [(top, bottom), (left, right)], mode=mode, **options)
    assert np.array_equal(plane(F.pad(image, padding, fill=9, padding_mode=mode)), expected)


def test_pad_colour_of_a_pil_image(rgb):
    padded = np.asarray(F.pad(rgb, 1, fill=(1, 2, 3)))
    assert padded[0, 0].tolist() == [1, 2, 3]
    assert np.array_equal(padded[1:-1, 1:-1], np.asarray(rgb))


@pytest.mark.parametrize(
    ("size", "max_size", "expected"),
    [
        (10, None, (14, 10)),
        ([10], None, (14, 10)),
        ([3, 4], None, (3, 4)),
        (10, 12, (12, 8)),
        (None, 14, (14, 10)),
    ],
)
def test_resized_sizes(image, size, max_size, expected):
    assert plane(F.resize(image, size, max_size=max_size)).shape == expected


def triangle_weights(source, target):
    """Rows of the antialiased bilinear filter: a triangle as wide as the output pixel, cut at the border."""
    scale = max(source / target, 1.0)
    centers = (np.arange(target) + 0.5) * source / target
    distance = (np.arange(source) + 0.5 - centers[:, None]) / scale
    weights = np.maximum(0, 1 - np.abs(distance))
    return weights / weights.sum(1, keepdims=True)


@pytest.mark.parametrize("size", [(3, 2), (4, 5), (14, 10), (3, 9)])
def test_antialiased_resize_is_a_triangle_filter(rng, size):
    pixels = rng.random((2, 7, 5)).astype(np.float32)
    result = F.resize(tensor_of(pixels), list(size), antialias=True).numpy()
    expected = np.einsum("ih,chw,jw->cij", triangle_weights(7, size[0]), pixels, triangle_weights(5, size[1]))
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_tensor_and_pil_resize_agree(grey):
    on_pil = np.asarray(F.resize(grey, [4, 3])).astype(int)
    on_tensor = F.resize(F.pil_to_tensor(grey), [4, 3]).numpy()[0].astype(int)
    assert np.abs(on_pil - on_tensor).max() <= 1


def test_nearest_resize_doubles_pixels(image):
    doubled = plane(F.resize(image, [14, 10], InterpolationMode.NEAREST))
    assert np.array_equal(doubled, plane(image).repeat(2, 0).repeat(2, 1))


def test_bicubic_bytes_stay_in_range():
    edge = tensor_of(np.repeat([[[0, 0, 255, 255]]], 4, axis=1).astype(np.uint8))
    result = F.resize(edge, [16, 16], InterpolationMode.BICUBIC).numpy()
    assert result.min() == 0
    assert result.max() == 255
    assert (np.diff(result[0, 0].astype(int)) >= 0).all()


def test_batch_and_extra_dimensions(rng):
    pixels = tensor_of(rng.random((2, 3, 1, 6, 6)).astype(np.float32))
    result = F.resize(pixels, [3, 3])
    assert tuple(result.shape) == (2, 3, 1, 3, 3)
    np.testing.assert_allclose(result[1, 2].numpy(), F.resize(pixels[1, 2], [3, 3]).numpy(), atol=1e-6)


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_rotation_by_quarter_turns_of_a_square(rng, quarter):
    pixels = rng.integers(0, 256, (6, 6), dtype=np.uint8)
    expected = np.rot90(pixels, quarter)
    for image in (Image.fromarray(pixels), tensor_of(pixels[None])):
        for mode in (InterpolationMode.NEAREST, InterpolationMode.BILINEAR):
            assert np.abs(plane(F.rotate(image, 90 * quarter, mode)).astype(int) - expected).max() <= 1


def test_rotation_with_expand_keeps_everything():
    pixels = np.full((4, 8), 255, np.uint8)
    rotated = plane(F.rotate(tensor_of(pixels[None]), 90, expand=True))
    assert rotated.shape == (8, 4)
    assert (rotated == 255).all()


def test_rotation_fills_corners_and_turns_about_a_center(image):
    rotated = plane(F.rotate(image, 45, fill=[77] if isinstance(image, taeda.Tensor) else 77))
    assert rotated[0, 0] == 77
    assert plane(F.rotate(image, 180, center=[0, 0])).max() == 0


def test_affine_translates_whole_pixels(image):
    moved = plane(F.affine(image, 0, [1, 2], 1.0, [0.0, 0.0]))
    expected = np.zeros((7, 5), np.uint8)
    expected[2:, 1:] = plane(image)[:-2, :-1]
    assert np.array_equal(moved, expected)


@pytest.mark.parametrize("shear", [[0.0, 0.0], [12.0, 0.0], [-8.0, 20.0]])
def test_inverse_affine_matrix_inverts_the_product_of_steps(shear):
    center, angle, shift, scale = (3.0, 5.0), 35.0, (2.0, -4.0), 1.7
    turn, sx, sy = (np.deg2rad(value) for value in (angle, *shear))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shears = np.array([[1.0, 0.0], [-np.tan(sy), 1.0]]) @ np.array([[1.0, -np.tan(sx)], [0.0, 1.0]])
    forward = np.eye(3)
    forward[:2, :2] = scale * rotation @ shears
    move = np.eye(3)
    move[:2, 2] = np.add(shift, center)
    back = np.eye(3)
    back[:2, 2] = np.negative(center)
    expected = np.linalg.inv(move @ forward @ back)[:2].ravel()
    np.testing.assert_allclose(inverse_affine_matrix(center, angle, shift, scale, shear), expected, atol=1e-9)


def test_five_and_ten_crop(image):
    corners = F.five_crop(image, [3, 2])
    assert np.array_equal(plane(corners[1]), plane(image)[:3, 3:])
    assert np.array_equal(plane(corners[2]), plane(image)[4:, :2])
    assert np.array_equal(plane(corners[4]), plane(F.center_crop(image, [3, 2])))
    assert np.array_equal(plane(F.ten_crop(image, [3, 2])[5]), plane(image)[:3, ::-1][:, :2])


def test_erase_leaves_the_original():
    image = taeda.zeros(1, 3, 3)
    erased = F.erase(image, 0, 1, 2, 2, taeda.ones(1, 1, 1))
    assert erased[0].tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 0]]
    assert float(image.sum()) == 0


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda im: F.resize(im, [1, 2, 3]), ValueError, r"1 or 2 values .*got \[1, 2, 3\]"),
        (lambda im: F.resize(im, 0), ValueError, "should be positive"),
        (lambda im: F.resize(im, [4, 4], max_size=9), ValueError, "single size"),
        (lambda im: F.resize(im, 5, max_size=4), ValueError, "greater than the shorter edge 5"),
        (lambda im: F.resize(im, None), ValueError, "size or max_size"),
        (lambda im: F.resize(im, 4, "cubic"), TypeError, "one of NEAREST"),
        (lambda im: F.resize(np.zeros((4, 4)), 2), TypeError, "got ndarray"),
        (lambda im: F.resize(taeda.zeros(4), 2), TypeError, r"got shape \(4,\)"),
        (
            lambda im: F.resize(taeda.zeros(1, 4, 4), 2, InterpolationMode.LANCZOS),
            ValueError,
            "PIL images only",
        ),
        (lambda im: F.pad(im, [1, 2, 3]), ValueError, r"got \[1, 2, 3\]"),
        (lambda im: F.pad(im, 1, padding_mode="wrap"), ValueError, "got 'wrap'"),
        (lambda im: F.five_crop(im, 6), ValueError, r"size \(6, 6\) is larger than the image \(7, 5\)"),
        (lambda im: F.rotate(im, "90"), TypeError, "number of degrees, got str"),
        (lambda im: F.affine(im, 0, [1], 1.0, 0.0), ValueError, "translate should be 2 values"),
        (lambda im: F.affine(im, 0, [1, 1], 0.0, 0.0), ValueError, "scale should be positive"),
        (lambda im: F.affine(im, 0, [1, 1], 1.0, [1, 2, 3]), ValueError, "one or two values"),
        (lambda im: F.rotate(im, 3, fill=[1, 2]), ValueError, "expected 1 or 1 values"),
        (lambda im: F.erase(im, 0, 0, 1, 1, taeda.zeros(1)), TypeError, "put ToTensor before it"),
    ],
)
def test_errors_say_what_was_passed(make, error, text, grey):
    with pytest.raises(error, match=text):
        make(grey)
