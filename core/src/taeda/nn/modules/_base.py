"""What a module stores, and how attributes find their place: parameters, buffers, submodules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from taeda import Tensor

from .._hooks import RemovableHandle
from ..parameter import Buffer, Parameter, is_lazy

__all__ = ["ModuleBase", "type_name"]

Hooks = OrderedDict[int, Callable[..., Any]]

# Called whenever any module registers something of that kind.
registration_hooks: dict[str, Hooks] = {kind: OrderedDict() for kind in ("module", "buffer", "parameter")}

_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


def _instead_of(given: object) -> str:
    """What to pass to a container in place of something that is no module."""
    if isinstance(given, type):
        return f"; make an instance of it: {given.__name__}()"
    if isinstance(given, (list, tuple)):
        return "; pass the modules one by one, Sequential(*modules), or put them into a ModuleList"
    if callable(given):
        return (
            "; use the layer instead of the function (nn.ReLU() for functional.relu), or call it in forward()"
        )
    return ""


def type_name(value: object) -> str:
    """Name of a value's type for messages: 'int', 'taeda.Tensor', 'numpy.ndarray'."""
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


class ModuleBase:
    """Attribute storage of a Module."""

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _is_full_backward_hook: bool | None
    _backward_pre_hooks: Hooks
    _backward_hooks: Hooks
    _forward_hooks: Hooks
    _forward_hooks_with_kwargs: OrderedDict[int, bool]
    _forward_hooks_always_called: OrderedDict[int, bool]
    _forward_pre_hooks: Hooks
    _forward_pre_hooks_with_kwargs: OrderedDict[int, bool]
    _state_dict_hooks: Hooks
    _state_dict_pre_hooks: Hooks
    _load_state_dict_pre_hooks: Hooks
    _load_state_dict_post_hooks: Hooks

    # Whether a call has to look for hooks: set on an instance by its own hooks, on the class by global ones.
    _hooked = False
    call_super_init = False
    dump_patches = False
    # Goes into state dicts, so that modules can read what older versions wrote.
    _version = 1

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            name = type(self).__name__
            if kwargs:
                raise TypeError(
                    f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        own = self.__dict__
        own["training"] = True
        own["_parameters"] = {}
        own["_buffers"] = {}
        own["_non_persistent_buffers_set"] = set()
        own["_is_full_backward_hook"] = None
        for table in _HOOK_TABLES:
            own[table] = OrderedDict()
        own["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __setstate__(self, state: dict[str, Any]) -> None:
        own = self.__dict__
        own.update(state)
        for table in _HOOK_TABLES:
            if table not in own:
                own[table] = OrderedDict()
        own.setdefault("_non_persistent_buffers_set", set())
        own.setdefault("_is_full_backward_hook", None)

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        for table in ("_parameters", "_buffers", "_modules"):
            found = own.get(table)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        parameters = own.get("_parameters")
        if isinstance(value, Parameter):
            if parameters is None:
                raise AttributeError(
                    "cannot assign parameters before Module.__init__() call; call super().__init__() first in __init__"
                )
            self._forget(name, but="_parameters")
            self.register_parameter(name, value)
            return
        if parameters is not None and name in parameters:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as parameter '{name}' "
                    "(taeda.nn.Parameter or None expected)"
                )
            self.register_parameter(name, value)
            return
        modules = own.get("_modules")
        if isinstance(value, ModuleBase):
            if modules is None:
                raise AttributeError(
                    "cannot assign module before Module.__init__() call; call super().__init__() first in __init__"
                )
            self._forget(name, but="_modules")
            modules[name] = _announced("module", self, name, value)
            return
        if modules is not None and name in modules:
            if value is not None:
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as child module '{name}' (taeda.nn.Module or "
                    "None expected)"
                )
            modules[name] = _announced("module", self, name, value)
            return
        buffers = own.get("_buffers")
        if isinstance(value, Buffer) or (buffers is not None and name in buffers):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{type_name(value)}' as buffer '{name}' "
                    "(taeda.nn.Buffer, taeda.Tensor or None expected)"
                )
            if buffers is None:
                raise AttributeError(
                    "cannot assign buffer before Module.__init__() call; call super().__init__() first in __init__"
                )
            if isinstance(value, Buffer):
                self._forget(name, but="_buffers")
                self.register_buffer(name, value, value.persistent)
            else:
                buffers[name] = _announced("buffer", self, name, value)
            return
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted(name for name in names if not name[0].isdigit())

    def _forget(self, name: str, *, but: str) -> None:
        """Removes an attribute from every place except one."""
        own = self.__dict__
        own.pop(name, None)
        for table in ("_parameters", "_buffers", "_modules"):
            if table != but:
                own[table].pop(name, None)
        if but != "_buffers":
            own["_non_persistent_buffers_set"].discard(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter, readable as an attribute of that name.

        Args:
            name: name without dots, not taken by another attribute.
            param: the parameter; None reserves the name and is left out of state_dict.

        Raises:
            TypeError: the name is no string, or param is not a Parameter.
            KeyError: the name is empty, contains a dot or is taken.
            ValueError: param is a computed tensor.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError(
                "cannot assign parameter before Module.__init__() call; call super().__init__() first in __init__"
            )
        self._check_name("parameter", name, name in self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{type_name(param)}' object to parameter '{name}' "
                    "(taeda.nn.Parameter or None required)"
                )
            if not is_lazy(param) and param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value "
                    "in the "
                    "forward() method."
                )
        self._parameters[name] = _announced("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is state but is not trained, readable as an attribute of that name.

        Args:
            name: name without dots, not taken by another attribute.
            tensor: the tensor; None reserves the name and is left out of state_dict.
            persistent: whether the buffer is part of state_dict.

        Raises:
            TypeError: the name is no string, or tensor is not a Tensor.
            KeyError: the name is empty, contains a dot or is taken.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError(
                "cannot assign buffer before Module.__init__() call; call super().__init__() first in __init__"
            )
        self._check_name("buffer", name, name in self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{type_name(tensor)}' object to buffer '{name}' (taeda Tensor or None "
                "required)"
            )
        self._buffers[name] = _announced("buffer", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Any) -> None:
        """Adds a child module, readable as an attribute of that name.

        Args:
            name: name without dots, not taken by another attribute.
            module: the child; None reserves the name.

        Raises:
            TypeError: the name is no string, or module is not a Module.
            KeyError: the name is empty, contains a dot or is taken.
        """
        if not isinstance(module, ModuleBase) and module is not None:
            raise TypeError(f"{type_name(module)} is not a Module subclass{_instead_of(module)}")
        self._check_name("module", name, name in self._modules)
        self._modules[name] = _announced("module", self, name, module)

    def register_module(self, name: str, module: Any) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: str, already_of_this_kind: bool) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {type_name(name)}")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if not already_of_this_kind and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")


def _announced(kind: str, module: ModuleBase, name: str, value: Any) -> Any:
    """The value to register, after the global registration hooks of its kind have seen or replaced it."""
    for hook in registration_hooks[kind].values():
        result = hook(module, name, value)
        if result is not None:
            value = result
    return value


def register_registration_hook(kind: str, hook: Callable[..., Any]) -> RemovableHandle:
    """Has hook(module, name, value) called at every registration of a 'module', 'buffer' or 'parameter'."""
    handle = RemovableHandle(registration_hooks[kind])
    registration_hooks[kind][handle.id] = hook
    return handle
