"""`EarlyStopping`: stop when a logged value no longer improves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import MisconfigurationException
from ..messages import info, warn_once
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop a fit when `monitor` has not improved in `patience` checks.

    Args:
        monitor: logged name.
        min_delta: smallest change that counts as improvement.
        patience: checks without improvement before stopping.
        verbose: say when it improves and when the fit stops.
        mode: "min" if smaller is better, "max" if larger.
        strict: whether a missing value is an error.
        check_finite: stop when the value is NaN or infinite.
        stopping_threshold: stop at once when the value is better than this.
        divergence_threshold: stop at once when the value is worse than this.
        check_on_train_epoch_end: check after training epochs rather than validations (None: whichever fits
            the trainer's settings).
        log_rank_zero_only: kept for Lightning's signature.

    Raises:
        MisconfigurationException: the mode is unknown, or `monitor` was not logged.

    Example:
        >>> stopping = EarlyStopping("val_loss", patience=2)
        >>> stopping.mode
        'min'
    """

    runs_after_module: ClassVar[frozenset[str]] = frozenset({"on_train_epoch_end"})
    order_dict: ClassVar[dict[str, str]] = {"min": "<", "max": ">"}

    def __init__(
        self,
        monitor: str,
        min_delta: float = 0.0,
        patience: int = 3,
        verbose: bool = False,
        mode: str = "min",
        strict: bool = True,
        check_finite: bool = True,
        stopping_threshold: float | None = None,
        divergence_threshold: float | None = None,
        check_on_train_epoch_end: bool | None = None,
        log_rank_zero_only: bool = False,
    ) -> None:
        if mode not in self.order_dict:
            raise MisconfigurationException(f"EarlyStopping(mode={mode!r}): expected 'min' or 'max'")
        self.monitor = monitor
        self.min_delta = abs(min_delta)
        self.patience = patience
        self.verbose = verbose
        self.mode = mode
        self.strict = strict
        self.check_finite = check_finite
        self.stopping_threshold = stopping_threshold
        self.divergence_threshold = divergence_threshold
        self.wait_count = 0
        self.stopped_epoch = 0
        self.best_score = math.inf if mode == "min" else -math.inf
        self.stopping_reason_message: str | None = None
        self._check_on_train_epoch_end = check_on_train_epoch_end
        self._has_stopped = False

    @property
    def state_key(self) -> str:
        """Name of the state in checkpoints, from `monitor` and `mode`."""
        return self._generate_state_key(monitor=self.monitor, mode=self.mode)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Choose where to check."""
        if self._check_on_train_epoch_end is None:
            self._check_on_train_epoch_end = (
                trainer.val_check_interval == 1.0
                and trainer.check_val_every_n_epoch == 1
                and trainer.val_check_seconds is None
            )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """After a resume, stop again or go on, by the patience that is set now."""
        if self._has_stopped:
            self._has_stopped = trainer.should_stop = self.wait_count >= self.patience

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check after a training epoch."""
        if self._check_on_train_epoch_end:
            self._check(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check after a validation."""
        if not self._check_on_train_epoch_end and trainer.fitting and not trainer.sanity_checking:
            self._check(trainer)

    def _check(self, trainer: Trainer) -> None:
        if trainer.fast_dev_run:
            return
        logged = trainer.callback_metrics
        if self.monitor not in logged:
            text = (
                f"EarlyStopping(monitor={self.monitor!r}): this name was not logged; logged so far: "
                f"{sorted(logged)}. Call self.log({self.monitor!r}, ...) in the module or monitor one of "
                "these"
            )
            if self.strict:
                raise MisconfigurationException(text)
            warn_once(text)
            return
        reason = self._judge(float(logged[self.monitor]))
        if reason is not None:
            trainer.should_stop = self._has_stopped = True
            self.stopped_epoch = trainer.current_epoch
            self.stopping_reason_message = reason
        if reason is not None and self.verbose:
            info(f"EarlyStopping: {reason}")

    def _judge(self, value: float) -> str | None:
        """Count the value; returns why to stop, or None."""
        sign = 1.0 if self.mode == "max" else -1.0
        if self.check_finite and not math.isfinite(value):
            return f"{self.monitor} is {value}, which is not finite"
        if self.stopping_threshold is not None and sign * value > sign * self.stopping_threshold:
            return f"{self.monitor} = {value:.4g} has passed the stopping threshold {self.stopping_threshold}"
        if self.divergence_threshold is not None and sign * value < sign * self.divergence_threshold:
            return (
                f"{self.monitor} = {value:.4g} is past the divergence threshold {self.divergence_threshold}"
            )
        if sign * (value - self.best_score) > self.min_delta or not math.isfinite(self.best_score):
            if self.verbose:
                info(f"EarlyStopping: {self.monitor} improved to {value:.4g}")
            self.best_score = value
            self.wait_count = 0
            return None
        self.wait_count += 1
        if self.wait_count >= self.patience:
            return (
                f"no better {self.monitor} in the last {self.wait_count} checks; best: {self.best_score:.4g}"
            )
        return None

    def state_dict(self) -> dict[str, Any]:
        """Counters for a checkpoint."""
        return {
            "wait_count": self.wait_count,
            "stopped_epoch": self.stopped_epoch,
            "best_score": self.best_score,
            "patience": self.patience,
            "has_stopped": self._has_stopped,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back the counters; `patience` stays as it is set now."""
        self.wait_count = state_dict["wait_count"]
        self.stopped_epoch = state_dict["stopped_epoch"]
        self.best_score = float(state_dict["best_score"])
        self._has_stopped = state_dict.get("has_stopped", False)
