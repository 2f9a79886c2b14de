"""Batches in page-locked memory, from which copies to a GPU are asynchronous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import taeda

__all__ = ["pinned"]


def pinned(batch: Any) -> Any:
    """The batch with all its tensors in page-locked memory.

    Args:
        batch: a tensor, a mapping, a sequence of such, or an object with a method `pin_memory`; anything else stays.
    """
    if isinstance(batch, taeda.Tensor):
        return batch.pin_memory()
    if hasattr(batch, "pin_memory"):
        return batch.pin_memory()
    if isinstance(batch, Mapping):
        return type(batch)({key: pinned(value) for key, value in batch.items()})  # type: ignore[call-arg]
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(pinned, batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(map(pinned, batch))
    return batch
