"""`LightningModule`: a network together with its steps, optimizers and logging."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import taeda
from taeda import nn
from taeda.optim import Optimizer

from .errors import MisconfigurationException
from .hooks import DataHooks, ModelHooks
from .hyperparameters import HyperparametersMixin
from .messages import warn_once
from .metrics import log_levels
from .optimizers import LightningOptimizer, clip_gradients

if TYPE_CHECKING:
    from typing_extensions import Self

    from .loggers.logger import Logger
    from .trainer import Trainer

__all__ = ["LightningModule"]


class LightningModule(nn.Module, ModelHooks, DataHooks, HyperparametersMixin):
    """Override `training_step` and `configure_optimizers`, and what else the task needs.

    Example:
        >>> class Line(LightningModule):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.layer = nn.Linear(1, 1)
        ...     def training_step(self, batch, batch_idx):
        ...         x, y = batch
        ...         return (self.layer(x) - y).square().mean()
        ...     def configure_optimizers(self):
        ...         return taeda.optim.SGD(self.parameters(), lr=0.1)
        >>> Line().automatic_optimization
        True
    """

    CHECKPOINT_HYPER_PARAMS_KEY = "hyper_parameters"
    CHECKPOINT_HYPER_PARAMS_NAME = "hparams_name"
    example_input_array: Any = None
    automatic_optimization: bool = True
    strict_loading: bool = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        self.automatic_optimization = True
        self._trainer: Trainer | None = None

    # The run this module is part of

    @property
    def trainer(self) -> Trainer:
        """The trainer that runs this module.

        Raises:
            RuntimeError: no trainer does.
        """
        if self._trainer is None:
            raise RuntimeError(
                f"{type(self).__name__} is not attached to a `Trainer`; pass it to trainer.fit(), "
                "validate(), test() or predict() first"
            )
        return self._trainer

    @trainer.setter
    def trainer(self, trainer: Trainer | None) -> None:
        self._trainer = trainer

    @property
    def current_epoch(self) -> int:
        """Epoch that is running (0 without a trainer)."""
        return self._trainer.current_epoch if self._trainer is not None else 0

    @property
    def global_step(self) -> int:
        """Optimizer steps so far, over all epochs (0 without a trainer)."""
        return self._trainer.global_step if self._trainer is not None else 0

    @property
    def global_rank(self) -> int:
        """Number of this process among all: 0, as training runs in one process."""
        return 0

    @property
    def local_rank(self) -> int:
        """Number of this process on its machine: 0, as training runs in one process."""
        return 0

    @property
    def device(self) -> taeda.device:
        """Device of the first parameter or buffer (cpu if there is none)."""
        for tensor in (*self.parameters(), *self.buffers()):
            return tensor.device
        return taeda.device("cpu")

    @property
    def dtype(self) -> taeda.dtype:
        """Type of the first floating-point parameter (the default type if there is none)."""
        for tensor in self.parameters():
            if tensor.is_floating_point():
                return tensor.dtype
        return taeda.get_default_dtype()

    @property
    def logger(self) -> Logger | None:
        """The first logger of the trainer."""
        return self._trainer.logger if self._trainer is not None else None

    @property
    def loggers(self) -> list[Logger]:
        """All loggers of the trainer."""
        return self._trainer.loggers if self._trainer is not None else []

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Print without breaking the progress bar."""
        if self._trainer is None:
            print(*args, **kwargs)
        else:
            self._trainer.print(*args, **kwargs)

    # Steps

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss of a batch: a tensor, a dict with key "loss", or None to skip the batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no training_step(self, batch, batch_idx)")

    def validation_step(self, *args: Any, **kwargs: Any) -> Any:
        """Compute and log the metrics of a validation batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no validation_step(self, batch, batch_idx)")

    def test_step(self, *args: Any, **kwargs: Any) -> Any:
        """Compute and log the metrics of a test batch."""
        raise NotImplementedError(f"{type(self).__name__} defines no test_step(self, batch, batch_idx)")

    def predict_step(self, *args: Any, **kwargs: Any) -> Any:
        """Return the predictions of a batch; by default `self(batch)`."""
        batch = kwargs.get("batch", args[0] if args else None)
        return self(batch)

    def configure_callbacks(self) -> Any:
        """Return callbacks that belong to the model; they replace callbacks of the same type in the
        trainer."""
        return []

    def configure_optimizers(self) -> Any:
        """Return an optimizer, optionally with schedulers; see `taeda_lightning.optimizers`."""
        raise NotImplementedError(f"{type(self).__name__} defines no configure_optimizers(self)")

    # Logging

    def log(
        self,
        name: str,
        value: Any,
        prog_bar: bool = False,
        logger: bool | None = None,
        on_step: bool | None = None,
        on_epoch: bool | None = None,
        reduce_fx: str | Callable[[Any], Any] = "mean",
        enable_graph: bool = False,
        sync_dist: bool = False,
        sync_dist_group: Any = None,
        add_dataloader_idx: bool = True,
        batch_size: int | None = None,
        metric_attribute: str | None = None,
        rank_zero_only: bool = False,
    ) -> None:
        """Log a number under a name.

        Args:
            name: key in loggers, progress bar and `trainer.callback_metrics`.
            value: a number, a tensor with one element, or a metric object with `compute` and `reset`.
            prog_bar: show it in the progress bar.
            logger: send it to the loggers (default).
            on_step: log the value of each step; the default depends on the hook (True in `training_step`).
            on_epoch: log the reduction over the epoch; the default depends on the hook (True in validation).
            reduce_fx: "mean" (weighted by batch size), "sum", "min" or "max".
            enable_graph: keep the autograd graph of the value.
            sync_dist: no effect in one process.
            sync_dist_group: no effect in one process.
            add_dataloader_idx: with several evaluation loaders, append `/dataloader_idx_N` to the name.
            batch_size: weight in the mean; found in the batch by default.
            metric_attribute: kept for Lightning's signature.
            rank_zero_only: no effect in one process.

        Raises:
            MisconfigurationException: the running hook cannot log this way.
            ValueError: the value is not a single number.
        """
        trainer = self._trainer
        if trainer is None:
            warn_once(f"self.log({name!r}, ...): no Trainer runs {type(self).__name__}; the value is dropped")
            return
        hook = trainer.current_hook
        step, epoch = log_levels(hook, name, on_step, on_epoch)
        if add_dataloader_idx and "/dataloader_idx_" in name:
            raise MisconfigurationException(
                f"self.log({name!r}, ...): the name must not contain '/dataloader_idx_' itself; it is added "
                "where several loaders are used, or pass add_dataloader_idx=False"
            )
        if trainer.barebones:
            warn_once("self.log does nothing under Trainer(barebones=True)")
            return
        assert hook is not None
        assert trainer.metrics is not None
        trainer.metrics.log(
            hook,
            name,
            value,
            prog_bar=prog_bar,
            logger=logger is not False,
            on_step=step,
            on_epoch=epoch,
            reduce_fx=reduce_fx,
            enable_graph=enable_graph,
            add_dataloader_idx=add_dataloader_idx,
            batch_size=batch_size,
        )

    def log_dict(self, dictionary: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        """Log several values; further arguments are those of `log`.

        Raises:
            ValueError: a value is itself a dict.
        """
        for name, value in dictionary.items():
            if isinstance(value, Mapping):
                raise ValueError(
                    f"self.log_dict: the value of {name!r} is a dict; expected numbers. Log nested dicts "
                    "one by one"
                )
            self.log(name, value, *args, **kwargs)

    # Optimization

    def optimizers(self, use_pl_optimizer: bool = True) -> Any:
        """The optimizer, or the list of them, for manual optimization.

        Args:
            use_pl_optimizer: wrapped, so that `step` counts in `global_step` and calls the hooks.
        """
        found: list[Any] = self.trainer.lightning_optimizers if use_pl_optimizer else self.trainer.optimizers
        return found[0] if len(found) == 1 else list(found)

    def lr_schedulers(self) -> Any:
        """The scheduler, or the list of them, or None."""
        schedulers = [config.scheduler for config in self.trainer.lr_scheduler_configs]
        return (schedulers[0] if len(schedulers) == 1 else schedulers) if schedulers else None

    def manual_backward(self, loss: taeda.Tensor, *args: Any, **kwargs: Any) -> None:
        """Backward pass in manual optimization, with the hooks around it."""
        if self.automatic_optimization:
            raise MisconfigurationException(
                "manual_backward needs manual optimization; set self.automatic_optimization = False in "
                "__init__"
            )
        hooks = self.trainer.hooks
        hooks("on_before_backward", loss)
        self.backward(loss, *args, **kwargs)
        hooks("on_after_backward")

    def backward(self, loss: taeda.Tensor, *args: Any, **kwargs: Any) -> None:
        """Compute the gradients of a loss."""
        loss.backward(*args, **kwargs)

    def toggle_optimizer(self, optimizer: Optimizer | LightningOptimizer) -> None:
        """Let only the parameters of `optimizer` require gradients, until `untoggle_optimizer`."""
        if getattr(self, "_toggled", None):
            raise MisconfigurationException(
                "toggle_optimizer: another optimizer is toggled already; call untoggle_optimizer first"
            )
        own = {id(p) for group in optimizer.param_groups for p in group["params"]}
        others = [p for p in self.parameters() if id(p) not in own and p.requires_grad]
        for parameter in others:
            parameter.requires_grad_(False)
        object.__setattr__(self, "_toggled", others)

    def untoggle_optimizer(self, optimizer: Optimizer | LightningOptimizer) -> None:
        """Undo `toggle_optimizer`."""
        for parameter in getattr(self, "_toggled", None) or []:
            parameter.requires_grad_(True)
        object.__setattr__(self, "_toggled", [])

    @contextlib.contextmanager
    def toggled_optimizer(self, optimizer: Optimizer | LightningOptimizer) -> Iterator[None]:
        """`toggle_optimizer` for the duration of a block."""
        self.toggle_optimizer(optimizer)
        try:
            yield
        finally:
            self.untoggle_optimizer(optimizer)

    def clip_gradients(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients now; values given here must not contradict those of the trainer."""
        trainer = self.trainer
        for name, given, configured in (
            ("gradient_clip_val", gradient_clip_val, trainer.gradient_clip_val),
            ("gradient_clip_algorithm", gradient_clip_algorithm, trainer.gradient_clip_algorithm),
        ):
            if given is not None and configured is not None and given != configured:
                raise MisconfigurationException(
                    f"clip_gradients: got {name}={given!r} but Trainer({name}={configured!r}); give it in "
                    "one place"
                )
        clip_gradients(
            optimizer,
            gradient_clip_val if gradient_clip_val is not None else trainer.gradient_clip_val,
            gradient_clip_algorithm or trainer.gradient_clip_algorithm,
        )

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip gradients before the optimizer's step; override to clip in another way."""
        if gradient_clip_val is not None:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a scheduler; `metric` is the monitored value or None."""
        if metric is None:
            scheduler.step()
        else:
            scheduler.step(metric)

    def optimizer_step(
        self,
        epoch: int,
        batch_idx: int,
        optimizer: Optimizer | LightningOptimizer,
        optimizer_closure: Callable[[], Any] | None = None,
    ) -> None:
        """Step the optimizer; `optimizer_closure` computes loss and gradients."""
        optimizer.step(closure=optimizer_closure)

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        """Set the gradients to zero before backward."""
        optimizer.zero_grad()

    # Modes

    def on_validation_model_zero_grad(self) -> None:
        """Free the gradients before a validation inside a fit."""
        self.zero_grad()

    def on_validation_model_eval(self) -> None:
        """Switch to evaluation mode for a validation."""
        self.eval()

    def on_validation_model_train(self) -> None:
        """Switch back after a validation; the trainer restores each layer's own mode unless overridden."""
        self.train()

    def on_test_model_eval(self) -> None:
        """Switch to evaluation mode for a test."""
        self.eval()

    def on_test_model_train(self) -> None:
        """Switch back after a test; the trainer restores each layer's own mode unless overridden."""
        self.train()

    def on_predict_model_eval(self) -> None:
        """Switch to evaluation mode for predictions."""
        self.eval()

    def freeze(self) -> Self:
        """Stop training all parameters and switch to evaluation mode."""
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        self.eval()
        return self

    def unfreeze(self) -> Self:
        """Train all parameters and switch to training mode."""
        for parameter in self.parameters():
            parameter.requires_grad_(True)
        self.train()
        return self

    # Checkpoints

    @classmethod
    def load_from_checkpoint(
        cls,
        checkpoint_path: str | Path,
        map_location: Any = None,
        hparams_file: str | Path | None = None,
        strict: bool | None = None,
        weights_only: bool | None = None,
        **kwargs: Any,
    ) -> Self:
        """Make the module with the hyper-parameters of a checkpoint and load its weights.

        Args:
            checkpoint_path: a file that a `Trainer` wrote. No code in it is ever executed.
            map_location: device for the weights (cpu by default).
            hparams_file: `hparams.yaml` to take hyper-parameters from instead (needs PyYAML).
            strict: whether names of weights must match exactly (default: the module's `strict_loading`).
            weights_only: kept for Lightning's signature; files are always read safely.
            kwargs: override stored hyper-parameters.

        Raises:
            CheckpointNotFoundError: there is no such file.
            MisconfigurationException: an argument of `__init__` is neither stored nor given.
        """
        from .checkpoint import build_from_hyperparameters, load_weights, read_checkpoint, read_hparams_file

        checkpoint = read_checkpoint(checkpoint_path, map_location)
        stored = checkpoint.get(cls.CHECKPOINT_HYPER_PARAMS_KEY, {})
        if hparams_file is not None:
            stored = read_hparams_file(hparams_file)
        module: Self = build_from_hyperparameters(cls, stored, kwargs, checkpoint_path)
        load_weights(module, checkpoint, strict)
        return module

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state["_trainer"] = None
        return state
