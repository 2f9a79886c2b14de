"""Interpolation and grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F


def identity(batch: int = 1) -> Any:
    return taeda.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]).expand(batch, -1, -1)


@pytest.mark.parametrize("align", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_identity_grid_reads_the_image(mode: str, align: bool) -> None:
    image = taeda.tensor(np.random.default_rng(0).normal(size=(1, 2, 4, 5)).astype(np.float32))
    grid = F.affine_grid(identity(), [1, 2, 4, 5], align_corners=align)
    got = F.grid_sample(image, grid, mode=mode, align_corners=align)
    np.testing.assert_allclose(got.numpy(), image.numpy(), atol=1e-5)


def test_affine_grid_without_corners() -> None:
    grid = F.affine_grid(identity(), [1, 1, 2, 4], align_corners=False)
    assert grid[0, 0, :, 0].tolist() == pytest.approx([-0.75, -0.25, 0.25, 0.75])
    assert grid[0, :, 0, 1].tolist() == [-0.5, 0.5]


def test_places_between_and_outside() -> None:
    image = taeda.tensor([[[[0.0, 2.0, 4.0]]]])
    places = taeda.tensor(
        [[[[-0.5, 0.0], [1.5, 0.0], [2.0, 0.0]]]]
    )  # between 0 and 2, and beyond the right edge
    zeros = F.grid_sample(image, places, align_corners=True)
    assert zeros.flatten().tolist() == [1.0, 2.0, 0.0]
    border = F.grid_sample(image, places, padding_mode="border", align_corners=True)
    assert border.flatten().tolist() == [1.0, 4.0, 4.0]
    mirrored = F.grid_sample(image, places, padding_mode="reflection", align_corners=True)
    assert mirrored.flatten().tolist() == [1.0, 3.0, 2.0]


def test_area_is_adaptive_pooling() -> None:
    x = taeda.arange(16.0).reshape(1, 1, 4, 4)
    assert F.interpolate(x, 2, mode="area").tolist() == [[[[2.5, 4.5], [10.5, 12.5]]]]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"size": 3, "scale_factor": 2}, ValueError, "only one of size or scale_factor should be defined"),
        (
            {"size": 3, "mode": "nearest", "align_corners": True},
            ValueError,
            "align_corners option can only be set",
        ),
        ({"size": 3, "mode": "linear"}, NotImplementedError, "Got 4D input, but linear mode needs 3D input"),
        ({"size": (3, 3, 3)}, ValueError, "must have the same number of spatial dimensions"),
    ],
)
def test_interpolate_errors(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        F.interpolate(taeda.ones(1, 1, 2, 2), **arguments)
    assert text in str(caught.value)
