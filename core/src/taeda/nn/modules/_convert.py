"""Moving a module to another device or element type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import taeda
from taeda import Tensor

from ..parameter import Parameter, is_lazy
from ._base import ModuleBase

__all__ = ["ModuleConversion"]

Self = TypeVar("Self", bound="ModuleConversion")


class ModuleConversion(ModuleBase):
    """The conversions of a Module; all of them change the module itself and return it."""

    children: Callable[[], Any]

    def _apply(self: Self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replaces the contents of all parameters, their gradients and buffers by what fn makes of them."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                self._parameters[name] = _converted(parameter, fn)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Moves parameters and buffers: to(device), to(dtype), to(device, dtype), to(tensor).

        Only floating-point and complex tensors change their dtype.

        Args:
            *args: a device, a dtype or a tensor whose device and dtype are taken.
            **kwargs: device, dtype, non_blocking, memory_format.

        Returns:
            This module.

        Raises:
            TypeError: dtype is neither floating-point nor complex.
        """
        device, dtype, non_blocking, memory_format = parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(t: Tensor) -> Tensor:
            target = dtype if t.is_floating_point() or t.is_complex() else None
            if memory_format is not None and t.dim() in (4, 5):
                return t.to(device, target or t.dtype, non_blocking, memory_format=memory_format)
            return t.to(t.device if device is None else device, target or t.dtype, non_blocking)

        return self._apply(convert)

    def type(self: Self, dst_type: Any) -> Self:
        """Converts all parameters and buffers to a dtype."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: Self) -> Self:
        """Converts floating-point parameters and buffers to float32."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self: Self) -> Self:
        """Converts floating-point parameters and buffers to float64."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self: Self) -> Self:
        """Converts floating-point parameters and buffers to float16."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self: Self) -> Self:
        """Converts floating-point parameters and buffers to bfloat16."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def cpu(self: Self) -> Self:
        """Moves parameters and buffers to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self: Self, device: Any = None) -> Self:
        """Moves parameters and buffers to a CUDA device."""
        return self._apply(lambda t: t.cuda(device))

    def to_empty(self: Self, *, device: Any, recurse: bool = True) -> Self:
        """Moves parameters and buffers to a device without their contents."""
        return self._apply(lambda t: taeda.empty_like(t, device=device), recurse=recurse)

    def share_memory(self: Self) -> Self:
        """Moves parameters and buffers into memory that other processes can map."""
        return self._apply(lambda t: t.share_memory_())


def _converted(parameter: Parameter, fn: Callable[[Tensor], Tensor]) -> Parameter:
    """The same parameter with new contents, or a new one where the contents cannot change in place."""
    with taeda.no_grad():
        data = fn(parameter)
    gradient = parameter.grad
    if is_lazy(parameter) or _same_family(parameter, data):
        parameter.data = data
    else:
        parameter = Parameter(data, parameter.requires_grad)
    if gradient is not None:
        with taeda.no_grad():
            parameter.grad = fn(gradient).requires_grad_(gradient.requires_grad)
    return parameter


def _same_family(a: Tensor, b: Tensor) -> bool:
    """Whether both have memory (on any device), or both have none (meta)."""
    return (a.device.type == "meta") == (b.device.type == "meta")


def parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """Device, dtype, non_blocking and memory_format from the arguments that `Tensor.to` takes."""
    device, dtype = kwargs.pop("device", None), kwargs.pop("dtype", None)
    non_blocking, memory_format = kwargs.pop("non_blocking", False), kwargs.pop("memory_format", None)
    like = kwargs.pop("tensor", kwargs.pop("other", None))
    kwargs.pop("copy", None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    for number, value in enumerate(args):
        if isinstance(value, Tensor):
            like = value
        elif isinstance(value, taeda.dtype):
            dtype = value
        elif isinstance(value, bool) and number > 0:
            non_blocking = value
        elif isinstance(value, (str, int, taeda.device)):
            device = value
        elif value is not None:
            raise TypeError(
                f"to() received an invalid argument of type {type(value).__name__}: expected a device, a "
                "dtype or a tensor"
            )
    if like is not None:
        device, dtype = like.device, like.dtype
    return (None if device is None else taeda.device(device)), dtype, bool(non_blocking), memory_format
