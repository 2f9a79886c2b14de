"""Gradients flow back over moves between devices, and arrive where their tensors are."""

from __future__ import annotations

import numpy as np

import taeda


def test_moves_are_recorded():
    x = taeda.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x.cuda() * taeda.tensor([2.0, 3.0, 4.0], device="cuda")).to("cpu", taeda.float64)
    y.backward(taeda.ones(3, dtype=taeda.float64))
    assert x.grad.device.type == "cpu"
    assert x.grad.tolist() == [2.0, 3.0, 4.0]


def test_leaves_on_the_gpu():
    w = taeda.tensor([1.0, -2.0], device="cuda", requires_grad=True)
    (w * w + w.exp()).backward(taeda.ones(2, device="cuda"))
    assert w.grad.device == w.device
    np.testing.assert_allclose(w.grad.cpu().numpy(), [2 + np.exp(1.0), -4 + np.exp(-2.0)], rtol=1e-6)


def test_a_scalar_of_the_cpu_gets_its_gradient_there():
    scale = taeda.tensor(3.0, requires_grad=True)
    x = taeda.tensor([1.0, 2.0], device="cuda", requires_grad=True)
    y = x[0] * scale
    y.backward()
    assert scale.grad.device.type == "cpu"
    assert scale.grad.item() == 1.0
    assert x.grad.tolist() == [3.0, 0.0]


def test_copies_into_a_tensor_of_another_device():
    source = taeda.tensor([1.0, 2.0], requires_grad=True)
    target = taeda.zeros(2, device="cuda").copy_(source * 2)
    target.backward(taeda.tensor([5.0, 7.0], device="cuda"))
    assert source.grad.tolist() == [10.0, 14.0]


def test_second_gradients():
    x = taeda.tensor([1.5], requires_grad=True)
    y = x.cuda() ** 3
    (first,) = taeda.autograd.grad(y.cpu().sum(), x, create_graph=True)
    (second,) = taeda.autograd.grad(first.sum(), x)
    assert abs(second.item() - 9.0) < 1e-5
