"""Worker processes: what runs in them, and the errors that travel back from them."""

from __future__ import annotations

import queue
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import taeda
from taeda.utils.data import _rng
from taeda.utils.data import collate as _collate
from taeda.utils.data._fetch import MapFetcher, StreamFetcher
from taeda.utils.data._transport import BatchWriter

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from taeda.utils.data.dataset import Dataset

__all__ = ["Epoch", "ExceptionWrapper", "Task", "WorkerInfo", "WorkerPlan", "get_worker_info", "worker_main"]


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker process knows about itself.

    Attributes:
        id: 0 .. num_workers-1.
        num_workers: how many workers the loader has.
        seed: the seed of this worker's random generators in this epoch.
        dataset: this worker's copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Dataset[Any]


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Inside a loader's worker process its `WorkerInfo`; None in the main process."""
    return _worker_info


class ExceptionWrapper:
    """An exception with its traceback's text, in a form that crosses process boundaries.

    Args:
        error: the exception.
        where: completes the sentence "Caught ValueError ...".
    """

    def __init__(self, error: BaseException, where: str) -> None:
        self.exc_type = type(error)
        self.exc_msg = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        self.where = where

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        state["exc_type"] = (
            self.exc_type.__module__,
            self.exc_type.__qualname__,
            _pickled_type(self.exc_type),
        )
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        import pickle

        self.__dict__.update(state)
        module, name, pickled = state["exc_type"]
        try:
            self.exc_type = pickle.loads(pickled)
        except (ImportError, AttributeError, pickle.PickleError, EOFError):
            self.exc_type = RuntimeError
            self.exc_msg = (
                f"(the exception type {module}.{name} is not known in this process)\n{self.exc_msg}"
            )

    def reraise(self) -> NoReturn:
        """Raises an exception of the same type, whose message ends with the original traceback."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            raise _MultilineKeyError(message)
        try:
            error = self.exc_type(message)
        except Exception:
            # Types whose constructor wants something else than a message cannot be built again.
            raise RuntimeError(message) from None
        raise error


class _MultilineKeyError(KeyError):
    """A KeyError that shows its message's line breaks (a plain one shows the repr)."""

    def __str__(self) -> str:
        return str(self.args[0])


def _pickled_type(kind: type[BaseException]) -> bytes:
    import pickle

    try:
        return pickle.dumps(kind)
    except (pickle.PickleError, AttributeError, TypeError):
        return b""


@dataclass(frozen=True)
class WorkerPlan:
    """All that a worker process needs to know when it starts."""

    dataset: Dataset[Any]
    is_stream: bool
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    worker_id: int
    num_workers: int
    init_fn: Callable[[int], None] | None


@dataclass(frozen=True)
class Epoch:
    """Order to begin an epoch.

    Attributes:
        number: counts the loader's epochs; results carry it, so that late ones can be told apart.
        base_seed: the worker's seed is this plus its id.
        random_state: state to continue from (`_rng.capture`), or None.
        stream_state: the stream's own state to continue from, or None.
        replayed: indices of the batches of a stateless stream to pass over.
    """

    number: int
    base_seed: int
    random_state: dict[str, Any] | None = None
    stream_state: Any = None
    replayed: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Task:
    """Order to fetch a batch; `released` are shared segments that the main process does not need any more."""

    number: int
    indices: Any
    released: list[int]


def worker_main(connection: Connection, siblings: list[Any], plan: WorkerPlan) -> None:
    """The life of a worker process: reads orders from `connection` until it closes.

    Args:
        connection: this process's end.
        siblings: ends of the main process that a fork copied; closed here.
        plan: what to do.
    """
    # Ctrl-C reaches all processes of a terminal; the main process decides when the workers stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for sibling in siblings:
        sibling.close()
    taeda.set_num_threads(1)
    writer = BatchWriter(connection)
    _collate.shared_output = writer.empty
    worker = _Worker(plan, writer)
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # The thread keeps the socket drained, so that the main process never blocks on giving orders while this
    # process blocks on delivering a result.
    threading.Thread(target=_read_orders, args=(connection, orders), daemon=True).start()
    try:
        while (order := orders.get()) is not None:
            if isinstance(order, Epoch):
                worker.begin(order)
            else:
                worker.run(order)
    except (BrokenPipeError, ConnectionResetError):
        # The main process is stopping, and says so itself.
        pass


def _read_orders(connection: Connection, orders: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            order = connection.recv()
            orders.put(order)
            if order is None:
                return
    except (EOFError, OSError):
        orders.put(None)


class _StreamEndError(Exception):
    """The worker's stream has no further batch."""


class _Worker:
    """Runs orders one by one. An error while an epoch begins is reported by its first task."""

    def __init__(self, plan: WorkerPlan, writer: BatchWriter) -> None:
        self._plan = plan
        self._writer = writer
        self._is_initialised = False
        self._epoch = -1
        self._is_over = False
        self._failure: ExceptionWrapper | None = None
        self._fetcher: MapFetcher | StreamFetcher | None = None
        self._sent_state: dict[str, Any] | None = None

    def begin(self, order: Epoch) -> None:
        global _worker_info
        plan = self._plan
        self._epoch, self._is_over, self._failure, self._sent_state = order.number, False, None, None
        seed = order.base_seed + plan.worker_id
        _rng.seed_all(seed)
        _worker_info = WorkerInfo(plan.worker_id, plan.num_workers, seed, plan.dataset)
        try:
            if not self._is_initialised and plan.init_fn is not None:
                plan.init_fn(plan.worker_id)
            self._is_initialised = True
            self._fetcher = self._make_fetcher(order)
            if order.random_state is not None:
                _rng.restore(order.random_state)
                self._sent_state = order.random_state
        except Exception as error:
            self._failure = self._wrap(error)

    def _make_fetcher(self, order: Epoch) -> MapFetcher | StreamFetcher:
        plan = self._plan
        if not plan.is_stream:
            return MapFetcher(plan.dataset, plan.batched, plan.collate_fn)
        fetcher = StreamFetcher(plan.dataset, plan.batched, plan.collate_fn, plan.drop_last)  # type: ignore[arg-type]
        if order.stream_state is not None:
            fetcher.load_state_dict(order.stream_state)
        else:
            for indices in order.replayed:
                fetcher.skip(indices)
        return fetcher

    def run(self, task: Task) -> None:
        self._writer.release(task.released)
        if self._is_over:
            return
        if self._failure is not None:
            failure, self._failure = self._failure, None
            self._send("error", task, failure)
            return
        try:
            self._send("batch", task, self._fetch(task.indices))
        except _StreamEndError:
            self._is_over = True
            self._send("end", task, None)
        except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
            raise
        except Exception as error:
            self._writer.abandon()
            self._send("error", task, self._wrap(error))

    def _fetch(self, indices: Any) -> Any:
        assert self._fetcher is not None
        if not self._plan.is_stream:
            return self._fetcher.fetch(indices)
        try:
            return self._fetcher.fetch(indices)
        except StopIteration:
            raise _StreamEndError from None

    def _send(self, kind: str, task: Task, content: Any) -> None:
        """The state travels beside the content, whose pickle knows how to carry tensors."""
        state = None if kind == "end" else self._state()
        self._writer.send((kind, self._epoch, task.number), (content, state))

    def _state(self) -> dict[str, Any] | None:
        """What a resumed run needs to go on after this batch; None when that has not changed."""
        fetcher = self._fetcher
        if fetcher is None or fetcher.is_native:
            return None
        state = {"random": _rng.capture(), "stream": None}
        if isinstance(fetcher, StreamFetcher):
            state["stream"] = fetcher.state_dict()
        elif self._sent_state == state["random"]:
            return None
        self._sent_state = state["random"]
        return state

    def _wrap(self, error: Exception) -> ExceptionWrapper:
        return ExceptionWrapper(error, f"in DataLoader worker process {self._plan.worker_id}")
