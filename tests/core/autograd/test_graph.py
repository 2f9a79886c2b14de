"""Hooks on nodes of the recorded graph; the gradients are worked out by hand."""

from __future__ import annotations

import taeda
from taeda import nn
from taeda.autograd.graph import get_gradient_edge


def test_a_hook_sees_and_replaces_the_gradients_behind_a_node():
    x = taeda.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    seen = []

    def scale(grad_inputs, grad_outputs):
        seen.append((grad_inputs[0].tolist(), grad_outputs[0].tolist()))
        return tuple(g if g is None else g * 10 for g in grad_inputs)

    handle = y.grad_fn.register_hook(scale)
    y.sum().backward(retain_graph=True)
    assert seen == [([3.0, 3.0], [1.0, 1.0])]
    assert x.grad.tolist() == [30.0, 30.0]
    handle.remove()
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_prehook_replaces_the_gradients_before_a_node():
    x = taeda.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.grad_fn.register_prehook(lambda grad_outputs: (grad_outputs[0] * 2,))
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_the_gradient_edge_of_a_leaf_accumulates_into_it():
    x = taeda.ones(2, requires_grad=True)
    node, position = get_gradient_edge(x)
    assert (node.name(), position) == ("AccumulateGrad", 0)
    assert node.variable is x


def test_a_module_backward_hook_sees_the_last_node():
    layer = nn.ReLU()
    seen = []
    layer.register_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_input[0].tolist()))
    x = taeda.tensor([-1.0, 2.0], requires_grad=True)
    (layer(x) * 5).sum().backward()
    assert seen == [[0.0, 5.0]]


def test_no_memory_is_page_locked():
    assert not taeda.ones(2).is_pinned()
