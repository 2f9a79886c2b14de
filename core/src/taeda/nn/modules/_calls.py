"""Calling a module: straight to `forward`, or through its hooks."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from taeda import Tensor

from .._hooks import BackwardProbe, RemovableHandle
from ._base import Hooks, ModuleBase

__all__ = ["ModuleCalls", "global_hooks"]


class _GlobalHooks:
    """Hooks that every module's call runs."""

    def __init__(self) -> None:
        self.forward: Hooks = OrderedDict()
        self.forward_with_kwargs: OrderedDict[int, bool] = OrderedDict()
        self.forward_always_called: OrderedDict[int, bool] = OrderedDict()
        self.forward_pre: Hooks = OrderedDict()
        self.backward: Hooks = OrderedDict()
        self.backward_pre: Hooks = OrderedDict()
        self.is_full_backward: bool | None = None


global_hooks = _GlobalHooks()


class _Place:
    """Where an error comes from: the path of a layer of class `kind` inside `module`, and the note that tells it.

    It travels in the error, whose pickles and copies do without: they must not hold the module."""

    def __init__(self, path: str, kind: str, module: ModuleBase, note: str) -> None:
        self.path, self.kind, self.module, self.note = path, kind, module, note

    def __reduce__(self) -> tuple[Any, ...]:
        return bool, ()


class ModuleCalls(ModuleBase):
    """The call of a Module, and the registration of what runs around it."""

    forward: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if self._hooked:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            self._note_place(error)
            raise

    def _note_place(self, error: Exception) -> None:
        """Adds to the notes of an error where it comes from: `in layer 1.0 (Linear) of Sequential`.

        Every call that the error passes puts its name for the inner module in front."""
        place = error.__dict__.get("_place") or _Place("", type(self).__name__, self, "")
        name = next((name for name, module in self.named_modules() if module is place.module), None)
        if name is None:
            return
        path = ".".join(filter(None, [name, place.path]))
        longer_note = f"in layer {path} ({place.kind}) of {type(self).__name__}" if path else ""
        error.__dict__["_place"] = _Place(path, place.kind, self, longer_note)
        if longer_note:
            notes = error.__dict__.setdefault("__notes__", [])
            if place.note in notes:
                notes.remove(place.note)
            notes.append(longer_note)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ran: set[int] = set()
        try:
            return self._run_hooks_around_forward(args, kwargs, ran)
        except Exception:
            self._run_always_called_hooks(args, kwargs, ran)
            raise

    def _run_hooks_around_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any], ran: set[int]) -> Any:
        pre = [(i, h, i in self._forward_pre_hooks_with_kwargs) for i, h in self._forward_pre_hooks.items()]
        for _, hook, with_kwargs in [(i, h, False) for i, h in global_hooks.forward_pre.items()] + pre:
            if with_kwargs:
                replaced = hook(self, args, kwargs)
                if replaced is not None:
                    if not isinstance(replaced, tuple) or len(replaced) != 2:
                        raise RuntimeError(
                            "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                            f"but got {replaced}."
                        )
                    args, kwargs = replaced
            else:
                replaced = hook(self, args)
                if replaced is not None:
                    args = replaced if isinstance(replaced, tuple) else (replaced,)

        probe = self._backward_probe()
        if probe is not None:
            args = probe.watch_inputs(args)
        result = self.forward(*args, **kwargs)
        for number, hook, with_kwargs, _ in self._all_forward_hooks():
            ran.add(number)
            replaced = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if replaced is not None:
                result = replaced
        if probe is not None:
            if not isinstance(result, (Tensor, tuple)):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple of "
                    "Tensors but "
                    f"received {type(result)}",
                    stacklevel=3,
                )
            result = probe.watch_outputs(result)
        self._attach_legacy_backward_hooks(args, result)
        return result

    def _all_forward_hooks(self) -> list[tuple[int, Callable[..., Any], bool, bool]]:
        """(id, hook, takes keyword arguments, runs even after an error), global ones first."""
        g = global_hooks
        return [
            (i, h, i in g.forward_with_kwargs, i in g.forward_always_called) for i, h in g.forward.items()
        ] + [
            (i, h, i in self._forward_hooks_with_kwargs, i in self._forward_hooks_always_called)
            for i, h in self._forward_hooks.items()
        ]

    def _run_always_called_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any], ran: set[int]) -> None:
        for number, hook, with_kwargs, always in self._all_forward_hooks():
            if always and number not in ran:
                try:
                    hook(self, args, kwargs, None) if with_kwargs else hook(self, args, None)
                except Exception as error:
                    warnings.warn(
                        "module forward hook with ``always_call=True`` raised an exception that was "
                        "silenced as "
                        f"another error was raised in forward: {error}",
                        stacklevel=4,
                    )

    def _backward_probe(self) -> BackwardProbe | None:
        hooks = [*global_hooks.backward.values()] if global_hooks.is_full_backward is True else []
        if self._is_full_backward_hook is True:
            hooks += self._backward_hooks.values()
        pre_hooks = [*global_hooks.backward_pre.values(), *self._backward_pre_hooks.values()]
        return BackwardProbe(self, hooks, pre_hooks) if hooks or pre_hooks else None

    def _attach_legacy_backward_hooks(self, args: tuple[Any, ...], result: Any) -> None:
        hooks = [*global_hooks.backward.values()] if global_hooks.is_full_backward is False else []
        if self._is_full_backward_hook is False:
            hooks += self._backward_hooks.values()
        if not hooks:
            return
        first = result
        while not isinstance(first, Tensor):
            first = (
                next(v for v in first.values() if isinstance(v, Tensor))
                if isinstance(first, dict)
                else first[0]
            )
        if first.grad_fn is not None:
            for hook in hooks:
                first.grad_fn.register_hook(functools.partial(hook, self))

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Has hook(module, args) called before each forward; what it returns replaces the arguments.

        Args:
            hook: returns None, a single argument, or a tuple of arguments; with `with_kwargs` it is called as
                hook(module, args, kwargs) and returns None or (args, kwargs).
            prepend: whether it runs before the hooks that are there already.
            with_kwargs: whether it sees keyword arguments.

        Returns:
            A handle whose `remove()` takes the hook away.
        """
        handle = RemovableHandle(self._forward_pre_hooks, extra_dict=self._forward_pre_hooks_with_kwargs)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return self._add_hook(self._forward_pre_hooks, handle, hook, prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Has hook(module, args, output) called after each forward; what it returns replaces the output.

        Args:
            hook: returns None or a new output; with `with_kwargs` it is called as hook(module, args, kwargs,
                output).
            prepend: whether it runs before the hooks that are there already.
            with_kwargs: whether it sees keyword arguments.
            always_call: whether it runs even if forward raises.

        Returns:
            A handle whose `remove()` takes the hook away.
        """
        handle = RemovableHandle(
            self._forward_hooks,
            extra_dict=[self._forward_hooks_with_kwargs, self._forward_hooks_always_called],
        )
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return self._add_hook(self._forward_hooks, handle, hook, prepend)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Has hook(module, grad_output) called before gradients enter; a result replaces grad_output."""
        return self._add_hook(
            self._backward_pre_hooks, RemovableHandle(self._backward_pre_hooks), hook, prepend
        )

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Has hook(module, grad_input, grad_output) called when the gradients of the inputs are known.

        A result replaces grad_input. The gradients of arguments that are no tensors are None.

        Raises:
            RuntimeError: the module has hooks of `register_backward_hook`.
        """
        if self._is_full_backward_hook is False:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = True
        return self._add_hook(self._backward_hooks, RemovableHandle(self._backward_hooks), hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Has a hook called with the gradients of the last operator; prefer `register_full_backward_hook`."""
        if self._is_full_backward_hook is True:
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. "
                "Please use only one of them."
            )
        self._is_full_backward_hook = False
        return self._add_hook(self._backward_hooks, RemovableHandle(self._backward_hooks), hook, False)

    def _note_hooks(self) -> None:
        """Lets calls go straight to `forward` again if no hook is left."""
        own = self.__dict__
        tables = (
            self._forward_hooks,
            self._forward_pre_hooks,
            self._backward_hooks,
            self._backward_pre_hooks,
        )
        if not any(tables):
            own.pop("_hooked", None)

    def _add_hook(
        self, table: Hooks, handle: RemovableHandle, hook: Callable[..., Any], prepend: bool
    ) -> RemovableHandle:
        table[handle.id] = hook
        if prepend:
            table.move_to_end(handle.id, last=False)
        self.__dict__["_hooked"] = True
        return handle


class _GlobalHandle(RemovableHandle):
    """A handle of a global hook: with the last one gone, calls go straight to `forward` again."""

    def remove(self) -> None:
        super().remove()
        _note_global_hooks()


def _note_global_hooks() -> None:
    g = global_hooks
    ModuleCalls._hooked = any((g.forward, g.forward_pre, g.backward, g.backward_pre))


def _add_global(table: Hooks, hook: Callable[..., Any], extra_dict: Any = None) -> RemovableHandle:
    handle = _GlobalHandle(table, extra_dict=extra_dict)
    table[handle.id] = hook
    _note_global_hooks()
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Has hook(module, args) called before the forward of every module."""
    return _add_global(global_hooks.forward_pre, hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Has hook(module, args, output) called after the forward of every module."""
    g = global_hooks
    handle = _add_global(g.forward, hook, [g.forward_with_kwargs, g.forward_always_called])
    if with_kwargs:
        g.forward_with_kwargs[handle.id] = True
    if always_call:
        g.forward_always_called[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Has hook(module, grad_output) called before gradients enter any module."""
    return _add_global(global_hooks.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Has hook(module, grad_input, grad_output) called when gradients have passed any module."""
    if global_hooks.is_full_backward is False:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook."
        )
    global_hooks.is_full_backward = True
    return _add_global(global_hooks.backward, hook)


def register_module_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Has a hook called with the gradients of every module's last operator."""
    if global_hooks.is_full_backward is True:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook."
        )
    global_hooks.is_full_backward = False
    return _add_global(global_hooks.backward, hook)
