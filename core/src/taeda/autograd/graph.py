"""Nodes of the recorded graph."""

from __future__ import annotations

from taeda._C import Node, Tensor

__all__ = ["Node", "get_gradient_edge"]


def get_gradient_edge(tensor: Tensor) -> tuple[Node, int]:
    """The node that a tensor's gradient flows into, and the position of its input.

    Raises:
        RuntimeError: the tensor needs no gradient.
    """
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_nr
    node, index = tensor.expand_as(tensor).grad_fn.next_functions[0]  # type: ignore[union-attr]
    assert node is not None
    return node, index
