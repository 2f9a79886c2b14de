"""Histograms over given or equal bins, in one and several dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import taeda
from taeda import Tensor

__all__ = ["histogram", "histogramdd"]


class _Histogram(NamedTuple):
    hist: Tensor
    bin_edges: Tensor


class _HistogramDD(NamedTuple):
    hist: Tensor
    bin_edges: tuple[Tensor, ...]


def _edges(name: str, values: Tensor, bins: Any, limits: Sequence[float] | None) -> Tensor:
    """Edges of the bins of one coordinate.

    Raises:
        RuntimeError: they are not ascending, or the range is none.
    """
    if isinstance(bins, Tensor):
        if bins.dim() != 1 or bins.numel() == 0:
            raise RuntimeError(
                f"{name}: bins tensor should be 1-dimensional and not empty, got shape {tuple(bins.shape)}"
            )
        if bins.dtype != values.dtype:
            raise RuntimeError(
                f"{name}: input and bins must have one dtype, got {values.dtype} and {bins.dtype}"
            )
        return bins
    if bins <= 0:
        raise RuntimeError(f"{name}: bins must be > 0, but got {bins}")
    if limits is not None:
        low, high = float(limits[0]), float(limits[1])
    elif values.numel():
        low, high = float(values.min()), float(values.max())
    else:
        low, high = 0.0, 1.0
    if not (abs(low) < taeda.inf and abs(high) < taeda.inf):
        raise RuntimeError(f"{name}: range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: min should not exceed max, but got min {low} max {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return taeda.linspace(low, high, bins + 1, dtype=values.dtype, device=values.device)


def _places(values: Tensor, edges: Tensor) -> Tensor:
    """The bin of each value, -1 outside; the last bin has both of its edges."""
    count = edges.numel() - 1
    place = taeda.bucketize(values.contiguous(), edges.contiguous(), right=True) - 1
    place = taeda.where(values == edges[-1], count - 1, place)
    return taeda.where((values >= edges[0]) & (values <= edges[-1]), place, -1)


def histogram(
    input: Tensor, bins: Any, *, range: Sequence[float] | None = None, weight: Tensor | None = None,
    density: bool = False, out: Any = None,
) -> _Histogram:  # fmt: skip
    """How many elements lie in each bin.

    Args:
        input: floating point, any shape.
        bins: the number of bins of equal width, or the ascending edges.
        range: lowest and highest edge for a number of bins; None takes those of the input.
        weight: what each element counts, of the input's shape.
        density: divide so that the integral is 1.
        out: (hist, bin_edges) to write to.

    Returns:
        (hist, bin_edges) of shapes (bins,) and (bins + 1,).

    Raises:
        RuntimeError: bins, range or weight do not fit.

    Example:
        >>> import taeda
        >>> taeda.histogram(taeda.tensor([0.0, 0.5, 1.0, 2.0]), 2, range=(0.0, 2.0)).hist
        tensor([2., 2.])
    """
    flat = input.reshape(-1, 1)
    found = histogramdd(flat, [bins], range=range, weight=weight, density=density, _name="histogram")
    result = _Histogram(found.hist, found.bin_edges[0])
    if out is None:
        return result
    return _Histogram(*(o.resize_(r.shape).copy_(r) for o, r in zip(out, result, strict=True)))


def histogramdd(
    input: Tensor, bins: Any, range: Sequence[float] | None = None, weight: Tensor | None = None,
    density: bool = False, *, _name: str = "histogramdd",
) -> _HistogramDD:  # fmt: skip
    """How many points lie in each cell of a grid.

    Args:
        input: (..., D), points of D coordinates.
        bins: for each coordinate the number of bins or the edges; one number for all.
        range: lowest and highest edge of each coordinate, one after the other.
        weight: (...), what each point counts.
        density: divide so that the integral is 1.

    Returns:
        (hist, bin_edges): a tensor of D dimensions, and D tensors of edges.

    Raises:
        RuntimeError: bins, range or weight do not fit.
    """
    if input.dim() < 2:
        raise RuntimeError(
            f"{_name}: input tensor should have at least 2 dimensions, got shape {tuple(input.shape)}"
        )
    dims = input.size(-1)
    each = [bins] * dims if isinstance(bins, int) else list(bins)
    if len(each) != dims:
        raise RuntimeError(
            f"{_name}: The size of bins must be equal to the innermost dimension of the input: expected {dims}, got "
            f"{len(each)}"
        )
    if range is not None and len(range) != 2 * dims:
        raise RuntimeError(f"{_name}: range should have {2 * dims} elements, but got {len(range)}")
    if weight is not None and weight.numel() != input.numel() // dims:
        raise RuntimeError(
            f"{_name}: if weight tensor is provided it should have the same shape as the input tensor excluding its "
            f"innermost dimension, but got input with shape {tuple(input.shape)} and weight {tuple(weight.shape)}"
        )
    points = input.reshape(-1, dims)
    edges = [
        _edges(_name, points[:, d], wanted, None if range is None else range[2 * d : 2 * d + 2])
        for d, wanted in enumerate(each)
    ]
    shape = [e.numel() - 1 for e in edges]
    cell, inside = (
        taeda.zeros(points.size(0), dtype=taeda.int64, device=input.device),
        taeda.ones(points.size(0), dtype=taeda.bool, device=input.device),
    )
    for d, edge in enumerate(edges):
        place = _places(points[:, d], edge)
        cell = cell * shape[d] + place.clamp(min=0)
        inside = inside & (place >= 0)
    weights = points.new_ones(points.size(0)) if weight is None else weight.reshape(-1).to(input.dtype)
    total = points.new_zeros(math.prod(shape)).scatter_add(0, cell[inside], weights[inside])
    hist = total.reshape(shape)
    if density:
        hist = hist / hist.sum()
        for d, edge in enumerate(edges):
            widths = edge[1:] - edge[:-1]
            hist = hist / widths.reshape([-1, *[1] * (dims - 1 - d)])
    return _HistogramDD(hist, tuple(edges))
