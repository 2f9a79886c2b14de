"""The interpolation modes, for PIL images and for tensors."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from PIL import Image

__all__ = ["InterpolationMode", "interpolation_mode", "pil_filter", "tensor_mode"]


class InterpolationMode(Enum):
    """How a pixel between pixels is computed; BOX, HAMMING and LANCZOS are for PIL images only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_PIL_RESAMPLE = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
}
_TENSOR_MODES = ("nearest", "nearest-exact", "bilinear", "bicubic")


def interpolation_mode(value: InterpolationMode | int | str, op: str) -> InterpolationMode:
    """``value`` as an ``InterpolationMode``; Pillow's numbers and the modes' names are understood."""
    if isinstance(value, InterpolationMode):
        return value
    by_number = {number: mode for mode, number in _PIL_RESAMPLE.items() if mode.value != "nearest-exact"}
    if isinstance(value, int) and value in by_number:
        return by_number[value]
    if isinstance(value, str) and value in {mode.value for mode in InterpolationMode}:
        return InterpolationMode(value)
    raise TypeError(
        f"{op}: interpolation should be an InterpolationMode, got {value!r}; "
        f"one of {', '.join(mode.name for mode in InterpolationMode)}"
    )


def tensor_mode(mode: InterpolationMode, op: str, permitted: Sequence[str] = _TENSOR_MODES) -> str:
    """Name of ``mode`` for tensors, ``ValueError`` if it is for PIL images only."""
    if mode.value not in permitted:
        raise ValueError(
            f"{op}: interpolation {mode.value!r} is for PIL images only; tensors take {', '.join(permitted)}"
        )
    return mode.value


def pil_filter(mode: InterpolationMode) -> Image.Resampling:
    """Pillow's filter for ``mode``."""
    return Image.Resampling(_PIL_RESAMPLE[mode])
