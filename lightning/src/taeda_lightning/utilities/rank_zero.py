"""Lightning's `rank_zero_*` names; as training runs in one process, they always act."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..messages import info, warn

__all__ = ["rank_zero_info", "rank_zero_only", "rank_zero_warn"]

F = TypeVar("F", bound=Callable[..., Any])


def rank_zero_only(fn: F) -> F:
    """Return the function itself: this process has rank 0.

    Example:
        >>> rank_zero_only(len)("abc")
        3
    """
    return fn


def rank_zero_info(*args: Any, stacklevel: int = 4, **kwargs: Any) -> None:
    """Write a note to the package's logger."""
    info(" ".join(map(str, args)))


def rank_zero_warn(
    message: str | Warning, stacklevel: int = 4, category: type[Warning] = UserWarning
) -> None:
    """Issue a Python warning."""
    warn(str(message), category)
