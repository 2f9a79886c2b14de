"""Errors of the trainer: each says what was passed, what was expected and how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CheckpointMismatchError",
    "CheckpointNotFoundError",
    "MisconfigurationException",
    "UnknownArgumentError",
    "closest",
]


class MisconfigurationException(Exception):
    """A model, trainer or callback is set up in a way that cannot work."""


class UnknownArgumentError(MisconfigurationException, TypeError):
    """A keyword argument that the callable does not have; also a `TypeError`, as Python itself would
    raise."""


class CheckpointNotFoundError(MisconfigurationException, FileNotFoundError):
    """The checkpoint file that was asked for does not exist; also a `FileNotFoundError`."""


class CheckpointMismatchError(MisconfigurationException, RuntimeError):
    """A checkpoint was written by another model or for other data; also a `RuntimeError`, as
    `load_state_dict` raises."""


def closest(name: str, options: Iterable[str]) -> str:
    """Say which of `options` was probably meant by `name`, or list them all.

    Args:
        name: the name that was not found.
        options: the names that exist.

    Returns:
        A phrase that ends a sentence of an error message.

    Example:
        >>> closest("max_epoch", ["max_epochs", "devices"])
        "did you mean 'max_epochs'?"
        >>> closest("zzz", ["a", "b"])
        "known: 'a', 'b'"
    """
    options = sorted(options)
    match = difflib.get_close_matches(name, options, n=1)
    if match:
        return f"did you mean {match[0]!r}?"
    return "known: " + (", ".join(repr(option) for option in options) or "none")
