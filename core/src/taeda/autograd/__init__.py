"""Automatic differentiation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from taeda import _C
from taeda._C import Tensor
from taeda.autograd import graph
from taeda.autograd.function import Function, FunctionCtx
from taeda.autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from taeda.autograd.gradcheck import gradcheck, gradgradcheck

__all__ = [
    "Function", "FunctionCtx", "Variable", "backward", "enable_grad", "grad", "gradcheck", "gradgradcheck", "graph",
    "inference_mode", "no_grad", "set_grad_enabled",
]  # fmt: skip

Variable = Tensor
_Tensors = Tensor | Sequence[Tensor]


def _tuple(tensors: Any) -> tuple[Any, ...]:
    return (tensors,) if tensors is None or isinstance(tensors, Tensor) else tuple(tensors)


def _gradients(outputs: tuple[Any, ...], given: Any, what: str) -> tuple[Any, ...]:
    if given is None:
        return (None,) * len(outputs)
    gradients = _tuple(given)
    if len(gradients) != len(outputs):
        raise RuntimeError(
            f"got {len(outputs)} tensors and {len(gradients)} gradients in {what}; give one gradient per tensor"
        )
    return gradients


def backward(
    tensors: _Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: _Tensors | None = None,
) -> None:
    """Adds the gradients of tensors to the .grad of the leaves they depend on; see Tensor.backward."""
    roots = _tuple(tensors)
    wanted = () if inputs is None else _tuple(inputs)
    keep = create_graph if retain_graph is None else retain_graph
    _C._backward(
        roots, _gradients(roots, grad_tensors, "grad_tensors"), keep, create_graph, wanted, bool(wanted)
    )


def grad(
    outputs: _Tensors,
    inputs: _Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of outputs with respect to inputs; no .grad is touched.

    Args:
        outputs: what is differentiated.
        inputs: with respect to these.
        grad_outputs: gradients with respect to outputs; needed for outputs of more than one element.
        retain_graph: keeps what was saved, for another backward (default: create_graph).
        create_graph: records the computation, for higher derivatives.
        allow_unused: None instead of an error for inputs that the outputs do not depend on.
        is_grads_batched: grad_outputs carry a batch dimension in front; one backward per entry.
        materialize_grads: zeros instead of None for unused inputs.

    Raises:
        RuntimeError: an input is not part of the graph, or needs no gradient.

    Example:
        >>> import taeda
        >>> x = taeda.tensor(3.0, requires_grad=True)
        >>> taeda.autograd.grad(x ** 2, x)
        (tensor(6.),)
    """
    roots, leaves = _tuple(outputs), _tuple(inputs)
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        batches = zip(*_gradients(roots, grad_outputs, "grad_outputs"), strict=True)
        rows = [grad(roots, leaves, row, True, create_graph, allow_unused, False, True) for row in batches]
        return tuple(_C.ops.stack(column) for column in zip(*rows, strict=True))
    found: tuple[Tensor, ...] = _C._backward(
        roots, _gradients(roots, grad_outputs, "grad_outputs"), keep, create_graph, leaves, False
    )
    if materialize_grads:
        found = tuple(_C.ops.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True))
    elif not allow_unused and any(g is None for g in found):
        position = next(i for i, g in enumerate(found) if g is None)
        raise RuntimeError(
            f"One of the differentiated Tensors (inputs[{position}]) appears to not have been used in the graph. "
            "Set allow_unused=True if this is the desired behavior."
        )
    return found


if not TYPE_CHECKING:  # type checkers must keep finding misspelt names

    def __getattr__(name: str) -> NoReturn:
        from taeda._missing import missing_attribute

        raise missing_attribute(name, __all__, "autograd")
