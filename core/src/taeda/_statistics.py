"""Differences, integrals and covariances, composed of native operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from taeda._C import Tensor, get_default_dtype, ops

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "corrcoef",
    "cov",
    "cumulative_trapezoid",
    "diff",
    "gradient",
    "trapezoid",
    "trapz",
]


def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None,
    *, out: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Differences of neighbours along dim, n times.

    Example:
        >>> import taeda
        >>> taeda.diff(taeda.tensor([1, 4, 9]))
        tensor([3, 5])
    """
    if input.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [t for t in (prepend, input, append) if t is not None]
    result = ops.cat(parts, dim) if len(parts) > 1 and n > 0 else input
    for _ in range(n):
        length = max(result.size(dim) - 1, 0)
        above, below = result.narrow(dim, min(1, result.size(dim)), length), result.narrow(dim, 0, length)
        result = above ^ below if str(result.dtype) == "taeda.bool" else above - below
    result = result.clone() if n == 0 else result
    return result if out is None else out.copy_(result)


def _widths(y: Tensor, x: Any, dx: Any, dim: int) -> Any:
    if x is None:
        return dx
    if x.dim() == 1 and y.dim() != 1:
        if x.numel() != y.size(dim):
            raise RuntimeError(
                f"trapezoid: There must be one `x` value for each sample point. Got {x.numel()} `x` values for "
                f"{y.size(dim)} sample points"
            )
        shape = [1] * y.dim()
        shape[dim] = x.numel()
        x = x.reshape(shape)
    return diff(x, dim=dim)


def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """The integral of samples y by the trapezoidal rule, at points x or dx apart.

    Example:
        >>> import taeda
        >>> taeda.trapezoid(taeda.tensor([1.0, 2.0, 3.0]))
        tensor(4.)
    """
    n = y.size(dim)
    if n == 0:
        return ops.sum(y, dim)
    means = (y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)) / 2
    return ops.sum(means * _widths(y, x, dx, dim), dim)


trapz = trapezoid


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = 1, dim: int = -1) -> Tensor:
    """Running integrals by the trapezoidal rule, one shorter than y along dim."""
    n = y.size(dim)
    means = (y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)) / 2
    return ops.cumsum(means * _widths(y, x, dx, dim), dim)


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables (rows) over observations (columns).

    Args:
        correction: n - correction divides (1: unbiased).
        fweights: how often each observation was made, integers.
        aweights: the weight of each observation.
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    data = input.reshape(1, -1) if input.dim() < 2 else input
    data = data if data.is_floating_point() or data.is_complex() else data.to(get_default_dtype())
    _check_weights(data.size(1), fweights, aweights)
    weights: Any = None
    for given in (fweights, aweights):
        if given is not None:
            weights = given if weights is None else weights * given
    total: Any = data.size(1) if weights is None else weights.sum()
    mean = data.mean(1, keepdim=True) if weights is None else (data * weights).sum(1, keepdim=True) / total
    if weights is None or aweights is None or correction == 0:
        norm = total - correction
    else:
        norm = total - correction * (weights * aweights).sum() / total
    centred = data - mean
    weighted = centred if weights is None else centred * weights
    result = weighted @ centred.conj().t() / (max(norm, 0) if isinstance(norm, int) else norm.clamp(min=0))
    return result.squeeze() if data.size(0) == 1 else result


def _check_weights(count: int, fweights: Tensor | None, aweights: Tensor | None) -> None:
    """Raises RuntimeError where weights are no vector of `count` numbers, none of them negative, of the right dtype."""
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        is_real = given.is_floating_point() or given.is_complex()
        if given.dim() > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {given.dim()} dimensions"
            )
        if is_real == (name == "fweights"):
            wanted = "integral" if name == "fweights" else "floating point"
            raise RuntimeError(
                f"cov(): expected {name} to have {wanted} dtype but got {name} with {given.dtype} dtype"
            )
        if given.numel() != count:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{given.numel()} != {count}"
            )
        if given.numel() and bool((given < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")


def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients of variables (rows) over observations (columns)."""
    if input.dim() > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    matrix = cov(input)
    if matrix.dim() == 0:
        return matrix / matrix
    deviation = matrix.diagonal().sqrt()
    return matrix / deviation.unsqueeze(-1) / deviation.unsqueeze(0)


def gradient(
    input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> list[Tensor]:
    """Derivatives of samples along dimensions: central differences inside, one-sided ones at the ends.

    Args:
        input: samples on a grid.
        spacing: the distance of samples; or one for each dim; or for each dim a vector of coordinates.
        dim: along which dimensions; None for all.
        edge_order: how accurate the ends are, 1 or 2.

    Returns:
        A tensor of the input's shape for each dim.

    Raises:
        RuntimeError: spacing, edge_order or dim do not fit the input, or a dimension has too few samples.

    Example:
        >>> import taeda
        >>> taeda.gradient(taeda.tensor([1.0, 4.0, 9.0, 16.0]))
        [tensor([3., 4., 6., 7.])]
    """
    if edge_order not in (1, 2):
        raise RuntimeError("gradient only supports edge_order=1 and edge_order=2.")
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    spacing = 1 if spacing is None else spacing
    several = isinstance(spacing, (list, tuple))
    if several and len(spacing) != len(dims):
        raise RuntimeError(
            "gradient expected spacing to be unspecified, a scalar or its spacing and dim arguments to have the same "
            f"length, but got a spacing argument of length {len(spacing)} and a dim argument of length {len(dims)}."
        )
    seen: set[int] = set()
    for d in dims:
        size = input.size(d)  # raises IndexError
        if d % input.dim() in seen:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
        seen.add(d % input.dim())
        if size < edge_order + 1:
            raise RuntimeError(
                f"gradient expected each dimension size to be at least edge_order+1, got {size} along dim {d}"
            )
    x = input if input.is_floating_point() or input.is_complex() else input.float()
    return [_slope(x, d, spacing[i] if several else spacing, edge_order) for i, d in enumerate(dims)]


def _slope(x: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    """The derivative along one dimension, by the parabola through three neighbours."""
    n = x.size(dim)
    if isinstance(spacing, Tensor) and spacing.dim() == 1:
        if spacing.numel() != n:
            raise RuntimeError(
                f"gradient expected spacing of {n} coordinates along dim {dim}, got {spacing.numel()}"
            )
        steps = diff(spacing.to(x.dtype))
    else:
        steps = ops.full((n - 1,), 1, dtype=x.dtype, device=x.device) * spacing
    shape = [1] * x.dim()
    shape[dim] = -1
    steps = steps.reshape(shape)

    def part(t: Tensor, start: int, length: int) -> Tensor:
        return t.narrow(dim, start, length)

    first = (part(x, 1, 1) - part(x, 0, 1)) / part(steps, 0, 1)
    last = (part(x, n - 1, 1) - part(x, n - 2, 1)) / part(steps, n - 2, 1)
    if n == 2:
        return ops.cat([first, last], dim)
    slopes = diff(x, dim=dim) / steps  # of the chords
    before, after = part(steps, 0, n - 2), part(steps, 1, n - 2)
    left, right = part(slopes, 0, n - 2), part(slopes, 1, n - 2)
    inside = (left * after + right * before) / (before + after)
    if edge_order == 2:
        first = 2 * part(slopes, 0, 1) - part(inside, 0, 1)
        last = 2 * part(slopes, n - 2, 1) - part(inside, n - 3, 1)
    return ops.cat([first, inside, last], dim)


def _each(tensors: tuple[Any, ...], shape: Any) -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return shape(tensors[0])
    given = tensors[0] if len(tensors) == 1 else tensors
    return tuple(shape(t) for t in given)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one dimension."""
    return _each(tensors, lambda t: t.reshape(1) if t.dim() == 0 else t)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two dimensions: vectors become rows."""
    return _each(tensors, lambda t: t.reshape(1, -1) if t.dim() < 2 else t)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three dimensions: vectors become (1, n, 1), matrices (m, n, 1)."""

    def shape(t: Tensor) -> Tensor:
        return t.reshape(1, -1, 1) if t.dim() < 2 else t.unsqueeze(-1) if t.dim() == 2 else t

    return _each(tensors, shape)
