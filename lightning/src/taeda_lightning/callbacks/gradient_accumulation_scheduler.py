"""`GradientAccumulationScheduler`: change the accumulation factor by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import MisconfigurationException
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["GradientAccumulationScheduler"]


class GradientAccumulationScheduler(Callback):
    """Accumulate gradients over a number of batches that depends on the epoch.

    Args:
        scheduling: first epoch (from 0) to number of batches.

    Raises:
        MisconfigurationException: an epoch is below 0, a number of batches below 1, or the dict is empty.

    Example:
        >>> GradientAccumulationScheduler({4: 2}).factor(3), GradientAccumulationScheduler({4: 2}).factor(4)
        (1, 2)
    """

    def __init__(self, scheduling: dict[int, int]) -> None:
        wrong = {
            epoch: factor
            for epoch, factor in scheduling.items()
            if not isinstance(epoch, int) or epoch < 0 or not isinstance(factor, int) or factor < 1
        }
        if wrong or not scheduling:
            raise MisconfigurationException(
                "GradientAccumulationScheduler: expected epochs from 0 to numbers of batches from 1, got "
                f"{wrong or scheduling}"
            )
        self.scheduling = {0: 1, **dict(sorted(scheduling.items()))}

    def factor(self, epoch: int) -> int:
        """Number of batches to accumulate in `epoch`."""
        return self.scheduling[max(first for first in self.scheduling if first <= epoch)]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the factor of the first epoch, or of the epoch that a resumed fit goes on with.

        Raises:
            MisconfigurationException: the trainer accumulates by itself, or optimization is manual.
        """
        if not pl_module.automatic_optimization:
            raise MisconfigurationException(
                "GradientAccumulationScheduler needs automatic optimization; accumulate in training_step "
                "instead"
            )
        if trainer.accumulate_grad_batches != 1 and not hasattr(self, "_was_started"):
            raise MisconfigurationException(
                f"Trainer(accumulate_grad_batches={trainer.accumulate_grad_batches}) and "
                "GradientAccumulationScheduler exclude each other; use one"
            )
        self._was_started = True
        trainer.accumulate_grad_batches = self.factor(trainer.current_epoch)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the factor of the epoch."""
        trainer.accumulate_grad_batches = self.factor(trainer.current_epoch)
