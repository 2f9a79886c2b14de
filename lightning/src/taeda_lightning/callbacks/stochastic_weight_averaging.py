"""`StochasticWeightAveraging`: average the weights of the last epochs.

Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import taeda
from taeda import nn

from ..errors import MisconfigurationException
from ..messages import info
from ..steps import BatchTransfer, first_batches, step_caller
from .callback import Callback

if TYPE_CHECKING:
    from ..module import LightningModule
    from ..trainer import Trainer

__all__ = ["StochasticWeightAveraging"]


class StochasticWeightAveraging(Callback):
    """From a given epoch on, anneal the learning rate to a constant and average the weights after each epoch.

    When the fit ends, the model gets the averaged weights, and the running statistics of its batch-norm
    layers are computed anew by one pass over the training data.

    Args:
        swa_lrs: learning rate to anneal to, or one for each parameter group.
        swa_epoch_start: first epoch to average: a number (int, from 1) or a share of `max_epochs` (float).
        annealing_epochs: epochs until the rate is reached.
        annealing_strategy: "cos" or "linear".
        avg_fn: function of (averaged, new, number of models averaged) that returns the new average.
        device: kept for Lightning's signature; averages stay where the weights are.

    Raises:
        MisconfigurationException: an argument is outside these ranges, or optimization is manual.

    Example:
        >>> StochasticWeightAveraging(swa_lrs=0.05, swa_epoch_start=2).swa_start(10)
        1
    """

    def __init__(
        self,
        swa_lrs: float | list[float],
        swa_epoch_start: int | float = 0.8,
        annealing_epochs: int = 10,
        annealing_strategy: str = "cos",
        avg_fn: Any = None,
        device: Any = None,
    ) -> None:
        rates = swa_lrs if isinstance(swa_lrs, list) else [swa_lrs]
        if not rates or any(not isinstance(rate, (int, float)) or rate <= 0 for rate in rates):
            raise MisconfigurationException(
                f"StochasticWeightAveraging(swa_lrs={swa_lrs!r}): expected a positive number or a list of "
                "them"
            )
        is_share = isinstance(swa_epoch_start, float) and 0 <= swa_epoch_start <= 1
        if not (is_share or (isinstance(swa_epoch_start, int) and swa_epoch_start >= 1)):
            raise MisconfigurationException(
                f"StochasticWeightAveraging(swa_epoch_start={swa_epoch_start!r}): expected an epoch (int "
                "from 1) or a share of max_epochs (float from 0.0 to 1.0)"
            )
        if annealing_strategy not in ("cos", "linear"):
            raise MisconfigurationException(
                f"StochasticWeightAveraging(annealing_strategy={annealing_strategy!r}): expected 'cos' or "
                "'linear'"
            )
        self._rates = [float(rate) for rate in rates]
        self._epoch_start = swa_epoch_start
        self._annealing_epochs = annealing_epochs
        self._strategy = annealing_strategy
        self._average = avg_fn
        self._averaged: dict[str, taeda.Tensor] = {}
        self._models = 0
        self._first_rates: list[float] = []

    def swa_start(self, max_epochs: int) -> int:
        """First epoch (from 0) whose weights are averaged."""
        if isinstance(self._epoch_start, float):
            return int(max_epochs * self._epoch_start)
        return max(self._epoch_start - 1, 0)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Check that this fit can be averaged."""
        if not pl_module.automatic_optimization or len(trainer.optimizers) != 1:
            raise MisconfigurationException(
                "StochasticWeightAveraging needs automatic optimization with one optimizer"
            )
        if trainer.max_epochs < 1:
            raise MisconfigurationException("StochasticWeightAveraging needs Trainer(max_epochs=...)")
        groups = trainer.optimizers[0].param_groups
        if len(self._rates) not in (1, len(groups)):
            raise MisconfigurationException(
                f"StochasticWeightAveraging: {len(self._rates)} learning rates for {len(groups)} parameter "
                "groups; give one, or one for each group"
            )

    def _set_rates(self, trainer: Trainer) -> None:
        groups = trainer.optimizers[0].param_groups
        if not self._first_rates:
            info(
                f"StochasticWeightAveraging begins in epoch {trainer.current_epoch}; schedulers are "
                "switched off"
            )
            self._first_rates = [float(group["lr"]) for group in groups]
        trainer.schedulers_are_paused = True
        done = trainer.current_epoch - self.swa_start(trainer.max_epochs)
        share = min(1.0, done / self._annealing_epochs) if self._annealing_epochs else 1.0
        if self._strategy == "cos":
            share = (1 - math.cos(math.pi * share)) / 2
        rates = self._rates * (len(groups) if len(self._rates) == 1 else 1)
        for group, first, last in zip(groups, self._first_rates, rates):
            group["lr"] = first + (last - first) * share

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the learning rate of the epoch."""
        if trainer.current_epoch >= self.swa_start(trainer.max_epochs):
            self._set_rates(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the weights of the epoch into the average."""
        if trainer.current_epoch < self.swa_start(trainer.max_epochs):
            return
        with taeda.no_grad():
            for name, parameter in pl_module.named_parameters():
                value = parameter.detach()
                if self._models == 0:
                    self._averaged[name] = value.clone()
                elif self._average is not None:
                    self._averaged[name] = self._average(
                        self._averaged[name], value, taeda.tensor(self._models)
                    )
                else:
                    mean = self._averaged[name]
                    self._averaged[name] = mean + (value - mean) / (self._models + 1)
        self._models += 1

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the model the average and renew batch-norm statistics."""
        if self._models == 0:
            return
        with taeda.no_grad():
            for name, parameter in pl_module.named_parameters():
                parameter.copy_(self._averaged[name])
        self._renew_batch_norm(trainer, pl_module)

    def _renew_batch_norm(self, trainer: Trainer, pl_module: LightningModule) -> None:
        kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        layers = [layer for layer in pl_module.modules() if isinstance(layer, kinds)]
        if not layers:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None
        pl_module.train()
        transfer, step = BatchTransfer(trainer), step_caller(trainer, "training_step", 1)
        with taeda.no_grad():
            for batch_idx, batch in first_batches(trainer.train_dataloader, trainer.num_training_batches):
                step(transfer(batch, 0), batch_idx)
        for layer, momentum in zip(layers, momenta):
            layer.momentum = momentum

    def state_dict(self) -> dict[str, Any]:
        """The average so far, for a checkpoint."""
        return {"averaged": self._averaged, "models": self._models, "first_rates": self._first_rates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take back the average."""
        self._averaged = dict(state_dict["averaged"])
        self._models = state_dict["models"]
        self._first_rates = list(state_dict["first_rates"])

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch schedulers off again when a resumed fit is averaging already."""
        if self._first_rates:
            trainer.schedulers_are_paused = True
