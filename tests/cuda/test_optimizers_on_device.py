"""Fused optimizer steps on the GPU: the same parameters and states as on the CPU, in few launches of many tensors."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
from taeda import optim

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "maximize": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.2, maximize=True),
    "adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1),
    "amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "capturable": lambda p: optim.AdamW(p, lr=0.01, capturable=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "centered": lambda p: optim.RMSprop(p, lr=0.01, centered=True, momentum=0.5),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.01, lr_decay=0.1, weight_decay=0.01),
}


def trained(make, device, shapes, dtypes):
    """Parameters and states after three steps along gradients that depend on both."""
    parameters = [
        taeda.nn.Parameter(taeda.linspace(-1, 1, size).to(dtype).to(device))
        for dtype in dtypes
        for size in shapes
    ]
    optimizer = make(parameters)
    for _ in range(3):
        for p in parameters:
            p.grad = p.detach() * 0.3 + taeda.linspace(-0.1, 0.2, p.numel()).to(p.dtype).to(device)
        optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values()]
    return [
        t.detach().cpu().to(taeda.float64).numpy()
        for t in [*parameters, *states]
        if isinstance(t, taeda.Tensor)
    ]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_match_the_cpu(name):
    # More tensors than one launch takes, with ends within a block of threads.
    shapes = [1, 5, 1000, 4096, 5001] * 15
    make = OPTIMIZERS[name] if name != "capturable" else OPTIMIZERS["adamw"]
    expected = trained(make, "cpu", shapes, [taeda.float32])
    for one, other in zip(expected, trained(OPTIMIZERS[name], "cuda", shapes, [taeda.float32]), strict=True):
        np.testing.assert_allclose(one, other, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("name", ["nesterov", "adam", "centered", "adagrad"])
def test_parameters_of_several_dtypes_in_one_step(name):
    dtypes = [taeda.float64, taeda.bfloat16, taeda.float32, taeda.float16]
    expected = trained(OPTIMIZERS[name], "cpu", [3, 70], dtypes)
    for one, other in zip(expected, trained(OPTIMIZERS[name], "cuda", [3, 70], dtypes), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_parameters_on_several_devices(name):
    if taeda.cuda.device_count() < 2:
        pytest.skip("there is one device")
    results = []
    for devices in (["cpu"] * 3, ["cuda:0", "cuda:1", "cpu"]):
        parameters = [taeda.nn.Parameter(taeda.linspace(-1, 1, 5).to(device)) for device in devices]
        make = OPTIMIZERS["adamw"] if name == "capturable" and devices[0] == "cpu" else OPTIMIZERS[name]
        optimizer = make(parameters[: 2 if name == "capturable" else 3])
        for _ in range(2):
            for p in parameters:
                p.grad = p.detach() * 0.5
            optimizer.step()
        assert [p.device for p in parameters] == [taeda.device(d) for d in devices]
        results.append(np.stack([p.detach().cpu().numpy() for p in parameters]))
    np.testing.assert_allclose(results[0], results[1], rtol=3e-6, atol=3e-6)


def test_complex_parameters_are_pairs_of_reals():
    results = []
    for device in ("cpu", "cuda"):
        p = taeda.nn.Parameter(taeda.tensor([1 + 2j, -3j, 0.5], device=device))
        optimizer = optim.SGD([p], lr=0.5)
        p.grad = taeda.tensor([2 - 1j, 1j, 4], dtype=taeda.complex64, device=device)
        optimizer.step()
        results.append(p.detach().cpu().numpy())
    np.testing.assert_allclose(results[0], [0 + 2.5j, -3.5j, -1.5])
    np.testing.assert_array_equal(results[0], results[1])
