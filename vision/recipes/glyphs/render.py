"""Distorted glyph pictures by the batch, from masters and a NumPy generator alone: a seed fixes them."""

from __future__ import annotations

import numpy as np

__all__ = ["IMAGE_SIZE", "distort", "make_batch"]

IMAGE_SIZE = 32

Array = np.ndarray


def make_batch(masters: Array, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """``count`` random glyphs: float32 pictures ``(count, 1, 32, 32)`` in -1..1 and int64 labels."""
    drawn = np.argwhere(masters.any(axis=(2, 3)))
    fonts, labels = drawn[rng.integers(0, len(drawn), count)].T
    return distort(masters[fonts, labels], rng), labels.astype(np.int64)


def distort(glyphs: Array, rng: np.random.Generator) -> Array:
    """Masters uint8 ``(N, S, S)`` to distorted pictures float32 ``(N, 1, 32, 32)`` in -1..1."""
    count = len(glyphs)
    x, y = _sampling_grid(glyphs, rng)
    pictures = _sample(_thicken(glyphs, rng), x, y)
    pictures = _lower_resolution(pictures, rng)
    pictures = _blur(pictures, rng.uniform(0, 0.5, count) * (rng.random(count) < 0.5))
    contrast = rng.uniform(0.45, 1.0, (count, 1, 1)).astype(np.float32)
    floor = rng.uniform(0, 1, (count, 1, 1)).astype(np.float32) * (1 - contrast)
    pictures = pictures * contrast + floor
    noise = (rng.uniform(0, 0.1, (count, 1, 1)) * (rng.random((count, 1, 1)) < 0.5)).astype(np.float32)
    pictures += noise * contrast * rng.standard_normal(pictures.shape, dtype=np.float32)
    inverted = rng.random(count) < 0.3
    pictures[inverted] = 1 - pictures[inverted]
    return (np.clip(pictures, 0, 1) * 2 - 1)[:, None].astype(np.float32)


def _thicken(glyphs: Array, rng: np.random.Generator) -> Array:
    """Move the outline in or out: blur the master and cut it at another level than one half."""
    soft = glyphs.astype(np.float32) / 255
    wide = _blur(
        _blur(_blur(soft, np.full(len(soft), 1.0)), np.full(len(soft), 1.0)), np.full(len(soft), 1.0)
    )
    level = rng.uniform(0.15, 0.6, (len(soft), 1, 1)).astype(np.float32)
    moved = np.clip((wide - level) * 3 + 0.5, 0, 1)
    changed = (rng.random((len(soft), 1, 1)) < 0.7).astype(np.float32)
    return changed * moved + (1 - changed) * soft


def _blur(pictures: Array, weight: Array) -> Array:
    """Three-tap blur in both directions: ``weight`` 0 leaves a picture, 1 averages with its neighbours."""
    side = (np.asarray(weight, np.float32) / 3)[:, None, None]
    for axis in (1, 2):
        width = [(0, 0), (0, 0), (0, 0)]
        width[axis] = (1, 1)
        padded = np.pad(pictures, width, mode="edge")
        before = padded[:, :-2] if axis == 1 else padded[:, :, :-2]
        after = padded[:, 2:] if axis == 1 else padded[:, :, 2:]
        pictures = (1 - 2 * side) * pictures + side * (before + after)
    return pictures


def _sampling_grid(glyphs: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Where output pixels look in the master: scale, aspect, shear, rotation, shift, tilt, elastic."""
    count, size = len(glyphs), glyphs.shape[-1]
    steps = (np.arange(IMAGE_SIZE, dtype=np.float32) + 0.5) / IMAGE_SIZE * 2 - 1
    u, v = np.meshgrid(steps, steps)
    angle = rng.normal(0, 9, count) * np.pi / 180
    shear = rng.normal(0, 0.2, count)
    zoom = np.exp(rng.normal(0.0, 0.13, count)) * 1.12
    aspect = np.exp(rng.normal(0, 0.14, count))
    fill = rng.random(count) < 0.3
    box_x, box_y = _half_extent(glyphs)
    scale_x = np.where(fill, box_x, 1.0) * zoom * aspect
    scale_y = np.where(fill, box_y, 1.0) * zoom / aspect
    cosine, sine = np.cos(angle), np.sin(angle)
    shift = rng.normal(0, 0.06, (2, count))

    def column(values: Array) -> Array:
        return values.astype(np.float32)[:, None, None]

    tilt = rng.normal(0, 0.08, (2, count))
    depth = 1 + column(tilt[0]) * u + column(tilt[1]) * v
    pu, pv = u * depth, v * depth
    x = column(scale_x * cosine) * pu + column(scale_x * (shear - sine)) * pv + column(shift[0])
    y = column(scale_y * sine) * pu + column(scale_y * cosine) * pv + column(shift[1])
    strength = column(np.abs(rng.normal(0, 0.05, count)))
    x = x + strength * _smooth_field(count, rng)
    y = y + strength * _smooth_field(count, rng)
    return (x + 1) * (size / 2) - 0.5, (y + 1) * (size / 2) - 0.5


def _half_extent(glyphs: Array) -> tuple[Array, Array]:
    """Half width and half height of the ink, as shares of the picture's half size."""
    size = glyphs.shape[-1]
    distance = np.abs(np.arange(size) + 0.5 - size / 2) / (size / 2)
    ink = glyphs > 64
    half_x = np.max(ink.any(axis=1) * distance, axis=1)
    half_y = np.max(ink.any(axis=2) * distance, axis=1)
    return np.maximum(half_x, 0.3), np.maximum(half_y, 0.3)


def _smooth_field(count: int, rng: np.random.Generator) -> Array:
    """Unit random values on a 5x5 lattice, interpolated to every pixel: the elastic displacement."""
    lattice = rng.standard_normal((count, 5, 5), dtype=np.float32)
    mix = _linear_interpolation(5, IMAGE_SIZE)
    return np.einsum("ia,nab,jb->nij", mix, lattice, mix, optimize=True)


def _linear_interpolation(source: int, target: int) -> Array:
    """Matrix ``(target, source)`` that stretches a line of ``source`` values to ``target`` points."""
    position = np.clip((np.arange(target) + 0.5) / target * source - 0.5, 0, source - 1)
    return np.maximum(0, 1 - np.abs(position[:, None] - np.arange(source))).astype(np.float32)


def _sample(pictures: Array, x: Array, y: Array) -> Array:
    """Bilinear values at ``x``, ``y``; black outside."""
    count, size = pictures.shape[:2]
    padded = np.pad(pictures, ((0, 0), (1, 1), (1, 1)))
    x, y = np.clip(x + 1, 0, size), np.clip(y + 1, 0, size)
    left, top = x.astype(np.int32), y.astype(np.int32)
    share_x, share_y = x - left, y - top
    stride = size + 2
    flat = padded.reshape(-1)
    start = (np.arange(count) * stride * stride)[:, None, None] + top * stride + left
    upper = flat[start] * (1 - share_x) + flat[start + 1] * share_x
    lower = flat[start + stride] * (1 - share_x) + flat[start + stride + 1] * share_x
    return (upper * (1 - share_y) + lower * share_y).astype(np.float32)


def _lower_resolution(pictures: Array, rng: np.random.Generator) -> Array:
    """Average some pictures down to 8x8 or 16x16 pixels, in few grey levels, and stretch them up again."""
    kind = rng.random(len(pictures))
    for low, high, side in ((0.0, 0.3, 8), (0.3, 0.45, 16)):
        chosen = (kind >= low) & (kind < high)
        step = IMAGE_SIZE // side
        small = pictures[chosen].reshape(-1, side, step, side, step).mean(axis=(2, 4))
        mix = _linear_interpolation(side, IMAGE_SIZE)
        pictures[chosen] = np.einsum("ia,nab,jb->nij", mix, np.round(small * 16) / 16, mix, optimize=True)
    return pictures
