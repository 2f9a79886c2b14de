"""Resizing images and reading them at any place."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor
from taeda._precision import float32_under_autocast

from ._shared import ops, sizes

__all__ = [
    "GRID_SAMPLE_INTERPOLATION_MODES",
    "GRID_SAMPLE_PADDING_MODES",
    "affine_grid",
    "grid_sample",
    "interpolate",
    "upsample",
    "upsample_bilinear",
    "upsample_nearest",
]

GRID_SAMPLE_INTERPOLATION_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
GRID_SAMPLE_PADDING_MODES = {"zeros": 0, "border": 1, "reflection": 2}

_MODES = ("nearest", "linear", "bilinear", "bicubic", "trilinear", "area", "nearest-exact")
_ALIGNABLE = ("linear", "bilinear", "bicubic", "trilinear")
# The native operator of a mode and number of spatial dimensions.
_UPSAMPLERS = {
    ("nearest", 1): "upsample_nearest1d",
    ("nearest", 2): "upsample_nearest2d",
    ("nearest", 3): "upsample_nearest3d",
    ("nearest-exact", 1): "_upsample_nearest_exact1d",
    ("nearest-exact", 2): "_upsample_nearest_exact2d",
    ("nearest-exact", 3): "_upsample_nearest_exact3d",
    ("linear", 1): "upsample_linear1d",
    ("bilinear", 2): "upsample_bilinear2d",
    ("bicubic", 2): "upsample_bicubic2d",
    ("trilinear", 3): "upsample_trilinear3d",
}


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resizes the spatial dimensions of (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Args:
        input: tensor.
        size: sizes of the result; or
        scale_factor: its sizes as a multiple of the input's.
        mode: 'nearest', 'nearest-exact', 'linear' (3 dims), 'bilinear', 'bicubic' (4 dims), 'trilinear' (5
            dims), 'area'.
        align_corners: whether corner elements keep their values, for the modes in ...linear and 'bicubic'.
        recompute_scale_factor: whether the scale is that of the rounded sizes.
        antialias: whether to low-pass when making smaller, for 'bilinear' and 'bicubic'.

    Raises:
        ValueError: arguments contradict each other or do not fit the mode.
        NotImplementedError: the mode does not exist for that number of dimensions.
    """
    if mode not in _MODES:
        raise NotImplementedError(f"interpolate: unknown mode {mode!r}; expected one of {', '.join(_MODES)}")
    if mode not in _ALIGNABLE:
        if align_corners is not None:
            raise ValueError(
                "align_corners option can only be set with the interpolating modes: linear | bilinear | "
                "bicubic | "
                "trilinear"
            )
    elif align_corners is None:
        align_corners = False
    dims = input.dim() - 2
    output_size, scales = _target_size(input, size, scale_factor, recompute_scale_factor, dims)
    if recompute_scale_factor:
        scales = None
    if antialias and not (mode in ("bilinear", "bicubic") and dims == 2):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    if mode == "area" and 1 <= dims <= 3:
        pool = (ops.adaptive_avg_pool1d, ops.adaptive_avg_pool2d, ops.adaptive_avg_pool3d)[dims - 1]
        return pool(input, output_size)
    if (mode, dims) not in _UPSAMPLERS:
        if mode in _MODES and 1 <= dims <= 3:
            needs = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}[mode]
            fitting = {3: "linear", 4: "bilinear", 5: "trilinear"}[input.dim()]
            raise NotImplementedError(
                f"interpolate: Got {input.dim()}D input, but {mode} mode needs {needs}D input; use mode={fitting!r}"
            )
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported"
            f" (got {input.dim()}D) for the modes: nearest | linear | bilinear | bicubic | trilinear | "
            "area | "
            f"nearest-exact (got {mode})"
        )
    name = f"_{_UPSAMPLERS[mode, dims]}_aa" if antialias else _UPSAMPLERS[mode, dims]
    alignment = (align_corners,) if mode in _ALIGNABLE else ()
    factors: list[float | None] = [None] * dims if scales is None else [*scales]
    resized: Tensor = getattr(ops, name)(input, output_size, *alignment, *factors)
    return resized


def _target_size(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None, dims: int
) -> tuple[list[int], list[float] | None]:
    """The output's sizes, and the scales where they were given."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )
    given = size if scale_factor is None else scale_factor
    if isinstance(given, (list, tuple)) and len(given) != dims:
        what = "output size" if scale_factor is None else "scale_factor"
        raise ValueError(
            f"Input and {'output' if scale_factor is None else 'scale_factor'} must have the same number "
            "of spatial "
            f"dimensions, but got input with spatial dimensions of {list(input.shape[2:])} and {what} of "
            f"{given}. "
            "Please provide input tensor in (N, C, d1, d2, ...,dK) format and "
            f"{what} in (o1, o2, ...,oK) format."
        )
    if scale_factor is None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return [int(n) for n in sizes(size, dims)], None
    scales = [float(s) for s in sizes(scale_factor, dims)]
    return [math.floor(n * s) for n, s in zip(input.shape[2:], scales, strict=True)], scales


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Older name of `interpolate`."""
    warnings.warn(
        "`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2
    )
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode 'nearest'."""
    warnings.warn(
        "`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode 'bilinear' and aligned corners."""
    warnings.warn(
        "`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
        stacklevel=2,
    )
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# -- reading at given places ---------------------------------------------------------------------------------


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Places that `grid_sample` reads to apply affine maps.

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: sizes of the result, (N, C, H, W) or (N, C, D, H, W).
        align_corners: whether -1 and 1 mean the centres of the corner elements, or their outer edges.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3) of (x, y) or (x, y, z) in [-1, 1].

    Raises:
        ValueError: theta is not floating-point, has a wrong shape, or a size is not positive.
        NotImplementedError: size has neither 4 nor 5 entries.
    """
    align_corners = bool(align_corners)
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {size}."
        )
    dims = len(size) - 2
    if theta.dim() != 3 or theta.size(-2) != dims or theta.size(-1) != dims + 1:
        raise ValueError(
            f"Expected a batch of {dims}D affine matrices of shape Nx{dims}x{dims + 1} for size {size}. "
            f"Got {theta.shape}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    axes = []
    for count in size[2:]:
        line = taeda.linspace(-1, 1, count, dtype=theta.dtype, device=theta.device)
        line = line if count > 1 else taeda.zeros_like(line)
        axes.append(line if align_corners or count == 1 else line * ((count - 1) / count))
    places = [*reversed(taeda.meshgrid(*axes, indexing="ij")), taeda.ones(*size[2:], dtype=theta.dtype)]
    base = taeda.stack([p.to(theta.device) for p in places], -1).reshape(1, -1, dims + 1)
    return (base.expand(size[0], -1, -1) @ theta.transpose(1, 2)).reshape(size[0], *size[2:], dims)


@float32_under_autocast
def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Reads images or volumes at given places.

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, H', W', 2) or (N, D', H', W', 3) of (x, y) or (x, y, z), where [-1, 1] is the input's
            extent.
        mode: 'bilinear', 'nearest', or for images 'bicubic'.
        padding_mode: what is outside: 'zeros', 'border' or 'reflection'.
        align_corners: whether -1 and 1 mean the centres of the corner elements, or their outer edges.

    Returns:
        (N, C, H', W') or (N, C, D', H', W').

    Raises:
        ValueError: unknown mode.
        RuntimeError: shapes do not fit together.
    """
    if mode not in GRID_SAMPLE_INTERPOLATION_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
            f"got: '{mode}'"
        )
    if padding_mode not in GRID_SAMPLE_PADDING_MODES:
        raise ValueError(
            "nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or "
            "'reflection', but got: "
            f"'{padding_mode}'"
        )
    dims = input.dim() - 2
    if (
        dims not in (2, 3)
        or grid.dim() != input.dim()
        or grid.size(-1) != dims
        or grid.size(0) != input.size(0)
    ):
        raise RuntimeError(
            "grid_sampler(): expected input (N, C, H, W) and grid (N, H', W', 2), or input (N, C, D, H, "
            "W) and grid "
            f"(N, D', H', W', 3), but got input with sizes {list(input.shape)} and grid with sizes "
            f"{list(grid.shape)}"
        )
    if mode == "bicubic" and dims == 3:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    lengths = list(reversed(input.shape[2:]))
    aligned = bool(align_corners)
    places = [_unnormalised(grid[..., axis], n, aligned) for axis, n in enumerate(lengths)]
    if mode == "bicubic":
        return _sample_cubic(input, places, padding_mode, aligned)
    places = [_inside(p, n, padding_mode, aligned) for p, n in zip(places, lengths, strict=True)]
    if mode == "nearest":
        return _read(input, [p.round().to(taeda.int64) for p in places])
    floors = [p.detach().floor() for p in places]
    result: Any = 0
    for corner in range(2**dims):
        offsets = [corner >> axis & 1 for axis in range(dims)]
        share: Any = 1.0
        for place, floor, offset in zip(places, floors, offsets, strict=True):
            share = share * (place - floor if offset else floor + 1 - place)
        at = [floor.to(taeda.int64) + offset for floor, offset in zip(floors, offsets, strict=True)]
        result = result + _read(input, at) * share.unsqueeze(1)
    sampled: Tensor = result
    return sampled


def _unnormalised(place: Tensor, length: int, aligned: bool) -> Tensor:
    return (place + 1) / 2 * (length - 1) if aligned else ((place + 1) * length - 1) / 2


def _inside(place: Tensor, length: int, padding_mode: str, aligned: bool) -> Tensor:
    """The place moved into the input, as the padding mode has it."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        low, high = (0.0, length - 1.0) if aligned else (-0.5, length - 0.5)
        if high > low:
            distance = (place - low).abs()
            turns = (distance.detach() / (high - low)).floor()
            rest = distance - turns * (high - low)
            place = taeda.where(turns % 2 == 0, rest + low, high - rest)
        else:
            place = place * 0
    return place.clamp(0, length - 1)


def _read(input: Tensor, at: list[Tensor]) -> Tensor:
    """Elements at whole-numbered (x, y[, z]) of (N, *places); 0 outside."""
    flat, valid = taeda.zeros_like(at[0]), taeda.ones_like(at[0], dtype=taeda.bool)
    for place, length in reversed(list(zip(at, reversed(input.shape[2:]), strict=True))):
        flat = flat * length + place.clamp(0, length - 1)
        valid = valid & (place >= 0) & (place < length)
    batch, channels = input.shape[:2]
    index = flat.reshape(batch, 1, -1).expand(batch, channels, -1)
    found = input.flatten(2).gather(2, index).reshape(batch, channels, *at[0].shape[1:])
    return found.masked_fill(~valid.unsqueeze(1), 0)


def _cubic_weights(t: Tensor) -> list[Tensor]:
    """Weights of the four neighbours of a place t past the second (Keys, 1981, with a = -0.75)."""
    a = -0.75

    def near(x: Tensor) -> Tensor:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Tensor) -> Tensor:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _sample_cubic(input: Tensor, places: list[Tensor], padding_mode: str, aligned: bool) -> Tensor:
    lengths = list(reversed(input.shape[2:]))
    floors = [p.detach().floor() for p in places]
    weights = [_cubic_weights(p - f) for p, f in zip(places, floors, strict=True)]
    result: Any = 0
    for row in range(4):
        line: Any = 0
        for column in range(4):
            at = [
                _inside(floor + (offset - 1), length, padding_mode, aligned).to(taeda.int64)
                for floor, offset, length in zip(floors, (column, row), lengths, strict=True)
            ]
            line = line + _read(input, at) * weights[0][column].unsqueeze(1)
        result = result + line * weights[1][row].unsqueeze(1)
    sampled: Tensor = result
    return sampled
