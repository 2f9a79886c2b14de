"""Tensors that a module owns: Parameter is trained, Buffer is not, lazy ones wait for their shape."""

from __future__ import annotations

from typing import Any

import taeda
from taeda import Tensor

__all__ = [
    "Buffer",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]


class Parameter(Tensor):
    """A tensor that a module registers as trainable when it is assigned as an attribute.

    Args:
        data: tensor that the parameter holds; it shares the memory. None makes an empty one.
        requires_grad: whether gradients are computed for it.

    Example:
        >>> import taeda
        >>> weight = taeda.nn.Parameter(taeda.zeros(2))
        >>> weight.requires_grad
        True
    """

    # Results of operators on a parameter are plain tensors.
    __torch_function__ = getattr(taeda._C, "_disabled_torch_function_impl", None)

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        """Makes one; see the class."""
        if data is None:
            data = taeda.empty(0)
        return Tensor._make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) in memo:
            known: Parameter = memo[id(self)]
            return known
        with taeda.no_grad():
            copy = type(self)(self.detach().clone(), self.requires_grad)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.detach().as_subclass(Tensor), self.requires_grad)


class Buffer(Tensor):
    """A tensor that a module registers as state, but does not train, when it is assigned as an attribute.

    Args:
        data: tensor that the buffer holds; it shares the memory.
        persistent: whether the buffer is part of the module's state_dict.
    """

    __torch_function__ = getattr(taeda._C, "_disabled_torch_function_impl", None)
    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        """Makes one; see the class."""
        if data is None:
            data = taeda.empty(0)
        buffer = Tensor._make_subclass(cls, data, data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) in memo:
            known: Buffer = memo[id(self)]
            return known
        copy = type(self)(self.detach().clone(), persistent=self.persistent)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild_buffer, (type(self), self.detach().as_subclass(Tensor), self.persistent)


class UninitializedTensorMixin:
    """What parameters and buffers without a shape have in common: `materialize` gives them one."""

    _becomes: type
    data: Tensor

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Gives the tensor memory of this shape and makes it an ordinary parameter or buffer.

        Args:
            shape: sizes of the tensor.
            device: device of the memory; None keeps the present one.
            dtype: element type; None keeps the present one.
        """
        device = self.data.device if device is None else device
        dtype = self.data.dtype if dtype is None else dtype
        self.__class__ = self._becomes
        self.data = taeda.empty(shape, device=device, dtype=dtype)

    @property
    def shape(self) -> Any:
        """Not known yet: reading it raises RuntimeError."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "This error usually happens in `load_state_dict` when trying to load an uninitialized "
            "parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self) -> Any:
        """Not possible before there is memory: raises RuntimeError."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. "
            "Call `forward` to initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is found out by the first forward pass of its lazy module.

    Args:
        requires_grad: whether gradients are computed for it.
        device: device that it will be on.
        dtype: element type that it will have.
    """

    _becomes = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: Any = None
    ) -> UninitializedParameter:
        """Makes one; see the class."""
        return Tensor._make_subclass(cls, taeda.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) in memo:
            known: UninitializedParameter = memo[id(self)]
            return known
        copy = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, self.data.device, self.data.dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is found out by the first forward pass of its lazy module.

    Args:
        requires_grad: accepted for symmetry with parameters.
        device: device that it will be on.
        dtype: element type that it will have.
        persistent: whether the buffer is part of the module's state_dict.
    """

    _becomes = Buffer

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> UninitializedBuffer:
        """Makes one; see the class."""
        buffer = Tensor._make_subclass(cls, taeda.empty(0, device=device, dtype=dtype), requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) in memo:
            known: UninitializedBuffer = memo[id(self)]
            return known
        copy = type(self)(self.requires_grad, self.data.device, self.data.dtype, self.persistent)
        memo[id(self)] = copy
        return copy

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.requires_grad, self.data.device, self.data.dtype, self.persistent)


def is_lazy(param: object) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)


def _rebuild(cls: type[Parameter], data: Tensor, requires_grad: bool) -> Parameter:
    return cls(data, requires_grad)


def _rebuild_buffer(cls: type[Buffer], data: Tensor, persistent: bool) -> Buffer:
    return cls(data, persistent=persistent)
