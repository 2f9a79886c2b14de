"""Grids of images, laid out by hand."""

import numpy as np
import pytest
from PIL import Image

import taeda
from taeda_vision.utils import make_grid, save_image


def test_layout():
    images = taeda.arange(1, 4, dtype=taeda.float32).view(3, 1, 1, 1).expand(3, 1, 2, 2)
    grid = make_grid(images, nrow=2, padding=1, pad_value=9.0)
    expected = [
        [9, 9, 9, 9, 9, 9, 9],
        [9, 1, 1, 9, 2, 2, 9],
        [9, 1, 1, 9, 2, 2, 9],
        [9, 9, 9, 9, 9, 9, 9],
        [9, 3, 3, 9, 9, 9, 9],
        [9, 3, 3, 9, 9, 9, 9],
        [9, 9, 9, 9, 9, 9, 9],
    ]
    assert grid.tolist() == [expected] * 3


def test_normalisation_of_all_or_each():
    images = [taeda.tensor([[[0.0, 1.0]]]), taeda.tensor([[[2.0, 4.0]]])]
    together = make_grid(images, padding=0, normalize=True)[0]
    assert together.tolist() == [[0.0, 0.25, 0.5, 1.0]]
    each = make_grid(images, padding=0, normalize=True, scale_each=True)[0]
    assert each.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    clipped = make_grid(images, padding=0, normalize=True, value_range=(1.0, 3.0))[0]
    assert clipped.tolist() == [[0.0, 0.0, 0.5, 1.0]]
    assert images[1].tolist() == [[[2.0, 4.0]]]


def test_single_images_pass_through():
    image = taeda.rand(3, 4, 5)
    assert make_grid(image).tolist() == image.tolist()
    assert tuple(make_grid(taeda.rand(4, 5)).shape) == (3, 4, 5)


def test_save_image_rounds(tmp_path):
    save_image(taeda.tensor([[[0.0, 0.5, 1.0]]]), tmp_path / "a.png")
    assert np.asarray(Image.open(tmp_path / "a.png"))[0, :, 0].tolist() == [0, 128, 255]


def test_errors_say_what_was_passed():
    with pytest.raises(TypeError, match="a tensor or a list of tensors, got int"):
        make_grid(3)
    with pytest.raises(TypeError, match=r"\(N, C, H, W\), got shape \(1, 1, 1, 1, 1\)"):
        make_grid(taeda.zeros(1, 1, 1, 1, 1))
    with pytest.raises(TypeError, match=r"tuple \(low, high\)"):
        make_grid(taeda.zeros(2, 1, 2, 2), normalize=True, value_range=[0, 1])
