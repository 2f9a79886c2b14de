"""`ImageData`: labelled images from a folder, or the built-in digits, split by a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from taeda.utils.data import DataLoader, Dataset, Subset

from ..datamodule import LightningDataModule
from ..errors import MisconfigurationException
from ..extras import require

__all__ = ["ImageData", "Preprocessing", "preprocessing_steps"]

Preprocessing = list[dict[str, Any]]
_SPLITS = ("train", "val", "test")
_SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def preprocessing_steps(
    size: int, is_grey: bool = False, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> Preprocessing:
    """From an image of any size to a normalised tensor, as a list that `taeda package` takes.

    Args:
        size: edge of the result in pixels.
        is_grey: one channel scaled to -1..1, without keeping the aspect ratio; otherwise three channels from
            a central crop.
        mean: of each channel (ImageNet's, or 0.5 for grey).
        std: of each channel.

    Example:
        >>> [step["name"] for step in preprocessing_steps(32, is_grey=True)]
        ['Grayscale', 'Resize', 'PILToTensor', 'ConvertImageDtype', 'Normalize']
    """
    if is_grey:
        first = [
            {"name": "Grayscale", "args": {"num_output_channels": 1}},
            {"name": "Resize", "args": {"size": [size, size], "interpolation": "bilinear"}},
        ]
        mean, std = mean or [0.5], std or [0.5]
    else:
        first = [
            {"name": "Resize", "args": {"size": [round(size * 256 / 224)], "interpolation": "bilinear"}},
            {"name": "CenterCrop", "args": {"size": [size]}},
        ]
        mean, std = mean or [0.485, 0.456, 0.406], std or [0.229, 0.224, 0.225]
    return [
        *first,
        {"name": "PILToTensor", "args": {}},
        {"name": "ConvertImageDtype", "args": {"dtype": "float32"}},
        {"name": "Normalize", "args": {"mean": list(mean), "std": list(std)}},
    ]


class ImageData(LightningDataModule):
    """Training, validation and test images.

    Args:
        source: "digits" for the handwritten digits of scikit-learn, or "folder:PATH". The folder holds one
            folder of images for each class, or `train`, `val` and (optionally) `test` with such folders in
            them. Without these, images are split 80/10/10 by `seed`, class by class.
        preprocessing: steps as `preprocessing_steps` makes them.
        batch_size: images in a batch.
        num_workers: loader processes.
        augment: rotate, shift and scale training images a little at random.
        seed: of the split.

    Raises:
        MisconfigurationException: the source has another form, or holds no classes of images.
    """

    def __init__(
        self,
        source: str,
        preprocessing: Preprocessing,
        batch_size: int = 32,
        num_workers: int = 0,
        augment: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.preprocessing = preprocessing
        plain = self._transform(())
        training = self._transform(self._augmentation() if augment else ())
        raw, shown = self._datasets(source, seed, None), self._datasets(source, seed, plain)
        trained = self._datasets(source, seed, training)["train"] if augment else shown["train"]
        self.classes: list[str] = shown["classes"]
        self.images = {split: raw[split] for split in _SPLITS}
        self.datasets: dict[str, Dataset[Any]] = {split: shown[split] for split in _SPLITS}
        self.datasets["train"] = trained

    def _transform(self, before: Sequence[Any]) -> Any:
        transforms = require("taeda_vision.transforms", "vision", "ImageData")
        return transforms.Compose([*before, *(_build(transforms, step) for step in self.preprocessing)])

    def _augmentation(self) -> list[Any]:
        transforms = require("taeda_vision.transforms", "vision", "ImageData")
        return [transforms.RandomAffine(degrees=10, translate=(0.1, 0.1), scale=(0.9, 1.1))]

    def _datasets(self, source: str, seed: int, transform: Any) -> dict[str, Any]:
        """The three data sets, and the names of the classes under "classes"."""
        kind, _, path = source.partition(":")
        datasets = require("taeda_vision.datasets", "vision", "ImageData")
        if source == "digits":
            found = {split: datasets.Digits(split, transform=transform, seed=seed) for split in _SPLITS}
            return {**found, "classes": list(found["train"].classes)}
        if kind != "folder" or not path:
            raise MisconfigurationException(
                f"data source {source!r}: expected 'digits' or 'folder:PATH', e.g. 'folder:photos'"
            )
        root = Path(path).expanduser()
        if not root.is_dir():
            raise MisconfigurationException(
                f"data source {source!r}: there is no folder {str(root)!r}; pass a folder that holds one "
                "folder of images for each class"
            )
        if (root / "train").is_dir():
            return _given_splits(datasets, root, transform)
        return _own_splits(datasets, root, transform, seed)

    def train_dataloader(self) -> Any:
        """Shuffled batches of training images."""
        return self._loader("train", shuffle=True)

    def val_dataloader(self) -> Any:
        """Batches of validation images."""
        return self._loader("val")

    def test_dataloader(self) -> Any:
        """Batches of test images."""
        return self._loader("test")

    def predict_dataloader(self) -> Any:
        """Batches of test images."""
        return self._loader("test")

    def _loader(self, split: str, shuffle: bool = False) -> Any:
        options = self.hparams
        return DataLoader(
            self.datasets[split],
            batch_size=options.batch_size,
            shuffle=shuffle,
            num_workers=options.num_workers,
            persistent_workers=options.num_workers > 0,
        )


def _build(transforms: Any, step: dict[str, Any]) -> Any:
    """One transform from its name and plain arguments."""
    arguments = dict(step["args"])
    if "interpolation" in arguments:
        arguments["interpolation"] = transforms.InterpolationMode(arguments["interpolation"])
    if "dtype" in arguments:
        import taeda

        arguments["dtype"] = getattr(taeda, arguments["dtype"])
    return getattr(transforms, step["name"])(**arguments)


def _given_splits(datasets: Any, root: Path, transform: Any) -> dict[str, Any]:
    """Data sets from the folders `train`, `val` and `test`; without `test`, validation images are the
    test."""
    if not (root / "val").is_dir():
        raise MisconfigurationException(
            f"{str(root)!r} has a folder 'train' but none 'val'; add it, or put the class folders directly "
            f"into {str(root)!r} to have them split"
        )
    found = {}
    for split in _SPLITS:
        folder = root / split if (root / split).is_dir() else root / "val"
        found[split] = datasets.ImageFolder(str(folder), transform=transform)
    classes = found["train"].classes
    for split in ("val", "test"):
        if found[split].classes != classes:
            raise MisconfigurationException(
                f"{str(root)!r}: the classes of {split!r} are {found[split].classes}, those of 'train' "
                f"{classes}; use the same class folders in both"
            )
    return {**found, "classes": list(classes)}


def _own_splits(datasets: Any, root: Path, transform: Any, seed: int) -> dict[str, Any]:
    whole = datasets.ImageFolder(str(root), transform=transform)
    rows: dict[str, list[int]] = {split: [] for split in _SPLITS}
    by_class: dict[int, list[int]] = {}
    for row, label in enumerate(whole.targets):
        by_class.setdefault(int(label), []).append(row)
    generator = random.Random(seed)
    for label, members in sorted(by_class.items()):
        if len(members) < 3:
            raise MisconfigurationException(
                f"{str(root)!r}: class {whole.classes[label]!r} has {len(members)} images; at least 3 are "
                "needed, one each to train, validate and test"
            )
        generator.shuffle(members)
        held = max(1, round(len(members) * _SHARES["val"]))
        rows["val"] += members[:held]
        rows["test"] += members[held : 2 * held]
        rows["train"] += members[2 * held :]
    found = {split: Subset(whole, sorted(chosen)) for split, chosen in rows.items()}
    return {**found, "classes": list(whole.classes)}
