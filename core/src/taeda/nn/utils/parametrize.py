"""Parameters that are computed from others on every access."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import taeda
from taeda import Tensor

from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Tensor] = {}
_cache_users = 0


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Computes each parametrized tensor once within the block."""
    global _cache_users
    _cache_users += 1
    try:
        yield
    finally:
        _cache_users -= 1
        if not _cache_users:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, and what they start from: `original`, or `original0`, ...

    Args:
        modules: parametrizations, applied from the first to the last.
        original: the tensor that is parametrized.
        unsafe: whether shape and dtype may change.

    Raises:
        ValueError: a parametrization changes the shape or dtype, or `right_inverse` returns no tensors.
    """

    original: Tensor
    unsafe: bool

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        new: Any = original
        with taeda.no_grad():
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):
                        new = module.right_inverse(new)
        self.is_tensor = isinstance(new, Tensor)
        if not self.is_tensor and not isinstance(new, Sequence):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.ntensors = 1 if self.is_tensor else len(new)
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        for name, tensor in zip(names, [new] if self.is_tensor else new, strict=True):
            if isinstance(original, Parameter):
                if self.is_tensor and tensor.shape == original.shape and tensor.dtype == original.dtype:
                    if tensor is not original:
                        original.data = tensor.detach()
                    self.register_parameter(name, original)
                else:
                    self.register_parameter(name, Parameter(tensor, original.requires_grad))
            else:
                self.register_buffer(name, tensor)
        if not unsafe:
            self._check(original)

    def _check(self, original: Tensor) -> None:
        result = self()
        if not isinstance(result, Tensor):
            raise ValueError(f"A parametrization must return a tensor. Got {type(result).__name__}.")
        if result.dtype != original.dtype:
            raise ValueError(
                "Registering a parametrization may not change the dtype of the tensor, unless `unsafe` "
                "flag is "
                f"enabled.\nunparametrized dtype: {original.dtype}\nparametrized dtype: {result.dtype}"
            )
        if result.shape != original.shape:
            raise ValueError(
                "Registering a parametrization may not change the shape of the tensor, unless `unsafe` "
                "flag is "
                f"enabled.\nunparametrized shape: {original.shape}\nparametrized shape: {result.shape}"
            )

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Sets the originals so that the parametrized tensor becomes `value`.

        Raises:
            RuntimeError: a parametrization has no `right_inverse`.
        """
        with taeda.no_grad():
            new: Any = value
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                new = module.right_inverse(new)
            for own, tensor in zip(self._originals(), [new] if self.is_tensor else new, strict=True):
                own.data = tensor.detach().clone() if tensor is value else tensor.detach()

    def forward(self) -> Tensor:
        """The parametrized tensor."""
        first, *others = self
        x: Tensor = first(*self._originals())
        for module in others:
            x = module(x)
        return x


def is_parametrized(module: Any, tensor_name: str | None = None) -> bool:
    """Whether a module has a parametrization, of a certain tensor if a name is given."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def type_before_parametrizations(module: Module) -> type:
    """The class of a module, without what parametrizations add to it."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def _become_parametrized(module: Module) -> None:
    """Gives the module a class of its own, to which properties can be added."""
    cls = type(module)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:  # noqa: N807
        existing = memo.get(id(self))
        if existing is not None:
            return existing
        replica = self.__new__(self.__class__)
        memo[id(self)] = replica
        replica.__dict__ = copy.deepcopy(self.__dict__, memo)
        return replica

    def __getstate__(self: Any) -> Any:  # noqa: N807
        raise RuntimeError("Serialization of parametrized modules is only supported through state_dict().")

    own: dict[str, Callable[..., Any]] = {"__getstate__": __getstate__}
    if not hasattr(cls, "__deepcopy__"):
        own["__deepcopy__"] = __deepcopy__
    module.__class__ = type(f"Parametrized{cls.__name__}", (cls,), own)


def _add_property(module: Module, tensor_name: str) -> None:
    def get(self: Any) -> Tensor:
        if not _cache_users:
            computed: Tensor = self.parametrizations[tensor_name]()
            return computed
        key = (id(self), tensor_name)
        if key not in _cache:
            _cache[key] = self.parametrizations[tensor_name]()
        return _cache[key]

    def put(self: Any, value: Tensor) -> None:
        self.parametrizations[tensor_name].right_inverse(value)

    setattr(type(module), tensor_name, property(get, put))


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Has a parameter or buffer computed by a module from the tensor that it was.

    Args:
        module: owner of the tensor.
        tensor_name: its name.
        parametrization: its forward computes the tensor; `right_inverse`, if there, what it is computed from.
        unsafe: whether shape and dtype may change.

    Returns:
        The module, whose class is a new subclass of the old one.

    Raises:
        ValueError: there is no such parameter or buffer, or shape or dtype change.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        listed = module.parametrizations[tensor_name]
        if hasattr(parametrization, "right_inverse"):
            before = getattr(module, tensor_name)
            with taeda.no_grad(), contextlib.suppress(NotImplementedError):
                listed.right_inverse(parametrization.right_inverse(before))
        listed.append(parametrization)
        listed.unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        original = getattr(module, tensor_name)
        listed = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _become_parametrized(module)
            module.parametrizations = ModuleDict()
        _add_property(module, tensor_name)
        module.parametrizations[tensor_name] = listed
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Makes a parametrized tensor an ordinary one again.

    Args:
        module: owner of the tensor.
        tensor_name: its name.
        leave_parametrized: whether it keeps its computed value, instead of going back to the original.

    Raises:
        ValueError: the tensor is not parametrized, or there are several originals to go back to.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    listed = module.parametrizations[tensor_name]
    original = listed._originals()[0]
    if leave_parametrized:
        with taeda.no_grad():
            value = getattr(module, tensor_name).detach().clone()
        kept: Any = original
        if isinstance(original, Parameter):
            if value.shape == original.shape:
                original.data = value
            else:
                kept = Parameter(value, original.requires_grad)
        else:
            kept = value
    elif listed.is_tensor:
        kept = original
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in "
            "terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if isinstance(kept, Parameter):
        module.register_parameter(tensor_name, kept)
    else:
        module.register_buffer(tensor_name, kept)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module
