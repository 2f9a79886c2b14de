"""Pictures that the tests share."""

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def rng():
    return np.random.default_rng(20260101)


@pytest.fixture
def rgb(rng):
    return Image.fromarray(rng.integers(0, 256, (7, 5, 3), dtype=np.uint8))


@pytest.fixture
def grey(rng):
    return Image.fromarray(rng.integers(0, 256, (7, 5), dtype=np.uint8))
