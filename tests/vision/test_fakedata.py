"""FakeData: the index fixes the sample."""

import numpy as np
import pytest

from taeda_vision.datasets import FakeData


def test_samples_are_fixed_and_differ():
    data = FakeData(size=4, image_size=(3, 6, 5), num_classes=3, transform=np.asarray)
    assert len(data) == 4
    image, target = data[1]
    assert image.shape == (6, 5, 3)
    assert target in range(3)
    assert np.array_equal(image, data[1][0])
    assert not np.array_equal(image, data[2][0])
    assert np.array_equal(image, FakeData(1, (3, 6, 5), 3, np.asarray, random_offset=1)[0][0])


def test_index_out_of_range():
    with pytest.raises(IndexError, match="index 4 is out of range for 4 samples"):
        FakeData(size=4)[4]
