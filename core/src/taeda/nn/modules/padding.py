"""Padding layers."""

from __future__ import annotations

from typing import Any

from taeda import Tensor

from .. import functional as F
from .._functional._shared import sizes
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _PadNd(Module):
    """Padding of the last dimensions: one number for all sides, or (before, after) from the last one on."""

    _dims: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = sizes(padding, 2 * self._dims)

    def forward(self, input: Tensor) -> Tensor:
        """Widened by the padding."""
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        """The padding."""
        return f"{self.padding}"


class _ConstantPadNd(_PadNd):
    _mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Widened by the padding."""
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        """The padding and its value."""
        return f"padding={self.padding}, value={self.value}"


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        """The padding."""
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        """Widened by the padding."""
        if input.dim() not in (self._dims + 1, self._dims + 2):
            raise ValueError(
                f"expected {self._dims + 1}D or {self._dims + 2}D input (got {input.dim()}D input)"
            )
        return F.pad(input, self.padding, "circular")


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with a value.

    Args:
        padding: elements on each side, or (left, right).
        value: what is filled in.
    """

    _dims = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with a value.

    Args:
        padding: elements on each side, or (left, right, top, bottom).
        value: what is filled in.
    """

    _dims = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with a value.

    Args:
        padding: elements on each side, or (left, right, top, bottom, front, back).
        value: what is filled in.
    """

    _dims = 3


class ZeroPad1d(_ZeroPadNd):
    """Pads the last dimension with 0.

    Args:
        padding: elements on each side, or (left, right).
    """

    _dims = 1


class ZeroPad2d(_ZeroPadNd):
    """Pads the last two dimensions with 0.

    Args:
        padding: elements on each side, or (left, right, top, bottom).
    """

    _dims = 2


class ZeroPad3d(_ZeroPadNd):
    """Pads the last three dimensions with 0.

    Args:
        padding: elements on each side, or (left, right, top, bottom, front, back).
    """

    _dims = 3


class ReflectionPad1d(_PadNd):
    """Mirrors (N, C, L) or (C, L) at its edges, without repeating them.

    Args:
        padding: elements on each side, or (left, right).
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    """Mirrors (N, C, H, W) or (C, H, W) at its edges, without repeating them.

    Args:
        padding: elements on each side, or (left, right, top, bottom).
    """

    _dims, _mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    """Mirrors (N, C, D, H, W) or (C, D, H, W) at its edges, without repeating them.

    Args:
        padding: elements on each side, or (left, right, top, bottom, front, back).
    """

    _dims, _mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    """Repeats the edges of (N, C, L) or (C, L).

    Args:
        padding: elements on each side, or (left, right).
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    """Repeats the edges of (N, C, H, W) or (C, H, W).

    Args:
        padding: elements on each side, or (left, right, top, bottom).
    """

    _dims, _mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    """Repeats the edges of (N, C, D, H, W) or (C, D, H, W).

    Args:
        padding: elements on each side, or (left, right, top, bottom, front, back).
    """

    _dims, _mode = 3, "replicate"


class CircularPad1d(_CircularPadNd):
    """Continues (N, C, L) or (C, L) from its other end.

    Args:
        padding: elements on each side, or (left, right).
    """

    _dims = 1


class CircularPad2d(_CircularPadNd):
    """Continues (N, C, H, W) or (C, H, W) from its other ends.

    Args:
        padding: elements on each side, or (left, right, top, bottom).
    """

    _dims = 2


class CircularPad3d(_CircularPadNd):
    """Continues (N, C, D, H, W) or (C, D, H, W) from its other ends.

    Args:
        padding: elements on each side, or (left, right, top, bottom, front, back).
    """

    _dims = 3
