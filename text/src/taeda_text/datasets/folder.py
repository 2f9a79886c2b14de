"""Labelled texts from a folder with one sub-folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from taeda.utils.data import Dataset

__all__ = ["TextFolder"]


class TextFolder(Dataset[tuple[Any, int]]):
    """``root/CLASS/*.txt`` as a map-style data set of (text, class index); files are read when asked for.

    Args:
        root: the folder with the class folders.
        classes: names of the class folders in index order; None takes all, sorted.
        extensions: which files count.
        transform: applied to each text.

    Attributes:
        classes: names of the classes in index order.
        samples: path and class index of each text, in order of class and file name.

    Raises:
        FileNotFoundError: the folder, a class folder, or all text files are missing.
    """

    def __init__(
        self,
        root: str | Path,
        classes: Sequence[str] | None = None,
        extensions: Sequence[str] = (".txt",),
        transform: Callable[[str], Any] | None = None,
    ) -> None:
        self.root = Path(root)
        self.transform = transform
        if not self.root.is_dir():
            raise FileNotFoundError(
                f"TextFolder: no folder {self.root}; expected one with a sub-folder for each class"
            )
        found = sorted(entry.name for entry in self.root.iterdir() if entry.is_dir())
        self.classes = list(classes) if classes is not None else found
        missing = [name for name in self.classes if name not in found]
        if missing or not self.classes:
            raise FileNotFoundError(
                f"TextFolder: {self.root} lacks the class folders {missing or '(any)'}; it has {found}"
            )
        self.samples = [
            (path, index)
            for index, name in enumerate(self.classes)
            for path in sorted((self.root / name).iterdir())
            if path.suffix.lower() in extensions
        ]
        if not self.samples:
            raise FileNotFoundError(
                f"TextFolder: the class folders {self.classes} of {self.root} hold no file with "
                f"{tuple(extensions)}"
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """The (transformed) text and the class index of a file.

        Raises:
            ValueError: the file is not UTF-8 text.
        """
        path, label = self.samples[index]
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"TextFolder: {path} is not UTF-8 text: {error}") from error
        return (text if self.transform is None else self.transform(text)), label
