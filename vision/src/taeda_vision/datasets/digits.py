"""The UCI handwritten digits: 1,797 real scans of 8x8 pixels that scikit-learn carries."""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from .vision import VisionDataset

__all__ = ["Digits"]

_SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}
_GREYS = 16


class Digits(VisionDataset):
    """Handwritten digits (Alpaydin, Kaynak 1998), no download.

    Each sample is an 8x8 grey PIL image, white ink on black, and the digit. The split depends on ``seed``
    alone and has the same share of every digit: 70 % train, 10 % val, 20 % test. The 13 writers are in all
    parts, which makes it an easy one: the nearest neighbour alone is right in 98 to 100 % of the test part.

    Args:
        split: "train", "val", "test" or "all".
        transform, target_transform: for the image and for the digit.
        seed: of the split.

    Raises:
        ValueError: unknown split.
        ModuleNotFoundError: scikit-learn is not installed.

    Example:
        >>> digits = Digits("test")
        >>> digits[0][0].size, len(digits.classes)
        ((8, 8), 10)
    """

    classes: ClassVar[list[str]] = [str(digit) for digit in range(10)]

    def __init__(
        self,
        split: str = "train",
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        if split not in (*_SHARES, "all"):
            raise ValueError(f"Digits: split should be one of {', '.join((*_SHARES, 'all'))}, got {split!r}")
        with gzip.open(_bundled_file()) as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.int64)
        chosen = _split_rows(table[:, -1], split, seed)
        self.split = split
        self.seed = seed
        grey = np.rint(table[chosen, :-1] * (255 / _GREYS)).astype(np.uint8)
        self.data = grey.reshape(-1, 8, 8)
        self.targets: list[int] = table[chosen, -1].tolist()
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._apply(Image.fromarray(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.targets)

    def extra_repr(self) -> str:
        """Split and seed."""
        return f"Split: {self.split} (seed {self.seed})"


def _bundled_file() -> Path:
    """Where scikit-learn keeps the table; found without importing scikit-learn, which takes a second."""
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "Digits: the images come with scikit-learn, which is not installed; "
            "run: pip install 'taeda-vision[digits]'"
        )
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    if not path.is_file():
        raise FileNotFoundError(f"Digits: '{path}' is missing; reinstall scikit-learn")
    return path


def _split_rows(labels: np.ndarray[Any, Any], split: str, seed: int) -> np.ndarray[Any, Any]:
    """Row numbers of a split, ascending: each class is shuffled and cut at the same shares."""
    if split == "all":
        return np.arange(len(labels))
    rng = np.random.default_rng(seed)
    parts: dict[str, list[Any]] = {name: [] for name in _SHARES}
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        first = round(len(rows) * _SHARES["train"])
        second = first + round(len(rows) * _SHARES["val"])
        for name, part in zip(_SHARES, (rows[:first], rows[first:second], rows[second:]), strict=True):
            parts[name].append(part)
    return np.sort(np.concatenate(parts[split]))
