"""CIFAR-10 and CIFAR-100, read from their published archives without executing the pickles in them."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ._files import RemoteFile, fetch, missing_files_error
from ._safe_pickle import read_plain_pickle
from .vision import VisionDataset

__all__ = ["CIFAR10", "CIFAR100"]


class CIFAR10(VisionDataset):
    """Photographs of ten kinds of things, 32x32 RGB, 50,000 to train, 10,000 to test (Krizhevsky 2009).

    Args:
        root: folder of ``cifar-10-batches-py`` or of ``cifar-10-python.tar.gz``.
        train: the training or the test part.
        transform, target_transform: for the PIL image and for the class number.
        download: fetch the archive if it is missing.

    Attributes:
        data: uint8 array ``(N, 32, 32, 3)``.
        targets: class numbers.

    Raises:
        RuntimeError: the files are not there, or cannot be downloaded.
        ValueError: damaged files, or pickles that hold more than plain values.
    """

    base_folder = "cifar-10-batches-py"
    archive = RemoteFile(
        "cifar-10-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        "c58f30108f718f92721af3b95e74349a",
    )
    train_batches: tuple[str, ...] = tuple(f"data_batch_{number}" for number in range(1, 6))
    test_batches: tuple[str, ...] = ("test_batch",)
    meta_file = "batches.meta"
    label_key = "labels"
    names_key = "label_names"

    def __init__(
        self,
        root: str | os.PathLike[str],
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        folder = self._prepare(Path(root).expanduser(), download)
        batches = [
            self._read_batch(folder / name) for name in (self.train_batches if train else self.test_batches)
        ]
        pixels = np.concatenate([data for data, _ in batches])
        self.data = np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.targets: list[int] = [label for _, labels in batches for label in labels]
        meta = _dictionary(folder / self.meta_file, (self.names_key,))
        self.classes: list[str] = list(meta[self.names_key])
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}

    def _prepare(self, root: Path, download: bool) -> Path:
        """Folder of the batches, unpacked from the archive if only that is there."""
        folder = root / self.base_folder
        wanted = (*self.train_batches, *self.test_batches, self.meta_file)
        if all((folder / name).is_file() for name in wanted):
            return folder
        archive = root / self.archive.name
        if not archive.is_file() and download:
            fetch([self.archive], root, type(self).__name__)
        if not archive.is_file():
            raise missing_files_error(type(self).__name__, root, [self.archive], " or corrupted")
        _unpack(archive, root, [f"{self.base_folder}/{name}" for name in wanted])
        return folder

    def _read_batch(self, path: Path) -> tuple[np.ndarray[Any, Any], list[int]]:
        batch = _dictionary(path, ("data", self.label_key))
        data, labels = batch["data"], batch[self.label_key]
        fits = isinstance(data, np.ndarray) and data.dtype == np.uint8 and data.shape == (len(labels), 3072)
        if not fits:
            raise ValueError(
                f"'{path}': expected data of {len(labels)} x 3072 bytes, got "
                f"{getattr(data, 'dtype', type(data).__name__)} of shape {getattr(data, 'shape', None)}"
            )
        return data, labels

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self._apply(Image.fromarray(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Which part."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """Photographs of a hundred kinds of things, 32x32 RGB; targets are the fine labels."""

    base_folder = "cifar-100-python"
    archive = RemoteFile(
        "cifar-100-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
        "eb9058c3a382ffc7106e4002c42a8d85",
    )
    train_batches = ("train",)
    test_batches = ("test",)
    meta_file = "meta"
    label_key = "fine_labels"
    names_key = "fine_label_names"


def _unpack(archive: Path, root: Path, names: list[str]) -> None:
    """Write the named regular files of a tar archive below ``root``; nothing else of it is used."""
    try:
        with tarfile.open(archive) as tar:
            for name in names:
                source = tar.extractfile(name)
                if source is None:
                    raise KeyError(name)
                target = root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read())
    except (tarfile.TarError, KeyError, EOFError, OSError) as error:
        raise ValueError(
            f"'{archive}' is damaged or another archive: {error}; delete it and get it again"
        ) from error


def _dictionary(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    content = read_plain_pickle(path)
    missing = [key for key in keys if not isinstance(content, dict) or key not in content]
    if missing:
        raise ValueError(
            f"'{path}': expected a dictionary with {', '.join(keys)}; {', '.join(missing)} is missing"
        )
    return dict(content)
