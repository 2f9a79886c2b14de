"""Nodes of the recorded graph, and hooks on what it saves."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from taeda import _C
from taeda._C import Node, Tensor

__all__ = ["Node", "disable_saved_tensors_hooks", "get_gradient_edge", "saved_tensors_hooks"]


def get_gradient_edge(tensor: Tensor) -> tuple[Node, int]:
    """The node that a tensor's gradient flows into, and the position of its input.

    Raises:
        RuntimeError: the tensor needs no gradient.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_nr
    view = tensor.expand_as(tensor).grad_fn
    assert view is not None
    node, index = view.next_functions[0]
    assert node is not None
    return node, index


class saved_tensors_hooks:  # noqa: N801  (torch's name)
    """Inside the block, tensors saved for backward are kept as what `pack_hook` makes of them.

    Args:
        pack_hook: called with each tensor that an operation saves (cut from the graph, not to be changed); returns
            anything.
        unpack_hook: called in backward with what pack_hook returned; must return a tensor with the same values.

    Raises:
        RuntimeError: inside `disable_saved_tensors_hooks`; or pack_hook changed its tensor in place.
        TypeError: in backward, unpack_hook did not return a tensor.

    Example:
        >>> import taeda
        >>> kept = []
        >>> x = taeda.tensor([2.0], requires_grad=True)
        >>> with taeda.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or len(kept) - 1, lambda i: kept[i]):
        ...     y = x * x
        >>> len(kept)
        2
        >>> y.backward()
        >>> x.grad
        tensor([4.])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        _C._push_saved_tensors_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exception: object) -> None:
        _C._pop_saved_tensors_hooks()


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Inside the block, `saved_tensors_hooks` raises RuntimeError with this message.

    Raises:
        RuntimeError: hooks are active already.
    """
    before = _C._disable_saved_tensors_hooks(error_message)
    try:
        yield
    finally:
        _C._disable_saved_tensors_hooks(before)
