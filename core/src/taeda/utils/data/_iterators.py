"""Iterators over one epoch: in the calling process, or with worker processes."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import taeda
from taeda.utils.data import _rng
from taeda.utils.data._fetch import MapFetcher, StreamFetcher
from taeda.utils.data._pinning import pinned
from taeda.utils.data._position import EpochPosition, WorkerPosition
from taeda.utils.data.worker import Epoch, ExceptionWrapper, Task

if TYPE_CHECKING:
    from taeda.utils.data._worker_pool import WorkerPool
    from taeda.utils.data.dataloader import DataLoader

__all__ = ["InProcessIterator", "WorkerIterator"]


class _EpochIterator(Iterator[Any]):
    """What both kinds share: the epoch's seed, its numbered batches of indices, and the resume position."""

    def __init__(self, loader: DataLoader[Any], resumed: EpochPosition | None) -> None:
        self._loader = loader
        self._pins = loader.pin_memory and taeda.cuda.is_available()
        self._yielded = 0
        if resumed is None:
            self.position = EpochPosition(_rng.capture(), loader._sampler_state())
            self._base_seed = _rng.draw_seed(loader.generator)
            self._indices = self._numbered_indices()
            return
        self.position = resumed
        with _rng.preserved():
            _rng.restore(resumed.random_state)
            loader._load_sampler_state(resumed.sampler_state)
            self._base_seed = _rng.draw_seed(loader.generator)
            indices = self._numbered_indices()
            self._skipped = list(itertools.islice(indices, resumed.done))
            # The first batch is drawn here, while the random states are those of the epoch's beginning.
            first = list(itertools.islice(indices, 1))
        self._indices = itertools.chain(first, indices)

    def _numbered_indices(self) -> Iterator[tuple[int, Any]]:
        """(number, indices) of every batch; indices are ranges or tensors when the fetcher can take them."""
        loader = self._loader
        batches = loader._native_index_batches()
        return enumerate(iter(loader._index_sampler) if batches is None else batches)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._loader)

    def _finished(self, batch: Any) -> Any:
        return pinned(batch) if self._pins else batch

    def _count(self) -> None:
        """Warns about streams that are longer than they say."""
        self._yielded += 1
        length = self._loader._announced_length
        if length is not None and self._yielded > length and self._loader._is_stream:
            warnings.warn(
                f"Length of IterableDataset {type(self._loader.dataset).__name__} was reported to be "
                f"{length} (when "
                f"accessing len(dataloader)), but {self._yielded} samples have been fetched.",
                stacklevel=3,
            )


class InProcessIterator(_EpochIterator):
    """Fetches every batch when it is asked for."""

    def __init__(self, loader: DataLoader[Any], resumed: EpochPosition | None) -> None:
        super().__init__(loader, resumed)
        self._fetcher: MapFetcher | StreamFetcher
        if not loader._is_stream:
            self._fetcher = loader._map_fetcher()
            return
        self._fetcher = self.position.stream = self._continued_stream(resumed)

    def _continued_stream(self, resumed: EpochPosition | None) -> StreamFetcher:
        if resumed is None:
            return self._stream_fetcher()
        if resumed.stream_state is not None:
            fetcher = self._stream_fetcher()
            fetcher.load_state_dict(resumed.stream_state)
            return fetcher
        with _rng.preserved():
            _rng.restore(resumed.random_state)
            if self._loader.generator is None:
                _rng.draw_seed(None)  # as the uninterrupted epoch did before it touched the stream
            fetcher = self._stream_fetcher()
            for _, indices in self._skipped:
                fetcher.skip(indices)
        return fetcher

    def _stream_fetcher(self) -> StreamFetcher:
        loader = self._loader
        return StreamFetcher(loader.dataset, loader._auto_collation, loader.collate_fn, loader.drop_last)  # type: ignore[arg-type]

    def __next__(self) -> Any:
        try:
            number, indices = next(self._indices)
            batch = self._fetcher.fetch(indices)
        except StopIteration:
            self.position.is_finished = True
            raise
        self.position.deliver(number)
        self._count()
        return self._finished(batch)


class WorkerIterator(_EpochIterator):
    """Hands batches of indices to worker processes in turn and returns what they fetch.

    Batch i goes to worker i modulo num_workers (streams that have ended are left out), and batches are
    returned by number unless the loader's `in_order` is False.
    """

    def __init__(self, loader: DataLoader[Any], resumed: EpochPosition | None, pool: WorkerPool) -> None:
        super().__init__(loader, resumed)
        self._pool = pool
        count = loader.num_workers
        same_workers = resumed is not None and len(resumed.workers) == count
        if resumed is not None and not same_workers:
            if any(worker.state is not None for worker in resumed.workers):
                warnings.warn(
                    f"DataLoader: the state was saved with num_workers={len(resumed.workers)}, this loader "
                    "has "
                    f"{count}: the remaining samples are the same, but random transforms inside the "
                    "workers differ",
                    stacklevel=4,
                )
            resumed.workers = []
        if not self.position.workers:
            self.position.workers = [WorkerPosition() for _ in range(count)]
        self._epoch = pool.begin_epoch()
        for worker in range(count):
            self._pool.send(worker, self._epoch_order(worker))
        self._owner: dict[int, int] = {}  # outstanding batch -> its worker
        self._results: dict[int, Any] = {}  # received and not yet returned
        self._is_over = [False] * count
        self._next_number = self.position.done
        first = (self.position.last_worker + 1) % count
        self._turns = itertools.cycle([*range(first, count), *range(first)])
        for _ in range(loader._prefetch_per_worker * count):
            self._give_task()

    def _epoch_order(self, worker: int) -> Epoch:
        position = self.position.workers[worker]
        if position.state is None:
            skipped = itertools.repeat(
                self._stream_indices(), position.batches if self._loader._is_stream else 0
            )
            return Epoch(self._epoch, self._base_seed, replayed=tuple(skipped))
        if self._loader._is_stream and position.state["stream"] is None:
            skipped = itertools.repeat(self._stream_indices(), position.batches)
            return Epoch(self._epoch, self._base_seed, replayed=tuple(skipped))
        return Epoch(self._epoch, self._base_seed, position.state["random"], position.state["stream"])

    def _stream_indices(self) -> Any:
        return range(self._loader.batch_size) if self._loader.batch_size is not None else None

    def _give_task(self) -> None:
        """Orders the next undelivered batch from the worker whose turn it is, if there is one."""
        if all(self._is_over):
            return
        number, indices = next(self._indices, (-1, None))
        while number != -1 and self.position.has(number):
            number, indices = next(self._indices, (-1, None))
        if number == -1:
            return
        if isinstance(indices, taeda.Tensor):
            indices = indices.tolist()
        worker = next(turn for turn in self._turns if not self._is_over[turn])
        self._owner[number] = worker
        self._pool.send(worker, Task(number, indices, self._pool.released(worker)))

    def __next__(self) -> Any:
        if self._owner and self._pool.epoch != self._epoch:
            raise RuntimeError(
                "DataLoader: this iterator is out of date, since the loader keeps its workers "
                "(persistent_workers=True) and has begun another epoch on them"
            )
        while self._owner:
            number = self._ready_number()
            if number is None:
                self._receive()
                continue
            worker = self._owner.pop(number)
            kind, rebuild = self._results.pop(number)
            content, state = rebuild()
            self._give_task()
            return self._deliver(number, worker, kind, content, state)
        self._finish()
        raise StopIteration

    def _ready_number(self) -> int | None:
        if not self._loader.in_order:
            return next(iter(self._results), None)
        number = next(iter(self._owner))
        return number if number in self._results else None

    def _receive(self) -> None:
        """Waits for one message and files it."""
        expected = next(iter(self._owner.values())) if self._loader.in_order else None
        worker, (kind, epoch, number), rebuild = self._pool.receive(expected, self._loader.timeout)
        if epoch != self._epoch:
            return
        if kind != "end":
            self._results[number] = (kind, rebuild)
            return
        self._is_over[worker] = True
        unfulfilled = [
            task for task, owner in self._owner.items() if owner == worker and task not in self._results
        ]
        for task in unfulfilled:
            del self._owner[task]
            self._give_task()

    def _deliver(
        self, number: int, worker: int, kind: str, content: Any, state: dict[str, Any] | None
    ) -> Any:
        # A stream's batches are counted; numbers given to a worker whose stream had ended stay unused.
        self.position.deliver(self.position.done if self._loader._is_stream else number)
        self.position.last_worker = worker
        progress = self.position.workers[worker]
        progress.batches += 1
        if state is not None:
            progress.state = state
        if kind == "error":
            assert isinstance(content, ExceptionWrapper)
            content.reraise()
        self._count()
        return self._finished(content)

    def _finish(self) -> None:
        self.position.is_finished = True
        if not self._loader.persistent_workers:
            self._pool.shut_down()
