"""The backward pass: accumulation, graphs kept and recorded, hooks, custom functions, modes."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import taeda
from taeda.autograd import Function


def leaf(*values: float) -> taeda.Tensor:
    return taeda.tensor(values, dtype=taeda.float64, requires_grad=True)


def test_gradients_accumulate():
    x = leaf(3.0)
    (x * x).backward()
    (x * 2).backward()
    assert x.grad.tolist() == [8.0]
    x.grad = None
    (x * 2).backward()
    assert x.grad.tolist() == [2.0]


def test_diamonds_are_summed_once():
    x = leaf(2.0)
    y = x * x
    z = y * y + y  # x^4 + x^2
    z.backward()
    assert x.grad.tolist() == [4 * 8 + 4]


def test_broadcasting_sums_gradients():
    x, y = taeda.ones(3, 1, requires_grad=True), taeda.ones(4, requires_grad=True)
    (x * y * 2).sum().backward()
    assert x.grad.tolist() == [[8.0]] * 3
    assert y.grad.tolist() == [6.0] * 4


def test_dtypes_of_gradients_are_those_of_inputs():
    x, y = taeda.ones(2, requires_grad=True), taeda.ones(2, dtype=taeda.float64, requires_grad=True)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (taeda.float32, taeda.float64)


def test_a_graph_is_used_once_unless_retained():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8.0]
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_higher_derivatives():
    x = leaf(2.0)
    derivative = x**4
    for expected in (32.0, 48.0, 48.0, 24.0):
        (derivative,) = taeda.autograd.grad(derivative, x, create_graph=True)
        assert derivative.tolist() == [expected]


def test_grad_leaves_the_leaves_alone():
    x, y = leaf(2.0), leaf(3.0)
    assert [g.item() for g in taeda.autograd.grad(x * y, (x, y))] == [3.0, 2.0]
    assert x.grad is None
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        taeda.autograd.grad(x * 2, y)
    assert taeda.autograd.grad(x * 2, (x, y), allow_unused=True)[1] is None
    assert taeda.autograd.grad(x * 2, (x, y), allow_unused=True, materialize_grads=True)[1].tolist() == [0.0]


def test_only_the_given_inputs_accumulate():
    x, y = leaf(2.0), leaf(3.0)
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [3.0]
    assert y.grad is None


def test_gradients_of_what_is_inside():
    x = leaf(2.0)
    inside = x * 3
    inside.retain_grad()
    (inside * inside).backward()
    assert inside.grad.tolist() == [12.0]
    assert inside.retains_grad


def test_outputs_of_several_elements_need_a_gradient():
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * 2).backward()
    (x * 2).backward(taeda.tensor([1.0, 10.0], dtype=taeda.float64))
    assert x.grad.tolist() == [2.0, 20.0]
    with pytest.raises(RuntimeError, match="does not require grad"):
        taeda.ones(1).backward()


def test_hooks_see_and_replace_gradients():
    x = leaf(1.0)
    seen = []
    y = x * 2
    handle = y.register_hook(lambda grad: seen.append(grad.item()))
    y.register_hook(lambda grad: grad * 10)
    (y * 3).backward(retain_graph=True)
    assert (seen, x.grad.tolist()) == ([3.0], [60.0])
    handle.remove()
    (y * 3).backward()
    assert len(seen) == 1


def test_hooks_after_accumulation_see_the_leaf():
    x = leaf(1.0)
    seen = []
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    (x * 2).backward()
    (x * 2).backward()
    assert seen == [2.0, 4.0]


def test_errors_of_hooks_reach_the_caller():
    x = leaf(1.0)

    def fail(grad: taeda.Tensor) -> None:
        raise KeyError("from the hook")

    y = x * 2
    y.register_hook(fail)
    with pytest.raises(KeyError, match="from the hook"):
        y.backward()


class Scale(Function):
    """x * factor, whose backward also counts."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: taeda.Tensor, factor: float) -> taeda.Tensor:
        ctx.factor = factor
        ctx.save_for_backward(x)
        return x * factor

    @staticmethod
    def backward(ctx: Any, grad: taeda.Tensor) -> tuple[taeda.Tensor, None]:
        Scale.calls += 1
        assert ctx.saved_tensors[0].shape == grad.shape
        assert ctx.needs_input_grad == (True, False)
        return grad * ctx.factor, None


def test_functions():
    x = leaf(1.0, 2.0)
    y = Scale.apply(x, 4.0)
    assert "Scale" in y.grad_fn.name()
    y.sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    assert Scale.calls >= 1
    assert taeda.autograd.gradcheck(lambda t: Scale.apply(t, 3.0), (x,))
    assert taeda.autograd.gradgradcheck(lambda t: Scale.apply(t, 3.0), (x,))


def test_functions_with_several_results():
    class Both(Function):
        @staticmethod
        def forward(ctx: Any, x: taeda.Tensor) -> tuple[taeda.Tensor, taeda.Tensor]:
            ctx.set_materialize_grads(False)
            order = x.argsort()
            ctx.mark_non_differentiable(order)
            return x * 2, order

        @staticmethod
        def backward(ctx: Any, grad: taeda.Tensor, unused: None) -> taeda.Tensor:
            assert unused is None
            return grad * 2

    x = leaf(3.0, 1.0)
    twice, order = Both.apply(x)
    assert not order.requires_grad
    twice.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_function_must_return_as_many_gradients_as_inputs():
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: taeda.Tensor, y: taeda.Tensor) -> taeda.Tensor:
            return x + y

        @staticmethod
        def backward(ctx: Any, grad: taeda.Tensor) -> taeda.Tensor:
            return grad

    with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
        Wrong.apply(leaf(1.0), leaf(2.0)).backward()


def test_modes():
    x = leaf(1.0)
    with taeda.no_grad():
        assert not (x * 2).requires_grad
        with taeda.enable_grad():
            assert (x * 2).requires_grad
    with taeda.set_grad_enabled(False):
        assert not taeda.is_grad_enabled()
    assert taeda.is_grad_enabled()

    @taeda.no_grad()
    def inside(t: taeda.Tensor) -> taeda.Tensor:
        return t * 2

    assert not inside(x).requires_grad


def test_inference_mode():
    x = leaf(1.0)
    with taeda.inference_mode():
        y = x * 2
        assert y.is_inference()
        y.add_(1)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
        y.add_(1)
    with pytest.raises(RuntimeError, match=r"[Ii]nference tensor"):
        (x * y).backward()
    assert (y.clone() * x).requires_grad


def test_modes_belong_to_a_thread():
    recording = []
    with taeda.no_grad():
        thread = threading.Thread(target=lambda: recording.append(taeda.is_grad_enabled()))
        thread.start()
        thread.join()
    assert recording == [True]


def test_backward_in_threads():
    x = leaf(*range(100))

    def run() -> None:
        for _ in range(20):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(x.grad.tolist()) == {160.0}


def test_long_chains_do_not_exhaust_the_stack():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1
    y.backward()
    assert x.grad.tolist() == [1.0]
    del y


def test_complex_gradients_follow_the_conjugate():
    z = taeda.tensor([3 + 4j], dtype=taeda.complex128, requires_grad=True)
    (z.abs() ** 2).sum().backward()
    assert z.grad.tolist() == [6 + 8j]


def test_integers_cannot_require_gradients():
    with pytest.raises(RuntimeError, match="floating point and complex"):
        taeda.ones(2, dtype=taeda.int64).requires_grad_()


def test_copies():
    import copy
    import pickle

    x = leaf(1.0, 2.0)
    x.grad = taeda.ones(2, dtype=taeda.float64)
    x.note = "kept"
    twin = copy.deepcopy(x)
    assert (twin.tolist(), twin.grad.tolist(), twin.note, twin.requires_grad) == (
        [1.0, 2.0],
        [1.0, 1.0],
        "kept",
        True,
    )
    assert twin.data_ptr() != x.data_ptr()
    loaded = pickle.loads(pickle.dumps(x))
    assert (loaded.tolist(), loaded.requires_grad, loaded.note) == ([1.0, 2.0], True, "kept")
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)
