"""Transforms that change the kind of an image: PIL, tensor, dtype, colour space, scale of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

import taeda
from taeda import Tensor, nn

from . import functional as F

__all__ = [
    "ConvertImageDtype",
    "Grayscale",
    "Normalize",
    "PILToTensor",
    "RandomGrayscale",
    "ToPILImage",
    "ToTensor",
]


class ToTensor:
    """PIL image or array ``(H, W, C)`` to a tensor ``(C, H, W)``; 0..255 bytes become 0..1 floats.

    Example:
        >>> float(ToTensor()(Image.new("L", (2, 2), 255)).max())
        1.0
    """

    def __call__(self, pic: Image.Image | np.ndarray[Any, Any]) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return "ToTensor()"


class PILToTensor:
    """PIL image to a tensor ``(C, H, W)`` of the same values, not rescaled."""

    def __call__(self, pic: Image.Image) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return "PILToTensor()"


class ConvertImageDtype(nn.Module):
    """Tensor image to ``dtype``, rescaled so that white stays white."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        if not isinstance(dtype, taeda.dtype):
            raise TypeError(f"ConvertImageDtype: dtype should be a taeda.dtype, got {dtype!r}")
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """Convert ``image``."""
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage:
    """Tensor ``(C, H, W)`` or array ``(H, W, C)`` to a PIL image of ``mode``."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Tensor | np.ndarray[Any, Any]) -> Image.Image:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"ToPILImage({f'mode={self.mode}' if self.mode is not None else ''})"


class Normalize(nn.Module):
    """``(tensor - mean) / std`` per channel of float tensors ``(..., C, H, W)``."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """Normalise ``tensor``."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean}, std={self.std})"


class Grayscale(nn.Module):
    """Luma with 1 or 3 equal channels."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        """Convert ``img``."""
        return F.rgb_to_grayscale(img, self.num_output_channels)

    def __repr__(self) -> str:
        return f"Grayscale(num_output_channels={self.num_output_channels})"


class RandomGrayscale(nn.Module):
    """Luma, with as many channels as before, with probability ``p``."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Convert ``img`` or leave it."""
        if float(taeda.rand(1)) < self.p:
            return F.rgb_to_grayscale(img, F.get_image_num_channels(img))
        return img

    def __repr__(self) -> str:
        return f"RandomGrayscale(p={self.p})"
