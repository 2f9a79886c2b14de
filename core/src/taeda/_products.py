"""Products of several tensors: argument handling over native operators."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from taeda._C import Tensor, int64, ops, tensor

__all__ = ["block_diag", "cartesian_prod", "chain_matmul", "combinations", "einsum", "tensordot"]

_SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _letters(sublist: Sequence[Any]) -> str:
    parts = []
    for entry in sublist:
        if entry is Ellipsis:
            parts.append("...")
        elif isinstance(entry, int) and 0 <= entry < 52:
            parts.append(_SYMBOLS[entry])
        else:
            raise ValueError(
                f"einsum(): sublist entries must be integers in [0, 52) or Ellipsis, got {entry!r}"
            )
    return "".join(parts)


def einsum(*args: Any) -> Tensor:
    """Sums of products in Einstein's notation.

    Args:
        args: the equation and the operands, or operands alternating with lists of their subscripts (0 to 51) and
            perhaps a list of the output's.

    Raises:
        RuntimeError: the equation does not fit the operands.

    Example:
        >>> import taeda
        >>> taeda.einsum("ij,j->i", taeda.eye(2), taeda.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or operands and subscripts"
        )
    if isinstance(args[0], Tensor):
        operands = list(args[: len(args) // 2 * 2 : 2])
        equation = ",".join(_letters(sub) for sub in args[1::2])
        if len(args) % 2:
            equation += "->" + _letters(args[-1])
        return ops.einsum(equation, operands)
    operands = list(args[1]) if len(args) == 2 and isinstance(args[1], (list, tuple)) else list(args[1:])
    return ops.einsum(args[0], operands)


def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sums of products over pairs of dimensions.

    Args:
        a, b: the operands.
        dims: how many of a's last and b's first dimensions, or two lists of dimensions.

    Example:
        >>> import taeda
        >>> taeda.tensordot(taeda.ones(2, 3), taeda.ones(3, 4), dims=1).shape
        taeda.Size([2, 4])
    """
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(-dims, 0)), list(range(dims))
    else:
        first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    result = ops.tensordot_dims(a, b, first, second)
    return result if out is None else out.copy_(result)


def chain_matmul(*matrices: Tensor, out: Tensor | None = None) -> Tensor:
    """The product of several matrices, from the left."""
    result = matrices[0]
    for matrix in matrices[1:]:
        result = ops.mm(result, matrix)
    return result if out is None else out.copy_(result)


def _listed(tensors: tuple[Any, ...]) -> list[Tensor]:
    return list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else list(tensors)


def block_diag(*tensors: Tensor) -> Tensor:
    """A matrix with the given matrices along its diagonal."""
    blocks = []
    for t in _listed(tensors):
        if t.dim() > 2:
            raise RuntimeError(
                f"block_diag: Input tensors must have 2 or fewer dimensions. Got {t.dim()} dimensions"
            )
        blocks.append(t if t.dim() == 2 else t.reshape(1, -1))
    rows, columns = sum(b.size(0) for b in blocks), sum(b.size(1) for b in blocks)
    before, parts = 0, []
    for block in blocks:
        after = columns - before - block.size(1)
        left, right = block.new_zeros((block.size(0), before)), block.new_zeros((block.size(0), after))
        parts.append(ops.cat((left, block, right), 1))
        before += block.size(1)
    return ops.cat(parts, 0) if parts else ops.empty((rows or 1, columns))


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of one element of each one-dimensional tensor, one per row."""
    given = _listed(tensors)
    if any(t.dim() != 1 for t in given):
        raise RuntimeError(
            f"cartesian_prod: Expect a 1D vector, but got shapes {[tuple(t.shape) for t in given]}"
        )
    if len(given) == 1:
        return given[0]
    sizes = [t.numel() for t in given]
    grids = [
        t.reshape([-1 if j == i else 1 for j in range(len(given))]).expand(sizes) for i, t in enumerate(given)
    ]
    return ops.stack([g.reshape(-1) for g in grids], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All combinations of r elements of a one-dimensional tensor, one per row."""
    if input.dim() != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {tuple(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.numel()), r))
    index = tensor(rows, dtype=int64, device=input.device)
    return ops.index_select(input, 0, index.reshape(-1)).reshape(len(rows), r)
