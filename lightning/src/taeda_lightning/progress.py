"""How far a fit has come: every counter that the loop reads, in one place, saved whole in checkpoints."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

__all__ = ["Phase", "Progress", "RunningStage", "TrainerFn", "TrainerState", "TrainerStatus"]


class Phase(str, enum.Enum):
    """The last thing that is completely done; a resumed fit goes on right after it."""

    EPOCH_START = "epoch_start"
    """Nothing of epoch `Progress.epoch` has happened."""
    BATCH_TRAINED = "batch_trained"
    """Weights are updated and `on_train_batch_end` was called; logging and validation come next."""
    VALIDATED = "validated"
    """The validation after the batch is over; schedulers that watch a metric come next."""
    BATCH_DONE = "batch_done"
    """All is done for the batch; the next batch or the end of the epoch comes next."""
    EPOCH_ENDED = "epoch_ended"
    """`on_train_epoch_end` was called; schedulers that watch a metric and epoch logging come next."""


@dataclasses.dataclass
class Progress:
    """Counters of a fit.

    Attributes:
        epoch: running epoch, from 0; after the fit, the number of epochs done.
        global_step: steps of all optimizers.
        batch_idx: last batch of the epoch that was begun, -1 before the first.
        total_batches: batches begun in all epochs.
        stepped_batches: batches after which weights changed; the x axis of the loggers.
        is_last_batch: whether `batch_idx` is the last of its epoch.
        phase: the last thing that is completely done.
        is_in_step: between fetching a batch and its optimizer step; a checkpoint from here is not exact.
    """

    epoch: int = 0
    global_step: int = 0
    batch_idx: int = -1
    total_batches: int = 0
    stepped_batches: int = 0
    is_last_batch: bool = False
    phase: Phase = Phase.EPOCH_START
    is_in_step: bool = False

    def state_dict(self) -> dict[str, Any]:
        """All counters as plain values."""
        return {**dataclasses.asdict(self), "phase": self.phase.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` returned."""
        for field in dataclasses.fields(self):
            setattr(self, field.name, state[field.name])
        self.phase = Phase(state["phase"])


class TrainerFn(str, enum.Enum):
    """Which method of the trainer runs."""

    FITTING = "fit"
    VALIDATING = "validate"
    TESTING = "test"
    PREDICTING = "predict"


class RunningStage(str, enum.Enum):
    """What is happening right now."""

    TRAINING = "train"
    SANITY_CHECKING = "sanity_check"
    VALIDATING = "validate"
    TESTING = "test"
    PREDICTING = "predict"


class TrainerStatus(str, enum.Enum):
    """How the last run went."""

    INITIALIZING = "initializing"
    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@dataclasses.dataclass
class TrainerState:
    """Method, stage and status of a trainer."""

    fn: TrainerFn | None = None
    stage: RunningStage | None = None
    status: TrainerStatus = TrainerStatus.INITIALIZING
