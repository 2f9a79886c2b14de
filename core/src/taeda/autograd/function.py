"""Operations with a forward and a backward written in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from taeda import _C
from taeda._C import Tensor

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What forward leaves for backward."""

    needs_input_grad: tuple[bool, ...] = ()
    _to_save: tuple[Tensor | None, ...] = ()
    _saved: Any = None  # of a recorded call: what _C._saved_tensors takes
    _dirty: tuple[Tensor, ...] = ()
    _without_grad: tuple[Tensor, ...] = ()
    _materialize = True

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keeps inputs or outputs for backward, which finds them in saved_tensors."""
        self._to_save = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declares inputs that forward changed in place and returns."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declares outputs that get no gradient."""
        self._without_grad = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward sees zeros (True) or None for outputs without a gradient."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What save_for_backward kept.

        Raises:
            RuntimeError: it was freed by a backward without retain_graph, or changed in place since.
        """
        return self._to_save if self._saved is None else _C._saved_tensors(self._saved)


class Function:
    """Base of custom operations: subclasses define static forward(ctx, ...) and backward(ctx, *grads).

    Example:
        >>> import taeda
        >>> class Double(taeda.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         return x * 2
        ...     @staticmethod
        ...     def backward(ctx, grad):
        ...         return grad * 2
        >>> x = taeda.ones(1, requires_grad=True)
        >>> Double.apply(x).backward()
        >>> x.grad
        tensor([2.])
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Computes the outputs. With setup_context defined it takes no ctx."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Saves for backward, where forward takes no ctx."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Returns one gradient (or None) per argument of forward."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function."
        )

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Runs forward and records the operation."""
        ctx = type(f"{cls.__name__}Backward", (FunctionCtx,), {})()
        recording = _C.is_grad_enabled()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        before = _C._set_grad_enabled(False)
        try:
            if cls.setup_context is not Function.setup_context:
                output = cls.forward(*args)
                cls.setup_context(ctx, args, output)
            else:
                output = cls.forward(ctx, *args)
        finally:
            _C._set_grad_enabled(before)
        return _record(cls, ctx, args, output, recording and any(ctx.needs_input_grad))


def _record(cls: type[Function], ctx: Any, args: tuple[Any, ...], output: Any, wanted: bool) -> Any:
    outputs = output if isinstance(output, tuple) else (output,)
    inputs = {id(a): a for a in args if isinstance(a, Tensor)}
    dirty = {id(t) for t in ctx._dirty}
    for tensor in ctx._dirty:
        _C._bump_version(tensor)
    if not wanted:
        return output
    node = _C._function_node(f"{cls.__name__}Backward", _Backward(cls, ctx, args, outputs), [
        a if isinstance(a, Tensor) else None for a in args
    ])  # fmt: skip
    without = {id(t) for t in ctx._without_grad}
    results = []
    for value in outputs:
        if isinstance(value, Tensor):
            if id(value) in inputs and id(value) not in dirty:
                value = value.detach()
            if id(value) not in without:
                _C._set_history(value, node, id(value) in dirty)
        results.append(value)
    kept = {id(old): new for old, new in zip(outputs, results, strict=True) if isinstance(old, Tensor)}
    saved = [inputs.get(id(t), kept.get(id(t), t)) if id(t) not in dirty else t for t in ctx._to_save]
    are_outputs = tuple(id(t) in kept and (id(t) not in inputs or id(t) in dirty) for t in ctx._to_save)
    ctx._saved = _C._save_for_backward(node, saved, are_outputs)
    ctx._to_save = ()
    return tuple(results) if isinstance(output, tuple) else results[0]


class _Backward:
    """Calls backward() of a Function from the engine."""

    def __init__(
        self, cls: type[Function], ctx: Any, args: tuple[Any, ...], outputs: tuple[Any, ...]
    ) -> None:
        self.cls, self.ctx, self.count = cls, ctx, len(args)
        without = {id(t) for t in ctx._without_grad}
        self.like = [
            (tuple(o.shape), o.dtype, o.device)
            for o in outputs
            if isinstance(o, Tensor) and id(o) not in without
        ]
        self.places = [isinstance(o, Tensor) and id(o) not in without for o in outputs]
        self.tensors = [isinstance(a, Tensor) for a in args]

    def __call__(self, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        given = list(grads)
        if self.ctx._materialize:
            for i, (shape, dtype, device) in enumerate(self.like):
                if given[i] is None:
                    given[i] = _C.ops.zeros(shape, dtype=dtype, device=device)
        present = iter(given)
        arguments = [next(present) if place else None for place in self.places]
        result = self.cls.backward(self.ctx, *arguments)
        values = list(result) if isinstance(result, tuple) else [result]
        while len(values) > self.count and values[-1] is None:
            values.pop()
        if len(values) != self.count:
            raise RuntimeError(
                f"function {self.cls.__name__}Backward returned an incorrect number of gradients "
                f"(expected {self.count}, got {len(values)})"
            )
        return tuple(v if is_tensor else None for v, is_tensor in zip(values, self.tensors, strict=True))


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a backward that cannot be differentiated again."""

    def wrapper(ctx: Any, *args: Any) -> Any:
        before = _C._set_grad_enabled(False)
        try:
            return function(ctx, *args)
        finally:
            _C._set_grad_enabled(before)

    return wrapper
