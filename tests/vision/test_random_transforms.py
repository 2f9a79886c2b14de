"""Random transforms: the seed fixes them, and what they draw stays within what was asked for."""

import random

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision import transforms as T
from taeda_vision.transforms import functional as F


@pytest.fixture
def ramp():
    return taeda.arange(2 * 12 * 10, dtype=taeda.float32).view(2, 12, 10)


@pytest.mark.parametrize(
    "transform",
    [
        T.RandomCrop(6, padding=2),
        T.RandomResizedCrop(5),
        T.RandomHorizontalFlip(),
        T.RandomVerticalFlip(),
        T.RandomRotation(40),
        T.RandomAffine(20, (0.2, 0.1), (0.8, 1.2), 10),
        T.RandomErasing(),
        T.GaussianBlur(3),
        T.RandomApply([T.RandomCrop(10)]),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_a_seed_fixes_the_result(transform, ramp):
    def run(seed):
        taeda.manual_seed(seed)
        return [transform(ramp).flatten().tolist() for _ in range(16)]

    assert run(3) == run(3)
    assert len({str(values) for values in run(3)}) > 1


def test_random_crop_is_a_window_of_the_image(ramp):
    for _ in range(20):
        window = T.RandomCrop((4, 3))(ramp)
        top, left = divmod(int(window[0, 0, 0]), 10)
        assert window.tolist() == ramp[:, top : top + 4, left : left + 3].tolist()


def test_random_crop_pads_when_told_to():
    assert tuple(T.RandomCrop(8, pad_if_needed=True)(taeda.ones(1, 4, 9)).shape) == (1, 8, 8)
    with pytest.raises(
        ValueError, match=r"crop \(8, 8\) is larger than the image \(4, 9\); set pad_if_needed"
    ):
        T.RandomCrop(8)(taeda.ones(1, 4, 9))


def test_resized_crop_respects_area_and_ratio():
    image = taeda.zeros(1, 60, 80)
    for _ in range(50):
        _, _, height, width = T.RandomResizedCrop.get_params(image, (0.2, 0.5), (0.5, 2.0))
        assert 0.18 <= height * width / 4800 <= 0.54
        assert 0.45 <= width / height <= 2.2


def test_resized_crop_falls_back_to_the_middle():
    window = T.RandomResizedCrop.get_params(taeda.zeros(1, 10, 100), (1.0, 1.0), (1.0, 1.0))
    assert window == (0, 45, 10, 10)


def test_flip_probabilities(ramp):
    assert T.RandomHorizontalFlip(p=1.0)(ramp).tolist() == ramp.flip(-1).tolist()
    assert T.RandomVerticalFlip(p=0.0)(ramp) is ramp
    taeda.manual_seed(0)
    flips = sum(T.RandomHorizontalFlip(p=0.3)(ramp) is not ramp for _ in range(400))
    assert 80 < flips < 160


def test_random_affine_parameters_stay_in_range():
    for _ in range(50):
        angle, shift, scale, shear = T.RandomAffine.get_params(
            (-5, 5), (0.1, 0.2), (0.9, 1.1), (1, 2, 3, 4), (50, 100)
        )
        assert -5 <= angle <= 5
        assert abs(shift[0]) <= 5
        assert abs(shift[1]) <= 20
        assert 0.9 <= scale <= 1.1
        assert 1 <= shear[0] <= 2
        assert 3 <= shear[1] <= 4


def test_erasing_covers_one_rectangle():
    taeda.manual_seed(1)
    erased = T.RandomErasing(p=1.0, value=7.0)(taeda.zeros(2, 20, 20))
    rows, columns = np.nonzero(erased[0].numpy() == 7)
    area = len(rows)
    assert area == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
    assert 0.01 * 400 <= area <= 0.36 * 400
    assert erased[1].tolist() == erased[0].tolist()


def test_erasing_with_a_colour_or_noise():
    image = taeda.zeros(3, 20, 20)
    coloured = T.RandomErasing(p=1.0, value=(1.0, 2.0, 3.0))(image)
    assert coloured.amax(dim=(1, 2)).tolist() == [1.0, 2.0, 3.0]
    assert 0.5 < float(T.RandomErasing(p=1.0, value="random", scale=(0.3, 0.3))(image).abs().max()) < 8
    with pytest.raises(ValueError, match="each of the 3 channels"):
        T.RandomErasing(p=1.0, value=(1.0, 2.0))(image)


def test_color_jitter_draws_within_its_ranges():
    jitter = T.ColorJitter(brightness=0.2, hue=(-0.1, 0.3))
    assert jitter.brightness == (0.8, 1.2)
    assert jitter.contrast is None
    for _ in range(30):
        order, brightness, contrast, _, hue = jitter.get_params(jitter.brightness, None, None, jitter.hue)
        assert sorted(order.tolist()) == [0, 1, 2, 3]
        assert 0.8 <= brightness <= 1.2
        assert contrast is None
        assert -0.1 <= hue <= 0.3
    assert T.ColorJitter()(Image.new("RGB", (2, 2), (9, 8, 7))).getpixel((0, 0)) == (9, 8, 7)


def test_random_grayscale_keeps_the_channels(rgb):
    grey = np.asarray(T.RandomGrayscale(p=1.0)(rgb))
    assert grey.shape == (7, 5, 3)
    assert (grey[..., 0] == grey[..., 2]).all()


def test_compositions():
    add, double = T.Lambda(lambda x: x + 1), T.Lambda(lambda x: x * 2)
    assert T.Compose([add, double])(3) == 8
    assert T.RandomApply([add, double], p=0.0)(3) == 3
    assert T.RandomApply([add, double], p=1.0)(3) == 8
    random.seed(0)
    assert {T.RandomOrder([add, double])(3) for _ in range(30)} == {8, 7}
    assert {T.RandomChoice([add, double])(5) for _ in range(30)} == {6, 10}
    assert {T.RandomChoice([add, double], p=[0, 1])(5) for _ in range(10)} == {10}


def test_descriptions():
    assert (
        repr(T.Compose([T.ToTensor(), T.CenterCrop(3)]))
        == "Compose(\n    ToTensor()\n    CenterCrop(size=(3, 3))\n)"
    )
    assert repr(T.Resize(256)) == "Resize(size=256, interpolation=bilinear, max_size=None, antialias=True)"
    assert repr(T.Normalize([0.5], [0.5])) == "Normalize(mean=[0.5], std=[0.5])"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: T.RandomRotation(-3), ValueError, "degrees should not be negative, got -3"),
        (lambda: T.RandomAffine(3, translate=(2.0, 0.0)), ValueError, "2 shares between 0 and 1"),
        (lambda: T.RandomAffine(3, scale=(0.0, 1.0)), ValueError, "2 positive factors"),
        (lambda: T.ColorJitter(hue=0.8), ValueError, r"hue should be within \(-0.5, 0.5\)"),
        (lambda: T.ColorJitter(brightness=-1), ValueError, "brightness should not be negative"),
        (lambda: T.RandomErasing(p=2), ValueError, "between 0 and 1, got 2"),
        (lambda: T.RandomErasing(value="noise"), ValueError, "got 'noise'"),
        (lambda: T.Resize("big"), ValueError, "got 'big'"),
        (lambda: T.RandomResizedCrop(4, scale=(0.9, 0.1)), ValueError, "scale should be"),
        (lambda: T.Lambda(3), TypeError, "expected a callable, got int"),
        (lambda: T.GaussianBlur(2), ValueError, "odd and positive"),
        (lambda: T.RandomOrder(3), TypeError, "should be a sequence, got int"),
    ],
)
def test_errors_say_what_was_passed(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_functional_is_reachable_from_the_package():
    assert T.functional is F
