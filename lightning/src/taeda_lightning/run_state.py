"""The state of a trainer and what can be read from it, by callbacks, loggers and user code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import taeda

from .callbacks.callback import Callback
from .callbacks.early_stopping import EarlyStopping
from .callbacks.model_checkpoint import ModelCheckpoint
from .callbacks.progress_bar import ProgressBar
from .datamodule import LightningDataModule
from .interrupts import Interrupts
from .loggers.logger import Logger
from .loop import EvaluationLoop, FitLoop, PredictionLoop
from .metrics import Collected, MetricStore
from .module import LightningModule
from .optimizers import LightningOptimizer, LRSchedulerConfig
from .progress import Progress, RunningStage, TrainerFn, TrainerState, TrainerStatus

__all__ = ["RunState"]


class RunState:
    """Everything that changes while a trainer runs; `Trainer` adds the settings and the methods that run."""

    default_root_dir: str
    device: taeda.device
    input_dtype: taeda.dtype | None
    loggers: list[Logger]
    callbacks: list[Callback]
    fast_dev_run: int | bool
    barebones: bool
    inference_mode: bool
    max_epochs: int
    min_epochs: int | None
    max_steps: int
    min_steps: int | None
    num_sanity_val_steps: int | float
    accumulate_grad_batches: int
    gradient_clip_val: int | float | None
    gradient_clip_algorithm: str | None
    log_every_n_steps: int
    limit_train_batches: int | float
    limit_val_batches: int | float
    limit_test_batches: int | float
    limit_predict_batches: int | float
    overfit_batches: int | float
    val_check_interval: int | float
    val_check_seconds: float | None
    check_val_every_n_epoch: int | None
    reload_dataloaders_every_n_epochs: int
    hooks: Any
    fit_loop: FitLoop

    def _reset_run(self) -> None:
        self.state = TrainerState()
        self.progress = Progress()
        self.should_stop = False
        self.schedulers_are_paused = False
        self.metrics: MetricStore | None = None
        self.is_at_step = False
        self.current_hook: str | None = None
        self.logged: dict[str, dict[str, Any]] = {"callback": {}, "logger": {}, "progress_bar": {}}
        self.datamodule: LightningDataModule | None = None
        self.optimizers: list[Any] = []
        self.lightning_optimizers: list[LightningOptimizer] = []
        self.lr_scheduler_configs: list[LRSchedulerConfig] = []
        self.ckpt_path: str | None = None
        self._module: LightningModule | None = None
        self._interrupts = Interrupts()
        self.evaluation_loop: EvaluationLoop | None = None
        self.predict_loop: PredictionLoop | None = None

    @property
    def lightning_module(self) -> LightningModule:
        """The module of the current or last run."""
        if self._module is None:
            raise RuntimeError("Trainer: no model yet; pass one to fit(), validate(), test() or predict()")
        return self._module

    @property
    def model(self) -> LightningModule:
        """The module of the current or last run."""
        return self.lightning_module

    @property
    def current_epoch(self) -> int:
        """Epoch that is running, from 0; after a fit, the number of epochs done."""
        return self.progress.epoch

    @property
    def global_step(self) -> int:
        """Steps of all optimizers so far."""
        return self.progress.global_step

    @property
    def is_last_batch(self) -> bool:
        """Whether the current training batch is the last of its epoch."""
        return self.progress.is_last_batch

    @property
    def fitting(self) -> bool:
        """Whether `fit` runs."""
        return self.state.fn is TrainerFn.FITTING

    @property
    def training(self) -> bool:
        """Whether training batches run."""
        return self.state.stage is RunningStage.TRAINING

    @property
    def validating(self) -> bool:
        """Whether a validation runs (in or outside a fit)."""
        return self.state.stage is RunningStage.VALIDATING

    @property
    def testing(self) -> bool:
        """Whether a test runs."""
        return self.state.stage is RunningStage.TESTING

    @property
    def predicting(self) -> bool:
        """Whether a prediction runs."""
        return self.state.stage is RunningStage.PREDICTING

    @property
    def sanity_checking(self) -> bool:
        """Whether the validation before training runs."""
        return self.state.stage is RunningStage.SANITY_CHECKING

    @property
    def enable_validation(self) -> bool:
        """Whether the fit validates."""
        return self.fit_loop.validation.is_enabled

    @property
    def num_training_batches(self) -> int | float:
        """Training batches of an epoch, infinity if unknown."""
        return self.fit_loop.num_batches

    @property
    def num_val_batches(self) -> list[int | float]:
        """Validation batches of each loader."""
        loop = self.evaluation_loop if self.state.fn is TrainerFn.VALIDATING else self.fit_loop.validation
        return loop.num_batches if loop is not None else []

    @property
    def num_sanity_val_batches(self) -> list[int | float]:
        """Validation batches of each loader before training."""
        return [min(count, self.num_sanity_val_steps) for count in self.num_val_batches]

    @property
    def num_test_batches(self) -> list[int | float]:
        """Test batches of each loader."""
        return self.evaluation_loop.num_batches if self.testing and self.evaluation_loop else []

    @property
    def num_predict_batches(self) -> list[int | float]:
        """Prediction batches of each loader."""
        return self.predict_loop.num_batches if self.predict_loop else []

    @property
    def train_dataloader(self) -> Any:
        """The training loader of the fit."""
        return self.fit_loop.loader

    @property
    def val_dataloaders(self) -> Any:
        """The validation loader, or the list of them."""
        loaders = self.fit_loop.validation.loaders
        return loaders[0] if loaders is not None and len(loaders) == 1 else loaders

    @property
    def estimated_stepping_batches(self) -> int | float:
        """Optimizer steps that the fit will make (infinity if unknown); for schedulers in
        `configure_optimizers`."""
        if self.max_epochs == -1:
            return float("inf") if self.max_steps == -1 else self.max_steps
        loop = self.fit_loop
        if loop.loader is None:
            loop.set_up_data()
        per_epoch = -(-loop.num_batches // self.accumulate_grad_batches)
        steps = per_epoch * max(self.max_epochs, 0)
        return steps if self.max_steps == -1 else min(steps, self.max_steps)

    @property
    def logger(self) -> Logger | None:
        """The first logger."""
        return self.loggers[0] if self.loggers else None

    @property
    def log_dir(self) -> str | None:
        """Folder of the first logger's files."""
        return self.loggers[0].log_dir if self.loggers else self.default_root_dir

    @property
    def checkpoint_callbacks(self) -> list[ModelCheckpoint]:
        """All `ModelCheckpoint` callbacks."""
        return [callback for callback in self.callbacks if isinstance(callback, ModelCheckpoint)]

    @property
    def checkpoint_callback(self) -> ModelCheckpoint | None:
        """The first `ModelCheckpoint` callback."""
        return next(iter(self.checkpoint_callbacks), None)

    @property
    def early_stopping_callbacks(self) -> list[EarlyStopping]:
        """All `EarlyStopping` callbacks."""
        return [callback for callback in self.callbacks if isinstance(callback, EarlyStopping)]

    @property
    def early_stopping_callback(self) -> EarlyStopping | None:
        """The first `EarlyStopping` callback."""
        return next(iter(self.early_stopping_callbacks), None)

    @property
    def progress_bar_callback(self) -> ProgressBar | None:
        """The progress bar."""
        return next((callback for callback in self.callbacks if isinstance(callback, ProgressBar)), None)

    @property
    def is_global_zero(self) -> bool:
        """Whether this process writes files: always, as there is one."""
        return True

    @property
    def world_size(self) -> int:
        """Number of processes: 1."""
        return 1

    @property
    def num_devices(self) -> int:
        """Number of devices: 1."""
        return 1

    @property
    def interrupted(self) -> bool:
        """Whether the last run ended with an exception or signal."""
        return self.state.status is TrainerStatus.INTERRUPTED

    # Metrics

    @property
    def callback_metrics(self) -> dict[str, taeda.Tensor]:
        """Last logged values by name, as tensors; what callbacks and schedulers monitor."""
        self.fold_metrics()
        return {name: _as_tensor(value) for name, value in self.logged["callback"].items()}

    @property
    def logged_metrics(self) -> dict[str, taeda.Tensor]:
        """Last values for the loggers, as tensors."""
        self.fold_metrics()
        return {name: _as_tensor(value) for name, value in self.logged["logger"].items()}

    @property
    def progress_bar_metrics(self) -> dict[str, float]:
        """Last values for the progress bar."""
        self.fold_metrics()
        return dict(self.logged["progress_bar"])

    def fold_metrics(self) -> None:
        """Take the current values of the running loop into the dicts of last values."""
        if self.metrics is not None:
            self.store_metrics(self.metrics.collect(self.is_at_step, self.metrics.dataloader_idx))

    def store_metrics(self, found: Collected) -> None:
        """Take values into the dicts of last values (not those of the sanity check)."""
        if not self.sanity_checking:
            self.logged["callback"].update(found.callback)
            self.logged["logger"].update(found.logger)
            self.logged["progress_bar"].update(found.progress_bar)

    def reset_metrics(self) -> None:
        """Forget all last values."""
        for values in self.logged.values():
            values.clear()

    def is_logging_due(self, step: int) -> bool:
        """Whether step values go to the loggers after `step` steps."""
        every = self.log_every_n_steps
        return bool(self.fast_dev_run) or (every > 0 and (step % every == 0 or self.should_stop))

    def log_metrics(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Send values to the loggers; a value named "step" overrides the x axis."""
        if not self.loggers or not values:
            return
        self.logged["logger"].update(values)
        scalars = {name: float(value) for name, value in values.items()}
        if "step" in scalars:
            step = int(scalars.pop("step"))
        else:
            scalars.setdefault("epoch", self.progress.epoch)
            step = self.progress.stepped_batches if step is None else step
        for logger in self.loggers:
            logger.log_metrics(scalars, step)
            logger.save()

    def raise_if_interrupted(self) -> None:
        """Raise `KeyboardInterrupt` or `SystemExit` if a signal asked the run to stop."""
        self._interrupts.check()


def _as_tensor(value: Any) -> taeda.Tensor:
    return value if isinstance(value, taeda.Tensor) else taeda.tensor(float(value))
