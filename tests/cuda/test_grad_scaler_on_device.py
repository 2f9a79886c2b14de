"""Loss scaling on a GPU: nothing waits before step() has to know."""

from __future__ import annotations

import os

import pytest
from cuda_library import EMULATED

import taeda
from taeda import cuda

DEFERRED = EMULATED and os.environ.get("TAEDA_EMULATED_STREAMS", "deferred") != "at-once"


def _problem(devices: list[str]) -> tuple[list[taeda.nn.Parameter], taeda.optim.Optimizer]:
    dtypes = [taeda.float32, taeda.bfloat16, taeda.float64]
    parameters = [
        taeda.nn.Parameter(taeda.ones(5, dtype=dtypes[i % 3], device=devices[i % len(devices)]))
        for i in range(130)
    ]
    for parameter in parameters:
        parameter.grad = taeda.full_like(parameter, 8.0)
    return parameters, taeda.optim.SGD(parameters, lr=0.5)


@pytest.mark.skipif(not DEFERRED, reason="the GPU may be done already")
def test_unscaling_does_not_wait():
    scaler = taeda.amp.GradScaler("cuda", init_scale=4.0)
    parameters, optimizer = _problem(["cuda:0"])
    scaler.unscale_(optimizer)
    assert not cuda.current_stream().query()
    scaler.step(optimizer)
    assert {p.detach().float().cpu().sum().item() for p in parameters} == {0.0}


@pytest.mark.parametrize("bad", [False, True])
def test_steps_on_several_devices(bad: bool):
    devices = [f"cuda:{i}" for i in range(cuda.device_count())]
    scaler = taeda.amp.GradScaler("cuda", init_scale=4.0, growth_interval=1)
    parameters, optimizer = _problem(devices)
    if bad:
        parameters[-1].grad[4] = float("nan")
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == (2.0 if bad else 8.0)
    assert {p.detach().float().cpu().sum().item() for p in parameters} == {5.0 if bad else 0.0}


def test_a_training_step():
    w = taeda.nn.Parameter(taeda.tensor([1.0, 2.0], device="cuda"))
    optimizer = taeda.optim.Adam([w], lr=0.5)
    scaler = taeda.amp.GradScaler()
    scaled = scaler.scale((w * w).sum())
    assert (scaled.device, scaled.item()) == (w.device, 5.0 * 65536)
    scaled.backward()
    scaler.unscale_(optimizer)
    assert w.grad.tolist() == [2.0, 4.0]
    scaler.step(optimizer)
    scaler.update()
    assert [round(x, 5) for x in w.tolist()] == [0.5, 1.5]


def test_no_gradients_at_all():
    found, inverse = taeda.zeros((), device="cuda"), taeda.ones((), device="cuda")
    taeda._C.ops._amp_foreach_non_finite_check_and_unscale_([], found, inverse)
    assert found.item() == 0.0
