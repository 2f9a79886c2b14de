"""Transforms that change pixel values in place: colour, blur, erasing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor, nn

from . import functional as F
from ._geometry import uniform

__all__ = ["ColorJitter", "GaussianBlur", "RandomErasing", "RandomInvert"]

Range = tuple[float, float]


class ColorJitter(nn.Module):
    """Random brightness, contrast, saturation and hue, in random order.

    Args:
        brightness, contrast, saturation: a number ``x`` for factors from ``[max(0, 1 - x), 1 + x]``, or
            (low, high).
        hue: a number up to 0.5 for shifts from ``[-hue, hue]``, or (low, high).

    Raises:
        ValueError: negative numbers, or ranges outside of what is permitted.
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        super().__init__()
        self.brightness = _factor_range("brightness", brightness, 1.0, (0.0, math.inf))
        self.contrast = _factor_range("contrast", contrast, 1.0, (0.0, math.inf))
        self.saturation = _factor_range("saturation", saturation, 1.0, (0.0, math.inf))
        self.hue = _factor_range("hue", hue, 0.0, (-0.5, 0.5))

    @staticmethod
    def get_params(
        brightness: Range | None, contrast: Range | None, saturation: Range | None, hue: Range | None
    ) -> tuple[Tensor, float | None, float | None, float | None, float | None]:
        """Random order of the four steps and their factors; ``None`` for a step that is off."""
        order = taeda.randperm(4)
        factors = [
            None if ends is None else uniform(ends[0], ends[1])
            for ends in (brightness, contrast, saturation, hue)
        ]
        return order, factors[0], factors[1], factors[2], factors[3]

    def forward(self, img: Any) -> Any:
        """Change the colours of ``img``."""
        order, *factors = self.get_params(self.brightness, self.contrast, self.saturation, self.hue)
        steps = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for index in order.tolist():
            factor = factors[index]
            if factor is not None:
                img = steps[index](img, factor)
        return img

    def __repr__(self) -> str:
        return (
            f"ColorJitter(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


def _factor_range(
    name: str, value: float | Sequence[float], center: float, bounds: tuple[float, float]
) -> Range | None:
    """(low, high) of a factor, or ``None`` when it can only be ``center``."""
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"ColorJitter: {name} should not be negative, got {value}")
        low, high = center - float(value), center + float(value)
        if center == 1.0:
            low = max(low, 0.0)
    elif isinstance(value, Sequence) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"ColorJitter: {name} should be a number or 2 values, got {value!r}")
    if not bounds[0] <= low <= high <= bounds[1]:
        raise ValueError(f"ColorJitter: {name} should be within {bounds}, low before high, got {(low, high)}")
    return None if low == high == center else (low, high)


class GaussianBlur(nn.Module):
    """Gaussian blur with a random sigma.

    Args:
        kernel_size: odd, one value or (x, y) pixels.
        sigma: one value, or (low, high) pixels.
    """

    def __init__(self, kernel_size: int | Sequence[int], sigma: float | Sequence[float] = (0.1, 2.0)) -> None:
        super().__init__()
        sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
        if any(size <= 0 or size % 2 == 0 for size in sizes):
            raise ValueError(f"GaussianBlur: kernel_size should be odd and positive, got {kernel_size!r}")
        ends = (sigma, sigma) if isinstance(sigma, (int, float)) else tuple(sigma)
        if len(ends) != 2 or not 0.0 < ends[0] <= ends[1]:
            raise ValueError(
                f"GaussianBlur: sigma should be positive, one value or (low, high), got {sigma!r}"
            )
        self.kernel_size = tuple(sizes)
        self.sigma = ends

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        """Random sigma."""
        return uniform(sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        """Blur ``img``."""
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"GaussianBlur(kernel_size={self.kernel_size}, sigma={self.sigma})"


class RandomInvert(nn.Module):
    """Negative with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, img: Any) -> Any:
        """Invert ``img`` or leave it."""
        return F.invert(img) if float(taeda.rand(1)) < self.p else img

    def __repr__(self) -> str:
        return f"RandomInvert(p={self.p})"


class RandomErasing(nn.Module):
    """Overwrite a random window of a tensor ``(..., C, H, W)`` with probability ``p`` (Zhong et al. 2017).

    Args:
        p: probability.
        scale: lower and upper share of the image's area.
        ratio: lower and upper height / width.
        value: a number, one number a channel, or "random" for normal noise.
        inplace: change the tensor itself.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(value, str) and value != "random":
            raise ValueError(f"RandomErasing: value should be numbers or 'random', got {value!r}")
        if not 0 <= p <= 1:
            raise ValueError(f"RandomErasing: p should be between 0 and 1, got {p}")
        if not 0 <= scale[0] <= scale[1] <= 1:
            raise ValueError(f"RandomErasing: scale should be (low, high) within 0 and 1, got {scale!r}")
        if not 0 < ratio[0] <= ratio[1]:
            raise ValueError(f"RandomErasing: ratio should be (low, high) and positive, got {ratio!r}")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(
        img: Tensor, scale: Sequence[float], ratio: Sequence[float], value: Sequence[float] | None = None
    ) -> tuple[int, int, int, int, Tensor]:
        """Random row, column, height, width and content; the whole image unchanged after ten misses."""
        channels, height, width = (int(size) for size in img.shape[-3:])
        for _ in range(10):
            area = height * width * uniform(scale[0], scale[1])
            shape = math.exp(uniform(math.log(ratio[0]), math.log(ratio[1])))
            box_height, box_width = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if not (box_height < height and box_width < width):
                continue
            if value is None:
                content = taeda.empty([channels, box_height, box_width], dtype=taeda.float32).normal_()
            else:
                content = taeda.tensor(list(value))[:, None, None]
            top = int(taeda.randint(0, height - box_height + 1, size=(1,)))
            left = int(taeda.randint(0, width - box_width + 1, size=(1,)))
            return top, left, box_height, box_width, content
        return 0, 0, height, width, img

    def forward(self, img: Tensor) -> Tensor:
        """Erase a window of ``img`` or leave it.

        Raises:
            ValueError: ``value`` has neither 1 nor one number a channel.
        """
        if float(taeda.rand(1)) >= self.p:
            return img
        if isinstance(self.value, str):
            values = None
        else:
            values = [float(self.value)] if isinstance(self.value, (int, float)) else list(self.value)
        if values is not None and len(values) not in (1, img.shape[-3]):
            raise ValueError(
                f"RandomErasing: value should be one number or one for each of the {img.shape[-3]} channels, "
                f"got {self.value!r}"
            )
        window = self.get_params(img, self.scale, self.ratio, values)
        return F.erase(img, *window, self.inplace)

    def __repr__(self) -> str:
        return (
            f"RandomErasing(p={self.p}, scale={self.scale}, ratio={self.ratio}, value={self.value}, "
            f"inplace={self.inplace})"
        )
