"""What all schedules have in common."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from taeda import Tensor

from ..optimizer import Optimizer

__all__ = ["LRScheduler", "per_group", "set_option"]


def set_option(group: dict[str, Any], name: str, value: Any) -> None:
    """Sets an option of a group; a tensor stays the same tensor."""
    if isinstance(group[name], Tensor):
        group[name].fill_(value)
    else:
        group[name] = value


def per_group(optimizer: Optimizer, value: Any, name: str) -> list[Any]:
    """A value for each group: the same, or those of a sequence.

    Raises:
        ValueError: the sequence has another length.
    """
    if not isinstance(value, (list, tuple)):
        return [value] * len(optimizer.param_groups)
    if len(value) != len(optimizer.param_groups):
        raise ValueError(f"Expected {len(optimizer.param_groups)} values for {name}, but got {len(value)}")
    return list(value)


class LRScheduler:
    """Sets the learning rates of an optimizer's groups after each epoch (or step).

    Args:
        optimizer: its groups remember their first rate as "initial_lr".
        last_epoch: epoch to continue after; -1 begins.

    Raises:
        TypeError: optimizer is no Optimizer.
        KeyError: a group has no "initial_lr" to continue with.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(
                f"{type(self).__name__}: {type(optimizer).__name__} is not an Optimizer; pass the optimizer whose lr "
                "it changes"
            )
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                lr = group["lr"]
                group.setdefault("initial_lr", lr.clone() if isinstance(lr, Tensor) else lr)
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer"
                )
        self.base_lrs: list[Any] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _watch_first_step(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self.step()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes back what `state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set, one for each group."""
        return self._last_lr

    def get_lr(self) -> Sequence[Any]:
        """The next rates, from the present ones; every schedule has its own."""
        raise NotImplementedError(f"{type(self).__name__} has no get_lr")

    def _rates(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def _closed_form(self) -> Callable[[], Sequence[Any]]:
        """What computes the rates of any epoch, from the first rates; the usual way where there is none."""
        return getattr(self, "_get_closed_form_lr", self.get_lr)

    def step(self, epoch: int | None = None) -> None:
        """Sets the rates of the next epoch.

        Args:
            epoch: deprecated; epoch to go to.
        """
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", True):
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the "
                "opposite order: "
                "`optimizer.step()` before `lr_scheduler.step()`. Failure to do this will result in "
                "skipping the "
                "first value of the learning rate schedule.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            values = self._closed_form()()
        self._set_rates(values)

    def _set_rates(self, values: Sequence[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            set_option(group, "lr", lr)
        self._last_lr = [lr.clone() if isinstance(lr, Tensor) else lr for lr in self._rates()]


def _watch_first_step(optimizer: Optimizer) -> None:
    """Has the optimizer's first step leave a mark."""
    optimizer._opt_called = False  # type: ignore[attr-defined]

    def mark(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        optimizer._opt_called = True  # type: ignore[attr-defined]
        handle.remove()

    handle = optimizer.register_step_post_hook(mark)
