"""Handles by which hooks are removed, and the probe that brings gradients to a module's backward hooks."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from taeda import Tensor
from taeda.autograd import Function

__all__ = ["BackwardProbe", "RemovableHandle"]


class RemovableHandle:
    """Removes a hook again; usable as a context manager.

    Args:
        hooks: dictionary that holds the hook under the handle's `id`.
        extra_dict: other dictionaries that hold something under the same id.
    """

    next_id = 0

    def __init__(self, hooks: Any, *, extra_dict: Any = None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if extra_dict is None:
            extra_dict = []
        elif not isinstance(extra_dict, list):
            extra_dict = [extra_dict]
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra_dict)

    def remove(self) -> None:
        """Removes the hook; a second call does nothing."""
        for reference in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = reference()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        hooks, self.id, extra = state
        self.hooks_dict_ref = weakref.ref(OrderedDict() if hooks is None else hooks)
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if d is None else d) for d in extra)
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class _Gate(Function):
    """Identity on tensors; hands the gradients that pass to a function, which may replace them."""

    @staticmethod
    def forward(ctx: Any, on_gradients: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.on_gradients = on_gradients
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(t for t in tensors if not t.requires_grad))
        return tuple(t.view_as(t) for t in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        return (None, *ctx.on_gradients(gradients))


class BackwardProbe:
    """Runs a module's full backward hooks when gradients leave its outputs and reach its inputs.

    Args:
        module: module that the hooks are told about.
        hooks: called as hook(module, grad_input, grad_output); a result replaces grad_input.
        pre_hooks: called as hook(module, grad_output); a result replaces grad_output.
    """

    def __init__(
        self, module: Any, hooks: Iterable[Callable[..., Any]], pre_hooks: Iterable[Callable[..., Any]]
    ):
        self.module, self.hooks, self.pre_hooks = module, list(hooks), list(pre_hooks)
        self.grad_outputs: tuple[Any, ...] | None = None
        self.input_positions: list[int] | None = None
        self.input_count = 0
        self.output_positions: list[int] = []
        self.output_count = 0

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, with tensors replaced by watched ones."""
        args, self.input_positions = self._gate(args, self._on_grad_inputs)
        self.input_count = len(args)
        return args

    def watch_outputs(self, result: Any) -> Any:
        """The module's result, a tensor or a tuple of them, with tensors replaced by watched ones."""
        single = not isinstance(result, tuple)
        outputs, positions = self._gate((result,) if single else result, self._on_grad_outputs)
        self.output_positions, self.output_count = positions or [], len(outputs)
        return outputs[0] if single else outputs

    def _gate(
        self, values: tuple[Any, ...], on_gradients: Callable[..., Any]
    ) -> tuple[Any, list[int] | None]:
        at = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not any(values[i].requires_grad for i in at):
            return values, None
        watched = _Gate.apply(on_gradients, *(values[i] for i in at))
        replaced = list(values)
        for i, tensor in zip(at, watched, strict=True):
            replaced[i] = tensor
        return (type(values)(*replaced) if hasattr(values, "_fields") else tuple(replaced)), at

    def _on_grad_outputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        spread: tuple[Any, ...] = _spread(gradients, self.output_positions, self.output_count)
        for hook in self.pre_hooks:
            result = hook(self.module, spread)
            if result is not None:
                spread = _checked("Backward pre hook", spread, result)
        self.grad_outputs = spread
        if self.input_positions is None:  # nothing that needs a gradient goes in: the hooks run here
            for hook in self.hooks:
                result = hook(self.module, (None,) * self.input_count, spread)
                if result is not None and not (isinstance(result, tuple) and all(r is None for r in result)):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None "
                        "or None for all gradients."
                    )
            self.grad_outputs = None
        return tuple(spread[i] for i in self.output_positions)

    def _on_grad_inputs(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        positions = self.input_positions or []
        if self.grad_outputs is None:  # the gradient came by another way than through the module's outputs
            return gradients
        spread = _spread(gradients, positions, self.input_count)
        for hook in self.hooks:
            result = hook(self.module, spread, self.grad_outputs)
            if result is not None:
                spread = _checked("Backward hook", spread, result)
        self.grad_outputs = None
        return tuple(spread[i] for i in positions)


def _spread(gradients: tuple[Any, ...], positions: list[int], count: int) -> tuple[Any, ...]:
    full = [None] * count
    for i, gradient in zip(positions, gradients, strict=True):
        full[i] = gradient
    return tuple(full)


def _checked(what: str, expected: tuple[Any, ...], result: Any) -> tuple[Any, ...]:
    values: tuple[Any, ...] = result if isinstance(result, tuple) else (result,)
    if len(values) != len(expected):
        raise RuntimeError(
            f"{what} returned an invalid number of grad_input, got {len(values)}, but expected "
            f"{len(expected)}"
            if what == "Backward hook"
            else f"{what} returned an invalid number of grad_output, got {len(values)}, but expected "
            f"{len(expected)}"
        )
    return values
