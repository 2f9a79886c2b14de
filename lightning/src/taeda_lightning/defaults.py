"""Loggers and callbacks of a trainer: those given, and those that it adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callbacks.callback import Callback
from .callbacks.checkpoint import Checkpoint
from .callbacks.model_summary import ModelSummary
from .callbacks.progress_bar import ProgressBar
from .callbacks.timer import Timer
from .errors import MisconfigurationException
from .loggers.logger import Logger
from .loggers.tensorboard import TensorBoardLogger
from .module import LightningModule

__all__ = ["make_callbacks", "make_loggers", "with_model_callbacks"]


def make_loggers(given: Any, root: str) -> list[Logger]:
    """The loggers for `Trainer(logger=given)`.

    Args:
        given: a logger, a list of them, None or True for TensorBoard, False for none.
        root: folder of the default logger.

    Example:
        >>> make_loggers(False, "."), [type(logger).__name__ for logger in make_loggers(True, ".")]
        ([], ['TensorBoardLogger'])
    """
    if given is None or given is True:
        return [TensorBoardLogger(root)]
    if not given:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def make_callbacks(
    given: Any, defaults: Mapping[type[Callback], bool | None], max_time: Any, adds_defaults: bool
) -> list[Callback]:
    """The callbacks for `Trainer(callbacks=given)`, with checkpoint callbacks last.

    Args:
        given: a callback, a list of them, or None.
        defaults: classes to add unless a callback of their kind is given; False forbids the kind.
        max_time: adds a `Timer` unless one is given.
        adds_defaults: whether `defaults` are added at all.

    Raises:
        MisconfigurationException: something given is no callback, or of a forbidden kind.
    """
    callbacks: list[Callback] = [given] if isinstance(given, Callback) else list(given or [])
    for callback in callbacks:
        if not isinstance(callback, Callback):
            raise MisconfigurationException(
                f"Trainer(callbacks=...): expected Callback objects, got {type(callback).__name__}"
            )
    for default, enabled in defaults.items():
        kind = _kind_of(default)
        found = [callback for callback in callbacks if isinstance(callback, kind)]
        if enabled is False and found:
            raise MisconfigurationException(
                f"Trainer: {type(found[0]).__name__} is among the callbacks, but its enable_... argument is "
                "False; remove one of the two"
            )
        if not found and enabled is not False and adds_defaults:
            callbacks.append(default())
    if max_time is not None and not any(isinstance(callback, Timer) for callback in callbacks):
        callbacks.append(Timer(max_time))
    return checkpoints_last(callbacks)


def _kind_of(default: type[Callback]) -> type[Callback]:
    """The base class of which a trainer has one."""
    return next(kind for kind in (Checkpoint, ProgressBar, ModelSummary) if issubclass(default, kind))


def checkpoints_last(callbacks: list[Callback]) -> list[Callback]:
    """Checkpoint callbacks after all others, so that their files hold what the others did."""
    return sorted(callbacks, key=lambda callback: isinstance(callback, Checkpoint))


def with_model_callbacks(callbacks: list[Callback], module: LightningModule) -> list[Callback]:
    """The trainer's callbacks with those of `configure_callbacks`, which replace callbacks of their type."""
    own = module.configure_callbacks()
    own = [own] if isinstance(own, Callback) else list(own or [])
    kinds = {type(callback) for callback in own}
    return checkpoints_last([callback for callback in callbacks if type(callback) not in kinds] + own)
