"""Switching the recording of operations on and off."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from taeda._C import _set_grad_enabled, _set_inference, is_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]

F = TypeVar("F", bound=Callable[..., Any])


class _Mode:
    """A context manager that also decorates functions and generators."""

    def clone(self) -> Any:
        """A fresh one with the same arguments, for each call of a decorated function."""
        return type(self)()

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exception: object) -> None:
        raise NotImplementedError

    def __call__(self, function: F) -> F:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                running = function(*args, **kwargs)
                sent: Any = None
                while True:
                    try:
                        with self.clone():
                            value = running.send(sent)
                    except StopIteration as stop:
                        return stop.value
                    sent = yield value

            return generator  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]


class no_grad(_Mode):
    """Operations are not recorded for backward inside.

    Example:
        >>> import taeda
        >>> x = taeda.ones(2, requires_grad=True)
        >>> with taeda.no_grad():
        ...     y = x * 2
        >>> y.requires_grad
        False
    """

    __slots__ = ("_before",)

    @overload
    def __new__(cls) -> no_grad: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        return made if function is None else made(function)

    def __init__(self, function: Any = None) -> None:
        pass

    def __enter__(self) -> None:
        self._before = _set_grad_enabled(False)

    def __exit__(self, *exception: object) -> None:
        _set_grad_enabled(self._before)


class enable_grad(_Mode):
    """Operations are recorded inside, also within no_grad."""

    __slots__ = ("_before",)

    @overload
    def __new__(cls) -> enable_grad: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        made = super().__new__(cls)
        return made if function is None else made(function)

    def __init__(self, function: Any = None) -> None:
        pass

    def __enter__(self) -> None:
        self._before = _set_grad_enabled(True)

    def __exit__(self, *exception: object) -> None:
        _set_grad_enabled(self._before)


class set_grad_enabled(_Mode):
    """Switches recording at once; as a context manager, until its end."""

    def __init__(self, mode: bool) -> None:
        self._before = is_grad_enabled()
        self.mode = mode
        _set_grad_enabled(bool(mode))

    def clone(self) -> set_grad_enabled:
        """A fresh one with the same mode."""
        return set_grad_enabled(self.mode)

    def __call__(self, function: F) -> F:
        _set_grad_enabled(self._before)
        return super().__call__(function)

    def __enter__(self) -> None:
        _set_grad_enabled(bool(self.mode))

    def __exit__(self, *exception: object) -> None:
        _set_grad_enabled(self._before)


class inference_mode(_Mode):
    """As no_grad, and the tensors made inside can never take part in autograd: the leanest way to run a model."""

    @overload
    def __new__(cls, mode: bool = True) -> inference_mode: ...
    @overload
    def __new__(cls, mode: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.mode = True
        return made(mode)

    def __init__(self, mode: Any = True) -> None:
        self.mode = mode if isinstance(mode, bool) else True

    def clone(self) -> inference_mode:
        """A fresh one with the same mode."""
        return inference_mode(self.mode)

    def __enter__(self) -> None:
        self._before = _set_inference(self.mode), _set_grad_enabled(not self.mode)

    def __exit__(self, *exception: object) -> None:
        _set_inference(self._before[0])
        _set_grad_enabled(self._before[1])
