"""The position inside an epoch: what has been delivered, and what a resumed epoch starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from taeda.utils.data._fetch import StreamFetcher

__all__ = ["FORMAT_VERSION", "EpochPosition", "WorkerPosition", "check_state"]

FORMAT_VERSION = 1


@dataclass
class WorkerPosition:
    """One worker's share: batches delivered, and its state after the last of them (None: as seeded)."""

    batches: int = 0
    state: dict[str, Any] | None = None


@dataclass
class EpochPosition:
    """One epoch of a loader.

    Attributes:
        random_state: the global random states when the epoch began.
        sampler_state: the samplers' states when the epoch began.
        done: batches 0 .. done-1 have been delivered.
        ahead: numbers of further delivered batches (only when `in_order=False`).
        workers: one entry per worker process.
        last_worker: the worker that delivered last.
        stream_state: the saved state of a stream that is read without workers.
        stream: that stream, asked for its state when the position is saved.
        is_finished: the epoch is over.
    """

    random_state: dict[str, Any]
    sampler_state: dict[str, Any]
    done: int = 0
    ahead: set[int] = field(default_factory=set)
    workers: list[WorkerPosition] = field(default_factory=list)
    last_worker: int = -1
    stream_state: Any = None
    stream: StreamFetcher | None = None
    is_finished: bool = False

    def deliver(self, number: int) -> None:
        """Batch `number` goes to the user."""
        self.ahead.add(number)
        while self.done in self.ahead:
            self.ahead.remove(self.done)
            self.done += 1

    def has(self, number: int) -> bool:
        """Has batch `number` been delivered?"""
        return number < self.done or number in self.ahead

    def to_state(self) -> dict[str, Any]:
        """Plain containers of the same content."""
        return {
            "random_state": self.random_state,
            "sampler_state": self.sampler_state,
            "done": self.done,
            "ahead": sorted(self.ahead),
            "workers": [{"batches": worker.batches, "state": worker.state} for worker in self.workers],
            "last_worker": self.last_worker,
            "stream_state": self.stream_state if self.stream is None else self.stream.state_dict(),
        }

    @staticmethod
    def from_state(state: dict[str, Any]) -> EpochPosition:
        """The position that `to_state` described."""
        workers = [WorkerPosition(worker["batches"], worker["state"]) for worker in state["workers"]]
        return EpochPosition(
            state["random_state"],
            state["sampler_state"],
            state["done"],
            set(state["ahead"]),
            workers,
            state["last_worker"],
            state["stream_state"],
        )


def check_state(state: Any, expected: dict[str, Any], is_stream: bool) -> None:
    """Does a saved state belong to a loader like this one?

    Args:
        state: what `DataLoader.state_dict` returned.
        expected: this loader's "dataset_length", "batch_size" and "num_workers".
        is_stream: is the dataset an `IterableDataset`?

    Raises:
        ValueError: it does not; the message says what differs.
    """
    if not isinstance(state, dict) or "version" not in state or "epoch" not in state:
        found = sorted(state) if isinstance(state, dict) else type(state).__name__
        raise ValueError(
            f"DataLoader.load_state_dict: expected what DataLoader.state_dict() returned, got {found}"
        )
    if state["version"] != FORMAT_VERSION:
        raise ValueError(
            f"DataLoader.load_state_dict: the state has format version {state['version']}, "
            f"this taeda reads version {FORMAT_VERSION}"
        )
    if state["epoch"] is None:
        return
    for name, value in expected.items():
        # Only a stream's order depends on how many workers share it.
        if name == "num_workers" and not is_stream:
            continue
        if state[name] != value:
            raise ValueError(
                "DataLoader.load_state_dict: the state is from the middle of an epoch with "
                f"{name}={state[name]}, "
                f"this loader has {name}={value}; the remaining samples are only known with the same {name}"
            )
