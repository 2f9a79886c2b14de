"""`Trainer`: settings, the state of a run, and the methods that start one."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import taeda

from .callbacks.model_checkpoint import ModelCheckpoint
from .callbacks.model_summary import ModelSummary
from .callbacks.progress_bar import TerminalProgressBar
from .checkpoint import (
    dump_checkpoint,
    read_checkpoint,
    restore_model,
    select_checkpoint_path,
    write_checkpoint,
)
from .datamodule import LightningDataModule
from .defaults import make_callbacks, make_loggers, with_model_callbacks
from .errors import MisconfigurationException, UnknownArgumentError, closest
from .hooks import HookCaller, is_overridden
from .loop import EvaluationLoop, FitLoop, PredictionLoop
from .messages import counted, info, warn_once
from .module import LightningModule
from .optimizers import LightningOptimizer, configure_optimizers
from .progress import Phase, RunningStage, TrainerFn, TrainerStatus
from .results_table import results_table
from .resume import restore_training
from .run_state import RunState
from .settings import (
    check_count,
    check_ends,
    check_limit,
    check_precision,
    check_sanity_steps,
    check_single_device,
    check_val_interval,
    pick_device,
    refuse,
)

__all__ = ["Trainer"]

_STAGES = {
    TrainerFn.FITTING: RunningStage.TRAINING,
    TrainerFn.VALIDATING: RunningStage.VALIDATING,
    TrainerFn.TESTING: RunningStage.TESTING,
    TrainerFn.PREDICTING: RunningStage.PREDICTING,
}


# Arguments that Lightning's Trainer had once, and what is said instead.
_RENAMED = {
    "gpus": "pass accelerator='gpu', devices=1",
    "tpu_cores": "there are accelerators 'cpu' and 'gpu'",
    "num_processes": "training runs in one process; leave it out",
    "resume_from_checkpoint": "pass ckpt_path= to fit()",
    "checkpoint_callback": "it is called 'enable_checkpointing'",
    "weights_summary": "it is called 'enable_model_summary'",
    "progress_bar_refresh_rate": "pass enable_progress_bar=False, or a progress bar of your own among callbacks=",
    "weights_save_path": "it is called 'default_root_dir'",
    "amp_backend": "pass precision='bf16-mixed'",
}


class Trainer(RunState):
    """Runs a `LightningModule`; arguments are Lightning's.

    Args:
        accelerator: "auto", "cpu" or "gpu".
        strategy: "auto" or "single_device".
        devices: 1 or "auto".
        num_nodes: 1.
        precision: "32-true" (default), "bf16-mixed" (under `taeda.autocast`), "64-true", "bf16-true" or "16-true".
        logger: a logger, a list of them, True for a `TensorBoardLogger`, or False.
        callbacks: callbacks to add to the default ones.
        fast_dev_run: run so many batches (True: 1) of everything once, without logger and checkpoints.
        max_epochs: stop after so many epochs (1000 if neither this, `max_steps` nor `max_time` is given); -1:
            never.
        min_epochs: do not stop early before.
        max_steps: stop after so many optimizer steps; -1: never.
        min_steps: do not stop early before.
        max_time: stop after this time; see `Timer`.
        limit_train_batches: batches of an epoch, as number (int) or fraction (float).
        limit_val_batches: batches of a validation.
        limit_test_batches: batches of a test.
        limit_predict_batches: batches of a prediction.
        overfit_batches: train and validate on so many of the training batches only.
        val_check_interval: validate every so many batches (int), fraction of an epoch (float) or time (str,
            dict).
        check_val_every_n_epoch: validate in every nth epoch only; None counts `val_check_interval` over
            epochs.
        num_sanity_val_steps: validation batches to run before training (2); -1: all.
        log_every_n_steps: send step values to loggers every so many steps (50).
        enable_checkpointing: add a `ModelCheckpoint` if none is given.
        enable_progress_bar: add a progress bar if none is given.
        enable_model_summary: add a `ModelSummary` if none is given.
        accumulate_grad_batches: step the optimizer after so many batches.
        gradient_clip_val: largest gradient norm or value.
        gradient_clip_algorithm: "norm" (default) or "value".
        deterministic: passed to `taeda.use_deterministic_algorithms`, which remembers it ("warn": with warn_only);
            operators give the same bits again anyway.
        benchmark: kept for Lightning's signature; a hint for GPUs that changes nothing on the CPU.
        inference_mode: evaluate under `taeda.inference_mode` (else `no_grad`).
        use_distributed_sampler: kept for Lightning's signature; there is one process.
        profiler: not built; pass None.
        detect_anomaly: not built; leave it False.
        barebones: no logger, checkpoints, progress bar, summary, sanity check; for measuring.
        plugins: not built; pass None.
        sync_batchnorm: not built; pass False.
        reload_dataloaders_every_n_epochs: ask for loaders again every so many epochs.
        default_root_dir: folder for logs and checkpoints without a place of their own (the current folder).
        enable_autolog_hparams: write hyper-parameters to the loggers.
        model_registry: not built; pass None.

    Raises:
        MisconfigurationException: a setting cannot work; the message says how to fix it.
        UnknownArgumentError: an argument has no such name.

    Example:
        >>> trainer = Trainer(max_epochs=3, logger=False, enable_progress_bar=False)
        >>> trainer.max_epochs, trainer.current_epoch, trainer.global_step
        (3, 0, 0)
    """

    # Long because it takes and checks Lightning's forty arguments, one after another.
    def __init__(
        self,
        *,
        accelerator: str = "auto",
        strategy: str = "auto",
        devices: Any = "auto",
        num_nodes: int = 1,
        precision: Any = None,
        logger: Any = None,
        callbacks: Any = None,
        fast_dev_run: int | bool = False,
        max_epochs: int | None = None,
        min_epochs: int | None = None,
        max_steps: int = -1,
        min_steps: int | None = None,
        max_time: Any = None,
        limit_train_batches: int | float | None = None,
        limit_val_batches: int | float | None = None,
        limit_test_batches: int | float | None = None,
        limit_predict_batches: int | float | None = None,
        overfit_batches: int | float = 0.0,
        val_check_interval: Any = None,
        check_val_every_n_epoch: int | None = 1,
        num_sanity_val_steps: int | None = None,
        log_every_n_steps: int | None = None,
        enable_checkpointing: bool | None = None,
        enable_progress_bar: bool | None = None,
        enable_model_summary: bool | None = None,
        accumulate_grad_batches: int = 1,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
        deterministic: bool | str | None = None,
        benchmark: bool | None = None,
        inference_mode: bool = True,
        use_distributed_sampler: bool = True,
        profiler: Any = None,
        detect_anomaly: bool = False,
        barebones: bool = False,
        plugins: Any = None,
        sync_batchnorm: bool = False,
        reload_dataloaders_every_n_epochs: int = 0,
        default_root_dir: str | Path | None = None,
        enable_autolog_hparams: bool = True,
        model_registry: str | None = None,
        **unknown: Any,
    ) -> None:
        for name in unknown:
            known = Trainer.__init__.__kwdefaults__ or {}
            hint = _RENAMED.get(name) or closest(name, known)
            raise UnknownArgumentError(f"Trainer: unknown argument {name!r}; {hint}")
        refuse(
            profiler=profiler,
            plugins=plugins,
            sync_batchnorm=sync_batchnorm or None,
            detect_anomaly=detect_anomaly or None,
            model_registry=model_registry,
        )
        check_single_device(devices, num_nodes, strategy)
        self.device = pick_device(accelerator)
        self.precision, self.input_dtype = check_precision(precision)
        self.barebones = barebones
        self.fast_dev_run = fast_dev_run
        self.inference_mode = inference_mode
        self.default_root_dir = os.fspath(default_root_dir) if default_root_dir is not None else os.getcwd()
        self.enable_autolog_hparams = enable_autolog_hparams
        self.reload_dataloaders_every_n_epochs = reload_dataloaders_every_n_epochs
        self.check_val_every_n_epoch = check_val_every_n_epoch
        self.limit_train_batches = check_limit("limit_train_batches", limit_train_batches)
        self.limit_val_batches = check_limit("limit_val_batches", limit_val_batches)
        self.limit_test_batches = check_limit("limit_test_batches", limit_test_batches)
        self.limit_predict_batches = check_limit("limit_predict_batches", limit_predict_batches)
        self.overfit_batches = check_limit("overfit_batches", overfit_batches)
        self.num_sanity_val_steps: int | float = check_sanity_steps(num_sanity_val_steps, barebones)
        self.log_every_n_steps = (
            0 if barebones else check_count("log_every_n_steps", 50, log_every_n_steps, least=0)
        )
        self.accumulate_grad_batches = check_count("accumulate_grad_batches", 1, accumulate_grad_batches)
        self.gradient_clip_val = gradient_clip_val
        self.gradient_clip_algorithm = gradient_clip_algorithm
        if gradient_clip_algorithm not in (None, "norm", "value"):
            raise MisconfigurationException(
                f"Trainer(gradient_clip_algorithm={gradient_clip_algorithm!r}): expected 'norm' or 'value'"
            )
        self.max_epochs, self.max_steps = check_ends(max_epochs, max_steps, max_time)
        self.min_epochs, self.min_steps = min_epochs, min_steps
        self.val_check_interval, self.val_check_seconds = check_val_interval(
            val_check_interval, check_val_every_n_epoch
        )
        if fast_dev_run:
            self._set_fast_dev_run(int(fast_dev_run))
        if deterministic not in (None, False, True, "warn"):
            raise MisconfigurationException(
                f"Trainer(deterministic={deterministic!r}): expected True, False or 'warn'"
            )
        if deterministic is not None:
            taeda.use_deterministic_algorithms(bool(deterministic), warn_only=deterministic == "warn")
        self.loggers = [] if barebones or fast_dev_run else make_loggers(logger, self.default_root_dir)
        self.callbacks = make_callbacks(
            callbacks,
            {
                ModelCheckpoint: False
                if fast_dev_run and enable_checkpointing is None
                else enable_checkpointing,
                TerminalProgressBar: enable_progress_bar,
                ModelSummary: enable_model_summary,
            },
            max_time,
            adds_defaults=not barebones,
        )
        self._reset_run()
        self.fit_loop = FitLoop(self, None, None)

    def _set_fast_dev_run(self, batches: int) -> None:
        info(
            f"Running in fast_dev_run mode: {counted(batches, 'batch', 'batches')} of everything, "
            "no logger and no checkpoints"
        )
        self.max_steps, self.max_epochs, self.num_sanity_val_steps = batches, 1, 0
        self.limit_train_batches = self.limit_val_batches = batches
        self.limit_test_batches = self.limit_predict_batches = batches
        self.val_check_interval, self.check_val_every_n_epoch = 1.0, 1

    # Runs

    def fit(
        self,
        model: LightningModule,
        train_dataloaders: Any = None,
        val_dataloaders: Any = None,
        datamodule: LightningDataModule | None = None,
        ckpt_path: str | Path | None = None,
        weights_only: bool | None = None,
    ) -> None:
        """Train a model.

        Args:
            model: what to train.
            train_dataloaders: training loader (or a data module).
            val_dataloaders: validation loader or loaders.
            datamodule: instead of loaders.
            ckpt_path: checkpoint to continue from: a path, "last" or "best".
            weights_only: kept for Lightning's signature; files are always read safely.
        """
        if isinstance(train_dataloaders, LightningDataModule):
            train_dataloaders, datamodule = None, train_dataloaders
        loaders = val_dataloaders if train_dataloaders is None else train_dataloaders
        self._check_data_arguments("fit", loaders, datamodule)
        self._attach(TrainerFn.FITTING, model, datamodule)
        self.progress = dataclasses.replace(
            self.progress, batch_idx=-1, is_last_batch=False, phase=Phase.EPOCH_START, is_in_step=False
        )
        self.should_stop = self.schedulers_are_paused = False
        self.fit_loop = FitLoop(self, train_dataloaders, val_dataloaders)
        self._run(self.fit_loop.run, ckpt_path, is_model_given=True)

    def validate(
        self,
        model: LightningModule | None = None,
        dataloaders: Any = None,
        ckpt_path: str | Path | None = None,
        verbose: bool = True,
        datamodule: LightningDataModule | None = None,
        weights_only: bool | None = None,
    ) -> list[dict[str, float]]:
        """Run one validation; returns for each loader what was logged.

        Args:
            model: what to validate; by default the last model with its best checkpoint.
            dataloaders: validation loader or loaders (or a data module).
            ckpt_path: weights to load first: a path, "best" or "last".
            verbose: print the results.
            datamodule: instead of loaders.
            weights_only: kept for Lightning's signature; files are always read safely.
        """
        return self._evaluate(TrainerFn.VALIDATING, model, dataloaders, ckpt_path, verbose, datamodule)

    def test(
        self,
        model: LightningModule | None = None,
        dataloaders: Any = None,
        ckpt_path: str | Path | None = None,
        verbose: bool = True,
        datamodule: LightningDataModule | None = None,
        weights_only: bool | None = None,
    ) -> list[dict[str, float]]:
        """Run one test; returns for each loader what was logged. Arguments are those of `validate`."""
        return self._evaluate(TrainerFn.TESTING, model, dataloaders, ckpt_path, verbose, datamodule)

    def _evaluate(
        self, fn: TrainerFn, model: Any, dataloaders: Any, ckpt_path: Any, verbose: bool, datamodule: Any
    ) -> list[dict[str, float]]:
        if isinstance(dataloaders, LightningDataModule):
            dataloaders, datamodule = None, dataloaders
        self._check_data_arguments(fn.value, dataloaders, datamodule)
        self._attach(fn, model, datamodule)
        loop = self.evaluation_loop = EvaluationLoop(self, _STAGES[fn], dataloaders)
        results: list[dict[str, float]] = self._run(loop.run, ckpt_path, is_model_given=model is not None)
        if verbose:
            self.print(results_table(results, fn.value))
        return results

    def predict(
        self,
        model: LightningModule | None = None,
        dataloaders: Any = None,
        datamodule: LightningDataModule | None = None,
        return_predictions: bool | None = None,
        ckpt_path: str | Path | None = None,
        weights_only: bool | None = None,
    ) -> list[Any] | None:
        """Predict; returns what `predict_step` returned per batch (per loader and batch with several
        loaders).

        Args:
            model: what to predict with; by default the last model with its best checkpoint.
            dataloaders: loader or loaders (or a data module).
            datamodule: instead of loaders.
            return_predictions: False returns None and keeps nothing in memory.
            ckpt_path: weights to load first: a path, "best" or "last".
            weights_only: kept for Lightning's signature; files are always read safely.
        """
        if isinstance(dataloaders, LightningDataModule):
            dataloaders, datamodule = None, dataloaders
        self._check_data_arguments("predict", dataloaders, datamodule)
        self._attach(TrainerFn.PREDICTING, model, datamodule)
        keep = return_predictions is not False
        loop = self.predict_loop = PredictionLoop(self, dataloaders, keep)
        predictions: list[Any] = self._run(loop.run, ckpt_path, is_model_given=model is not None)
        return predictions if keep else None

    # The course of every run

    def _check_data_arguments(self, method: str, loaders: Any, datamodule: Any) -> None:
        if loaders is not None and datamodule is not None:
            raise MisconfigurationException(
                f"trainer.{method}: got both loaders and a datamodule; pass one of them"
            )
        if datamodule is not None and not isinstance(datamodule, LightningDataModule):
            raise TypeError(
                f"trainer.{method}(datamodule=...): expected a LightningDataModule, got "
                f"{type(datamodule).__name__}"
            )

    def _attach(self, fn: TrainerFn, model: Any, datamodule: LightningDataModule | None) -> None:
        if model is None:
            if self._module is None:
                raise TypeError(
                    f"trainer.{fn.value}() without a model: there was no earlier run to take it from; pass "
                    "model="
                )
            model = self._module
        if not isinstance(model, LightningModule):
            raise TypeError(
                f"trainer.{fn.value}(): expected a LightningModule, got {type(model).__name__}; derive the "
                "class from taeda_lightning.LightningModule"
            )
        self._module = model
        model.trainer = self
        self.datamodule = datamodule
        if datamodule is not None:
            datamodule.trainer = self
        self.state.fn, self.state.stage, self.state.status = fn, _STAGES[fn], TrainerStatus.RUNNING
        self.current_hook, self.metrics = None, None

    def _run(self, loop: Callable[[], Any], ckpt_path: Any, is_model_given: bool) -> Any:
        own_callbacks = self.callbacks
        try:
            with self._interrupts.handled(), self._numerics():
                self.callbacks = with_model_callbacks(own_callbacks, self.lightning_module)
                self.hooks = HookCaller(self, self.lightning_module, self.callbacks)
                self._check_configuration()
                result = self._run_stages(loop, ckpt_path, is_model_given)
        except BaseException as exception:
            self._end_with_exception(exception)
            raise
        finally:
            self.callbacks = own_callbacks
            self.current_hook = None
        self.state.status, self.state.stage = TrainerStatus.FINISHED, None
        return result

    def _run_stages(self, loop: Callable[[], Any], ckpt_path: Any, is_model_given: bool) -> Any:
        """Set up, restore, run, tear down, in Lightning's order."""
        module, datamodule, fn = self.lightning_module, self.datamodule, self.state.fn
        assert fn is not None
        stage = fn.value
        owners = [owner for owner in (datamodule, module) if owner is not None]
        self.ckpt_path = select_checkpoint_path(self, ckpt_path, is_model_given)
        checkpoint = None
        if self.ckpt_path is not None:
            checkpoint = read_checkpoint(self.ckpt_path)
            info(f"Restoring from the checkpoint {self.ckpt_path}")
        for owner in owners:
            owner.prepare_data()
        if datamodule is not None:
            datamodule.setup(stage)
        for callback in self.callbacks:
            callback.setup(self, module, stage)
        module.setup(stage)
        module.configure_model()
        if checkpoint is not None:
            restore_model(self, checkpoint)
        module.to(device=self.device, dtype=self.input_dtype)
        if self.fitting:
            self.reset_metrics()
            self.optimizers, self.lr_scheduler_configs = configure_optimizers(module)
            self.lightning_optimizers = [LightningOptimizer(one, module) for one in self.optimizers]
            self.hooks("on_fit_start")
        if self.enable_autolog_hparams:
            self._log_hyperparameters(owners)
        module.zero_grad()
        if self.fitting and checkpoint is not None:
            assert self.ckpt_path is not None
            restore_training(self, checkpoint, self.ckpt_path)
        del checkpoint
        result = loop()
        if self.fitting:
            self.hooks("on_fit_end")
        if datamodule is not None:
            datamodule.teardown(stage)
        for callback in self.callbacks:
            callback.teardown(self, module, stage)
        module.teardown(stage)
        for logger in self.loggers:
            logger.finalize("success")
        return result

    def _check_configuration(self) -> None:
        module, name = self.lightning_module, type(self.lightning_module).__name__
        if self.state.fn is TrainerFn.FITTING:
            for method in ("training_step", "configure_optimizers"):
                if not is_overridden(method, module):
                    raise MisconfigurationException(
                        f"trainer.fit: {name} defines no {method}(); a fit needs training_step() and "
                        "configure_optimizers()"
                    )
            has_step = is_overridden("validation_step", module)
            has_data = self.limit_val_batches != 0 and self.fit_loop.validation.source.is_defined()
            if has_data and not has_step:
                warn_once(
                    f"trainer.fit: there is validation data but {name} defines no validation_step(); "
                    "skipping it"
                )
            if not module.automatic_optimization:
                for argument, value, neutral in (
                    ("gradient_clip_val", self.gradient_clip_val, None),
                    ("accumulate_grad_batches", self.accumulate_grad_batches, 1),
                ):
                    if value != neutral:
                        raise MisconfigurationException(
                            f"Trainer({argument}={value}) does nothing in manual optimization; do it in "
                            f"{name}.training_step (self.clip_gradients(...), or stepping every n batches)"
                        )
        elif self.state.fn in (TrainerFn.VALIDATING, TrainerFn.TESTING):
            step = "validation_step" if self.state.fn is TrainerFn.VALIDATING else "test_step"
            if not is_overridden(step, module):
                raise MisconfigurationException(f"trainer.{self.state.fn.value}: {name} defines no {step}()")

    def _log_hyperparameters(self, owners: list[Any]) -> None:
        merged: dict[str, Any] = {}
        for owner in owners:
            if owner._log_hyperparams:
                for key, value in owner.hparams_initial.items():
                    if key in merged and merged[key] is not value and merged[key] != value:
                        raise MisconfigurationException(
                            f"the hyper-parameter {key!r} is {merged[key]!r} in the datamodule and "
                            f"{value!r} in the model; rename one or call save_hyperparameters(logger=False) "
                            "in one of them"
                        )
                    merged[key] = value
        for logger in self.loggers:
            if merged:
                logger.log_hyperparams(merged)
            logger.save()

    @contextlib.contextmanager
    def _numerics(self) -> Iterator[None]:
        """The default type for the duration of a run."""
        previous = taeda.get_default_dtype()
        if self.input_dtype is not None:
            taeda.set_default_dtype(self.input_dtype)
        try:
            yield
        finally:
            taeda.set_default_dtype(previous)

    def _end_with_exception(self, exception: BaseException) -> None:
        """Save what can be continued from, tell callbacks and loggers."""
        self.state.status = TrainerStatus.INTERRUPTED
        if isinstance(exception, (KeyboardInterrupt, SystemExit)):
            self._save_interrupted()
        module = self.lightning_module
        for callback in self.callbacks:
            callback.on_exception(self, module, exception)
        if self.datamodule is not None:
            self.datamodule.on_exception(exception)
        for logger in self.loggers:
            logger.finalize("failed")
        self.state.stage = None

    def _save_interrupted(self) -> None:
        callback = self.checkpoint_callback
        has_begun = self.fitting and self.progress.total_batches > 0 and not self.sanity_checking
        if not has_begun or callback is None or callback.dirpath is None or self.fast_dev_run:
            return
        if self.progress.is_in_step:
            info(
                "Interrupted in the middle of a batch, nothing is saved now; continue from the last "
                f"checkpoint in {callback.dirpath}"
            )
            return
        path = os.path.join(callback.dirpath, "interrupted.ckpt")
        self.save_checkpoint(path)
        info(f"Interrupted; saved to {path}. Continue with trainer.fit(..., ckpt_path={path!r})")

    def save_checkpoint(
        self, filepath: str | Path, weights_only: bool | None = None, storage_options: Any = None
    ) -> None:
        """Write a checkpoint of the current state, atomically.

        Args:
            filepath: the file.
            weights_only: leave out what only training needs.
            storage_options: not used; kept for Lightning's signature.

        Raises:
            RuntimeError: the trainer has no model yet.
            TypeError: the state holds objects that cannot be stored safely; the message names them.
        """
        write_checkpoint(dump_checkpoint(self, bool(weights_only)), filepath)

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print without breaking the progress bar."""
        bar = self.progress_bar_callback
        if bar is not None and bar.is_enabled:
            bar.print(*args, **kwargs)
        else:
            print(*args, **kwargs)

    @contextlib.contextmanager
    def init_module(self, empty_init: bool | None = None) -> Iterator[None]:
        """Make tensors in the trainer's precision within the block.

        Args:
            empty_init: kept for Lightning's signature; weights are always initialized.
        """
        with self._numerics():
            yield
