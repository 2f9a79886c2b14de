"""Hooks on tensors saved for backward, and methods whose object is not the first argument."""

import gc
import weakref

import numpy as np
import pytest

import taeda
from taeda.autograd import Function
from taeda.autograd.graph import disable_saved_tensors_hooks, saved_tensors_hooks


def test_packed_values_are_used_in_backward():
    x = taeda.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with saved_tensors_hooks(lambda t: t.numpy().copy(), lambda a: taeda.tensor(a * 10)):
        y = x * x
    y.backward(taeda.ones(3))
    # d(x*x) = x + x with both saved factors read back tenfold.
    np.testing.assert_allclose(x.grad.numpy(), [20.0, 40.0, 60.0])


def test_hooks_see_inputs_and_outputs_and_nest():
    outer, inner = [], []
    x = taeda.tensor([0.5], requires_grad=True)
    with saved_tensors_hooks(lambda t: outer.append(t.item()) or t, lambda t: t):
        with saved_tensors_hooks(lambda t: inner.append(t.item()) or t, lambda t: t):
            y = x.exp()
        z = y.sin()
    assert inner == pytest.approx([np.exp(0.5)])
    assert outer == pytest.approx([np.exp(0.5)])
    z.backward()
    assert x.grad.item() == pytest.approx(np.cos(np.exp(0.5)) * np.exp(0.5), rel=1e-6)


@pytest.mark.parametrize("function", [taeda.exp, taeda.sin, lambda x: x * x * x])
def test_second_derivatives_flow_through_packed_tensors(function):
    def second(hooked):
        x = taeda.tensor([0.7], dtype=taeda.float64, requires_grad=True)
        if hooked:
            with saved_tensors_hooks(lambda t: t.numpy().copy(), taeda.tensor):
                y = function(x)
        else:
            y = function(x)
        (g,) = taeda.autograd.grad(y, x, create_graph=True)
        (gg,) = taeda.autograd.grad(g, x)
        return gg.item()

    assert second(True) == pytest.approx(second(False), rel=1e-12)


def test_errors():
    x = taeda.tensor([1.0], requires_grad=True)
    with saved_tensors_hooks(lambda t: 1, lambda packed: packed):
        y = x.exp()
    with pytest.raises(TypeError, match=r"unpack_hook expected to be a Tensor but got result of type int"):
        y.backward()
    with (
        pytest.raises(RuntimeError, match="pack hook is modifying its input in place"),
        saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t),
    ):
        x.exp()
    with (
        disable_saved_tensors_hooks("no hooks while tracing"),
        pytest.raises(RuntimeError, match="no hooks while tracing"),
        saved_tensors_hooks(lambda t: t, lambda t: t),
    ):
        pass
    with saved_tensors_hooks(lambda t: t, lambda t: t):  # allowed again
        pass


def test_an_exception_of_a_hook_arrives_unchanged():
    x = taeda.tensor([1.0], requires_grad=True)

    def fail(packed):
        raise KeyError("lost")

    with saved_tensors_hooks(lambda t: t, fail):
        y = x.exp()
    with pytest.raises(KeyError, match="lost"):
        y.backward()


class _Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y, None)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, y, nothing = ctx.saved_tensors
        assert nothing is None
        return grad * y + 0 * x


def test_hooks_apply_to_custom_functions():
    kept = []
    x = taeda.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(lambda t: kept.append(t) or len(kept) - 1, lambda i: kept[i]):
        y = _Exp.apply(x)
    assert len(kept) == 2
    y.backward(taeda.ones(2))
    np.testing.assert_allclose(x.grad.numpy(), np.exp([1.0, 2.0]), rtol=1e-6)


def test_a_custom_function_that_saves_its_output_is_freed():
    x = taeda.tensor([1.0], requires_grad=True)
    y = _Exp.apply(x)
    node = y.grad_fn
    reference = weakref.ref(y)
    del y, node
    gc.collect()
    assert reference() is None


def test_a_saved_input_changed_in_place_is_noticed():
    x = taeda.tensor([1.0], requires_grad=True)
    y = x * 1
    z = _Exp.apply(y)
    y.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_saved_tensors_are_freed_by_backward():
    x = taeda.tensor([1.0], requires_grad=True)
    z = _Exp.apply(x)
    z.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        z.backward()


def test_a_method_gives_its_object_to_the_parameter_named_self():
    x = taeda.tensor([0.5, 2.0])
    expected = taeda.polygamma(1, x)
    assert x.polygamma(1).tolist() == expected.tolist()
    assert x.polygamma(n=1).tolist() == expected.tolist()
    np.testing.assert_allclose(expected.numpy(), [4.934802, 0.644934], rtol=1e-5)
    mask = taeda.tensor([True, False])
    assert x.where(mask, taeda.zeros(2)).tolist() == [0.5, 0.0]
    with pytest.raises(TypeError, match="polygamma"):
        x.polygamma(1, 2)


def test_a_detached_leaf_can_be_changed_in_place():
    x = taeda.ones(3, requires_grad=True)
    x.detach()[0] = 5
    assert x.tolist() == [5.0, 1.0, 1.0]
    y = x.exp()
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward(taeda.ones(3))
