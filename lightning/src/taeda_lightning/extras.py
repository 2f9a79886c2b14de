"""Packages that only some parts need: imported when asked for, with an error that says how to install
them."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MisconfigurationException

__all__ = ["require"]


def require(module: str, extra: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: dotted name.
        extra: extra of taeda-lightning that installs it.
        purpose: what it is needed for.

    Raises:
        MisconfigurationException: it is not installed.

    Example:
        >>> require("json", "vision", "an example").dumps([1])
        '[1]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MisconfigurationException(
            f"{purpose} needs {error.name}, which is not installed; pip install 'taeda-lightning[{extra}]'"
        ) from error
