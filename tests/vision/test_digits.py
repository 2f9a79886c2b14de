"""The real digits: values against the table itself, splits against what they promise."""

import importlib.util

import numpy as np
import pytest

from taeda_vision.datasets import Digits, digits

sklearn_missing = importlib.util.find_spec("sklearn") is None
needs_sklearn = pytest.mark.skipif(sklearn_missing, reason="needs scikit-learn (taeda-vision[digits])")


@needs_sklearn
def test_splits_are_disjoint_complete_and_balanced():
    parts = {split: Digits(split) for split in ("train", "val", "test")}
    everything = Digits("all")
    assert [len(part) for part in parts.values()] == [1258, 179, 360]
    rows = [row.tobytes() for part in parts.values() for row in part.data]
    assert sorted(rows) == sorted(row.tobytes() for row in everything.data)
    for part, share in zip(parts.values(), (0.7, 0.1, 0.2), strict=True):
        counts = np.bincount(part.targets)
        assert np.abs(counts - share * np.bincount(everything.targets)).max() <= 1.5


@needs_sklearn
def test_seed_fixes_the_split():
    assert Digits("test").targets == Digits("test", seed=0).targets
    assert np.array_equal(Digits("val").data, Digits("val").data)
    assert not np.array_equal(Digits("val").data, Digits("val", seed=1).data[: len(Digits("val"))])


@needs_sklearn
def test_pictures_are_the_scans():
    from sklearn.datasets import load_digits

    table, everything = load_digits(), Digits("all")
    assert everything.targets == table.target.tolist()
    np.testing.assert_array_equal(everything.data, np.rint(table.images * 255 / 16).astype(np.uint8))
    image, target = everything[3]
    assert (image.mode, image.size, target) == ("L", (8, 8), 3)


@needs_sklearn
def test_unknown_split():
    with pytest.raises(ValueError, match="one of train, val, test, all, got 'training'"):
        Digits("training")


def test_missing_scikit_learn_says_what_to_install(monkeypatch):
    monkeypatch.setattr(digits.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'taeda-vision\[digits\]'"):
        Digits()
