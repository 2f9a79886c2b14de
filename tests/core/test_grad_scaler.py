"""Loss scaling by numbers: factors as float32 keeps them, many gradients in one kernel, several optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import taeda
from taeda import amp, nn
from taeda._C import ops

_check_and_unscale = ops._amp_foreach_non_finite_check_and_unscale_


def _with_gradients(values: list[Any]) -> tuple[list[nn.Parameter], Any]:
    parameters = [nn.Parameter(taeda.zeros(v.shape, dtype=v.dtype)) for v in values]
    for parameter, value in zip(parameters, values, strict=True):
        parameter.grad = value
    return parameters, taeda.optim.SGD(parameters, lr=1.0)


@pytest.mark.parametrize("bad", [None, float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("dtype", [taeda.float32, taeda.float64, taeda.bfloat16, taeda.float16], ids=str)
@pytest.mark.parametrize("size", [1, 7, 40_000])
def test_one_kernel_checks_and_multiplies(bad: float | None, dtype: taeda.dtype, size: int) -> None:
    rng = np.random.default_rng(size)
    values = [rng.standard_normal(n) for n in (3, size, 0, 5)]
    gradients = [taeda.tensor(v).to(dtype) for v in values]
    if bad is not None:
        gradients[1][size - 1] = bad
    wanted = [g.double().numpy() * 0.375 for g in gradients]
    found, factor = taeda.zeros(()), taeda.full((), 0.375)
    versions = [g._version for g in gradients]
    _check_and_unscale(gradients, found, factor)
    assert found.item() == (0.0 if bad is None else 1.0)
    rtol = {taeda.float64: 1e-15, taeda.float32: 1e-7, taeda.bfloat16: 2**-8, taeda.float16: 2**-11}[dtype]
    for gradient, values_of_it, version in zip(gradients, wanted, versions, strict=True):
        np.testing.assert_allclose(gradient.double().numpy(), values_of_it, rtol=rtol, atol=2**-24)
        assert gradient._version == version + 1


def test_what_was_found_stays_found() -> None:
    found = taeda.ones(())
    _check_and_unscale([taeda.ones(3)], found, taeda.ones(()))
    assert found.item() == 1.0
    _check_and_unscale([], found, taeda.ones(()))
    assert found.item() == 1.0


def test_gradients_of_any_layout() -> None:
    base = taeda.arange(24, dtype=taeda.float32).reshape(4, 6)
    gradients = [
        base.t(),
        taeda.ones(2, 3, 4, 5).to(memory_format=taeda.channels_last),
        taeda.ones(4, 6)[:, ::2],
    ]
    _check_and_unscale(gradients, taeda.zeros(()), taeda.full((), 2.0))
    np.testing.assert_array_equal(base.numpy(), np.arange(24, dtype=np.float32).reshape(4, 6) * 2)
    assert {g.max().item() for g in gradients[1:]} == {2.0}
    assert {g.min().item() for g in gradients[1:]} == {2.0}


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(RuntimeError, match="found_inf and inv_scale must be float32 tensors of one element"):
        _check_and_unscale([taeda.ones(1)], taeda.zeros(2), taeda.ones(()))
    with pytest.raises(RuntimeError, match="expected floating gradients, got"):
        _check_and_unscale([taeda.ones(1, dtype=taeda.int64)], taeda.zeros(()), taeda.ones(()))


def test_factors_are_kept_in_float32() -> None:
    """Worked out with NumPy's float32: the factor is rounded after each change."""
    scaler = amp.GradScaler("cpu", init_scale=0.1, growth_factor=1.7, backoff_factor=0.3, growth_interval=1)
    assert scaler.get_scale() == float(np.float32(0.1))
    wanted = np.float32(0.1)
    for bad in (False, True, True, False, False, True, False):
        parameters, optimizer = _with_gradients([taeda.tensor([float("nan") if bad else 3.0])])
        scaler.step(optimizer)
        inverse = np.float32(1.0 / np.float64(wanted))
        moved = 0.0 if bad else -float(np.float32(3.0) * inverse)
        assert parameters[0].item() == moved
        scaler.update()
        wanted = np.float32(np.float64(wanted) * (0.3 if bad else 1.7))
        assert scaler.get_scale() == float(wanted)


def test_a_factor_never_grows_to_infinity() -> None:
    scaler = amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1)
    for _ in range(2):
        scaler.step(_with_gradients([taeda.ones(1)])[1])
        scaler.update()
        assert scaler.get_scale() == 2.0**127


def test_losses_in_float16_become_float32() -> None:
    scaler = amp.GradScaler("cpu")
    loss = scaler.scale(taeda.tensor(2.0, dtype=taeda.float16))
    assert (loss.dtype, loss.item()) == (taeda.float32, 131072.0)
    rows = scaler.scale(taeda.tensor([2.0**-10, 0.5], dtype=taeda.float16))
    assert (rows.dtype, rows.tolist()) == (taeda.float16, [64.0, 32768.0])


def test_several_optimizers_share_a_factor() -> None:
    scaler = amp.GradScaler("cpu", init_scale=4.0)
    good, first = _with_gradients([taeda.tensor([8.0])])
    bad, second = _with_gradients([taeda.tensor([8.0]), taeda.tensor([float("inf")])])
    scaler.step(first)
    scaler.step(second)
    assert [p.item() for p in good + bad] == [-2.0, 0.0, 0.0]  # each optimizer is judged by itself
    scaler.update()
    assert scaler.get_scale() == 2.0
    scaler.unscale_(second)  # without a step: update() looks all the same
    scaler.update()
    assert scaler.get_scale() == 1.0


def test_parameters_of_several_dtypes() -> None:
    values = [
        taeda.tensor([2.0], dtype=d) for d in (taeda.float32, taeda.float64, taeda.bfloat16, taeda.float32)
    ]
    parameters, optimizer = _with_gradients(values)
    scaler = amp.GradScaler("cpu", init_scale=4.0)
    scaler.unscale_(optimizer)
    assert [p.grad.item() for p in parameters] == [0.5] * 4
    assert [p.grad.dtype for p in parameters] == [v.dtype for v in values]


def test_without_gradients_there_is_nothing_to_judge() -> None:
    optimizer = taeda.optim.SGD([nn.Parameter(taeda.ones(1))], lr=1.0)
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        amp.GradScaler("cpu").step(optimizer)
