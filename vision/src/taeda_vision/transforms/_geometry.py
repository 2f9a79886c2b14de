"""Transforms that move pixels: resize, crop, flip, pad, rotate, warp."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import taeda
from taeda import nn

from . import functional as F
from ._interpolation import InterpolationMode, interpolation_mode
from .functional import Fill

__all__ = [
    "CenterCrop",
    "FiveCrop",
    "Pad",
    "RandomAffine",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "TenCrop",
]


def uniform(low: float, high: float) -> float:
    """One number from ``[low, high)`` of taeda's random stream."""
    return float(taeda.empty(1).uniform_(float(low), float(high)))


def _random_int(low: int, high: int) -> int:
    return int(taeda.randint(low, high, size=(1,)))


def _size_pair(size: int | Sequence[int], op: str) -> tuple[int, int]:
    if isinstance(size, numbers.Integral):
        return int(size), int(size)
    if not isinstance(size, Sequence) or len(size) not in (1, 2):
        raise ValueError(f"{op}: size should be an int or (height, width), got {size!r}")
    return (size[0], size[0]) if len(size) == 1 else (size[0], size[1])


def _interval(value: float | Sequence[float], op: str, name: str) -> tuple[float, ...]:
    """(-value, value), or the 2 given ends."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"{op}: a single {name} should not be negative, got {value}")
        return (-float(value), float(value))
    if not isinstance(value, Sequence):
        raise TypeError(f"{op}: {name} should be a number or a sequence, got {type(value).__name__}")
    if len(value) != 2:
        raise ValueError(f"{op}: {name} should be a number or 2 values, got {value!r}")
    return tuple(float(end) for end in value)


class Resize(nn.Module):
    """Resize to ``size``: (height, width), or the length of the shorter edge; see ``functional.resize``."""

    def __init__(
        self,
        size: int | Sequence[int] | None,
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if size is not None and not isinstance(size, (int, Sequence)):
            raise TypeError(f"Resize: size should be an int or a sequence, got {type(size).__name__}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError(f"Resize: size should be an int or 1 or 2 values, got {size!r}")
        self.size = size
        self.max_size = max_size
        self.interpolation = interpolation_mode(interpolation, "Resize")
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        """Resize ``img``."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (
            f"Resize(size={self.size}, interpolation={self.interpolation.value}, max_size={self.max_size}, "
            f"antialias={self.antialias})"
        )


class CenterCrop(nn.Module):
    """The middle of the image, padded with zeros where the image is smaller."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = _size_pair(size, "CenterCrop")

    def forward(self, img: Any) -> Any:
        """Crop ``img``."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return f"CenterCrop(size={self.size})"


class FiveCrop(nn.Module):
    """Tuple of the four corners and the middle."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = _size_pair(size, "FiveCrop")

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Crop ``img``."""
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return f"FiveCrop(size={self.size})"


class TenCrop(nn.Module):
    """``FiveCrop`` of the image and of its mirror image."""

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = _size_pair(size, "TenCrop")
        self.vertical_flip = vertical_flip

    def forward(self, img: Any) -> tuple[Any, ...]:
        """Crop ``img``."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return f"TenCrop(size={self.size}, vertical_flip={self.vertical_flip})"


class Pad(nn.Module):
    """Add a border; see ``functional.pad``."""

    def __init__(
        self, padding: int | Sequence[int], fill: float | Sequence[float] = 0, padding_mode: str = "constant"
    ) -> None:
        super().__init__()
        if not isinstance(padding, int) and len(padding) not in (1, 2, 4):
            raise ValueError(f"Pad: padding should be an int or 1, 2 or 4 values, got {padding!r}")
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: Any) -> Any:
        """Pad ``img``."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return f"Pad(padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode})"


class RandomCrop(nn.Module):
    """A random window of ``size``, after optional padding.

    Args:
        size: an int or (height, width).
        padding: border added first.
        pad_if_needed: enlarge images that are too small.
        fill, padding_mode: as for ``functional.pad``.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = _size_pair(size, "RandomCrop")
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Random top, left, height, width of the window.

        Raises:
            ValueError: the window is larger than the image.
        """
        _, height, width = F.get_dimensions(img)
        crop_height, crop_width = output_size
        if height < crop_height or width < crop_width:
            raise ValueError(
                f"RandomCrop: crop {(crop_height, crop_width)} is larger than the image {(height, width)}; "
                "set pad_if_needed=True or resize first"
            )
        if (height, width) == (crop_height, crop_width):
            return 0, 0, height, width
        top = _random_int(0, height - crop_height + 1)
        left = _random_int(0, width - crop_width + 1)
        return top, left, crop_height, crop_width

    def forward(self, img: Any) -> Any:
        """Crop ``img``."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        _, height, width = F.get_dimensions(img)
        if self.pad_if_needed and width < self.size[1]:
            img = F.pad(img, [self.size[1] - width, 0], self.fill, self.padding_mode)
        if self.pad_if_needed and height < self.size[0]:
            img = F.pad(img, [0, self.size[0] - height], self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"RandomCrop(size={self.size}, padding={self.padding})"


class RandomResizedCrop(nn.Module):
    """A random window of random area and shape, resized to ``size`` (Szegedy et al. 2014).

    Args:
        size: output, an int or (height, width).
        scale: lower and upper share of the image's area.
        ratio: lower and upper width / height.
        interpolation, antialias: of the resize.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("ratio", ratio)):
            if not isinstance(value, Sequence):
                raise TypeError(f"RandomResizedCrop: {name} should be (low, high), got {value!r}")
            if value[0] > value[1]:
                raise ValueError(f"RandomResizedCrop: {name} should be (low, high), got {value!r}")
        self.size = _size_pair(size, "RandomResizedCrop")
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation_mode(interpolation, "RandomResizedCrop")
        self.antialias = antialias

    @staticmethod
    def get_params(img: Any, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Random top, left, height, width; after ten misses the largest central window that fits."""
        _, height, width = F.get_dimensions(img)
        low, high = math.log(ratio[0]), math.log(ratio[1])
        for _ in range(10):
            area = height * width * uniform(scale[0], scale[1])
            shape = math.exp(uniform(low, high))
            crop_width, crop_height = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if 0 < crop_width <= width and 0 < crop_height <= height:
                top = _random_int(0, height - crop_height + 1)
                left = _random_int(0, width - crop_width + 1)
                return top, left, crop_height, crop_width
        shape = min(max(width / height, min(ratio)), max(ratio))
        crop_height = height if width / height >= shape else round(width / shape)
        crop_width = width if width / height <= shape else round(height * shape)
        return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width

    def forward(self, img: Any) -> Any:
        """Crop and resize ``img``."""
        window = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, *window, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self) -> str:
        return (
            f"RandomResizedCrop(size={self.size}, scale={tuple(round(s, 4) for s in self.scale)}, "
            f"ratio={tuple(round(r, 4) for r in self.ratio)}, interpolation={self.interpolation.value}, "
            f"antialias={self.antialias})"
        )


class RandomHorizontalFlip(nn.Module):
    """Mirror left and right with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Flip ``img`` or leave it."""
        return F.hflip(img) if float(taeda.rand(1)) < self.p else img

    def __repr__(self) -> str:
        return f"RandomHorizontalFlip(p={self.p})"


class RandomVerticalFlip(nn.Module):
    """Mirror top and bottom with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Flip ``img`` or leave it."""
        return F.vflip(img) if float(taeda.rand(1)) < self.p else img

    def __repr__(self) -> str:
        return f"RandomVerticalFlip(p={self.p})"


class RandomRotation(nn.Module):
    """Rotate by an angle from ``degrees``: (low, high), or (-degrees, degrees); see ``functional.rotate``."""

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.degrees = _interval(degrees, "RandomRotation", "degrees")
        self.interpolation = interpolation_mode(interpolation, "RandomRotation")
        self.expand = expand
        self.center = center
        self.fill = fill

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """Random angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: Any) -> Any:
        """Rotate ``img``."""
        angle = self.get_params(self.degrees)
        return F.rotate(img, angle, self.interpolation, self.expand, self.center, self.fill)

    def __repr__(self) -> str:
        return (
            f"RandomRotation(degrees={list(self.degrees)}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}, fill={self.fill})"
        )


class RandomAffine(nn.Module):
    """Random rotation, shift, scale and shear that keep the centre; see ``functional.affine``.

    Args:
        degrees: (low, high) or (-degrees, degrees).
        translate: largest shift as shares of width and height.
        scale: (low, high).
        shear: x shear in degrees: one number for (-shear, shear), 2 values, or 4 for x and y.
        interpolation, fill, center: as for ``functional.affine``.
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = _interval(degrees, "RandomAffine", "degrees")
        if translate is not None and (
            len(translate) != 2 or not all(0.0 <= share <= 1.0 for share in translate)
        ):
            raise ValueError(f"RandomAffine: translate should be 2 shares between 0 and 1, got {translate!r}")
        if scale is not None and (len(scale) != 2 or any(factor <= 0 for factor in scale)):
            raise ValueError(f"RandomAffine: scale should be 2 positive factors, got {scale!r}")
        if shear is None or (isinstance(shear, Sequence) and len(shear) == 4):
            self.shear = None if shear is None else [float(end) for end in shear]
        else:
            self.shear = list(_interval(shear, "RandomAffine", "shear"))
        self.translate = translate
        self.scale = scale
        self.interpolation = interpolation_mode(interpolation, "RandomAffine")
        self.fill = fill
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Random angle, shift in pixels, scale and shear for an image of (width, height)."""
        angle = uniform(degrees[0], degrees[1])
        shift = (0, 0)
        if translate is not None:
            limits = [share * size for share, size in zip(translate, img_size, strict=True)]
            shift = (round(uniform(-limits[0], limits[0])), round(uniform(-limits[1], limits[1])))
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        shear_x = uniform(shears[0], shears[1]) if shears is not None else 0.0
        shear_y = uniform(shears[2], shears[3]) if shears is not None and len(shears) == 4 else 0.0
        return angle, shift, scale, (shear_x, shear_y)

    def forward(self, img: Any) -> Any:
        """Warp ``img``."""
        size = F.get_image_size(img)
        parameters = self.get_params(self.degrees, self.translate, self.scale, self.shear, size)
        return F.affine(
            img, *parameters, interpolation=self.interpolation, fill=self.fill, center=self.center
        )

    def __repr__(self) -> str:
        parts = [f"degrees={list(self.degrees)}"]
        named = (("translate", self.translate), ("scale", self.scale), ("shear", self.shear))
        parts += [f"{name}={value}" for name, value in named if value is not None]
        return f"RandomAffine({', '.join(parts)})"
