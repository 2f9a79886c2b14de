"""DataLoader: batches of a dataset, in order or shuffled, fetched here or by worker processes."""

from __future__ import annotations

import itertools
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from taeda.utils.data import collate as _collate
from taeda.utils.data._fetch import MapFetcher
from taeda.utils.data._iterators import InProcessIterator, WorkerIterator
from taeda.utils.data._position import FORMAT_VERSION, EpochPosition, check_state
from taeda.utils.data.dataset import Dataset, IterableDataset
from taeda.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

if TYPE_CHECKING:
    from taeda import Generator
    from taeda.utils.data._worker_pool import WorkerPool

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)

DEFAULT_PREFETCH_FACTOR = 2
_FIXED_ATTRIBUTES = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")


class _EndlessSampler(Sampler[None]):
    """Drives a stream: yields None for ever."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[T_co]):
    """Iterates over a dataset in batches.

    Args:
        dataset: a map-style `Dataset` or an `IterableDataset`.
        batch_size: samples per batch; None switches batching off.
        shuffle: visit the samples in a new random order every epoch.
        sampler: yields indices; excludes `shuffle`.
        batch_sampler: yields lists of indices; excludes `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers: worker processes; 0 fetches in this process.
        collate_fn: from a list of samples to a batch (default: `default_collate`).
        pin_memory: batches come in page-locked memory, where a GPU is there; see `Tensor.pin_memory`.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a worker's batch; 0 waits without end.
        worker_init_fn: called with the worker's id when a worker starts, after seeding.
        multiprocessing_context: "fork", "spawn", "forkserver" or a context; None takes Python's default.
        generator: source of the epoch's seed and of the random order; the default generator when None.
        prefetch_factor: batches that every worker fetches ahead (2 when None).
        persistent_workers: keep the workers for the next epoch. They are seeded anew in every epoch, so that
            results do not depend on this switch.
        pin_memory_device: accepted, as `pin_memory`.
        in_order: return batches in the sampler's order (False: as they come).

    Raises:
        ValueError: options that exclude each other, or out of range.
        TypeError: `multiprocessing_context` is neither a name nor a context.

    `state_dict()` and `load_state_dict()` save the position inside the epoch and continue with exactly the
    remaining samples, also with workers, shuffled samplers and random transforms.

    Example:
        >>> loader = DataLoader(range(5), batch_size=2)
        >>> [batch.tolist() for batch in loader]
        [[0, 1], [2, 3], [4]]
    """

    dataset: Dataset[T_co]
    batch_size: int | None
    num_workers: int
    timeout: float
    sampler: Any
    batch_sampler: Any

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_worker_options(num_workers, timeout, prefetch_factor, persistent_workers)
        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream:
            _check_stream_options(shuffle, sampler, batch_sampler)
        elif sampler is None and batch_sampler is None and not hasattr(dataset, "__len__"):
            raise TypeError(
                f"DataLoader: {type(dataset).__name__} has no __len__, so there is nothing to draw from; define "
                "__len__ and "
                "__getitem__, derive from IterableDataset, or pass sampler="
            )
        _check_batch_options(batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = (
            DEFAULT_PREFETCH_FACTOR if num_workers and prefetch_factor is None else prefetch_factor
        )
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self.drop_last = drop_last
        self.batch_size = None if batch_sampler is not None else batch_size
        if sampler is None:
            sampler = self._default_sampler(bool(shuffle))
        self.sampler = sampler
        if self.batch_size is not None:
            batch_sampler = BatchSampler(sampler, self.batch_size, drop_last)
        self.batch_sampler = batch_sampler
        if collate_fn is None:
            collate_fn = _collate.default_collate if self._auto_collation else _collate.default_convert
        self.collate_fn = collate_fn
        self._announced_length: int | None = None
        self._pool: WorkerPool | None = None
        self._position: EpochPosition | None = None
        self._resumed: dict[str, Any] | None = None
        self._is_initialised = True
        self._warn_about_too_many_workers()

    def _default_sampler(self, shuffle: bool) -> Sampler[Any]:
        if self._is_stream:
            return _EndlessSampler()
        if shuffle:
            return RandomSampler(self.dataset, generator=self.generator)  # type: ignore[arg-type]
        return SequentialSampler(self.dataset)  # type: ignore[arg-type]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED_ATTRIBUTES and self.__dict__.get("_is_initialised"):
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; make a "
                "new loader"
            )
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How worker processes start; set from a name or a context."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        if context is not None:
            import multiprocessing
            import multiprocessing.context

            if self.num_workers == 0:
                raise ValueError(
                    "DataLoader: multiprocessing_context can only be used with multi-process loading "
                    f"(num_workers > 0), but got num_workers={self.num_workers}"
                )
            if isinstance(context, str):
                names = multiprocessing.get_all_start_methods()
                if context not in names:
                    raise ValueError(
                        "DataLoader: multiprocessing_context option should specify a valid start method "
                        f"in {names}, "
                        f"but got multiprocessing_context={context!r}"
                    )
                context = multiprocessing.get_context(context)
            if not isinstance(context, multiprocessing.context.BaseContext):
                raise TypeError(
                    "DataLoader: multiprocessing_context option should be a valid context object or a string "
                    f"specifying the start method, but got multiprocessing_context={context}"
                )
        self._context = context

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    @property
    def _prefetch_per_worker(self) -> int:
        return self.prefetch_factor or DEFAULT_PREFETCH_FACTOR

    def _map_fetcher(self) -> MapFetcher:
        return MapFetcher(self.dataset, self._auto_collation, self.collate_fn)

    def _native_index_batches(self) -> Iterator[Any] | None:
        """Batches of indices without Python lists, when sampler and dataset are made for it."""
        if (
            self._is_stream
            or not isinstance(self.batch_sampler, BatchSampler)
            or not self._map_fetcher().is_native
        ):
            return None
        return self.batch_sampler.index_batches()

    def __iter__(self) -> Iterator[Any]:
        resumed = None
        if self._resumed is not None:
            if self._resumed["epoch"] is not None:
                resumed = EpochPosition.from_state(self._resumed["epoch"])
            self._resumed = None
        iterator = self._start(resumed)
        self._position = iterator.position
        return iterator

    def _start(self, resumed: EpochPosition | None) -> InProcessIterator | WorkerIterator:
        if self.num_workers == 0:
            return InProcessIterator(self, resumed)
        if self._pool is not None and self._pool.is_running:
            return WorkerIterator(self, resumed, self._pool)
        pool = self._start_workers()
        if self.persistent_workers:
            self._pool = pool
        return WorkerIterator(self, resumed, pool)

    def _start_workers(self) -> WorkerPool:
        import multiprocessing

        import numpy.random  # noqa: F401 - loaded here once, so that forked workers need not load it each

        from taeda.utils.data._worker_pool import WorkerPool
        from taeda.utils.data.worker import WorkerPlan

        plan = WorkerPlan(
            dataset=self.dataset,
            is_stream=self._is_stream,
            batched=self._auto_collation,
            collate_fn=self.collate_fn,
            drop_last=self.drop_last,
            worker_id=0,
            num_workers=self.num_workers,
            init_fn=self.worker_init_fn,
        )
        return WorkerPool(self._context or multiprocessing.get_context(), plan)

    def __len__(self) -> int:
        if not self._is_stream:
            return len(self._index_sampler)
        length = self._announced_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return length
        return length // self.batch_size if self.drop_last else -(-length // self.batch_size)

    # -- resume
    # ------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The position inside the epoch, made of plain containers, bytes and tensors (`taeda.save` stores
        it).

        Called between two batches it describes the batches that were returned so far, whatever workers have
        fetched ahead; called between epochs it holds the samplers' states only.
        """
        if self._resumed is not None:
            return self._resumed
        position = self._position
        if position is not None and position.is_finished:
            position = None
        return {
            "version": FORMAT_VERSION,
            **self._identity(),
            "samplers": self._sampler_state(),
            "epoch": None if position is None else position.to_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The next epoch continues where `state_dict()` was called.

        Raises:
            ValueError: the state belongs to a different loader (dataset length, batch size, for streams the
                number of workers).
        """
        check_state(state_dict, self._identity(), self._is_stream)
        self._load_sampler_state(state_dict["samplers"])
        self._resumed = state_dict

    def _identity(self) -> dict[str, Any]:
        try:
            length = len(self.dataset)  # type: ignore[arg-type]
        except (TypeError, NotImplementedError):
            length = None
        return {"dataset_length": length, "batch_size": self.batch_size, "num_workers": self.num_workers}

    def _sampler_state(self) -> dict[str, Any]:
        state_of = getattr(self._index_sampler, "state_dict", None)
        return {
            "generator": None if self.generator is None else self.generator.get_state(),
            "sampler": None if state_of is None else state_of(),
        }

    def _load_sampler_state(self, state: dict[str, Any]) -> None:
        if state["sampler"] is not None:
            self._index_sampler.load_state_dict(state["sampler"])
        if state["generator"] is not None and self.generator is not None:
            self.generator.set_state(state["generator"])

    # -- advice
    # ------------------------------------------------------------------------------------------------

    def _warn_about_too_many_workers(self) -> None:
        available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if self.num_workers > available:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested "
                "max number "
                f"of worker in current system is {available}, which is smaller than what this DataLoader "
                "is going to "
                "create.",
                stacklevel=3,
            )


def _check_worker_options(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"DataLoader: num_workers option should be non-negative, got {num_workers}; "
            "use num_workers=0 to disable multiprocessing"
        )
    if timeout < 0:
        raise ValueError(f"DataLoader: timeout option should be non-negative, got {timeout}")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "DataLoader: prefetch_factor option could only be specified in multiprocessing; "
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None"
        )
    if prefetch_factor is not None and prefetch_factor <= 0:
        raise ValueError(f"DataLoader: prefetch_factor option should be positive, got {prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("DataLoader: persistent_workers option needs num_workers > 0")


def _check_stream_options(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    why = "an IterableDataset decides its own order"
    if shuffle not in (False, None):
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified shuffle option, but got "
            f"shuffle={shuffle}; {why}"
        )
    if sampler is not None:
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified sampler option, but got "
            f"sampler={sampler}; {why}"
        )
    if batch_sampler is not None:
        raise ValueError(
            "DataLoader with IterableDataset: expected unspecified batch_sampler option, but got "
            f"batch_sampler={batch_sampler}; {why}"
        )


def _check_batch_options(
    batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if shuffle not in (False, True, None):
        raise ValueError(f"DataLoader: expected shuffle to be a bool or None, but got shuffle={shuffle}")
    if sampler is not None and shuffle:
        raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
            "drop_last"
        )
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError(
            "DataLoader: batch_size=None option disables auto-batching and is mutually exclusive with "
            "drop_last"
        )
