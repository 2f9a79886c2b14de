"""Preprocessing that belongs to published weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taeda import Tensor, nn

from . import functional as F
from .functional import InterpolationMode

__all__ = ["GlyphClassification", "ImageClassification"]


class ImageClassification(nn.Module):
    """Resize, central crop, scale to 0..1, normalise: PIL image or tensor to ``(..., C, crop, crop)``.

    Args:
        crop_size: edge of the crop in pixels.
        resize_size: length of the shorter edge before cropping.
        mean, std: per channel; ImageNet's by default.
        interpolation: of the resize.
        antialias: low-pass filter tensors when shrinking.
    """

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Tensor:
        """Preprocess one image or a batch of tensors."""
        img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        img = F.center_crop(img, self.crop_size)
        if not isinstance(img, Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img), mean=self.mean, std=self.std)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(crop_size={self.crop_size}, resize_size={self.resize_size}, "
            f"mean={self.mean}, std={self.std}, interpolation={self.interpolation})"
        )


class GlyphClassification(nn.Module):
    """Grey, ``size`` x ``size`` pixels, scaled to -1..1: PIL image or tensor to ``(..., 1, size, size)``.

    Args:
        size: edge in pixels; the aspect ratio is not kept.
    """

    def __init__(self, *, size: int = 32) -> None:
        super().__init__()
        self.size = size

    def forward(self, img: Any) -> Tensor:
        """Preprocess one image or a batch of tensors."""
        img = F.rgb_to_grayscale(img) if F.get_image_num_channels(img) != 1 else img
        img = F.resize(img, [self.size, self.size], interpolation=InterpolationMode.BILINEAR)
        if not isinstance(img, Tensor):
            img = F.pil_to_tensor(img)
        return F.normalize(F.convert_image_dtype(img), mean=[0.5], std=[0.5])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"
