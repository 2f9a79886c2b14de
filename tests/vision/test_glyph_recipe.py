"""The recipe's pictures: fixed by the seed, of the right kind, distorted but still the same character."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

RECIPE = Path(__file__).parents[2] / "vision" / "recipes" / "glyphs"


@pytest.fixture(scope="module")
def render():
    spec = importlib.util.spec_from_file_location("glyph_render", RECIPE / "render.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def masters():
    """One font of two characters: a bar and a ring; a second font that has the bar alone."""
    pictures = np.zeros((2, 2, 64, 64), np.uint8)
    pictures[:, 0, 8:56, 28:36] = 255
    y, x = np.mgrid[-31.5:32, -31.5:32]
    pictures[0, 1][np.abs(np.hypot(x, y) - 20) < 4] = 255
    return pictures


def test_a_seed_fixes_every_pixel(render, masters):
    first = render.make_batch(masters, 16, np.random.default_rng(5))
    second = render.make_batch(masters, 16, np.random.default_rng(5))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], render.make_batch(masters, 16, np.random.default_rng(6))[0])


def test_pictures_have_the_models_form(render, masters):
    pictures, labels = render.make_batch(masters, 200, np.random.default_rng(0))
    assert pictures.shape == (200, 1, 32, 32)
    assert pictures.dtype == np.float32
    assert labels.dtype == np.int64
    assert -1 <= pictures.min() < -0.5 < 0.5 < pictures.max() <= 1


def test_characters_that_a_font_lacks_are_not_drawn(render, masters):
    _, labels = render.make_batch(masters, 3000, np.random.default_rng(0))
    assert abs((labels == 1).mean() - 1 / 3) < 0.03


def test_distortion_keeps_the_character(render, masters):
    rng = np.random.default_rng(1)

    def contrast_of_the_middle(character):
        pictures = render.distort(masters[[0] * 400, [character] * 400], rng)[:, 0]
        middle, corner = pictures[:, 14:18, 14:18].mean((1, 2)), pictures[:, :3, :3].mean((1, 2))
        return np.abs(middle - corner).mean()

    assert contrast_of_the_middle(0) > 3 * contrast_of_the_middle(1)
