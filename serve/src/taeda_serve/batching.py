"""The batching queue: when to stop waiting and which requests go to the model together.

Pure logic on numbers that the caller passes in as "now"; no threads, no event loop, no clock of its own.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["BatchPolicy", "BatchQueue", "Pending", "QueueFullError"]

T = TypeVar("T")

# The usual gap between requests is an exponential average. Gaps count as at most four delays, so that after a
# quiet hour five quick requests are enough to start batching.
_GAP_WEIGHT = 0.25
_LONGEST_GAP = 4.0


class QueueFullError(Exception):
    """The queue holds as many rows as it may."""


@dataclass(frozen=True)
class BatchPolicy:
    """How batches form.

    A request waits for company only while company is likely: where requests have lately come further apart
    than `max_delay`, they leave at once.

    Args:
        max_rows: a batch takes at most this many rows; a larger request goes alone.
        max_delay: seconds that the oldest request may wait for company.
        capacity: rows that may wait in all.
    """

    max_rows: int = 16
    max_delay: float = 0.002
    capacity: int = 256

    def __post_init__(self) -> None:
        if self.max_rows < 1 or self.max_delay < 0 or self.capacity < 1:
            raise ValueError(
                f"BatchPolicy: expected max_rows >= 1, max_delay >= 0, capacity >= 1, got {self}"
            )


@dataclass
class Pending(Generic[T]):
    """A request that waits.

    Args:
        item: what the caller queues.
        rows: how many rows of a batch it takes.
        arrived: when it was queued.
        deadline: when its caller gives up.
        alone: whether it must not share a batch (it was in one that killed a worker).
    """

    item: T
    rows: int
    arrived: float
    deadline: float = math.inf
    alone: bool = False


class BatchQueue(Generic[T]):
    """First in, first out; batches are prefixes of the queue.

    >>> queue = BatchQueue(BatchPolicy(max_rows=2))
    >>> queue.put(Pending("a", 1, arrived=10.0))
    >>> queue.put(Pending("b", 1, arrived=10.001))
    >>> queue.put(Pending("c", 1, arrived=10.001))
    >>> [pending.item for pending in queue.take()]
    ['a', 'b']
    """

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self._waiting: deque[Pending[T]] = deque()
        self._rows = 0
        self._last_arrival = -math.inf
        self._usual_gap = _LONGEST_GAP * policy.max_delay

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def rows(self) -> int:
        """Rows that wait."""
        return self._rows

    def put(self, pending: Pending[T]) -> None:
        """Queue a request.

        Raises:
            QueueFullError: if its rows do not fit; an empty queue takes a request of any size.
        """
        if self._waiting and self._rows + pending.rows > self.policy.capacity:
            raise QueueFullError(f"{self._rows} rows wait and at most {self.policy.capacity} may")
        self._waiting.append(pending)
        self._rows += pending.rows
        gap = min(pending.arrived - self._last_arrival, _LONGEST_GAP * self.policy.max_delay)
        self._usual_gap += _GAP_WEIGHT * (gap - self._usual_gap)
        self._last_arrival = pending.arrived

    def put_back(self, batch: Iterable[Pending[T]]) -> None:
        """Queue requests again, in front of all others and whatever the capacity."""
        for pending in reversed(list(batch)):
            self._waiting.appendleft(pending)
            self._rows += pending.rows

    def due(self, now: float) -> float | None:
        """Return when the next batch should leave: by `now` if it is complete, None if nothing waits."""
        if not self._waiting:
            return None
        first = self._waiting[0]
        if first.alone or self._usual_gap > self.policy.max_delay or self._prefix_is_complete():
            return min(now, first.arrived)
        return first.arrived + self.policy.max_delay

    def take(self) -> list[Pending[T]]:
        """Remove and return the next batch, complete or not."""
        batch: list[Pending[T]] = []
        rows = 0
        while self._waiting:
            first = self._waiting[0]
            if batch and (first.alone or rows + first.rows > self.policy.max_rows):
                break
            batch.append(self._waiting.popleft())
            rows += first.rows
            if first.alone:
                break
        self._rows -= rows
        return batch

    def expire(self, now: float) -> list[Pending[T]]:
        """Remove and return the requests whose callers gave up."""
        expired = [pending for pending in self._waiting if pending.deadline <= now]
        if expired:
            self._waiting = deque(pending for pending in self._waiting if pending.deadline > now)
            self._rows -= sum(pending.rows for pending in expired)
        return expired

    def _prefix_is_complete(self) -> bool:
        rows = 0
        for index, pending in enumerate(self._waiting):
            rows += pending.rows
            if rows >= self.policy.max_rows or (index and pending.alone):
                return True
        return False
