"""`Timer`: stop a fit after a given time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ..errors import MisconfigurationException
from ..messages import info
from ..settings import parse_duration
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["Timer"]


class Timer(Callback):
    """Stop when training, validation included, has taken `duration`; time before a resume counts.

    Args:
        duration: "DD:HH:MM:SS", a `timedelta`, or a dict of its arguments; None only measures.
        interval: look at the clock after every "step" or "epoch".
        verbose: say when the time is up.

    Raises:
        MisconfigurationException: the duration or interval has another form.

    Example:
        >>> Timer({"minutes": 1}).time_remaining()
        60.0
    """

    def __init__(self, duration: Any = None, interval: str = "step", verbose: bool = True) -> None:
        if interval not in ("step", "epoch"):
            raise MisconfigurationException(f"Timer(interval={interval!r}): expected 'step' or 'epoch'")
        self.duration = (
            None if duration is None else parse_duration("Timer: duration", duration).total_seconds()
        )
        self.interval = str(interval)
        self.verbose = verbose
        self._elapsed = {"train": 0.0, "sanity_check": 0.0, "validate": 0.0, "test": 0.0, "predict": 0.0}
        self._started: dict[str, float] = {}
        self._has_stopped = False

    def _start(self, stage: str) -> None:
        self._started[stage] = time.monotonic()

    def _stop(self, stage: str) -> None:
        if stage in self._started:
            self._elapsed[stage] += time.monotonic() - self._started.pop(stage)

    def start_time(self, stage: str = "train") -> float | None:
        """Clock (`time.monotonic`) when the stage began, or None while it does not run."""
        return self._started.get(str(getattr(stage, "value", stage)))

    def time_elapsed(self, stage: str = "train") -> float:
        """Seconds spent in the stage "train", "validate", "test", "predict" or "sanity_check"."""
        stage = str(getattr(stage, "value", stage))
        running = time.monotonic() - self._started[stage] if stage in self._started else 0.0
        return self._elapsed[stage] + running

    def time_remaining(self, stage: str = "train") -> float | None:
        """Seconds left, or None without a duration."""
        return None if self.duration is None else self.duration - self.time_elapsed(stage)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock; a fit that this timer has stopped goes on if there is time left now."""
        self._start("train")
        if self._has_stopped:
            self._has_stopped = trainer.should_stop = False
        self._check(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock."""
        self._stop("train")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of validations."""
        self._start("validate")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of validations."""
        self._stop("validate")

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock of tests."""
        self._start("test")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop the clock of tests."""
        self._stop("test")

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Look at the clock."""
        if self.interval == "step":
            self._check(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at the clock."""
        if self.interval == "epoch":
            self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        remaining = self.time_remaining()
        if remaining is not None and remaining <= 0 and not self._has_stopped:
            trainer.should_stop = self._has_stopped = True
            if self.verbose:
                info(f"Timer: the time limit of {self.duration:.0f} s is reached; stopping")

    def state_dict(self) -> dict[str, Any]:
        """Time spent, for a checkpoint."""
        return {
            "time_elapsed": {stage: self.time_elapsed(stage) for stage in self._elapsed},
            "has_stopped": self._has_stopped,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back the time spent."""
        self._elapsed.update(state_dict["time_elapsed"])
        self._has_stopped = state_dict["has_stopped"]
