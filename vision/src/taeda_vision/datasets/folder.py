"""Images sorted into one folder a class."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from .vision import VisionDataset

__all__ = [
    "IMG_EXTENSIONS",
    "DatasetFolder",
    "ImageFolder",
    "default_loader",
    "find_classes",
    "has_file_allowed_extension",
    "is_image_file",
    "make_dataset",
    "pil_loader",
]

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")

PathLike = str | os.PathLike[str]
IsValid = Callable[[str], bool]


def has_file_allowed_extension(filename: str, extensions: str | tuple[str, ...]) -> bool:
    """Whether ``filename`` ends in one of ``extensions``, in any case."""
    return filename.lower().endswith(extensions)


def is_image_file(filename: str) -> bool:
    """Whether ``filename`` ends as image files do.

    Example:
        >>> is_image_file("cat.JPG"), is_image_file("notes.txt")
        (True, False)
    """
    return has_file_allowed_extension(filename, IMG_EXTENSIONS)


def find_classes(directory: PathLike) -> tuple[list[str], dict[str, int]]:
    """Names of the sub-folders, sorted, and their numbers.

    Raises:
        FileNotFoundError: there is no such folder, or it has no sub-folders.
    """
    folder = Path(directory)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"No such image folder: '{folder}'; expected one sub-folder for each class in it"
        )
    classes = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    if not classes:
        files = sum(1 for entry in os.scandir(folder) if entry.is_file())
        raise FileNotFoundError(
            f"Couldn't find any class folder in {folder}. It holds {files} files and no folders; "
            f"put the images of each class into a folder of their own: {folder}/CLASS/IMAGE"
        )
    return classes, {name: index for index, name in enumerate(classes)}


def make_dataset(
    directory: PathLike,
    class_to_idx: dict[str, int] | None = None,
    extensions: str | tuple[str, ...] | None = None,
    is_valid_file: IsValid | None = None,
    allow_empty: bool = False,
) -> list[tuple[str, int]]:
    """Sorted pairs (path, class number) of all files below the class folders, links followed.

    Args:
        directory: holds one folder a class.
        class_to_idx: numbers of the classes; by default those of ``find_classes``.
        extensions, is_valid_file: exactly one of them decides which files count.
        allow_empty: accept classes without files.

    Raises:
        ValueError: both or none of ``extensions`` and ``is_valid_file``, or no classes.
        FileNotFoundError: a class without valid files.
    """
    if class_to_idx is None:
        _, class_to_idx = find_classes(directory)
    elif not class_to_idx:
        raise ValueError("make_dataset: class_to_idx should name at least one class, got an empty dictionary")
    if (extensions is None) == (is_valid_file is None):
        raise ValueError("make_dataset: pass exactly one of extensions and is_valid_file")
    if is_valid_file is None:

        def is_valid_file(path: str) -> bool:
            return has_file_allowed_extension(path, extensions or ())

    samples: list[tuple[str, int]] = []
    empty: list[str] = []
    for name in sorted(class_to_idx):
        found = [
            (path, class_to_idx[name]) for path in _files_below(Path(directory) / name) if is_valid_file(path)
        ]
        samples += found
        if not found:
            empty.append(name)
    if empty and not allow_empty:
        wanted = extensions if isinstance(extensions, str) else ", ".join(extensions or ())
        supported = f" Supported extensions are: {wanted}" if extensions is not None else ""
        raise FileNotFoundError(
            f"Found no valid file for the classes {', '.join(empty)}.{supported} "
            f"(folder '{directory}'; allow_empty=True accepts empty classes)"
        )
    return samples


def _files_below(folder: Path) -> list[str]:
    found = []
    for root, _, names in sorted(os.walk(folder, followlinks=True)):
        found += [os.path.join(root, name) for name in sorted(names)]
    return found


def pil_loader(path: PathLike) -> Image.Image:
    """Image file as RGB.

    Raises:
        PIL.UnidentifiedImageError: the file is not an image that Pillow can read, or is damaged.
    """
    with open(path, "rb") as file:
        try:
            with Image.open(file) as image:
                converted: Image.Image = image.convert("RGB")
                return converted
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            size = os.path.getsize(path)
            raise UnidentifiedImageError(
                f"'{os.fspath(path)}' ({size} bytes) is not a readable image: {error}; "
                "remove the file or replace it with a whole one"
            ) from error


def default_loader(path: PathLike) -> Image.Image:
    """The loader of ``ImageFolder``: ``pil_loader``."""
    return pil_loader(path)


class DatasetFolder(VisionDataset):
    """Files sorted into one folder a class: ``root/CLASS/any/depth/FILE``.

    Args:
        root: holds the class folders.
        loader: reads a file.
        extensions, is_valid_file: exactly one of them decides which files count.
        transform, target_transform: for the sample and for the class number.
        allow_empty: accept classes without files.

    Attributes:
        classes: names, sorted.
        class_to_idx: number of each name.
        samples: pairs (path, number).
        targets: the numbers.
    """

    def __init__(
        self,
        root: PathLike,
        loader: Callable[[str], Any],
        extensions: tuple[str, ...] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: IsValid | None = None,
        allow_empty: bool = False,
    ) -> None:
        super().__init__(root, transform=transform, target_transform=target_transform)
        folder = str(Path(root).expanduser())
        classes, class_to_idx = self.find_classes(folder)
        self.loader = loader
        self.extensions = extensions
        self.classes = classes
        self.class_to_idx = class_to_idx
        self.samples = self.make_dataset(folder, class_to_idx, extensions, is_valid_file, allow_empty)
        self.targets = [target for _, target in self.samples]

    @staticmethod
    def make_dataset(
        directory: PathLike,
        class_to_idx: dict[str, int],
        extensions: tuple[str, ...] | None = None,
        is_valid_file: IsValid | None = None,
        allow_empty: bool = False,
    ) -> list[tuple[str, int]]:
        """The samples; see the function ``make_dataset``. Override it for another layout."""
        return make_dataset(directory, class_to_idx, extensions, is_valid_file, allow_empty)

    def find_classes(self, directory: PathLike) -> tuple[list[str], dict[str, int]]:
        """The classes; see the function ``find_classes``. Override it for another layout."""
        return find_classes(directory)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, target = self.samples[index]
        return self._apply(self.loader(path), target)

    def __len__(self) -> int:
        return len(self.samples)


class ImageFolder(DatasetFolder):
    """Images sorted into one folder a class: ``root/CLASS/any/depth/IMAGE``, read as RGB.

    Raises:
        FileNotFoundError: no such folder, no class folders, or a class without images.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> (folder / "red").mkdir()
        >>> Image.new("RGB", (4, 4), (255, 0, 0)).save(folder / "red" / "one.png")
        >>> ImageFolder(folder)[0][1]
        0
    """

    def __init__(
        self,
        root: PathLike,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = default_loader,
        is_valid_file: IsValid | None = None,
        allow_empty: bool = False,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty)
        self.imgs = self.samples
