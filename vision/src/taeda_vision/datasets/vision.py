"""The base class of image data sets."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from taeda.utils.data import Dataset

__all__ = ["StandardTransform", "VisionDataset"]

Transform = Callable[[Any], Any]


class StandardTransform:
    """``transform`` for the image and ``target_transform`` for the target, as one call on both."""

    def __init__(self, transform: Transform | None = None, target_transform: Transform | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, image: Any, target: Any) -> tuple[Any, Any]:
        """Both after their transforms."""
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        lines = [type(self).__name__]
        for head, transform in (
            ("Transform: ", self.transform),
            ("Target transform: ", self.target_transform),
        ):
            if transform is not None:
                lines.append(head + repr(transform).replace("\n", "\n" + " " * len(head)))
        return "\n".join(lines)


class VisionDataset(Dataset[Any]):
    """A data set with a root folder and transforms.

    Args:
        root: folder of the files.
        transforms: called with image and target; excludes the other two.
        transform: called with the image.
        target_transform: called with the target.

    Raises:
        ValueError: ``transforms`` together with one of the others.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError(
                f"{type(self).__name__}: pass either transforms or transform/target_transform, not both"
            )
        self.root = Path(root).expanduser() if isinstance(root, (str, os.PathLike)) else root
        self.transform = transform
        self.target_transform = target_transform
        if transforms is None and (transform is not None or target_transform is not None):
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} should define __getitem__(index)")

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} should define __len__()")

    def _apply(self, image: Any, target: Any) -> tuple[Any, Any]:
        """``image`` and ``target`` after the transforms."""
        if self.transforms is None:
            return image, target
        image, target = self.transforms(image, target)
        return image, target

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        if self.root is not None:
            body.append(f"Root location: {self.root}")
        body += [line for line in self.extra_repr().splitlines() if line]
        if self.transforms is not None:
            body += repr(self.transforms).splitlines()
        return "\n".join([f"Dataset {type(self).__name__}", *("    " + line for line in body)])

    def extra_repr(self) -> str:
        """Further lines of the description."""
        return ""
