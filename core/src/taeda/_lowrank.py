"""Singular values of matrices that are nearly of low rank, by random projection (Halko, Martinsson and Tropp 2009)."""

from __future__ import annotations

import taeda
from taeda import Tensor

__all__ = ["pca_lowrank", "svd_lowrank"]


def _basis(A: Tensor, q: int, niter: int, M: Tensor | None) -> Tensor:
    """Orthonormal columns (..., m, q) that nearly span what A - M maps to (algorithm 4.4)."""

    def image(x: Tensor, adjoint: bool = False) -> Tensor:
        first = (A.mH if adjoint else A) @ x
        return first if M is None else first - (M.mH if adjoint else M) @ x

    Q = taeda.linalg.qr(image(taeda.randn(A.size(-1), q, dtype=A.dtype, device=A.device))).Q
    for _ in range(niter):
        Q = taeda.linalg.qr(image(Q, adjoint=True)).Q
        Q = taeda.linalg.qr(image(Q)).Q
    return Q


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V with U diag(S) V^H nearly A - M.

    Args:
        A: (..., m, n).
        q: how many singular values, at least the rank that matters.
        niter: rounds of refinement.
        M: (..., m, n) or broadcast to it; what is taken off, such as means.

    Returns:
        U (..., m, q), S (..., q) and V (..., n, q).

    Raises:
        ValueError: q is not within 0 and min(m, n), or niter is negative.
    """
    count, rounds = 6 if q is None else q, 2 if niter is None else niter
    m, n = A.shape[-2:]
    if not 0 <= count <= min(m, n):
        raise ValueError(
            f"svd_lowrank: q(={count}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if rounds < 0:
        raise ValueError(f"svd_lowrank: niter(={rounds}) must be non-negative integer")
    M = None if M is None else M.broadcast_to(A.shape)
    if m >= n:
        Q = _basis(A, count, rounds, M)
        small = Q.mH @ A if M is None else Q.mH @ (A - M)
        U, S, Vh = taeda.linalg.svd(small, full_matrices=False)
        return Q @ U, S, Vh.mH
    V, S, U = svd_lowrank(A.mH, count, rounds, None if M is None else M.mH)
    return U, S, V


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """The principal components of rows of data: svd_lowrank of A less the means of its columns.

    Args:
        A: (..., m, n): m observations of n variables.
        q: how many components; None is min(6, m, n).
        center: whether to take off the means.
        niter: rounds of refinement.

    Returns:
        U (..., m, q), S (..., q) and V (..., n, q): the directions are the columns of V.

    Raises:
        ValueError: q is not within 0 and min(m, n), or niter is negative.
    """
    m, n = A.shape[-2:]
    count = min(6, m, n) if q is None else q
    if not 0 <= count <= min(m, n):
        raise ValueError(
            f"pca_lowrank: q(={count}) must be non-negative integer and not greater than min(m, n)={min(m, n)}"
        )
    if niter < 0:
        raise ValueError(f"pca_lowrank: niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, count, niter)
