"""Random images, for trying code out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import taeda

from ..transforms.functional import to_pil_image
from .vision import VisionDataset

__all__ = ["FakeData"]


class FakeData(VisionDataset):
    """Random normal images and labels; the same index always gives the same sample.

    Args:
        size: number of samples.
        image_size: (channels, height, width).
        num_classes: labels are 0 .. num_classes - 1.
        transform, target_transform: for the PIL image and for the label.
        random_offset: added to the index to seed a sample.

    Example:
        >>> image, label = FakeData(size=3, image_size=(3, 8, 6), num_classes=2)[0]
        >>> image.size, label in (0, 1)
        ((6, 8), True)
    """

    def __init__(
        self,
        size: int = 1000,
        image_size: tuple[int, int, int] = (3, 224, 224),
        num_classes: int = 10,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        random_offset: int = 0,
    ) -> None:
        super().__init__(transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if not 0 <= index < self.size:
            raise IndexError(f"FakeData: index {index} is out of range for {self.size} samples")
        generator = taeda.Generator().manual_seed(index + self.random_offset)
        image = taeda.randn(*self.image_size, generator=generator)
        target = int(taeda.randint(0, self.num_classes, size=(1,), generator=generator))
        return self._apply(to_pil_image(image.clamp(0, 1)), target)

    def __len__(self) -> int:
        return self.size
