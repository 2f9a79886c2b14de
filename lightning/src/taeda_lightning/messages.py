"""How the package talks to its user: one logger for progress notes, warnings that are shown once."""

from __future__ import annotations

import logging
import warnings
from typing import Any

__all__ = ["counted", "info", "info_once", "warn", "warn_once"]

_log = logging.getLogger("taeda_lightning")
if not logging.getLogger().handlers and not _log.handlers:
    _log.addHandler(logging.StreamHandler())
    _log.propagate = False
_log.setLevel(logging.INFO)

_shown: set[str] = set()


def counted(number: int | float, one: str, many: str) -> str:
    """A number with the right form of its noun.

    Example:
        >>> counted(1, "batch", "batches"), counted(0, "batch", "batches")
        ('1 batch', '0 batches')
    """
    return f"{number} {one if number == 1 else many}"


def info(text: str) -> None:
    """Write a note to the logger `taeda_lightning` (standard error unless logging is configured)."""
    _log.info(text)


def info_once(text: str) -> None:
    """Write a note the first time that this text comes up in the process."""
    if text not in _shown:
        _shown.add(text)
        info(text)


def warn(text: str, category: type[Warning] = UserWarning, **_: Any) -> None:
    """Issue a Python warning."""
    warnings.warn(text, category, stacklevel=4)


def warn_once(text: str, category: type[Warning] = UserWarning) -> None:
    """Issue a Python warning the first time that this text comes up in the process."""
    if text not in _shown:
        _shown.add(text)
        warn(text, category)
