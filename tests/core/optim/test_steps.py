"""What each optimizer does to its parameters, step by step in NumPy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import taeda
from taeda import nn, optim

rng = np.random.default_rng(0)
START = rng.normal(size=(4, 3))
GRADIENTS = rng.normal(size=(7, 4, 3))


def run(cls: Any, **options: Any) -> Any:
    parameter = nn.Parameter(taeda.tensor(START))
    optimizer = cls([parameter], **options)
    for gradient in GRADIENTS:
        parameter.grad = taeda.tensor(gradient)
        optimizer.step()
    return parameter.detach().numpy(), optimizer.state[parameter]


def steps(decay: float = 0.0, sign: float = 1.0) -> Iterator[tuple[int, Any, Any]]:
    """(number of the step, parameter to change in place, its gradient)."""
    p = START.copy()
    for t, g in enumerate(GRADIENTS, 1):
        yield t, p, sign * g + decay * p


@pytest.mark.parametrize("fused", [None, False])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_momentum(nesterov: bool, fused: Any) -> None:
    buffer: Any = None
    for _, p, g in steps(decay=0.1):
        buffer = g if buffer is None else 0.9 * buffer + g
        p -= 0.05 * (g + 0.9 * buffer if nesterov else buffer)
    got, state = run(optim.SGD, lr=0.05, momentum=0.9, weight_decay=0.1, nesterov=nesterov, fused=fused)
    np.testing.assert_allclose(got, p, rtol=1e-9)
    np.testing.assert_allclose(state["momentum_buffer"].numpy(), buffer, rtol=1e-9)


def test_sgd_with_dampening_and_maximize() -> None:
    buffer: Any = None
    for _, p, g in steps(sign=-1):
        buffer = g if buffer is None else 0.9 * buffer + 0.5 * g
        p -= 0.05 * buffer
    got, _ = run(optim.SGD, lr=0.05, momentum=0.9, dampening=0.5, maximize=True)
    np.testing.assert_allclose(got, p, rtol=1e-9)


@pytest.mark.parametrize("fused", [None, False])
@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("decoupled", [False, True])
def test_adam(decoupled: bool, amsgrad: bool, fused: Any) -> None:
    m, v, largest = np.zeros((4, 3)), np.zeros((4, 3)), np.zeros((4, 3))
    for t, p, g in steps(decay=0.0 if decoupled else 0.1):
        if decoupled:
            p *= 1 - 0.01 * 0.1
        m = 0.9 * m + 0.1 * g
        v = 0.99 * v + 0.01 * g * g
        largest = np.maximum(largest, v)
        square = largest if amsgrad else v
        p -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.99**t)) + 1e-8)
    cls = optim.AdamW if decoupled else optim.Adam
    got, state = run(cls, lr=0.01, betas=(0.9, 0.99), weight_decay=0.1, amsgrad=amsgrad, fused=fused)
    np.testing.assert_allclose(got, p, rtol=1e-7)
    assert float(state["step"]) == 7
    assert state["step"].dtype == taeda.float32
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * amsgrad


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("momentum", [0, 0.5])
def test_rmsprop(centered: bool, momentum: float) -> None:
    s, a, b = np.zeros((4, 3)), np.zeros((4, 3)), np.zeros((4, 3))
    for _, p, g in steps(decay=0.1):
        s = 0.9 * s + 0.1 * g * g
        a = 0.9 * a + 0.1 * g
        direction = g / (np.sqrt(s - a * a if centered else s) + 1e-8)
        b = momentum * b + direction
        p -= 0.01 * b
    got, _ = run(optim.RMSprop, lr=0.01, alpha=0.9, weight_decay=0.1, momentum=momentum, centered=centered)
    np.testing.assert_allclose(got, p, rtol=1e-7)


@pytest.mark.parametrize("fused", [None, False])
def test_adagrad(fused: Any) -> None:
    s = np.full((4, 3), 0.2)
    for t, p, g in steps(decay=0.1):
        s = s + g * g
        p -= 0.1 / (1 + (t - 1) * 0.5) * g / (np.sqrt(s) + 1e-10)
    got, state = run(
        optim.Adagrad, lr=0.1, lr_decay=0.5, weight_decay=0.1, initial_accumulator_value=0.2, fused=fused
    )
    np.testing.assert_allclose(got, p, rtol=1e-9)
    np.testing.assert_allclose(state["sum"].numpy(), s, rtol=1e-9)


def test_adadelta() -> None:
    s, d = np.zeros((4, 3)), np.zeros((4, 3))
    for _, p, g in steps():
        s = 0.9 * s + 0.1 * g * g
        move = np.sqrt(d + 1e-6) / np.sqrt(s + 1e-6) * g
        d = 0.9 * d + 0.1 * move * move
        p -= 0.5 * move
    np.testing.assert_allclose(run(optim.Adadelta, lr=0.5)[0], p, rtol=1e-9)


def test_adamax() -> None:
    m, u = np.zeros((4, 3)), np.zeros((4, 3))
    for t, p, g in steps():
        m = 0.9 * m + 0.1 * g
        u = np.maximum(0.999 * u, np.abs(g) + 1e-8)
        p -= 0.01 / (1 - 0.9**t) * m / u
    np.testing.assert_allclose(run(optim.Adamax, lr=0.01)[0], p, rtol=1e-9)


def test_nadam() -> None:
    m, v, product = np.zeros((4, 3)), np.zeros((4, 3)), 1.0
    for t, p, g in steps():
        now, following = (0.9 * (1 - 0.5 * 0.96 ** (i * 0.004)) for i in (t, t + 1))
        product *= now
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        mean = following * m / (1 - product * following) + (1 - now) * g / (1 - product)
        p -= 0.01 * mean / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    np.testing.assert_allclose(run(optim.NAdam, lr=0.01)[0], p, rtol=1e-6)


def test_radam() -> None:
    m, v = np.zeros((4, 3)), np.zeros((4, 3))
    limit = 2 / (1 - 0.9) - 1
    for t, p, g in steps():
        m = 0.9 * m + 0.1 * g
        v = 0.9 * v + 0.1 * g * g
        length = limit - 2 * t * 0.9**t / (1 - 0.9**t)
        direction = m / (1 - 0.9**t)
        if length > 5:
            r = math.sqrt((length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length))
            direction *= r * math.sqrt(1 - 0.9**t) / (np.sqrt(v) + 1e-8)
        p -= 0.01 * direction
    assert length > 5
    np.testing.assert_allclose(run(optim.RAdam, lr=0.01, betas=(0.9, 0.9))[0], p, rtol=1e-6)


def test_asgd_averages_from_t0_on() -> None:
    eta, mean = 0.1, np.zeros((4, 3))
    for t, p, g in steps():
        mu = 1 / max(1, t - 1 - 2)
        p *= 1 - 0.01 * eta
        p -= eta * g
        mean = p.copy() if mu == 1 else mean + (p - mean) * mu
        eta = 0.1 / (1 + 0.01 * 0.1 * t) ** 0.75
    got, state = run(optim.ASGD, lr=0.1, lambd=0.01, t0=2)
    np.testing.assert_allclose(got, p, rtol=1e-6)
    np.testing.assert_allclose(state["ax"].numpy(), mean, rtol=1e-6)


def test_rprop() -> None:
    size: NDArray[np.float64] = np.full((4, 3), 0.1)
    before: NDArray[np.float64] = np.zeros((4, 3))
    for _, p, g in steps():
        turn = np.sign(g * before)
        size = np.clip(size * np.where(turn > 0, 1.2, np.where(turn < 0, 0.5, 1)), 1e-6, 50)
        before = np.where(turn < 0, 0, g)
        p -= np.sign(before) * size
    np.testing.assert_allclose(run(optim.Rprop, lr=0.1)[0], p, rtol=1e-6)


def test_adafactor() -> None:
    r, c = np.zeros((4, 1)), np.zeros((1, 3))
    eps = np.finfo(np.float64).eps
    for t, p, g in steps():
        size = max(1e-3, np.sqrt((p * p).mean())) * min(0.01, 1 / math.sqrt(t))
        share = t**-0.8
        r = r + share * ((g * g).mean(1, keepdims=True) - r)
        c = c + share * ((g * g).mean(0, keepdims=True) - c)
        update = g / np.sqrt(np.maximum(r @ c / max(r.mean(), eps), eps * eps))
        p -= size * update / max(1, np.sqrt((update * update).mean()))
    np.testing.assert_allclose(run(optim.Adafactor, lr=0.01)[0], p, rtol=1e-6)


def test_muon_steps_are_nearly_orthogonal() -> None:
    parameter = nn.Parameter(taeda.zeros(4, 4))
    optimizer = optim.Muon([parameter], lr=1.0, weight_decay=0.0)
    parameter.grad = taeda.tensor(rng.normal(size=(4, 4)).astype(np.float32))
    optimizer.step()
    singular = np.linalg.svd(parameter.detach().numpy())[1]
    assert singular.min() > 0.5
    assert singular.max() < 1.3
    with pytest.raises(ValueError, match="Muon only supports 2D parameters"):
        optim.Muon([nn.Parameter(taeda.ones(2))])


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_solves_a_quadratic_problem(search: Any) -> None:
    a = rng.normal(size=(6, 6))
    a, b = a @ a.T + np.eye(6), rng.normal(size=6)
    x = nn.Parameter(taeda.zeros(6, dtype=taeda.float64))
    optimizer = optim.LBFGS(
        [x], max_iter=100, line_search_fn=search, tolerance_grad=1e-10, tolerance_change=1e-14
    )

    def closure() -> Any:
        optimizer.zero_grad()
        loss = 0.5 * x @ (taeda.tensor(a) @ x) - taeda.tensor(b) @ x
        loss.backward()
        return loss

    assert float(optimizer.step(closure).detach()) == 0
    np.testing.assert_allclose(x.detach().numpy(), np.linalg.solve(a, b), atol=1e-5)


def test_complex_parameters_are_pairs_of_reals() -> None:
    values = (START + 1j * START[::-1]).astype(np.complex64)
    gradients = (GRADIENTS + 1j * GRADIENTS[::-1]).astype(np.complex64)
    for cls in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.Adagrad, optim.Adamax, optim.Rprop):
        one = nn.Parameter(taeda.tensor(values))
        two = nn.Parameter(taeda.view_as_real(taeda.tensor(values)).clone())
        optimizers = cls([one], lr=0.1), cls([two], lr=0.1)
        for gradient in gradients:
            one.grad = taeda.tensor(gradient)
            two.grad = taeda.view_as_real(taeda.tensor(gradient)).clone()
            for optimizer in optimizers:
                optimizer.step()
        np.testing.assert_allclose(
            taeda.view_as_real(one.detach()).numpy(), two.detach().numpy(), rtol=1e-5, atol=1e-6
        )


def test_tensor_learning_rate() -> None:
    rate = taeda.tensor(0.1, dtype=taeda.float64)
    np.testing.assert_allclose(run(optim.Adam, lr=rate)[0], run(optim.Adam, lr=0.1)[0], rtol=1e-6)
    np.testing.assert_allclose(run(optim.SGD, lr=rate)[0], run(optim.SGD, lr=0.1)[0], rtol=1e-6)
