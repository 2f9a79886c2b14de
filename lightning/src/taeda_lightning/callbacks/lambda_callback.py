"""`LambdaCallback`: a callback from plain functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import UnknownArgumentError, closest
from .callback import Callback

__all__ = ["LambdaCallback"]

_HOOKS = [name for name in vars(Callback) if name.startswith("on_") or name in ("setup", "teardown")]


class LambdaCallback(Callback):
    """Make a callback of functions named after hooks.

    Args:
        hooks: functions by the name of the hook, with the hook's arguments.

    Raises:
        UnknownArgumentError: there is no such hook.

    Example:
        >>> callback = LambdaCallback(on_fit_start=lambda trainer, module: print("start"))
        >>> callback.on_fit_start(None, None)
        start
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        for name, function in hooks.items():
            if name not in _HOOKS:
                raise UnknownArgumentError(
                    f"LambdaCallback: there is no hook {name!r}; {closest(name, _HOOKS)}"
                )
            if function is not None:
                setattr(self, name, function)
