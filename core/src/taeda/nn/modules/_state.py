"""State dictionaries: writing a module's parameters and buffers under their names, and reading them back."""

from __future__ import annotations

import itertools
import os
import warnings
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

import taeda
from taeda import Tensor

from .._hooks import RemovableHandle
from ..parameter import Parameter, is_lazy
from ._base import ModuleBase

__all__ = ["ModuleState"]

_EXTRA_STATE = "_extra_state"


def _how_to_get_one(given: object) -> str:
    if isinstance(given, (str, os.PathLike)):
        return f"; read the file first: load_state_dict(taeda.load({os.fspath(given)!r}))"
    return "; pass its state_dict()" if isinstance(given, ModuleBase) else ""


def _prefix_between(short: list[str], long: list[str]) -> str:
    """The prefix that makes all of `short` names of `long`, or ''."""
    known = set(long)
    prefixes = {name[: -len(short[0])] for name in long if name.endswith(short[0])}
    return next((p for p in sorted(prefixes) if p and known.issuperset(p + name for name in short)), "")


def _advice_on_names(missing: list[str], unexpected: list[str]) -> list[str]:
    """A line that says how to mend the names, where one change explains what is missing."""
    if not missing or not unexpected:
        return []
    inside = next((name for name in ("state_dict", "model_state_dict", "model") if name in unexpected), None)
    if inside is not None:
        return [f'This is a whole checkpoint: pass its entry, load_state_dict(checkpoint["{inside}"]).']
    if prefix := _prefix_between(missing, unexpected):
        return [
            f'The missing keys are there with "{prefix}" in front; take it away: '
            f'{{key.removeprefix("{prefix}"): value for key, value in state_dict.items()}}.'
        ]
    if prefix := _prefix_between(unexpected, missing):
        return [
            f'The unexpected keys lack "{prefix}" in front; add it: '
            f'{{"{prefix}" + key: value for key, value in state_dict.items()}}.'
        ]
    return []


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found to differ: names missing in the state dict, and unknown ones."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class ModuleState(ModuleBase):
    """The state dictionary of a Module."""

    def get_extra_state(self) -> Any:
        """More that belongs into state_dict; define it together with `set_extra_state`."""
        raise RuntimeError(
            "Reached a code path in Module.get_extra_state() that should never be called. "
            "Define get_extra_state() in the module's class."
        )

    def set_extra_state(self, state: Any) -> None:
        """Takes back what `get_extra_state` returned."""
        raise RuntimeError(
            "Reached a code path in Module.set_extra_state() that should never be called. "
            "Define set_extra_state() in the module's class."
        )

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> OrderedDict[str, Any]:
        """Parameters and persistent buffers of this module and all below it, by dotted name.

        Args:
            *args: destination, prefix, keep_vars by position, as older code passes them.
            destination: dictionary to write into; None makes one.
            prefix: put before every name.
            keep_vars: whether the tensors stay attached to autograd; otherwise they are detached, and share
                memory.

        Returns:
            The dictionary, with the modules' versions in its attribute `_metadata`.

        Example:
            >>> import taeda
            >>> list(taeda.nn.Linear(2, 1).state_dict())
            ['weight', 'bias']
        """
        for position, value in enumerate(args):
            if position == 0 and destination is None:
                destination = value
            elif position == 1 and prefix == "":
                prefix = value
            elif position == 2 and keep_vars is False:
                keep_vars = value
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            replaced = hook(self, destination, prefix, local_metadata)
            if getattr(hook, "_from_public_api", False):
                if replaced is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif replaced is not None:
                destination = replaced
        written: OrderedDict[str, Any] = destination
        return written

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        for name, tensor in itertools.chain(self._parameters.items(), self._buffers.items()):
            if tensor is None or (name in self._non_persistent_buffers_set and name in self._buffers):
                continue
            destination[prefix + name] = tensor if keep_vars or is_lazy(tensor) else tensor.detach()
        if type(self).get_extra_state is not ModuleState.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copies parameters and buffers from a state dictionary into this module and all below it.

        Args:
            state_dict: tensors by dotted name.
            strict: whether missing and unexpected names are an error.
            assign: whether the tensors themselves become the module's, instead of being copied into those it
                has.

        Returns:
            missing_keys and unexpected_keys.

        Raises:
            TypeError: state_dict is no mapping.
            RuntimeError: names do not match and `strict` is set, or shapes do not match; all problems are
                listed.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"Expected state_dict to be dict-like, got {type(state_dict)}{_how_to_get_one(state_dict)}"
            )
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        own = OrderedDict(state_dict)
        if metadata is not None:
            own._metadata = metadata  # type: ignore[attr-defined]
        self._load_tree(own, "", metadata, assign, (missing, unexpected, errors))
        if strict:
            if unexpected:
                names = ", ".join(f'"{key}"' for key in unexpected)
                errors.insert(0, f"Unexpected key(s) in state_dict: {names}. ")
            if missing:
                names = ", ".join(f'"{key}"' for key in missing)
                errors.insert(0, f"Missing key(s) in state_dict: {names}. ")
            errors += _advice_on_names(missing, unexpected)
        if errors:
            listed = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{listed}")
        return _IncompatibleKeys(missing, unexpected)

    def _load_tree(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        metadata: Any,
        assign: bool,
        found: tuple[list[str], list[str], list[str]],
    ) -> None:
        """Loads this module, then its children; found: missing keys, unexpected keys, errors."""
        local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        self._load_from_state_dict(state_dict, prefix, local_metadata, True, *found)
        for name, child in self._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                part = {key: value for key, value in state_dict.items() if key.startswith(below)}
                child._load_tree(part, below, metadata, assign, found)
        incompatible = _IncompatibleKeys(found[0], found[1])
        for hook in self._load_state_dict_post_hooks.values():
            if hook(self, incompatible) is not None:
                raise RuntimeError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                    "return new "
                    "values, if incompatible_keys need to be modified, it should be done inplace."
                )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Loads the parameters and buffers of this module alone; modules that changed override it."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        stored = {n: b for n, b in self._buffers.items() if n not in self._non_persistent_buffers_set}
        for name, tensor in itertools.chain(self._parameters.items(), stored.items()):
            if tensor is None:
                continue
            key = prefix + name
            if key in state_dict:
                self._load_tensor(name, tensor, key, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        self._load_extra_state(state_dict, prefix + _EXTRA_STATE, strict, missing_keys, unexpected_keys)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != prefix + _EXTRA_STATE:
                    first, *rest = key[len(prefix) :].split(".", 1)
                    known = first in self._modules if rest else first in self._parameters or first in stored
                    if not known:
                        unexpected_keys.append(key)

    def _load_extra_state(
        self, state_dict: dict[str, Any], key: str, strict: bool, missing: list[str], unexpected: list[str]
    ) -> None:
        if type(self).set_extra_state is not ModuleState.set_extra_state:
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing.append(key)
        elif strict and key in state_dict:
            unexpected.append(key)

    def _load_tensor(
        self, name: str, own: Tensor, key: str, loaded: Any, assign: bool, error_msgs: list[str]
    ) -> None:
        if not isinstance(loaded, Tensor):
            error_msgs.append(
                f'While copying the parameter named "{key}", expected taeda.Tensor or Tensor-like object '
                f"from checkpoint but received {type(loaded)}"
            )
            return
        if is_lazy(own) or is_lazy(loaded):
            self._load_lazy(name, own, key, loaded, assign, error_msgs)
            return
        if own.dim() == 0 and loaded.dim() == 1:  # some scalars used to be written as one element
            loaded = loaded[0]
        if loaded.shape != own.shape:
            error_msgs.append(
                f"size mismatch for {key}: copying a param with shape {loaded.shape} from checkpoint, "
                f"the shape in current model is {own.shape}."
            )
            return
        if own.is_meta and not loaded.is_meta and not assign:
            warnings.warn(
                f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter in "
                "the current "
                "model, which is a no-op. (Did you mean to pass `assign=True` to assign items in the "
                "state dictionary "
                "to their corresponding key in the module instead of copying them in place?)",
                stacklevel=2,
            )
        try:
            with taeda.no_grad():
                self._take(name, own, loaded, assign)
        except Exception as error:
            error_msgs.append(
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{own.size()} and whose dimensions in the checkpoint are {loaded.size()}, "
                f"an exception occurred : {error.args}."
            )

    def _load_lazy(
        self, name: str, own: Tensor, key: str, loaded: Tensor, assign: bool, error_msgs: list[str]
    ) -> None:
        """A tensor without a shape takes over what is loaded; LazyModuleMixin materializes it."""
        if is_lazy(own) and is_lazy(loaded):
            return
        try:
            with taeda.no_grad():
                own.copy_(loaded)
        except Exception as error:
            error_msgs.append(
                f'While copying the parameter named "{key}", an exception occurred : {error.args}.'
            )

    def _take(self, name: str, own: Tensor, loaded: Tensor, assign: bool) -> None:
        if not assign:
            own.copy_(loaded)
            return
        if isinstance(own, Parameter):
            if not isinstance(loaded, Parameter):
                loaded = Parameter(loaded, requires_grad=own.requires_grad)
            else:
                loaded.requires_grad_(own.requires_grad)
        setattr(self, name, loaded)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has hook(module, state_dict, prefix, local_metadata) called after saving; a result replaces it."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously "
                "registered via "
                "register_state_dict_post_hook"
            )
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has hook(module, state_dict, prefix, local_metadata) called after saving; it may change it."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        handle = RemovableHandle(self._state_dict_hooks)
        self._state_dict_hooks[handle.id] = hook
        return handle

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has hook(module, prefix, keep_vars) called before saving."""
        handle = RemovableHandle(self._state_dict_pre_hooks)
        self._state_dict_pre_hooks[handle.id] = hook
        return handle

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has a hook called before this module loads.

        It is called as hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys,
        error_msgs) and may change the dict and the lists.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        handle = RemovableHandle(self._load_state_dict_pre_hooks)
        self._load_state_dict_pre_hooks[handle.id] = _LoadHook(hook, self if with_module else None)
        return handle

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has hook(module, incompatible_keys) called after this module and all below it have loaded."""
        handle = RemovableHandle(self._load_state_dict_post_hooks)
        self._load_state_dict_post_hooks[handle.id] = hook
        return handle


class _LoadHook:
    """A hook before loading, with the module that it is told about, if any: copies with the module."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook, self.module = hook, module
        self.with_module = module is not None

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args) if self.with_module else self.hook(*args)
