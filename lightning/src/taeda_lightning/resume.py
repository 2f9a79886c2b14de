"""Exact resume: put a fit back to the point where its checkpoint was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .errors import MisconfigurationException
from .loaders import restore_loader_position
from .messages import counted, warn
from .progress import Phase
from .rng import restore_rng

if TYPE_CHECKING:
    from .loop import FitLoop
    from .trainer import Trainer

__all__ = ["continue_position", "restore_training"]


def restore_training(trainer: Trainer, checkpoint: dict[str, Any], path: str) -> None:
    """Restore optimizers, schedulers, counters and waiting gradients; loader and generators follow in the
    loop.

    Raises:
        MisconfigurationException: the file has weights only, or does not match the optimizers.
    """
    state = checkpoint.get("loops", {}).get("fit_loop", {})
    missing = [key for key in ("optimizer_states", "lr_schedulers", "rng") if key not in checkpoint]
    if missing or "logged" not in state:
        raise MisconfigurationException(
            f"fit(ckpt_path={path!r}): the file lacks {missing or ['loops']}, so training cannot go on from "
            "it (save_weights_only=True, or written by another program); load its weights with "
            f"{type(trainer.lightning_module).__name__}.load_from_checkpoint and start a new fit"
        )
    for kind, current, saved in (
        ("optimizers", trainer.optimizers, checkpoint["optimizer_states"]),
        ("schedulers", trainer.lr_scheduler_configs, checkpoint["lr_schedulers"]),
    ):
        if len(current) != len(saved):
            raise MisconfigurationException(
                f"fit(ckpt_path={path!r}): the file holds {len(saved)} {kind}, configure_optimizers "
                f"returned {len(current)}; return the same as when the file was written"
            )
    for optimizer, optimizer_state in zip(trainer.optimizers, checkpoint["optimizer_states"]):
        optimizer.load_state_dict(optimizer_state)
    for config, scheduler_state in zip(trainer.lr_scheduler_configs, checkpoint["lr_schedulers"]):
        config.scheduler.load_state_dict(scheduler_state)
    trainer.progress.load_state_dict(state["progress"])
    trainer.should_stop = state["should_stop"]
    for kind, values in state["logged"].items():
        trainer.logged[kind].update(values)
    trainer.fit_loop.metrics.load_state_dict(state["metrics"])
    trainer.fit_loop.resume_state = {**state, "rng": checkpoint["rng"]}
    parameters = dict(trainer.lightning_module.named_parameters())
    for name, gradient in checkpoint["gradients"].items():
        parameters[name].grad = gradient.to(parameters[name].device)


def continue_position(loop: FitLoop, state: dict[str, Any]) -> Iterator[Any] | None:
    """Put loader and random generators back; the generators last, as everything before may draw from them.

    Args:
        loop: the loop, with its loader set up and `on_train_start` called.
        state: the loop's part of the checkpoint, with the generators under "rng".

    Returns:
        The iterator over the rest of the epoch, or None between epochs.
    """
    progress = loop.trainer.progress
    if progress.is_in_step:
        warn(
            f"the checkpoint is from the middle of batch {progress.batch_idx} of epoch {progress.epoch}; "
            "training goes on with the next batch and will differ from an uninterrupted run"
        )
        progress.is_in_step = False
        progress.phase = Phase.BATCH_DONE
    if state["num_batches"] not in (None, loop.num_batches) and progress.batch_idx >= 0:
        warn(
            f"the checkpoint was written with {counted(state['num_batches'], 'batch', 'batches')} in an epoch, "
            f"now there are {loop.num_batches}; training will differ from an uninterrupted run"
        )
    is_cut_short = progress.phase is Phase.EPOCH_ENDED and not progress.is_last_batch
    if is_cut_short and not loop.has_reached_max_steps() and not loop.is_stopping_early():
        progress.phase = Phase.BATCH_DONE
    is_in_epoch = progress.phase in (Phase.BATCH_TRAINED, Phase.VALIDATED, Phase.BATCH_DONE)
    is_mid_epoch = is_in_epoch and progress.batch_idx >= 0 and not progress.is_last_batch
    seen = progress.batch_idx + 1 if is_mid_epoch else 0
    skip = restore_loader_position(loop.loader, state["loader"], seen)
    iterator = None
    if is_mid_epoch or state["is_loader_open"]:
        # An epoch that ended before its loader did: begin and drop the iteration, as that epoch has.
        iterator = iter(loop.loader)
        for _ in range(skip):
            next(iterator)
    loop.is_loader_open = is_mid_epoch
    restore_rng(state["rng"])
    return iterator if is_mid_epoch else None
