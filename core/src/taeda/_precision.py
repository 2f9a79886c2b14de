"""Autocast for public functions that are compositions in Python; the core sees to its own operators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from taeda import _C
from taeda._C import Tensor

__all__ = ["float32_under_autocast"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def float32_under_autocast(function: _Function) -> _Function:
    """Decorator: under `autocast` the function gets its float16 and bfloat16 tensors in float32."""

    @functools.wraps(function)
    def converted(*args: Any, **kwargs: Any) -> Any:
        if _C._autocast_active("cpu") is None and _C._autocast_active("cuda") is None:
            return function(*args, **kwargs)
        return function(*map(_widened, args), **{name: _widened(value) for name, value in kwargs.items()})

    return cast(_Function, converted)


def _widened(value: Any) -> Any:
    if (
        isinstance(value, Tensor)
        and value.dtype in (_C.float16, _C.bfloat16)
        and _C._autocast_active(value.device.type) is not None
    ):
        return value.float()
    return value
