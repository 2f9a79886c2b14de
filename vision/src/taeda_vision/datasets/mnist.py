"""MNIST and the data sets in its file format (idx)."""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import taeda
from taeda import Tensor

from ._files import RemoteFile, fetch, missing_files_error
from .vision import VisionDataset

__all__ = ["KMNIST", "MNIST", "FashionMNIST", "read_idx"]

_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> Tensor:
    """Tensor in an idx file, plain or gzipped (``.gz``).

    Raises:
        ValueError: not an idx file, or cut short; says which bytes were expected.
    """
    path = Path(path)
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"'{path}' is a damaged gzip file: {error}; delete it and download it again"
        ) from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _IDX_TYPES:
        raise ValueError(
            f"'{path}' is not an idx file: it begins with {content[:4]!r}, expected two zero bytes"
        )
    dims = content[3]
    start = 4 + 4 * dims
    if len(content) < start:
        raise ValueError(
            f"'{path}' is cut short: {len(content)} bytes do not hold the sizes of {dims} dimensions"
        )
    shape = struct.unpack(f">{dims}I", content[4:start])
    dtype = np.dtype(_IDX_TYPES[content[2]])
    expected = start + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise ValueError(
            f"'{path}' holds {len(content)} bytes, its header announces {expected} for shape {shape}; "
            "delete it and download it again"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return taeda.from_numpy(array.astype(dtype.newbyteorder("=")))


class MNIST(VisionDataset):
    """Handwritten digits, 28x28 grey, 60,000 for training and 10,000 for testing (LeCun et al. 1998).

    Files are kept as ``root/MNIST/raw/train-images-idx3-ubyte`` and so on, plain or gzipped.

    Args:
        root: folder above ``MNIST/raw``.
        train: the training or the test part.
        transform, target_transform: for the PIL image and for the class number.
        download: fetch missing files.

    Attributes:
        data: uint8 tensor ``(N, 28, 28)``.
        targets: int64 tensor ``(N,)``.

    Raises:
        RuntimeError: the files are not there, or cannot be downloaded.
        ValueError: damaged files.
    """

    mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    checksums: tuple[str, str, str, str] = (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    )
    classes: tuple[str, ...] = (
        "0 - zero",
        "1 - one",
        "2 - two",
        "3 - three",
        "4 - four",
        "5 - five",
        "6 - six",
        "7 - seven",
        "8 - eight",
        "9 - nine",
    )

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
        if download and not self._check_exists():
            fetch(self._files(), self.raw_folder, type(self).__name__)
        if not self._check_exists():
            raise missing_files_error(type(self).__name__, self.raw_folder, self._files())
        prefix = "train" if train else "t10k"
        self.data = self._read(f"{prefix}-images-idx3-ubyte", 3)
        self.targets = self._read(f"{prefix}-labels-idx1-ubyte", 1).long()
        if len(self.data) != len(self.targets):
            raise ValueError(
                f"{type(self).__name__}: {len(self.data)} images but {len(self.targets)} labels "
                f"in '{self.raw_folder}'"
            )

    @property
    def raw_folder(self) -> Path:
        """Folder of the files."""
        return Path(self.root or ".") / type(self).__name__ / "raw"

    @property
    def class_to_idx(self) -> dict[str, int]:
        """Number of each class name."""
        return {name: index for index, name in enumerate(self.classes)}

    def _files(self) -> list[RemoteFile]:
        names = [
            f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
        ]
        return [
            RemoteFile(name, tuple(mirror + name for mirror in self.mirrors), md5)
            for name, md5 in zip(names, self.checksums, strict=True)
        ]

    def _path(self, name: str) -> Path | None:
        candidates = (self.raw_folder / name, self.raw_folder / f"{name}.gz")
        return next((path for path in candidates if path.is_file()), None)

    def _check_exists(self) -> bool:
        return all(self._path(file.name.removesuffix(".gz")) is not None for file in self._files())

    def _read(self, name: str, dims: int) -> Tensor:
        path = self._path(name)
        assert path is not None
        tensor = read_idx(path)
        if tensor.ndim != dims or tensor.dtype != taeda.uint8:
            raise ValueError(
                f"'{path}': expected bytes in {dims} dimensions, got {tensor.dtype} "
                f"of shape {tuple(tensor.shape)}"
            )
        return tensor

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        image = Image.fromarray(self.data[index].numpy())
        return self._apply(image, int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """Which part."""
        return f"Split: {'Train' if self.train else 'Test'}"


class FashionMNIST(MNIST):
    """Clothes, 28x28 grey, in MNIST's format and sizes (Xiao, Rasul, Vollgraf 2017)."""

    mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    )
    checksums = (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    )
    classes = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )


class KMNIST(MNIST):
    """Cursive Japanese characters, 28x28 grey, in MNIST's format and sizes (Clanuwat et al. 2018)."""

    mirrors = ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",)
    checksums = (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    )
    classes = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
