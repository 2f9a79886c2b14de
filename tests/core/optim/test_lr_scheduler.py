"""Schedules against their closed forms and hand-worked values, and averages of weights."""

from __future__ import annotations

import math
from typing import Any

import pytest

import taeda
from taeda import nn, optim
from taeda.optim import lr_scheduler, swa_utils


def optimizer_of(*rates: float, **options: Any) -> optim.SGD:
    groups = [{"params": [nn.Parameter(taeda.ones(1))], "lr": rate} for rate in rates or (1.0,)]
    return optim.SGD(groups, lr=0.0, **options)


def rates(schedule: Any, epochs: int, *, option: str = "lr", steps: Any = None) -> list[float]:
    """The first group's rate in each epoch."""
    found = []
    for epoch in range(epochs):
        found.append(schedule.optimizer.param_groups[0][option])
        schedule.optimizer.step()
        schedule.step(*([] if steps is None else [steps[epoch]]))
    return found


def cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


@pytest.mark.parametrize(
    ("name", "options", "closed"),
    [
        ("LambdaLR", {"lr_lambda": lambda e: 1 / (1 + e)}, lambda e: 1 / (1 + e)),
        ("MultiplicativeLR", {"lr_lambda": lambda e: 0.9}, lambda e: 0.9**e),
        ("StepLR", {"step_size": 3, "gamma": 0.5}, lambda e: 0.5 ** (e // 3)),
        ("MultiStepLR", {"milestones": [2, 5, 5]}, lambda e: 0.1 ** ((e >= 2) + 2 * (e >= 5))),
        ("ConstantLR", {"factor": 0.5, "total_iters": 4}, lambda e: 0.5 if e < 4 else 1),
        ("LinearLR", {"start_factor": 0.2, "total_iters": 4}, lambda e: 0.2 + 0.8 * min(e, 4) / 4),
        ("ExponentialLR", {"gamma": 0.8}, lambda e: 0.8**e),
        ("PolynomialLR", {"total_iters": 6, "power": 2.0}, lambda e: (1 - min(e, 6) / 6) ** 2),
        ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.1}, lambda e: 0.1 + 0.9 * cosine(e / 4)),
        ("CosineAnnealingWarmRestarts", {"T_0": 3}, lambda e: cosine(e % 3 / 3)),
        (
            "CosineAnnealingWarmRestarts",
            {"T_0": 2, "T_mult": 2},
            lambda e: cosine(e / 2 if e < 2 else (e - 2) / 4 if e < 6 else (e - 6) / 8),
        ),
    ],
)
def test_schedule(name: str, options: Any, closed: Any) -> None:
    schedule = getattr(lr_scheduler, name)(optimizer_of(1.0, 2.0), **options)
    assert rates(schedule, 11) == pytest.approx([closed(e) for e in range(11)])
    least = options.get("eta_min", 0)
    second = least + (2 - least) * (closed(11) - least) / (1 - least)
    assert schedule.get_last_lr() == pytest.approx([closed(11), second])
    assert schedule.last_epoch == 11


def test_cyclic_rate_and_momentum() -> None:
    optimizer = optimizer_of(momentum=0.9)
    schedule = lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2, mode="triangular2")
    assert rates(schedule, 9) == pytest.approx([0, 0.5, 1, 0.5, 0, 0.25, 0.5, 0.25, 0])
    schedule = lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, step_size_up=2)
    assert rates(schedule, 5, option="momentum") == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9])
    with pytest.raises(ValueError, match="mode is invalid and scale_fn is None"):
        lr_scheduler.CyclicLR(optimizer, 0.0, 1.0, mode="square")


def test_one_cycle() -> None:
    optimizer = optimizer_of(momentum=0.9)
    schedule = lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=10, pct_start=0.3, anneal_strategy="linear"
    )
    up = [0.04 + 0.96 * i / 2 for i in range(3)]
    down = [1 + (0.04e-4 - 1) * i / 7 for i in range(1, 8)]
    assert rates(schedule, 9) == pytest.approx((up + down)[:9])
    assert schedule.get_last_lr() == pytest.approx(down[-1:])
    optimizer.step()
    schedule.step()
    with pytest.raises(
        ValueError, match=r"Tried to step 11 times\. The specified number of total steps is 10"
    ):
        schedule.step()
    with pytest.raises(ValueError, match="You must define either total_steps OR"):
        lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, epochs=3)


def test_plateau_waits_and_cools_down() -> None:
    optimizer = optimizer_of()
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, cooldown=1)
    losses = [5, 4, 4, 4, 4, 4, 4, 3]
    assert rates(schedule, 8, steps=losses) == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    assert schedule.best == 3
    with pytest.raises(ValueError, match=r"Factor should be < 1\.0\."):
        lr_scheduler.ReduceLROnPlateau(optimizer, factor=2.0)


def test_sequence_of_schedules() -> None:
    optimizer = optimizer_of()
    first = lr_scheduler.ConstantLR(optimizer, 0.1, total_iters=10)
    second = lr_scheduler.ExponentialLR(optimizer, 0.5)
    schedule = lr_scheduler.SequentialLR(optimizer, [first, second], [3])
    assert rates(schedule, 6) == pytest.approx([0.1, 0.1, 0.1, 1, 0.5, 0.25])
    with pytest.raises(
        ValueError, match="number of schedulers 1 and the number of milestones to be equal to 1"
    ):
        lr_scheduler.SequentialLR(optimizer, [first], [3])
    other = lr_scheduler.ExponentialLR(optimizer_of(), 0.5)
    with pytest.raises(ValueError, match="expects all schedulers to belong to the same optimizer"):
        lr_scheduler.SequentialLR(optimizer, [first, other], [3])


def test_chain_of_schedules() -> None:
    optimizer = optimizer_of()
    chain = lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(optimizer, 0.1, 2), lr_scheduler.ExponentialLR(optimizer, 0.5)]
    )
    assert rates(chain, 4) == pytest.approx([0.1, 0.05, 0.25, 0.125])


@pytest.mark.parametrize("name", ["StepLR", "CosineAnnealingLR", "OneCycleLR"])
def test_state_dict_continues(name: str) -> None:
    options: Any = {
        "StepLR": {"step_size": 2},
        "CosineAnnealingLR": {"T_max": 6},
        "OneCycleLR": {"max_lr": 2.0, "total_steps": 12, "cycle_momentum": False},
    }[name]
    whole = rates(getattr(lr_scheduler, name)(optimizer_of(), **options), 8)
    one = getattr(lr_scheduler, name)(optimizer_of(), **options)
    start = rates(one, 4)
    optimizer = optimizer_of()
    two = getattr(lr_scheduler, name)(optimizer, **options)
    two.load_state_dict(one.state_dict())
    optimizer.load_state_dict(one.optimizer.state_dict())
    assert start + rates(two, 4) == pytest.approx(whole)


def test_steps_in_the_wrong_order_warn() -> None:
    schedule = lr_scheduler.StepLR(optimizer_of(), 1)
    with pytest.warns(
        UserWarning, match=r"Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`"
    ):
        schedule.step()


def test_resuming_needs_the_first_rate() -> None:
    with pytest.raises(KeyError, match="param 'initial_lr' is not specified in param_groups"):
        lr_scheduler.StepLR(optimizer_of(), 1, last_epoch=3)
    with pytest.raises(TypeError, match="int is not an Optimizer"):
        lr_scheduler.StepLR(3, 1)


def test_rate_in_a_tensor_stays_that_tensor() -> None:
    rate = taeda.tensor(1.0)
    optimizer = optim.SGD([nn.Parameter(taeda.ones(1))], lr=rate)
    rates(lr_scheduler.ExponentialLR(optimizer, 0.5), 2)
    assert optimizer.param_groups[0]["lr"] is rate
    assert rate.item() == 0.25


def test_swa_rate() -> None:
    schedule = swa_utils.SWALR(optimizer_of(), 0.1, anneal_epochs=4, anneal_strategy="linear")
    assert rates(schedule, 6) == pytest.approx([1 - 0.9 * min(i, 4) / 4 for i in range(6)])


def test_averaged_model() -> None:
    model = nn.Linear(1, 1, bias=False)
    mean = swa_utils.AveragedModel(model)
    ema = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    for value in (1.0, 2.0, 6.0):
        with taeda.no_grad():
            model.weight.fill_(value)
        mean.update_parameters(model)
        ema.update_parameters(model)
    assert mean.module.weight.item() == pytest.approx(3.0)
    assert ema.module.weight.item() == pytest.approx((1 * 0.9 + 2 * 0.1) * 0.9 + 6 * 0.1)
    assert int(mean.n_averaged) == 3
    assert list(mean.state_dict()) == ["n_averaged", "module.weight"]


def test_update_bn_takes_the_mean_of_all_batches() -> None:
    norm = nn.BatchNorm1d(1).eval()
    swa_utils.update_bn([taeda.tensor([[0.0], [2.0]]), taeda.tensor([[4.0], [8.0]])], norm)
    assert norm.running_mean.item() == pytest.approx(3.5)
    assert norm.momentum == 0.1
    assert not norm.training
