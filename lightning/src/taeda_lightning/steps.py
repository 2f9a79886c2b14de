"""One step: bringing a batch to the device, calling the step method, and finding the loss in what it
returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import taeda
from taeda import nn

from .batches import cast_floating_point, move_data_to_device
from .errors import MisconfigurationException
from .hooks import is_overridden
from .messages import warn_once

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = [
    "BatchTransfer",
    "first_batches",
    "layer_modes",
    "loss_of",
    "set_layer_modes",
    "step_caller",
]


def first_batches(loader: Any, count: int | float) -> Iterator[tuple[int, Any]]:
    """The first `count` batches with their numbers; does not fetch one more than that."""
    if count:
        for batch_idx, batch in enumerate(loader):
            yield batch_idx, batch
            if batch_idx + 1 >= count:
                return


def layer_modes(module: nn.Module) -> list[tuple[nn.Module, bool]]:
    """Every layer with whether it is in training mode."""
    return [(layer, layer.training) for layer in module.modules()]


def set_layer_modes(modes: list[tuple[nn.Module, bool]]) -> None:
    """Put back what `layer_modes` found."""
    for layer, is_training in modes:
        layer.training = is_training


def loss_of(result: Any, module: Any) -> Any:
    """The loss in what `training_step` returned, or None."""
    if result is None:
        warn_once(
            f"{type(module).__name__}.training_step returned None: no gradient is computed for such batches"
        )
        return None
    loss = result.get("loss") if isinstance(result, dict) else result
    if not isinstance(loss, taeda.Tensor):
        keys = sorted(map(str, result)) if isinstance(result, dict) else []
        found = f"a dict with keys {keys}" if isinstance(result, dict) else type(loss).__name__
        raise MisconfigurationException(
            f"{type(module).__name__}.training_step returned {found}; expected a tensor, a dict with a "
            "tensor under 'loss', or None"
        )
    return loss


def step_caller(trainer: Trainer, name: str, indices: int) -> Callable[..., Any]:
    """The step method `name` with the arguments that it takes: batch, batch_idx, dataloader_idx or fewer.

    Raises:
        MisconfigurationException: it lacks `dataloader_idx` where several loaders need it.
    """
    module = trainer.lightning_module
    method = getattr(module, name)
    parameters = inspect.signature(method).parameters
    takes_any = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters.values())
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    count = 3 if takes_any else sum(p.kind in positional for p in parameters.values())
    if "dataloader_iter" in parameters:
        raise MisconfigurationException(
            f"{type(module).__name__}.{name}(dataloader_iter) is not supported; take (batch, batch_idx)"
        )
    if indices == 2 and count < 3:
        raise MisconfigurationException(
            f"{type(module).__name__}.{name} gets batches of several loaders; add the argument "
            "dataloader_idx=0"
        )
    takes_index = count >= 2
    if trainer.precision == "bf16-mixed":
        method = taeda.autocast(trainer.device.type, taeda.bfloat16)(method)

    def call(batch: Any, *index: int) -> Any:
        previous, trainer.current_hook = trainer.current_hook, name
        result = method(batch, *index) if takes_index else method(batch)
        trainer.current_hook = previous
        return result

    return call


class BatchTransfer:
    """Brings a batch to the trainer's device and precision, with the hooks around it where somebody has
    them."""

    def __init__(self, trainer: Trainer) -> None:
        self.device = trainer.device
        self.dtype = trainer.input_dtype
        names = ("on_before_batch_transfer", "transfer_batch_to_device", "on_after_batch_transfer")
        owners = [trainer.datamodule] * (trainer.datamodule is not None) + [trainer.lightning_module]
        chosen = [next((o for o in owners if is_overridden(n, o)), None) for n in names]
        self.before, self.move, self.after = (
            None if owner is None else getattr(owner, name) for owner, name in zip(chosen, names)
        )

    def __call__(self, batch: Any, dataloader_idx: int) -> Any:
        """Return the batch ready for a step."""
        if self.dtype is not None:
            batch = cast_floating_point(batch, self.dtype)
        if self.before is not None:
            batch = self.before(batch, dataloader_idx)
        if self.move is not None:
            batch = self.move(batch, self.device, dataloader_idx)
        elif self.device.type != "cpu":
            batch = move_data_to_device(batch, self.device)
        if self.after is not None:
            batch = self.after(batch, dataloader_idx)
        return batch
