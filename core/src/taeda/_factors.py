"""Older names of factorisations and of the multivariate gamma function, as functions and methods."""

from __future__ import annotations

from typing import Any, NamedTuple

from taeda._C import Tensor, ops

__all__ = ["lu", "mvlgamma", "qr"]


class _QR(NamedTuple):
    Q: Tensor
    R: Tensor


class _LU(NamedTuple):
    LU: Tensor
    pivots: Tensor


class _LUWithInfos(NamedTuple):
    LU: Tensor
    pivots: Tensor
    info: Tensor


def qr(input: Tensor, some: bool = True, *, out: Any = None) -> _QR:
    """The factors of input = Q R; see `taeda.linalg.qr`.

    Args:
        input: (..., M, N).
        some: whether Q has only the first min(M, N) columns.
        out: takes the results.

    Returns:
        (Q, R).

    Raises:
        RuntimeError: fewer than two dimensions, or a dtype that LAPACK lacks.
    """
    found = ops.linalg_qr(input, "reduced" if some else "complete", out=out)
    return _QR(*found)


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> _LU | _LUWithInfos:
    """L and U of A in one matrix, and the pivots; see `taeda.linalg.lu_factor`.

    Args:
        A: (..., M, N).
        pivot: must be True on the CPU.
        get_infos: also return a status per matrix instead of raising for singular ones.
        out: takes the results.

    Returns:
        (LU, pivots), or (LU, pivots, info).

    Raises:
        RuntimeError: fewer than two dimensions, or pivot is False.
    """
    found = ops.linalg_lu_factor_ex(A, pivot=pivot)
    results = list(found) if get_infos else list(found)[:2]
    if out is not None:
        results = [o.resize_(r.shape).copy_(r) for o, r in zip(out, results, strict=True)]
    return _LUWithInfos(*results) if get_infos else _LU(*results)


def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p; see `taeda.special.multigammaln`."""
    from taeda.special import multigammaln

    return multigammaln(input, p, out=out)


def mvlgamma_(self: Tensor, p: int) -> Tensor:
    """mvlgamma in place."""
    return self.copy_(mvlgamma(self.clone(), p))


def polygamma_(self: Tensor, n: int) -> Tensor:
    """polygamma in place."""
    return self.copy_(ops.polygamma(n, self.clone()))
