"""The geometry of affine maps of images."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["expanded_size", "inverse_affine_matrix"]


def inverse_affine_matrix(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
) -> list[float]:
    """2x3 matrix, row by row, from output to input pixels of: shear, rotate clockwise, scale, translate.

    The forward map is ``T(translate) C R(angle) S(shear) scale C^-1`` with C the shift to ``center``.
    """
    turn, shear_x, shear_y = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    # R(turn) S_y S_x without scale, then its inverse from the adjugate (the determinant is 1).
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -math.cos(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -math.sin(turn - shear_y) * math.tan(shear_x) / math.cos(shear_y) + math.cos(turn)
    inverse = [d / scale, -b / scale, -c / scale, a / scale]
    offset_x, offset_y = -center[0] - translate[0], -center[1] - translate[1]
    return [
        inverse[0],
        inverse[1],
        inverse[0] * offset_x + inverse[1] * offset_y + center[0],
        inverse[2],
        inverse[3],
        inverse[2] * offset_x + inverse[3] * offset_y + center[1],
    ]


def expanded_size(matrix: Sequence[float], height: int, width: int) -> tuple[int, int]:
    """Height and width of the box around a rotated image; distances under 1e-4 pixels are rounding noise."""
    half_width, half_height = width * 0.5, height * 0.5
    corners = [(x, y) for x in (-half_width, half_width) for y in (-half_height, half_height)]
    xs = [matrix[0] * x + matrix[1] * y + half_width for x, y in corners]
    ys = [matrix[3] * x + matrix[4] * y + half_height for x, y in corners]

    def extent(values: Sequence[float]) -> int:
        low, high = (round(value * 1e4) / 1e4 for value in (min(values), max(values)))
        return math.ceil(high) - math.floor(low)

    return extent(ys), extent(xs)
