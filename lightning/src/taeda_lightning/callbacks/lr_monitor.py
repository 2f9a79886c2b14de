"""`LearningRateMonitor`: log the learning rates of the schedulers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..errors import MisconfigurationException
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["LearningRateMonitor"]


class LearningRateMonitor(Callback):
    """Log learning rates under `lr-NAME`, e.g. `lr-Adam` or `lr-Adam/pg1` with several parameter groups.

    Args:
        logging_interval: "step", "epoch", or None for each scheduler's own interval.
        log_momentum: also log momentum (or the first beta).
        log_weight_decay: also log weight decay.

    Raises:
        MisconfigurationException: the interval is unknown, or the trainer has no logger.

    Example:
        >>> LearningRateMonitor("epoch").logging_interval
        'epoch'
    """

    def __init__(
        self, logging_interval: str | None = None, log_momentum: bool = False, log_weight_decay: bool = False
    ) -> None:
        if logging_interval not in (None, "step", "epoch"):
            raise MisconfigurationException(
                f"LearningRateMonitor(logging_interval={logging_interval!r}): expected 'step', 'epoch' or "
                "None"
            )
        self.logging_interval = logging_interval
        self.log_momentum = log_momentum
        self.log_weight_decay = log_weight_decay
        self.lrs: dict[str, list[float]] = {}
        self._sources: list[tuple[str, Any, str]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Name the optimizers."""
        if not trainer.loggers:
            raise MisconfigurationException(
                "LearningRateMonitor has no logger to write to; pass Trainer(logger=...) or remove the "
                "callback"
            )
        self._sources = []
        by_optimizer = {id(config.scheduler.optimizer): config for config in trainer.lr_scheduler_configs}
        kinds = Counter(type(optimizer).__name__ for optimizer in trainer.optimizers)
        numbers: Counter[str] = Counter()
        for optimizer in trainer.optimizers:
            config = by_optimizer.get(id(optimizer))
            kind = type(optimizer).__name__
            name = config.name if config is not None and config.name else f"lr-{kind}"
            if kinds[kind] > 1 and not (config is not None and config.name):
                name += f"-{numbers[kind]}" if numbers[kind] else ""
                numbers[kind] += 1
            interval = self.logging_interval or (config.interval if config is not None else "epoch")
            self._sources.append((name, optimizer, interval))
        self.lrs = {name: [] for name, _ in self._groups(None)}

    def _groups(self, interval: str | None) -> list[tuple[str, dict[str, Any]]]:
        found = []
        for name, optimizer, source_interval in self._sources:
            if interval in (None, source_interval):
                groups = optimizer.param_groups
                for i, group in enumerate(groups):
                    found.append((f"{name}/pg{i + 1}" if len(groups) > 1 else name, group))
        return found

    def _log(self, trainer: Trainer, interval: str) -> None:
        values: dict[str, float] = {}
        for name, group in self._groups(interval):
            values[name] = float(group["lr"])
            self.lrs[name].append(values[name])
            if self.log_momentum:
                betas = group.get("betas")
                values[f"{name}-momentum"] = float(betas[0] if betas else group.get("momentum", 0.0))
            if self.log_weight_decay:
                values[f"{name}-weight_decay"] = float(group.get("weight_decay", 0.0))
        if values:
            trainer.logged["callback"].update(values)
            for logger in trainer.loggers:
                logger.log_metrics(values, trainer.progress.stepped_batches)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Log the rates of schedulers that go by steps."""
        if trainer.is_logging_due(trainer.progress.stepped_batches + 1):
            self._log(trainer, "step")

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the rates of schedulers that go by epochs."""
        self._log(trainer, "epoch")
