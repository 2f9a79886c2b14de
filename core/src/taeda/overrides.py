"""Modes that stand between every operator call and its operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taeda import _C

__all__ = ["OperatorMode"]


class OperatorMode:
    """While active, sees every operator call of its thread: subclass it and override `operator`.

    Modes nest; the innermost sees a call first, and what it runs or calls itself goes to the next one out. An operator
    made of others is one call.

    Example:
        >>> import taeda
        >>> class Log(taeda.overrides.OperatorMode):
        ...     def operator(self, name, arguments, run):
        ...         print(name, len(arguments))
        ...         return run()
        >>> with Log():
        ...     x = taeda.ones(2) + 1
        ones 3
        add 3
    """

    def operator(
        self, name: str, arguments: tuple[Any, ...], run: Callable[[], tuple[Any, ...]]
    ) -> tuple[Any, ...] | None:
        """Called instead of each operator.

        Args:
            name: the operator's name, with its overload: "add", "sum.all", "mul_".
            arguments: all arguments in the order of the schema (`taeda._C._op_schemas()[name]`), defaults filled in.
            run: runs the operator and returns the tuple of its results; must be called once.

        Returns:
            The results to give to the caller, or None for those of the operator.

        Raises:
            RuntimeError: (at the call) run() was not called.
        """
        return run()

    def __enter__(self) -> OperatorMode:
        _C._push_mode(self, self.operator)
        return self

    def __exit__(self, *exception: object) -> None:
        _C._pop_mode(self)
