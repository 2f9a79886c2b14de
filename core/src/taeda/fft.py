"""Discrete Fourier transforms.

`norm` says where the factor 1/n goes: "backward" (the default) into the inverse transform, "forward" into the
forward one, "ortho" into both as its root.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import taeda
from taeda import Tensor
from taeda._C import ops
from taeda._precision import float32_under_autocast

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

_NONE, _BY_ROOT, _BY_SIZE = 0, 1, 2
_NORMS = (None, "backward", "ortho", "forward")
_LAST_TWO = (-2, -1)


def _normalization(name: str, norm: str | None, forward: bool) -> int:
    if norm not in _NORMS:
        raise RuntimeError(f"{name}: invalid norm {norm!r}; expected None, 'backward', 'ortho' or 'forward'")
    if norm == "ortho":
        return _BY_ROOT
    return _BY_SIZE if forward == (norm == "forward") else _NONE


@float32_under_autocast
def _as_floating(name: str, input: Tensor) -> Tensor:
    """Integers become the default floating dtype; 16-bit floats have no transforms."""
    if input.dtype in (taeda.float16, taeda.bfloat16):
        raise RuntimeError(f"{name}: unsupported dtype {input.dtype}; convert to float32 first")
    if input.is_floating_point() or input.is_complex():
        return input
    return input.to(taeda.get_default_dtype())


def _as_complex(name: str, input: Tensor) -> Tensor:
    x = _as_floating(name, input)
    if x.is_complex():
        return x
    return x.to(taeda.complex128 if x.dtype == taeda.float64 else taeda.complex64)


def _as_real(name: str, input: Tensor) -> Tensor:
    if input.is_complex():
        raise RuntimeError(f"{name}: expected a real input, got {input.dtype}; use the transform without r")
    return _as_floating(name, input)


def _resized(name: str, input: Tensor, sizes: Sequence[int], dims: Sequence[int]) -> Tensor:
    """Cut, or pad with zeros at the end, so that `dims` have `sizes`."""
    for size, dim in zip(sizes, dims):
        if size < 1:
            raise RuntimeError(
                f"{name}: invalid number of data points ({size}) along dimension {dim}; expected at least 1"
            )
        have = input.size(dim)
        if size < have:
            input = input.narrow(dim, 0, size)
        elif size > have:
            missing = list(input.shape)
            missing[dim] = size - have
            input = taeda.cat([input, input.new_zeros(missing)], dim=dim)
    return input


def _dims_and_sizes(
    name: str, input: Tensor, s: Sequence[int] | None, dim: Sequence[int] | int | None
) -> tuple[list[int], list[int]]:
    """The dimensions to transform, none negative, and their sizes."""
    rank = input.dim()
    if isinstance(dim, int):
        dim = (dim,)
    if dim is None:
        first = 0 if s is None else rank - len(s)
        if first < 0:
            raise RuntimeError(f"{name}: s has {len(s or ())} sizes but the input only {rank} dimensions")
        dim = range(first, rank)
    dims = []
    for d in dim:
        if not -rank <= d < rank:
            raise IndexError(
                f"{name}: Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], got {d})"
            )
        dims.append(d % rank)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{name}: dims must be unique, got {tuple(dim)}")
    if s is None:
        return dims, [input.size(d) for d in dims]
    if len(s) != len(dims):
        raise RuntimeError(
            f"{name}: when given, dim and s must have the same length, got {len(dims)} and {len(s)}"
        )
    return dims, [input.size(d) if size == -1 else size for size, d in zip(s, dims)]


def _into(out: Tensor | None, result: Tensor) -> Tensor:
    return result if out is None else out.copy_(result)


def _complex_transform(
    name: str,
    input: Tensor,
    s: Sequence[int] | None,
    dim: Sequence[int] | int | None,
    norm: str | None,
    forward: bool,
) -> Tensor:
    x = _as_complex(name, input)
    dims, sizes = _dims_and_sizes(name, x, s, dim)
    if not dims:
        return x.clone()
    return ops._fft_c2c(_resized(name, x, sizes, dims), dims, _normalization(name, norm, forward), forward)


def _real_transform(
    name: str,
    input: Tensor,
    s: Sequence[int] | None,
    dim: Sequence[int] | int | None,
    norm: str | None,
    forward: bool = True,
) -> Tensor:
    """rfft over dims; with ``forward=False`` normalised as a backward transform, which ihfft conjugates."""
    x = _as_real(name, input)
    dims, sizes = _dims_and_sizes(name, x, s, dim)
    if not dims:
        raise RuntimeError(f"{name}: must transform at least one axis")
    return ops._fft_r2c(_resized(name, x, sizes, dims), dims, _normalization(name, norm, forward))


def _to_real_transform(
    name: str,
    input: Tensor,
    s: Sequence[int] | None,
    dim: Sequence[int] | int | None,
    norm: str | None,
    forward: bool = False,
) -> Tensor:
    """irfft over dims; with ``forward=True`` the normalisation of a forward transform (hfft)."""
    x = _as_complex(name, input)
    dims, sizes = _dims_and_sizes(name, x, s, dim)
    if not dims:
        raise RuntimeError(f"{name}: must transform at least one axis")
    samples = sizes[-1] if s is not None and s[-1] != -1 else 2 * (x.size(dims[-1]) - 1)
    if samples < 1:
        raise RuntimeError(f"{name}: invalid number of data points ({samples}) specified; pass n=1 or more")
    x = _resized(name, x, [*sizes[:-1], samples // 2 + 1], dims)
    return ops._fft_c2r(x, dims, _normalization(name, norm, forward), samples)


def _one(n: int | None) -> list[int] | None:
    return None if n is None else [n]


def fft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The Fourier transform along one dimension.

    Args:
        input: real or complex tensor.
        n: the input is cut, or padded with zeros, to this size first.
        dim: the dimension to transform.
        norm: where the factor 1/n goes.
        out: where the result is written.

    Returns:
        Complex tensor of the (resized) input's shape.

    Raises:
        RuntimeError: `n` or `norm` does not fit, or the dtype is float16 or bfloat16.
        IndexError: there is no dimension `dim`.

    Example:
        >>> fft(taeda.tensor([1.0, 0.0, 0.0, 0.0])).real.tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return _into(out, _complex_transform("fft", input, _one(n), dim, norm, forward=True))


def ifft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The inverse of `fft`; arguments, result and errors as there."""
    return _into(out, _complex_transform("ifft", input, _one(n), dim, norm, forward=False))


def rfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The first n // 2 + 1 elements of `fft` of a real tensor; the others are their conjugates.

    Arguments and errors as in `fft`; a complex input is a RuntimeError too.

    Example:
        >>> rfft(taeda.tensor([1.0, -1.0, 1.0, -1.0])).real.tolist()
        [0.0, 0.0, 4.0]
    """
    return _into(out, _real_transform("rfft", input, _one(n), dim, norm))


def irfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The inverse of `rfft`: a real tensor of `n` elements along `dim`, by default 2 * (size - 1).

    Example:
        >>> irfft(rfft(taeda.tensor([1.0, 2.0, 3.0])), n=3).round().tolist()
        [1.0, 2.0, 3.0]
    """
    return _into(out, _to_real_transform("irfft", input, _one(n), dim, norm))


def hfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """`fft` of a Hermitian sequence given by its first half: a real tensor of `n` elements along `dim`."""
    conjugate = _as_complex("hfft", input).conj()
    return _into(out, _to_real_transform("hfft", conjugate, _one(n), dim, norm, forward=True))


def ihfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Tensor | None = None
) -> Tensor:
    """The inverse of `hfft`: the first half of a Hermitian sequence."""
    return _into(out, _real_transform("ihfft", input, _one(n), dim, norm, forward=False).conj())


def fftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`fft` along several dimensions, by default all; `s` are their sizes, with -1 for unchanged."""
    return _into(out, _complex_transform("fftn", input, s, dim, norm, forward=True))


def ifftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of `fftn`."""
    return _into(out, _complex_transform("ifftn", input, s, dim, norm, forward=False))


def rfftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`fftn` of a real tensor; the last of the dimensions keeps its first half."""
    return _into(out, _real_transform("rfftn", input, s, dim, norm))


def irfftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of `rfftn`."""
    return _into(out, _to_real_transform("irfftn", input, s, dim, norm))


def hfftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`fftn` of a Hermitian tensor given by its first half along the last of the dimensions."""
    conjugate = _as_complex("hfftn", input).conj()
    return _into(out, _to_real_transform("hfftn", conjugate, s, dim, norm, forward=True))


def ihfftn(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] | None = None,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """The inverse of `hfftn`."""
    return _into(out, _real_transform("ihfftn", input, s, dim, norm, forward=False).conj())


def fft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`fftn` over two dimensions, by default the last ones."""
    return fftn(input, s, dim, norm, out=out)


def ifft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`ifftn` over two dimensions, by default the last ones."""
    return ifftn(input, s, dim, norm, out=out)


def rfft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`rfftn` over two dimensions, by default the last ones."""
    return rfftn(input, s, dim, norm, out=out)


def irfft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`irfftn` over two dimensions, by default the last ones."""
    return irfftn(input, s, dim, norm, out=out)


def hfft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`hfftn` over two dimensions, by default the last ones."""
    return hfftn(input, s, dim, norm, out=out)


def ihfft2(
    input: Tensor,
    s: Sequence[int] | None = None,
    dim: Sequence[int] = _LAST_TWO,
    norm: str | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor:
    """`ihfftn` over two dimensions, by default the last ones."""
    return ihfftn(input, s, dim, norm, out=out)


def fftfreq(n: int, d: float = 1.0, *, out: Tensor | None = None, **options: Any) -> Tensor:
    """The frequencies of `fft`'s elements for samples `d` apart: 0 up to the highest, then the negative ones.

    Example:
        >>> fftfreq(4).tolist()
        [0.0, 0.25, -0.5, -0.25]
    """
    half = (n + 1) // 2
    order = [*range(half), *range(half - n, 0)]
    return _into(
        out, taeda.tensor([k / (n * d) for k in order], **{"dtype": taeda.get_default_dtype(), **options})
    )


def rfftfreq(n: int, d: float = 1.0, *, out: Tensor | None = None, **options: Any) -> Tensor:
    """The frequencies of `rfft`'s elements for samples `d` apart.

    Example:
        >>> rfftfreq(4).tolist()
        [0.0, 0.25, 0.5]
    """
    values = [k / (n * d) for k in range(n // 2 + 1)]
    return _into(out, taeda.tensor(values, **{"dtype": taeda.get_default_dtype(), **options}))


def _rolled(input: Tensor, dim: int | Sequence[int] | None, back: bool) -> Tensor:
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    for d in dims:
        cut = input.size(d) // 2 if back else (input.size(d) + 1) // 2
        front, rear = input.narrow(d, 0, cut), input.narrow(d, cut, input.size(d) - cut)
        input = taeda.cat([rear, front], dim=d)
    return input


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Move frequency 0 to the middle of each dimension.

    Example:
        >>> fftshift(taeda.tensor([0, 1, 2, -2, -1])).tolist()
        [-2, -1, 0, 1, 2]
    """
    return _rolled(input, dim, back=False)


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of `fftshift`."""
    return _rolled(input, dim, back=True)
