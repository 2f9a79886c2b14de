"""The base class of all layers and networks."""

from __future__ import annotations

from typing import Any

from taeda._C import _set_module_class, _speed_up_module_class

from .._hooks import RemovableHandle
from ._base import register_registration_hook
from ._calls import (
    ModuleCalls,
    register_module_backward_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from ._convert import ModuleConversion
from ._state import ModuleState
from ._tree import ModuleTree

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]


class Module(ModuleCalls, ModuleState, ModuleTree, ModuleConversion):
    """A part of a network: its parameters, buffers and child modules, and a `forward` that uses them.

    Whatever is assigned as an attribute and is a Parameter, Buffer or Module becomes part of the module: it
    moves with
    `to`, is trained by an optimizer that is given `parameters()`, and is stored by `state_dict`.

    Example:
        >>> import taeda
        >>> class Twice(taeda.nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.linear = taeda.nn.Linear(3, 3)
        ...
        ...     def forward(self, x):
        ...         return self.linear(self.linear(x))
        >>> Twice()
        Twice(
          (linear): Linear(in_features=3, out_features=3, bias=True)
        )
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _speed_up_module_class(
            cls
        )  # direct slots for `__getattr__` and `__call__`; csrc/python/nn_module.cpp

    def forward(self, *args: Any) -> Any:
        """Computes the result; every subclass has its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function; define it in the class, or, '
            "for a list of layers, call them one by one or use nn.Sequential"
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Graph capture is not available: raises NotImplementedError."""
        raise NotImplementedError(
            f"{type(self).__name__}.compile: graph capture is not available; call the module"
        )


_set_module_class(Module)
_speed_up_module_class(Module)


def register_module_module_registration_hook(hook: Any) -> RemovableHandle:
    """Has hook(module, name, submodule) called whenever any module gets a child; a result replaces it."""
    return register_registration_hook("module", hook)


def register_module_buffer_registration_hook(hook: Any) -> RemovableHandle:
    """Has hook(module, name, buffer) called whenever any module gets a buffer; a result replaces it."""
    return register_registration_hook("buffer", hook)


def register_module_parameter_registration_hook(hook: Any) -> RemovableHandle:
    """Has hook(module, name, parameter) called whenever any module gets a parameter; a result replaces it."""
    return register_registration_hook("parameter", hook)
