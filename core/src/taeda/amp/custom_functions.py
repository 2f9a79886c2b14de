"""Custom autograd functions under autocast."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from taeda import _C
from taeda._C import Tensor

from .autocast_mode import autocast, get_autocast_dtype, is_autocast_enabled

__all__ = ["custom_bwd", "custom_fwd"]


def _converted(value: Any, device_type: str, dtype: _C.dtype) -> Any:
    """The value with its floating-point tensors on that kind of device in the dtype, in containers too."""
    if isinstance(value, Tensor):
        eligible = (
            value.is_floating_point() and value.device.type == device_type and value.dtype != _C.float64
        )
        return value.to(dtype) if eligible else value
    if isinstance(value, Mapping):
        return {
            _converted(k, device_type, dtype): _converted(v, device_type, dtype) for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return type(value)(_converted(each, device_type, dtype) for each in value)
    return value


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: _C.dtype | None = None
) -> Callable[..., Any]:
    """Decorator of `forward` of an `autograd.Function` that says in which precision it runs under `autocast`.

    Args:
        fwd: the method.
        device_type: whose `autocast` is meant.
        cast_inputs: under autocast, convert floating-point tensors to this dtype and switch autocast off; None runs the
            method as any other code.
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        ctx._autocast_dtype = get_autocast_dtype(device_type)
        if cast_inputs is None:
            ctx._autocast_enabled = enabled
            return fwd(ctx, *args, **kwargs)
        ctx._autocast_enabled = False
        if not enabled:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(
                ctx,
                *_converted(args, device_type, cast_inputs),
                **_converted(kwargs, device_type, cast_inputs),
            )

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """Decorator of `backward` beside `custom_fwd`: it runs under the autocast that `forward` ran under."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, ctx._autocast_dtype, ctx._autocast_enabled):
            return bwd(ctx, *args, **kwargs)

    return backward
