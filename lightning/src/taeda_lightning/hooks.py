"""The hooks: methods that a `LightningModule` or `LightningDataModule` may override, and who gets called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import taeda

from .batches import move_data_to_device

if TYPE_CHECKING:
    from .callbacks.callback import Callback
    from .module import LightningModule
    from .trainer import Trainer

__all__ = ["DataHooks", "HookCaller", "ModelHooks", "is_overridden"]


class ModelHooks:
    """Hooks of the model, in the order in which a fit calls them."""

    def configure_model(self) -> None:
        """Build large layers late; called once per fit/validate/test/predict, must be idempotent."""

    def on_fit_start(self) -> None:
        """Called at the very beginning of a fit, after the optimizers exist."""

    def on_train_start(self) -> None:
        """Called after the sanity check, before the first epoch."""

    def on_train_epoch_start(self) -> None:
        """Called before the batches of an epoch."""

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        """Called before a training step; return -1 to skip the rest of the epoch."""

    def on_before_zero_grad(self, optimizer: Any) -> None:
        """Called before gradients are set to zero."""

    def on_before_backward(self, loss: taeda.Tensor) -> None:
        """Called with the loss, divided by the accumulation factor, before backward."""

    def on_after_backward(self) -> None:
        """Called after backward, when gradients exist."""

    def on_before_optimizer_step(self, optimizer: Any) -> None:
        """Called before clipping and the optimizer's step."""

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Called after the optimizer's step; `outputs` is what `training_step` returned."""

    def on_train_epoch_end(self) -> None:
        """Called after the last batch of an epoch and its validation."""

    def on_train_end(self) -> None:
        """Called after the last epoch."""

    def on_fit_end(self) -> None:
        """Called at the very end of a fit."""

    def on_validation_model_zero_grad(self) -> None:
        """Called before a validation inside a fit; frees gradients."""

    def on_validation_start(self) -> None:
        """Called at the beginning of a validation."""

    def on_validation_epoch_start(self) -> None:
        """Called before the batches of a validation."""

    def on_validation_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Called before a validation step."""

    def on_validation_batch_end(
        self, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Called after a validation step."""

    def on_validation_epoch_end(self) -> None:
        """Called after the batches of a validation; metrics may be logged here."""

    def on_validation_end(self) -> None:
        """Called when the metrics of a validation are final."""

    def on_test_start(self) -> None:
        """Called at the beginning of a test."""

    def on_test_epoch_start(self) -> None:
        """Called before the batches of a test."""

    def on_test_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Called before a test step."""

    def on_test_batch_end(self, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Called after a test step."""

    def on_test_epoch_end(self) -> None:
        """Called after the batches of a test; metrics may be logged here."""

    def on_test_end(self) -> None:
        """Called when the metrics of a test are final."""

    def on_predict_start(self) -> None:
        """Called at the beginning of a prediction."""

    def on_predict_epoch_start(self) -> None:
        """Called before the batches of a prediction."""

    def on_predict_batch_start(self, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Called before a prediction step."""

    def on_predict_batch_end(self, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Called after a prediction step."""

    def on_predict_epoch_end(self) -> None:
        """Called after the batches of a prediction."""

    def on_predict_end(self) -> None:
        """Called at the end of a prediction."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add plain values or tensors to a checkpoint before it is written."""

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Read what `on_save_checkpoint` added, before the weights are loaded."""


class DataHooks:
    """Hooks of the data, shared by `LightningModule` and `LightningDataModule`."""

    def prepare_data(self) -> None:
        """Download and unpack; called once, before `setup`; keep no state here."""

    def setup(self, stage: str) -> None:
        """Make data sets; `stage` is "fit", "validate", "test" or "predict"."""

    def teardown(self, stage: str) -> None:
        """Called at the end of the stage."""

    def train_dataloader(self) -> Any:
        """Return the loader of training batches."""
        return None

    def val_dataloader(self) -> Any:
        """Return one loader, or a list of loaders, of validation batches."""
        return None

    def test_dataloader(self) -> Any:
        """Return one loader, or a list of loaders, of test batches."""
        return None

    def predict_dataloader(self) -> Any:
        """Return one loader, or a list of loaders, of batches to predict."""
        return None

    def on_before_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Change a batch before it moves to the device."""
        return batch

    def transfer_batch_to_device(self, batch: Any, device: taeda.device, dataloader_idx: int) -> Any:
        """Move a batch to the device."""
        return move_data_to_device(batch, device)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Change a batch after it has moved to the device."""
        return batch


def is_overridden(method_name: str, instance: object, parent: type | None = None) -> bool:
    """Whether `instance` has its own version of a method of `parent`.

    Args:
        method_name: name of the hook or step.
        instance: a module, data module or callback.
        parent: the class that has the empty method; by default the base class of `instance`'s kind.

    Example:
        >>> class Data(DataHooks):
        ...     def setup(self, stage): ...
        >>> is_overridden("setup", Data(), DataHooks), is_overridden("teardown", Data(), DataHooks)
        (True, False)
    """
    if parent is None:
        parent = _base_of(instance)
    own = getattr(instance, method_name, None)
    if own is None:
        return False
    return getattr(own, "__func__", own) is not getattr(parent, method_name, None)


def _base_of(instance: object) -> type:
    from .callbacks.callback import Callback
    from .datamodule import LightningDataModule
    from .module import LightningModule

    for base in (LightningModule, LightningDataModule, Callback):
        if isinstance(instance, base):
            return base
    raise ValueError(
        "is_overridden: expected a LightningModule, LightningDataModule or Callback, got "
        f"{type(instance).__name__}; pass parent= for other classes"
    )


_Hooks = tuple[Callable[..., Any], ...]
_MODEL_HOOKS = tuple(name for name in vars(ModelHooks) if name.startswith("on_"))
_CALLBACK_ONLY_HOOKS = ("on_sanity_check_start", "on_sanity_check_end")


class HookCaller:
    """Calls a hook on the callbacks and on the module, in Lightning's order.

    Which of them override the hook is found out once, so a hook that nobody overrides costs one look-up.
    Callbacks come before the module. Those that name the hook in `runs_after_module` come after it: a
    checkpoint written in `on_train_batch_end`, `on_validation_end` or `on_train_epoch_end` then holds what
    the module's own hook did, and a resumed run does not miss it.
    """

    def __init__(self, trainer: Trainer, module: LightningModule, callbacks: Iterable[Callback]) -> None:
        from .callbacks.callback import Callback
        from .module import LightningModule

        self.trainer = trainer
        self.module = module
        self._called: dict[str, tuple[_Hooks, Callable[..., Any] | None, _Hooks] | None] = {}
        for name in (*_MODEL_HOOKS, *_CALLBACK_ONLY_HOOKS):
            overriding = [callback for callback in callbacks if is_overridden(name, callback, Callback)]
            before = tuple(getattr(one, name) for one in overriding if name not in one.runs_after_module)
            after = tuple(getattr(one, name) for one in overriding if name in one.runs_after_module)
            is_own = name in _MODEL_HOOKS and is_overridden(name, module, LightningModule)
            own = getattr(module, name) if is_own else None
            self._called[name] = (before, own, after) if before or own or after else None

    def __call__(self, name: str, *args: Any) -> Any:
        """Call the hook `name`; returns what the module's own hook returned."""
        called = self._called[name]
        if called is None:
            return None
        before, own, after = called
        trainer, module = self.trainer, self.module
        previous, trainer.current_hook = trainer.current_hook, name
        for hook in before:
            hook(trainer, module, *args)
        result = own(*args) if own is not None else None
        for hook in after:
            hook(trainer, module, *args)
        trainer.current_hook = previous
        return result
