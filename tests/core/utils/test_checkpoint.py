"""Activation checkpointing: same numbers, computed twice."""

import pytest

import taeda
from taeda.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential, detach_variable

REENTRANT = pytest.mark.parametrize("reentrant", [False, True])


def network():
    taeda.manual_seed(3)
    return taeda.nn.Sequential(
        taeda.nn.Linear(4, 8),
        taeda.nn.Dropout(0.5),
        taeda.nn.Tanh(),
        taeda.nn.Linear(8, 2),
        taeda.nn.Sigmoid(),
    )


def gradients(run, model, x):
    model.zero_grad()
    x.grad = None
    taeda.manual_seed(7)
    (run(x) ** 2).sum().backward()
    return [parameter.grad.clone() for parameter in model.parameters()] + [x.grad.clone()]


@REENTRANT
def test_gradients_are_those_without(reentrant):
    model = network()
    x = taeda.randn(3, 4, requires_grad=True)
    expected = gradients(model, model, x)
    for run in (
        lambda x: checkpoint(model, x, use_reentrant=reentrant),
        lambda x: checkpoint_sequential(model, 2, x, use_reentrant=reentrant),
        lambda x: checkpoint_sequential(list(model), 9, x, use_reentrant=reentrant),
    ):
        assert all(taeda.equal(a, b) for a, b in zip(gradients(run, model, x), expected))


@REENTRANT
def test_the_function_runs_twice(reentrant):
    calls = []

    def function(x):
        calls.append(x.shape)
        return x.exp()

    y = checkpoint(function, taeda.ones(2, requires_grad=True), use_reentrant=reentrant)
    assert len(calls) == 1
    y.sum().backward()
    assert len(calls) == 2


def test_keyword_arguments_and_second_derivatives():
    x = taeda.tensor([0.3, 0.7], dtype=taeda.float64, requires_grad=True)
    y = checkpoint(lambda x, scale: (x * scale).sin(), x, scale=2.0, use_reentrant=False)
    (first,) = taeda.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = taeda.autograd.grad(first.sum(), x)
    assert taeda.allclose(second, -4 * (2 * x.detach()).sin())


def test_going_backward_twice():
    x = taeda.ones(2, requires_grad=True)
    y = checkpoint(lambda x: (x * 2).sin().exp(), x, use_reentrant=False)
    y.sum().backward(retain_graph=True)
    once = x.grad.clone()
    y.sum().backward()
    assert taeda.allclose(x.grad, 2 * once)


def test_nesting():
    x = taeda.tensor([0.5], requires_grad=True)

    def inner(x):
        return checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False).tanh()

    checkpoint(inner, x, use_reentrant=False).backward()
    expected = taeda.tensor([0.5], requires_grad=True)
    expected.sin().exp().tanh().backward()
    assert taeda.equal(x.grad, expected.grad)


def test_computing_something_else_the_second_time_is_noticed():
    calls = []

    def moody(x):
        calls.append(x)
        return (x.sin() * x.exp()) if len(calls) == 1 else x.sin()

    with pytest.raises(CheckpointError, match=r"A different number of tensors was saved .*and"):
        checkpoint(moody, taeda.ones(2, requires_grad=True), use_reentrant=False).sum().backward()
    calls.clear()

    def growing(x):
        calls.append(x)
        return taeda.cat([x] * len(calls)).exp().sum()

    with pytest.raises(CheckpointError, match="have different metadata than during the forward pass"):
        checkpoint(growing, taeda.ones(2, requires_grad=True), use_reentrant=False).backward()


def test_without_gradients_nothing_is_kept():
    with taeda.no_grad():
        assert checkpoint(lambda x: x * 2, taeda.ones(1), use_reentrant=False).item() == 2


def test_options():
    x = taeda.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        checkpoint(lambda x, scale: x, x, scale=2, use_reentrant=True)
    with pytest.raises(ValueError, match="only supported when use_reentrant=False"):
        checkpoint(lambda x: x, x, use_reentrant=True, debug=True)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(lambda x: x, x, determinism_check="maybe")
    with pytest.raises(ValueError, match="segments must be at least 1, got 0"):
        checkpoint_sequential([taeda.exp], 0, x)
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(lambda x: x, taeda.ones(1), use_reentrant=True)
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        detach_variable([x])
