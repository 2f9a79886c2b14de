"""`Checkpoint`: what all callbacks that write checkpoints derive from."""

from __future__ import annotations

from typing import ClassVar

from .callback import Callback

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Base of checkpoint callbacks; they run after all others and after the module's own hooks.

    Example:
        >>> "on_train_batch_end" in Checkpoint.runs_after_module
        True
    """

    runs_after_module: ClassVar[frozenset[str]] = frozenset(
        {"on_train_batch_end", "on_train_epoch_end", "on_validation_end"}
    )
