"""The whole loop: fit, validate, test and predict, top to bottom.

`FitLoop.run` is the outline; every method below it is called by the ones above. All state lives in
`trainer.progress` (counters), `trainer.metrics` (logged values), the loaders and the random generators; a
checkpoint holds these four, and `Progress.phase` says where to continue.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import taeda

from .combined_loader import CombinedLoader, length_of
from .errors import MisconfigurationException
from .hooks import is_overridden
from .loaders import (
    LoaderSource,
    batches_between_validations,
    limited_batches,
    note_rare_logging,
    set_sampler_epoch,
)
from .messages import info, info_once
from .metrics import MetricStore
from .optimizers import step_schedulers
from .progress import Phase, RunningStage
from .resume import continue_position
from .rng import capture_rng, isolate_rng
from .steps import BatchTransfer, first_batches, layer_modes, loss_of, set_layer_modes, step_caller

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["EvaluationLoop", "FitLoop", "PredictionLoop"]

_END = object()


class FitLoop:
    """Runs the epochs of a fit."""

    def __init__(self, trainer: Trainer, loaders: Any, val_loaders: Any) -> None:
        self.trainer = trainer
        self.source = LoaderSource(trainer, "train", loaders)
        self.validation = EvaluationLoop(trainer, RunningStage.VALIDATING, val_loaders)
        self.metrics = MetricStore(is_training=True)
        self.loader: Any = None
        self.num_batches: int | float = 0
        self.val_check_batch: int | float = math.inf
        self.resume_state: dict[str, Any] | None = None
        self.validation_rng: dict[str, Any] | None = None
        self.is_loader_open = False
        self.iterator: Any = None
        self._last_reload_epoch = 0

    def run(self) -> None:
        """Train until one of the limits is reached or a callback stops the fit."""
        trainer, progress = self.trainer, self.trainer.progress
        trainer.metrics = self.metrics
        if self.resume_state is None:
            self._check_sanity()
        if trainer.limit_train_batches == 0 or self._is_at_end():
            return
        if self.loader is None:
            self.set_up_data()
        self.transfer = BatchTransfer(trainer)
        self._training_step = step_caller(trainer, "training_step", 1)
        self._is_validating = self.validation.is_enabled
        if self._is_validating and trainer.check_val_every_n_epoch:
            self.validation.set_up_data()
        trainer.hooks("on_train_start")
        if self.resume_state is not None:
            self.iterator = continue_position(self, self.resume_state)
            self.resume_state = None
        while not self._is_at_end():
            if progress.phase is Phase.EPOCH_START:
                self._begin_epoch()
            if progress.phase is not Phase.EPOCH_ENDED:
                self._run_batches()
            self._end_epoch()
            trainer.raise_if_interrupted()
        trainer.hooks("on_train_end")

    def _check_sanity(self) -> None:
        """Run a few validation batches, so that mistakes in validation show before hours of training."""
        trainer = self.trainer
        if not (self.validation.is_enabled and trainer.num_sanity_val_steps):
            return
        trainer.state.stage = RunningStage.SANITY_CHECKING
        with isolate_rng():
            trainer.hooks("on_sanity_check_start")
            self.validation.run(limit=trainer.num_sanity_val_steps)
            trainer.hooks("on_sanity_check_end")
        trainer.reset_metrics()
        trainer.state.stage = RunningStage.TRAINING
        trainer.metrics = self.metrics

    def set_up_data(self) -> None:
        """Ask for the training loader; find how many batches an epoch has and when to validate."""
        trainer = self.trainer
        self.loader = self.source.train_loader()
        limit = trainer.overfit_batches or trainer.limit_train_batches
        self._length = length_of(self.loader)
        self.num_batches = limited_batches("limit_train_batches", limit, self._length)
        self.val_check_batch = batches_between_validations(trainer, self.num_batches)
        self._last_reload_epoch = trainer.progress.epoch
        note_rare_logging(trainer, self.num_batches)

    def _is_at_end(self) -> bool:
        """Whether no further epoch begins; asked between epochs only."""
        trainer, progress = self.trainer, self.trainer.progress
        if progress.phase is not Phase.EPOCH_START:
            return False
        if self.has_reached_max_steps():
            info(f"`Trainer.fit` stopped: `max_steps={trainer.max_steps}` reached.")
            return True
        if trainer.max_epochs != -1 and progress.epoch >= trainer.max_epochs:
            info(f"`Trainer.fit` stopped: `max_epochs={trainer.max_epochs}` reached.")
            return True
        return self.is_stopping_early()

    def has_reached_max_steps(self) -> bool:
        """Whether the optimizers have made all steps that the trainer allows."""
        return self.trainer.max_steps != -1 and self.trainer.progress.global_step >= self.trainer.max_steps

    def is_stopping_early(self) -> bool:
        """Whether `trainer.should_stop` is set and the lower limits are met."""
        trainer, progress = self.trainer, self.trainer.progress
        if not trainer.should_stop:
            return False
        epochs_done = progress.epoch + (progress.phase is Phase.EPOCH_ENDED)
        has_epochs = epochs_done >= (trainer.min_epochs or 0)
        is_allowed = has_epochs and progress.global_step >= (trainer.min_steps or 0)
        if not is_allowed:
            info_once(
                f"Trainer was signaled to stop but min_epochs={trainer.min_epochs} or "
                f"min_steps={trainer.min_steps} is not met; training continues"
            )
        return is_allowed

    def _begin_epoch(self) -> None:
        trainer, progress = self.trainer, self.trainer.progress
        every = trainer.reload_dataloaders_every_n_epochs
        if every and progress.epoch - self._last_reload_epoch >= every:
            self.set_up_data()
        set_sampler_epoch(self.loader, progress.epoch)
        progress.batch_idx, progress.is_last_batch = -1, False
        trainer.hooks("on_train_epoch_start")
        progress.phase = Phase.BATCH_DONE

    def _run_batches(self) -> None:
        """Train on the remaining batches of the epoch."""
        trainer, progress = self.trainer, self.trainer.progress
        iterator, self.iterator = self.iterator, None
        while True:
            if progress.phase is Phase.BATCH_TRAINED:
                self._log_step()
                if self._should_validate():
                    self._validate()
                progress.phase = Phase.VALIDATED
            if progress.phase is Phase.VALIDATED:
                self._finish_batch()
            trainer.raise_if_interrupted()
            if progress.is_last_batch or self.has_reached_max_steps() or self.is_stopping_early():
                return
            progress.is_in_step = True
            if iterator is None:
                iterator, self.is_loader_open = iter(self.loader), True
            batch: Any = next(iterator, _END)
            is_complete = progress.batch_idx + 2 == self._length
            if batch is _END or (is_complete and next(iterator, _END) is _END):
                self.is_loader_open = False
            if batch is not _END:
                self._train_batch(batch[0] if isinstance(self.loader, CombinedLoader) else batch)
            elif progress.batch_idx < 0:
                raise MisconfigurationException("train_dataloader: the loader gave no batch in this epoch")
            else:
                self._end_loader_without_length()

    def _end_loader_without_length(self) -> None:
        """The loader has ended unannounced: do what is due on a last batch."""
        progress, module = self.trainer.progress, self.trainer.lightning_module
        was_accumulating = module.automatic_optimization and self.is_accumulating()
        progress.is_last_batch = True
        if was_accumulating and self.trainer.optimizers:
            optimizer = self.trainer.lightning_optimizers[0]
            module.optimizer_step(progress.epoch, progress.batch_idx, optimizer, lambda: None)
            self._step_schedulers("step", is_plateau=False)
        self._step_schedulers("epoch", is_plateau=False)
        progress.is_in_step = False
        progress.phase = Phase.BATCH_TRAINED

    def _train_batch(self, batch: Any) -> None:
        """One batch: hooks, forward, backward, optimizer step, schedulers."""
        trainer, progress, hooks = self.trainer, self.trainer.progress, self.trainer.hooks
        progress.batch_idx += 1
        progress.total_batches += 1
        batch_idx = progress.batch_idx
        progress.is_last_batch = batch_idx + 1 >= self.num_batches
        batch = self.transfer(batch, 0)
        self.metrics.begin_batch(batch)
        trainer.is_at_step = True
        is_skipped = hooks("on_train_batch_start", batch, batch_idx) == -1
        outputs: Any = None
        if is_skipped:
            progress.is_last_batch = True
        elif trainer.lightning_module.automatic_optimization:
            outputs = self._optimize_automatically(batch, batch_idx)
        else:
            outputs = self._training_step(batch, batch_idx)
            if isinstance(outputs, taeda.Tensor):
                outputs = {"loss": outputs.detach()}
        self._step_schedulers("step", is_plateau=False)
        if progress.is_last_batch:
            self._step_schedulers("epoch", is_plateau=False)
        progress.is_in_step = False
        if is_skipped:
            progress.phase = Phase.BATCH_DONE
        else:
            progress.phase = Phase.BATCH_TRAINED
            hooks("on_train_batch_end", outputs, batch, batch_idx)
        self.metrics.end_batch()

    def is_accumulating(self) -> bool:
        """Whether the gradients of the current batch wait for those of further batches."""
        progress = self.trainer.progress
        is_complete = (progress.batch_idx + 1) % self.trainer.accumulate_grad_batches == 0
        return not is_complete and not progress.is_last_batch

    def _optimize_automatically(self, batch: Any, batch_idx: int) -> dict[str, Any]:
        """Forward, backward and (unless gradients accumulate) the optimizer's step; returns the step's
        outputs."""
        trainer, module = self.trainer, self.trainer.lightning_module
        hooks, epoch = trainer.hooks, trainer.progress.epoch
        accumulate = trainer.accumulate_grad_batches
        outputs: dict[str, Any] = {}

        def closure() -> Any:
            result = self._training_step(batch, batch_idx)
            loss = loss_of(result, module)
            if loss is None:
                return None
            if accumulate > 1:
                loss = loss / accumulate
            if isinstance(result, dict):
                outputs.update(result)
            outputs["loss"] = loss.detach()
            if batch_idx % accumulate == 0 and trainer.optimizers:
                optimizer = trainer.optimizers[0]
                hooks("on_before_zero_grad", optimizer)
                module.optimizer_zero_grad(epoch, batch_idx, optimizer)
            hooks("on_before_backward", loss)
            module.backward(loss)
            hooks("on_after_backward")
            return loss

        if self.is_accumulating() or not trainer.optimizers:
            closure()
        else:
            trainer.current_hook = "optimizer_step"
            module.optimizer_step(epoch, batch_idx, trainer.lightning_optimizers[0], closure)
            trainer.current_hook = None
        return outputs

    def _step_schedulers(self, interval: str, is_plateau: bool) -> None:
        """Step the schedulers of an interval; those that watch a metric (`is_plateau`) follow validation."""
        trainer, progress = self.trainer, self.trainer.progress
        is_off = trainer.schedulers_are_paused or not trainer.lightning_module.automatic_optimization
        if (
            trainer.lr_scheduler_configs
            and not is_off
            and not (interval == "step" and self.is_accumulating())
        ):
            count = 1 + (progress.batch_idx if interval == "step" else progress.epoch)
            step_schedulers(trainer, interval, is_plateau, count)

    def _log_step(self) -> None:
        """Send step values to the loggers when they are due."""
        trainer = self.trainer
        if self.is_accumulating() and trainer.lightning_module.automatic_optimization:
            return
        if trainer.is_logging_due(trainer.progress.stepped_batches + 1):
            trainer.log_metrics(self.metrics.collect(on_step=True).logger)

    def _should_validate(self) -> bool:
        trainer, progress = self.trainer, self.trainer.progress
        every = trainer.check_val_every_n_epoch
        if not self._is_validating or (every is not None and (progress.epoch + 1) % every != 0):
            return False
        if self.is_stopping_early():
            return True
        if trainer.val_check_seconds is not None:
            return time.monotonic() - self.validation.last_run >= trainer.val_check_seconds
        if self.val_check_batch == math.inf:
            return progress.is_last_batch
        batches = progress.total_batches if every is None else progress.batch_idx + 1
        return batches % self.val_check_batch == 0

    def _validate(self) -> None:
        """Validate within the fit. A checkpoint written meanwhile starts the validation again."""
        trainer = self.trainer
        trainer.fold_metrics()
        if not self.is_accumulating():
            trainer.lightning_module.on_validation_model_zero_grad()
        self.validation_rng = capture_rng()
        trainer.state.stage = RunningStage.VALIDATING

        def mark_validated() -> None:
            self.validation_rng, trainer.progress.phase = None, Phase.VALIDATED

        self.validation.run(before_end=mark_validated)
        trainer.state.stage = RunningStage.TRAINING
        trainer.metrics = self.metrics

    def _finish_batch(self) -> None:
        progress = self.trainer.progress
        self._step_schedulers("step", is_plateau=True)
        if not self.is_accumulating():
            progress.stepped_batches += 1
        progress.phase = Phase.BATCH_DONE

    def _end_epoch(self) -> None:
        trainer, progress = self.trainer, self.trainer.progress
        if progress.phase is not Phase.EPOCH_ENDED:
            trainer.fold_metrics()
            trainer.is_at_step = False
            progress.phase = Phase.EPOCH_ENDED
            trainer.hooks("on_train_epoch_end")
        if progress.is_last_batch:
            self._step_schedulers("epoch", is_plateau=True)
        trainer.fold_metrics()
        values = self.metrics.collect(on_step=False).logger
        trainer.log_metrics(values, step=max(progress.stepped_batches - 1, 0))
        self.metrics.reset()
        progress.epoch += 1
        progress.batch_idx, progress.is_last_batch = -1, False
        progress.phase = Phase.EPOCH_START


class EvaluationLoop:
    """Runs a validation or a test over one or several loaders."""

    def __init__(self, trainer: Trainer, stage: RunningStage, loaders: Any) -> None:
        self.trainer = trainer
        self.name = "test" if stage is RunningStage.TESTING else "validation"
        self.prefix = "test" if stage is RunningStage.TESTING else "val"
        self.source = LoaderSource(trainer, self.prefix, loaders)
        self.metrics = MetricStore(is_training=False)
        self.loaders: list[Any] | None = None
        self.num_batches: list[int | float] = []
        self.last_run = time.monotonic()
        self._last_reload_epoch = 0

    @property
    def is_enabled(self) -> bool:
        """Whether the module has the step and there is data for it."""
        has_step = is_overridden(f"{self.name}_step", self.trainer.lightning_module)
        limit = getattr(self.trainer, f"limit_{self.prefix}_batches")
        return has_step and limit != 0 and self.source.is_defined()

    def set_up_data(self) -> None:
        """Ask for the loaders, unless that was done and they need no reload."""
        trainer, every = self.trainer, self.trainer.reload_dataloaders_every_n_epochs
        if self.loaders is not None and not (
            every and trainer.current_epoch - self._last_reload_epoch >= every
        ):
            return
        self._last_reload_epoch = trainer.current_epoch
        limit_name = f"limit_{self.prefix}_batches"
        limit = getattr(trainer, limit_name)
        if trainer.fitting and trainer.overfit_batches:
            self.loaders, limit = [trainer.fit_loop.source.train_loader()], trainer.overfit_batches
        else:
            self.loaders = self.source.evaluation_loaders()
        self.num_batches = [limited_batches(limit_name, limit, length_of(one)) for one in self.loaders]

    def run(
        self, limit: int | float = math.inf, before_end: Callable[[], None] = lambda: None
    ) -> list[dict[str, float]]:
        """Evaluate.

        Args:
            limit: at most so many batches of each loader.
            before_end: called when the metrics are final, before the `on_*_end` hooks.

        Returns:
            For each loader, what was logged for the epoch.
        """
        trainer, hooks, name = self.trainer, self.trainer.hooks, self.name
        self.set_up_data()
        assert self.loaders is not None
        batches = [min(count, limit) for count in self.num_batches]
        if sum(batches) == 0:
            return []
        module = trainer.lightning_module
        modes = layer_modes(module)
        trainer.metrics, trainer.is_at_step = self.metrics, False
        with taeda.inference_mode() if trainer.inference_mode else taeda.no_grad():
            getattr(module, f"on_{name}_model_eval")()
            hooks(f"on_{name}_start")
            hooks(f"on_{name}_epoch_start")
            per_loader = self._run_loaders(batches)
            trainer.is_at_step, self.metrics.dataloader_idx = False, None
            hooks(f"on_{name}_epoch_end")
            results = self._gather(per_loader)
            before_end()
            hooks(f"on_{name}_end")
        self.metrics.reset()
        if is_overridden(f"on_{name}_model_train", module):
            getattr(module, f"on_{name}_model_train")()
        else:
            set_layer_modes(modes)
        self.last_run = time.monotonic()
        return results

    def _run_loaders(self, batches: list[int | float]) -> list[dict[str, float]]:
        trainer, hooks, name = self.trainer, self.trainer.hooks, self.name
        assert self.loaders is not None
        transfer = BatchTransfer(trainer)
        has_several = len(self.loaders) > 1
        step = step_caller(trainer, f"{name}_step", 2 if has_several else 1)
        results, steps_run = [], 0
        for dataloader_idx, loader in enumerate(self.loaders):
            set_sampler_epoch(loader, trainer.current_epoch)
            index = (dataloader_idx,) if has_several else ()
            for batch_idx, batch in first_batches(loader, batches[dataloader_idx]):
                trainer.raise_if_interrupted()
                batch = transfer(batch, dataloader_idx)
                self.metrics.begin_batch(batch, dataloader_idx if has_several else None)
                trainer.is_at_step = True
                hooks(f"on_{name}_batch_start", batch, batch_idx, *index)
                outputs = step(batch, batch_idx, *index)
                hooks(f"on_{name}_batch_end", outputs, batch, batch_idx, *index)
                self.metrics.end_batch()
                steps_run += 1
                if not trainer.sanity_checking and trainer.loggers and trainer.is_logging_due(batch_idx + 1):
                    found = self.metrics.collect(True, *index)
                    trainer.log_metrics(found.logger, step=steps_run - 1)
            trainer.is_at_step = False
            results.append(self._store(index) if has_several else {})
        return results

    def _store(self, index: tuple[int, ...]) -> dict[str, float]:
        found = self.metrics.collect(False, *index)
        self.trainer.store_metrics(found)
        return {key: float(value) for key, value in found.logger.items()}

    def _gather(self, per_loader: list[dict[str, float]]) -> list[dict[str, float]]:
        """Results per loader, each with what is bound to no loader; all of it goes to the loggers."""
        shared = self._store(())
        if not self.trainer.sanity_checking:
            everything = {key: value for result in per_loader for key, value in result.items()} | shared
            self.trainer.log_metrics(everything)
        return [{**result, **shared} for result in per_loader]


class PredictionLoop:
    """Collects what `predict_step` returns for every batch."""

    def __init__(self, trainer: Trainer, loaders: Any, return_predictions: bool) -> None:
        self.trainer = trainer
        self.source = LoaderSource(trainer, "predict", loaders)
        self.return_predictions = return_predictions
        self.num_batches: list[int | float] = []

    def run(self) -> list[Any]:
        """Predict; returns a list over batches, or a list over loaders of such lists."""
        trainer, hooks, module = self.trainer, self.trainer.hooks, self.trainer.lightning_module
        loaders = self.source.evaluation_loaders()
        limit, lengths = trainer.limit_predict_batches, map(length_of, loaders)
        self.num_batches = [limited_batches("limit_predict_batches", limit, length) for length in lengths]
        has_several = len(loaders) > 1
        transfer = BatchTransfer(trainer)
        step = step_caller(trainer, "predict_step", 2 if has_several else 1)
        modes = layer_modes(module)
        predictions: list[list[Any]] = []
        trainer.metrics = None
        with taeda.inference_mode() if trainer.inference_mode else taeda.no_grad():
            module.on_predict_model_eval()
            hooks("on_predict_start")
            hooks("on_predict_epoch_start")
            for dataloader_idx, loader in enumerate(loaders):
                predictions.append([])
                index = (dataloader_idx,) if has_several else ()
                for batch_idx, batch in first_batches(loader, self.num_batches[dataloader_idx]):
                    trainer.raise_if_interrupted()
                    batch = transfer(batch, dataloader_idx)
                    hooks("on_predict_batch_start", batch, batch_idx, *index)
                    outputs = step(batch, batch_idx, *index)
                    hooks("on_predict_batch_end", outputs, batch, batch_idx, *index)
                    if self.return_predictions:
                        predictions[-1].append(outputs)
            hooks("on_predict_epoch_end")
            hooks("on_predict_end")
        set_layer_modes(modes)
        return predictions if has_several else predictions[0]
