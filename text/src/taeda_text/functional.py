"""The mathematics of the transforms: token lists to padded, cut and extended index lists and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import taeda
from taeda import Tensor

__all__ = ["add_token", "str_to_int", "to_tensor", "truncate"]

Item = TypeVar("Item")


def _is_batch(value: Any, name: str) -> bool:
    """Tell a list of lists from a flat list; anything else is a TypeError."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name}: expected a list or a list of lists, got {type(value).__name__}")
    nested = [isinstance(entry, (list, tuple)) for entry in value]
    if any(nested) and not all(nested):
        raise TypeError(f"{name}: the list mixes lists and single items; expected one kind throughout")
    return bool(nested) and nested[0]


def to_tensor(
    input: Sequence[int] | Sequence[Sequence[int]],
    padding_value: int | None = None,
    dtype: taeda.dtype = taeda.long,
) -> Tensor:
    """Turn index lists into a tensor.

    Args:
        input: indices of one text, or of `B` texts.
        padding_value: fills shorter texts up to the longest one; None demands equal lengths.
        dtype: the dtype of the result.

    Returns:
        Tensor of shape (T,) for one text, (B, T) for a batch.

    Raises:
        ValueError: lengths differ and no `padding_value` is given.

    Example:
        >>> to_tensor([[1, 2], [3]], padding_value=0).tolist()
        [[1, 2], [3, 0]]
    """
    if not _is_batch(input, "to_tensor"):
        return taeda.tensor(list(input), dtype=dtype)
    rows: list[list[int]] = [list(row) for row in input]  # type: ignore[arg-type]
    longest = max(len(row) for row in rows)
    if padding_value is None:
        lengths = sorted({len(row) for row in rows})
        if len(lengths) > 1:
            raise ValueError(
                f"to_tensor: texts have different lengths ({lengths[0]} to {lengths[-1]}); pass "
                "padding_value=, "
                "usually vocab['<pad>']"
            )
        return taeda.tensor(rows, dtype=dtype)
    return taeda.tensor([row + [padding_value] * (longest - len(row)) for row in rows], dtype=dtype)


def truncate(input: list[Any], max_seq_len: int) -> list[Any]:
    """Keep the first `max_seq_len` entries of a list, or of each list of a batch.

    Raises:
        ValueError: `max_seq_len` is negative.

    Example:
        >>> truncate([["a", "b", "c"], ["d"]], 2)
        [['a', 'b'], ['d']]
    """
    if max_seq_len < 0:
        raise ValueError(f"truncate: expected max_seq_len >= 0, got {max_seq_len}")
    if _is_batch(input, "truncate"):
        return [row[:max_seq_len] for row in input]
    return input[:max_seq_len]


def add_token(input: list[Any], token_id: int | str, begin: bool = True) -> list[Any]:
    """Put `token_id` before (or, with ``begin=False``, after) a list, or each list of a batch.

    Example:
        >>> add_token([[5], [6, 7]], 1)
        [[1, 5], [1, 6, 7]]
    """
    if _is_batch(input, "add_token"):
        return [[token_id, *row] if begin else [*row, token_id] for row in input]
    return [token_id, *input] if begin else [*input, token_id]


def str_to_int(input: list[Any]) -> list[Any]:
    """Parse the strings of a list, or of each list of a batch, as integers.

    Raises:
        ValueError: an entry is not a decimal integer.

    Example:
        >>> str_to_int(["1", "20"])
        [1, 20]
    """
    if _is_batch(input, "str_to_int"):
        return [str_to_int(row) for row in input]
    numbers = []
    for position, entry in enumerate(input):
        try:
            numbers.append(int(entry))
        except (TypeError, ValueError):
            raise ValueError(
                f"str_to_int: entry {position} is {entry!r}; expected a decimal integer"
            ) from None
    return numbers
