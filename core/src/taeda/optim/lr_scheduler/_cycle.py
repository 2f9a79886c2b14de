"""Schedules that rise and fall."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from ._base import LRScheduler, per_group, set_option

__all__ = ["CyclicLR", "OneCycleLR"]


class CyclicLR(LRScheduler):
    """Moves the rate up and down between two limits at every batch (Smith, 2015).

    Args:
        optimizer: whose rates are set.
        base_lr: lower limit, or one for each group.
        max_lr: upper limit, or one for each group.
        step_size_up: steps upwards.
        step_size_down: steps downwards; None is as many.
        mode: 'triangular'; 'triangular2' halves the height at each cycle; 'exp_range' multiplies it by gamma
            at each step.
        gamma: that factor.
        scale_fn: factor of the height, instead of a mode.
        scale_mode: whether scale_fn is given the number of the 'cycle' or of the 'iterations'.
        cycle_momentum: whether the momentum moves the other way round.
        base_momentum: its lower limit.
        max_momentum: its upper limit.
        last_epoch: step to continue after; -1 begins.

    Raises:
        ValueError: unknown mode, or the optimizer has no momentum to move.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: {type(optimizer).__name__} is not an Optimizer; pass the optimizer whose lr "
                "it changes"
            )
        self.optimizer = optimizer
        if last_epoch == -1:
            for lr, group in zip(
                per_group(optimizer, base_lr, "base_lr"), optimizer.param_groups, strict=True
            ):
                set_option(group, "lr", lr)
        self.max_lrs = per_group(optimizer, max_lr, "max_lr")
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up + down)
        self.step_ratio = step_size_up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None or mode != "exp_range" else "iterations"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
                raise ValueError(
                    "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
                )
            self.use_beta1 = "betas" in optimizer.defaults
            self.base_momentums = per_group(optimizer, base_momentum, "base_momentum")
            self.max_momentums = per_group(optimizer, max_momentum, "max_momentum")
            if last_epoch == -1:
                for momentum, group in zip(self.max_momentums, optimizer.param_groups, strict=True):
                    _set_momentum(group, momentum, self.use_beta1)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = per_group(optimizer, base_lr, "base_lr")

    def scale_fn(self, x: float) -> float:
        """Factor of the height in a cycle or at an iteration."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "triangular":
            return 1.0
        share: float = 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else self.gamma**x
        return share

    def get_lr(self) -> list[Any]:
        """The rates at the present place of the cycle; moves the momentum too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        height *= self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            limits = zip(self.base_momentums, self.max_momentums, self.optimizer.param_groups, strict=True)
            for low, high, group in limits:
                _set_momentum(group, high - (high - low) * height, self.use_beta1)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a function of one's own, of which the attributes are kept."""
        state = super().state_dict()
        function = state.pop("_scale_fn_custom")
        state["_scale_fn_custom"] = getattr(function, "__dict__", {}).copy() if function is not None else None
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes back what `state_dict` returned; a function of one's own stays."""
        state = dict(state_dict)
        attributes = state.pop("_scale_fn_custom", None)
        if attributes and self._scale_fn_custom is not None:
            self._scale_fn_custom.__dict__.update(attributes)
        super().load_state_dict(state)


def _set_momentum(group: dict[str, Any], momentum: float, use_beta1: bool) -> None:
    if use_beta1:
        group["betas"] = (momentum, *group["betas"][1:])
    else:
        group["momentum"] = momentum


class OneCycleLR(LRScheduler):
    """Moves the rate up to a maximum and down far below its beginning, in one cycle (Smith & Topin, 2017).

    Args:
        optimizer: whose rates are set.
        max_lr: the maximum, or one for each group.
        total_steps: number of steps; or
        epochs: number of epochs, with
        steps_per_epoch: number of steps in each.
        pct_start: share of the steps that go up.
        anneal_strategy: 'cos' or 'linear'.
        cycle_momentum: whether the momentum moves the other way round.
        base_momentum: its lower limit, or one for each group.
        max_momentum: its upper limit, or one for each group.
        div_factor: maximum over first rate.
        final_div_factor: first rate over last rate.
        three_phase: whether the way down stops at the first rate before it goes further.
        last_epoch: step to continue after; -1 begins.

    Raises:
        ValueError: the number of steps is not given or wrong, or the optimizer has no momentum to move.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: {type(optimizer).__name__} is not an Optimizer; pass the optimizer whose lr "
                "it changes"
            )
        self.optimizer = optimizer
        self.total_steps = _total_steps(total_steps, epochs, steps_per_epoch)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, (float, int)):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        # For each phase: its last step, and the names of the limits that it goes between.
        peak = float(pct_start * self.total_steps) - 1
        up = (peak, ("initial_lr", "max_lr"), ("max_momentum", "base_momentum"))
        if three_phase:
            back = (2 * peak, ("max_lr", "initial_lr"), ("base_momentum", "max_momentum"))
            down = (self.total_steps - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum"))
            self._schedule_phases: list[Any] = [up, back, down]
        else:
            down = (self.total_steps - 1, ("max_lr", "min_lr"), ("base_momentum", "max_momentum"))
            self._schedule_phases = [up, down]
        self._anneal_func_type = anneal_strategy
        if last_epoch == -1:
            for high, group in zip(
                per_group(optimizer, max_lr, "max_lr"), optimizer.param_groups, strict=True
            ):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            if "momentum" not in optimizer.defaults and "betas" not in optimizer.defaults:
                raise ValueError(
                    "optimizer must support momentum or beta1 with `cycle_momentum` option enabled"
                )
            self.use_beta1 = "betas" in optimizer.defaults
            if last_epoch == -1:
                limits = zip(
                    per_group(optimizer, base_momentum, "base_momentum"),
                    per_group(optimizer, max_momentum, "max_momentum"),
                    optimizer.param_groups,
                    strict=True,
                )
                for low, high, group in limits:
                    _set_momentum(group, high, self.use_beta1)
                    group["max_momentum"], group["base_momentum"] = high, low
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, share: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def get_lr(self) -> list[Any]:
        """The rates at the present step; moves the momentum too."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(
                f"Tried to step {step} times. The specified number of total steps is {self.total_steps}"
            )
        number = next((i for i, phase in enumerate(self._schedule_phases) if step <= phase[0]), -1)
        end, rates, momenta = self._schedule_phases[number]
        begin = 0.0 if number == 0 else self._schedule_phases[number - 1][0]
        share = (step - begin) / (end - begin)
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                moved = self._between(group[momenta[0]], group[momenta[1]], share)
                _set_momentum(group, moved, self.use_beta1)
        return [
            self._between(group[rates[0]], group[rates[1]], share) for group in self.optimizer.param_groups
        ]


def _total_steps(total: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total is not None:
        if total <= 0 or not isinstance(total, int):
            raise ValueError(f"Expected positive integer total_steps, but got {total}")
        return total
    if epochs is None or steps_per_epoch is None:
        raise ValueError(
            "OneCycleLR: You must define either total_steps OR (epochs AND steps_per_epoch), got "
            f"epochs={epochs} and steps_per_epoch={steps_per_epoch}; steps_per_epoch is len(loader)"
        )
    for name, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
        if value <= 0 or not isinstance(value, int):
            raise ValueError(f"Expected positive integer {name}, but got {value}")
    return epochs * steps_per_epoch
