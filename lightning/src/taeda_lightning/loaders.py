"""Where batches come from: asking hooks for loaders, limits, and the position of a loader in a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from taeda.utils.data import DataLoader, RandomSampler, SequentialSampler

from .combined_loader import CombinedLoader, flatten_loaders, holds_loaders, length_of
from .errors import MisconfigurationException
from .hooks import is_overridden
from .messages import counted, info, warn_once

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = [
    "LoaderSource",
    "batches_between_validations",
    "limited_batches",
    "loader_position",
    "note_rare_logging",
    "restore_loader_position",
    "set_sampler_epoch",
    "unshuffled",
]


class LoaderSource:
    """Finds the loaders of one stage: those passed to the trainer, else the data module's, else the model's.

    Args:
        trainer: the trainer that runs.
        stage: "train", "val", "test" or "predict".
        given: loaders passed to `fit`, `validate`, `test` or `predict`.
    """

    def __init__(self, trainer: Trainer, stage: str, given: Any) -> None:
        self.trainer = trainer
        self.stage = stage
        self.given = given

    @property
    def hook_name(self) -> str:
        """Name of the hook that returns the loaders."""
        return f"{self.stage}_dataloader"

    def owner(self) -> Any:
        """Object whose hook returns the loaders, or None."""
        for candidate in (self.trainer.datamodule, self.trainer.lightning_module):
            if candidate is not None and is_overridden(self.hook_name, candidate):
                return candidate
        return None

    def is_defined(self) -> bool:
        """Whether loaders were passed or a hook returns them."""
        return self.given is not None or self.owner() is not None

    def request(self) -> Any:
        """Return the loaders.

        Raises:
            MisconfigurationException: there are none, or a hook returned something that cannot be iterated.
        """
        if self.given is not None:
            loaders, where = self.given, f"the {self.stage} dataloaders passed to the Trainer"
        else:
            owner = self.owner()
            if owner is None:
                raise MisconfigurationException(
                    f"no {self.stage} data: pass loaders to the Trainer's method, pass a datamodule, or "
                    f"define {self.hook_name}() in {type(self.trainer.lightning_module).__name__}"
                )
            loaders, where = getattr(owner, self.hook_name)(), f"{type(owner).__name__}.{self.hook_name}()"
        for loader in flatten_loaders(loaders):
            if not isinstance(loader, Iterable):
                raise MisconfigurationException(
                    f"{where}: expected an iterable of batches such as a DataLoader, got "
                    f"{type(loader).__name__}"
                )
            if length_of(loader) == 0:
                raise MisconfigurationException(
                    f"{where}: a loader has length 0, so it gives no batches; check the data set, and "
                    "drop_last when the data set is smaller than one batch"
                )
        return loaders

    def train_loader(self) -> Any:
        """The loader of training batches; several are combined with "max_size_cycle"."""
        loaders = self.request()
        if isinstance(loaders, CombinedLoader):
            if loaders.mode == "sequential":
                raise MisconfigurationException(
                    "train_dataloader: CombinedLoader(mode='sequential') cannot be trained on; use "
                    "'min_size', 'max_size' or 'max_size_cycle'"
                )
        elif holds_loaders(loaders):
            loaders = CombinedLoader(loaders, "max_size_cycle")
        return unshuffled(loaders) if self.trainer.overfit_batches else loaders

    def evaluation_loaders(self) -> list[Any]:
        """The loaders of an evaluation, one after another."""
        loaders = self.request()
        return flatten_loaders(loaders)


def unshuffled(loader: Any) -> Any:
    """The same loader in fixed order, for `overfit_batches`."""
    if isinstance(loader, DataLoader) and isinstance(loader.sampler, RandomSampler):
        warn_once("overfit_batches: the training loader shuffles; it runs in fixed order instead")
        return DataLoader(
            loader.dataset,
            batch_size=loader.batch_size,
            sampler=SequentialSampler(loader.dataset),  # type: ignore[arg-type]
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
        )
    return loader


def limited_batches(argument: str, limit: int | float, length: int | float) -> int | float:
    """Number of batches to run of a loader.

    Args:
        argument: name of the trainer's argument, for messages.
        limit: a number of batches, or a fraction of them as a float from 0 to 1.
        length: batches that the loader has; infinity if unknown.

    Raises:
        MisconfigurationException: a fraction of an unknown length, or a fraction that leaves no batch.

    Example:
        >>> limited_batches("limit_val_batches", 0.5, 10), limited_batches("limit_val_batches", 3, 10)
        (5, 3)
    """
    if isinstance(limit, int):
        return min(limit, length)
    if limit == 1.0:
        return length
    if limit == 0.0:
        return 0
    if length == math.inf:
        raise MisconfigurationException(
            f"{argument}={limit}: a fraction needs a loader with a length; pass a number of batches instead"
        )
    batches = int(length * limit)
    if batches == 0:
        raise MisconfigurationException(
            f"{argument}={limit}: that is less than one of the {length} batches; pass at least "
            f"{1 / length:.4f} or a number of batches"
        )
    return batches


def batches_between_validations(trainer: Trainer, num_batches: int | float) -> int | float:
    """Training batches between two validations; infinity for the end of a loader without length, or by time.

    Args:
        trainer: its `val_check_interval` decides.
        num_batches: training batches of an epoch, infinity if unknown.

    Raises:
        MisconfigurationException: the interval does not fit the number of batches.
    """
    interval = trainer.val_check_interval
    if trainer.val_check_seconds is not None:
        return math.inf
    if isinstance(interval, int):
        is_too_long = interval > num_batches and trainer.check_val_every_n_epoch is not None
        if is_too_long and trainer.enable_validation:
            raise MisconfigurationException(
                f"val_check_interval={interval} is more than the {num_batches} training batches of an "
                "epoch; pass a smaller number, or check_val_every_n_epoch=None to count over epochs"
            )
        return interval
    if num_batches != math.inf:
        return max(1, int(num_batches * interval))
    if interval != 1.0:
        raise MisconfigurationException(
            f"val_check_interval={interval}: a fraction needs a training loader with a length; pass a "
            "number of batches"
        )
    return math.inf


def note_rare_logging(trainer: Trainer, num_batches: int | float) -> None:
    """Say so when step values will reach the loggers less than once an epoch."""
    if trainer.loggers and num_batches < trainer.log_every_n_steps:
        info(
            f"An epoch has {counted(num_batches, 'batch', 'batches')}, fewer than "
            f"log_every_n_steps={trainer.log_every_n_steps}; step values reach the loggers less than once an epoch"
        )


def set_sampler_epoch(loader: Any, epoch: int) -> None:
    """Tell the samplers of a loader which epoch begins, if they want to know."""
    for single in flatten_loaders(loader):
        for owner in (single, getattr(single, "sampler", None), getattr(single, "batch_sampler", None)):
            target: Any = owner if hasattr(owner, "set_epoch") else getattr(owner, "sampler", None)
            if hasattr(target, "set_epoch"):
                target.set_epoch(epoch)


def loader_position(loader: Any) -> Any:
    """State of a loader for a checkpoint: what its `state_dict` returns, or None if it keeps no position."""
    if isinstance(loader, CombinedLoader):
        return loader.state_dict() if all(hasattr(one, "state_dict") for one in loader.flattened) else None
    return loader.state_dict() if hasattr(loader, "state_dict") else None


def restore_loader_position(loader: Any, state: Any, batches_seen: int) -> int:
    """Let the next iteration of `loader` continue after `batches_seen` batches.

    Args:
        loader: the training loader.
        state: what `loader_position` returned when the checkpoint was written.
        batches_seen: batches of the epoch that were trained on.

    Returns:
        How many batches the caller must still skip (for lists of batches, which keep no position).

    Raises:
        MisconfigurationException: the loader cannot continue in the middle of an epoch.
    """
    if state is not None and hasattr(loader, "load_state_dict"):
        loader.load_state_dict(state)
        return 0
    if batches_seen == 0:
        return 0
    if isinstance(loader, Sequence):
        return batches_seen
    raise MisconfigurationException(
        f"the checkpoint was written after batch {batches_seen} of an epoch, but the loader "
        f"{type(loader).__name__} cannot continue there: it has no state_dict() and load_state_dict(). Use "
        "taeda.utils.data.DataLoader, add these two methods, or resume from a checkpoint that was written "
        "at the end of an epoch"
    )
