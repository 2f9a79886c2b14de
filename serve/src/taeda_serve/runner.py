"""One served model: its queue, its workers, and the tasks that carry batches from one to the other."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from taeda_serve.archive import Archive
from taeda_serve.batching import BatchQueue, Pending, QueueFullError
from taeda_serve.errors import RequestError, ServerStartError
from taeda_serve.metrics import Metrics
from taeda_serve.settings import Settings
from taeda_serve.work import Answer, Work
from taeda_serve.worker import Worker, WorkerDiedError, WorkerSpec

__all__ = ["ModelRunner", "Reply"]

T = TypeVar("T")

log = logging.getLogger("taeda_serve")

_IDLE_CHECK = 0.5
_MAX_RESTARTS = 5
_CALM_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """A worker's answer with the seconds that the request spent in the queue."""

    answer: Answer
    queue_seconds: float


@dataclass
class _Ticket:
    work: Work
    future: asyncio.Future[Reply]
    attempts: int = 0


@dataclass
class _Slot:
    """A place for one worker; the worker changes when it is restarted."""

    name: str
    worker: Worker | None = None
    ready: bool = False
    busy: bool = False
    deaths: list[float] = field(default_factory=list)
    executor: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))

    async def call(self, function: Callable[..., T], *args: object) -> T:
        """Call a blocking function in the slot's thread."""

        def marked() -> T:
            self.busy = True
            try:
                return function(*args)
            finally:
                self.busy = False

        return await asyncio.get_running_loop().run_in_executor(self.executor, marked)


class ModelRunner:
    """Serves one archive. All methods belong to one event loop.

    Args:
        archive: what is served.
        settings: how.
        metrics: where it counts.
    """

    def __init__(self, archive: Archive, settings: Settings, metrics: Metrics) -> None:
        self.archive = replace(archive, weights=b"")  # the workers read their own
        self.manifest = archive.manifest
        self.labels = archive.labels
        self._settings = settings
        self._metrics = metrics
        self._key = (self.manifest.name, self.manifest.version)
        self._spec = WorkerSpec(
            archive.path, archive.digest, settings.trust, settings.threads_per_worker, settings.max_pixels
        )
        self._queue: BatchQueue[_Ticket] = BatchQueue(settings.batching)
        self._changed = asyncio.Event()
        self._slots = [_Slot(f"taeda-{self.manifest.name}-{index}") for index in range(settings.workers)]
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._failure: str | None = None
        metrics.queue_rows.labels(*self._key).set_function(lambda: float(self._queue.rows))
        metrics.workers.labels(*self._key).set_function(lambda: float(self.ready_workers))

    @property
    def ready_workers(self) -> int:
        """How many workers can take a batch."""
        return sum(slot.ready for slot in self._slots)

    @property
    def worker_pids(self) -> list[int]:
        """Process ids of the ready workers."""
        return [slot.worker.pid for slot in self._slots if slot.ready and slot.worker and slot.worker.pid]

    async def start(self) -> None:
        """Start the workers and wait until all are ready. After a failure, call `stop`.

        Raises:
            ServerStartError: if one cannot load the model.
        """
        try:
            await asyncio.gather(*(self._start_worker(slot) for slot in self._slots))
        except WorkerDiedError as error:
            raise ServerStartError(f"{self.archive.path}: {error}") from None
        self._tasks = [asyncio.create_task(self._work(slot), name=slot.name) for slot in self._slots]

    async def stop(self, drain_timeout: float) -> None:
        """Answer what is queued, for at most `drain_timeout` seconds, then end the workers."""
        self._closing = True
        self._changed.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=drain_timeout)
            for task in late:
                task.cancel()
        self._refuse_all(
            RequestError(503, f"model {self.manifest.name!r} is shutting down; try another server")
        )
        await asyncio.gather(*(asyncio.to_thread(self._end, slot, drain_timeout) for slot in self._slots))
        for gauge in (self._metrics.queue_rows, self._metrics.workers):
            gauge.remove(*self._key)

    async def submit(self, work: Work) -> Reply:
        """Queue a request and wait for its answer.

        Raises:
            RequestError: 503 if the queue is full or the model is down, 504 after the timeout, or what was
                wrong with the request itself.
        """
        if self._failure is not None or self._closing:
            reason = self._failure or "it is shutting down"
            raise RequestError(
                503, f"model {self.manifest.name!r} cannot answer: {reason}", {"Retry-After": "5"}
            )
        now = time.monotonic()
        ticket = _Ticket(work, asyncio.get_running_loop().create_future())
        pending = Pending(ticket, work.rows, now, now + self._settings.request_timeout)
        try:
            self._queue.put(pending)
        except QueueFullError as error:
            self._metrics.rejected.labels(*self._key).inc()
            raise RequestError(
                503,
                f"model {self.manifest.name!r} is overloaded: {error}; "
                "retry later, or start the server with more --workers or a longer --queue-rows",
                {"Retry-After": "1"},
            ) from None
        self._changed.set()
        try:
            return await asyncio.wait_for(ticket.future, self._settings.request_timeout)
        except asyncio.TimeoutError:
            raise self._timeout_error() from None

    def _timeout_error(self) -> RequestError:
        return RequestError(
            504,
            f"model {self.manifest.name!r} gave no answer in {self._settings.request_timeout:g} s; "
            "send smaller batches, or start the server with a longer --request-timeout or more --workers",
        )

    async def _work(self, slot: _Slot) -> None:
        """Carry batches to the worker of one slot until the queue is closed and empty."""
        while True:
            batch = await self._next_batch(_IDLE_CHECK)
            if batch is None:
                return
            if slot.worker is None or not slot.ready or not slot.worker.alive:
                self._queue.put_back(batch)
                self._changed.set()  # another worker may take it meanwhile
                if not await self._restart(slot):
                    return
            elif batch:
                await self._run(slot, slot.worker, batch)

    async def _next_batch(self, patience: float) -> list[Pending[_Ticket]] | None:
        """Wait for a batch; empty after `patience` seconds without one, None if closed and nothing waits."""
        give_up = time.monotonic() + patience
        while True:
            now = time.monotonic()
            self._queue.expire(now)  # their callers have had their timeout error from `submit`
            due = self._queue.due(now)
            if due is not None and (due <= now or self._closing):
                return self._queue.take()
            if due is None and self._closing:
                return None
            if now >= give_up:
                return []
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(due or give_up, give_up) - now)
            except asyncio.TimeoutError:
                continue

    async def _run(self, slot: _Slot, worker: Worker, batch: list[Pending[_Ticket]]) -> None:
        batch = [pending for pending in batch if not pending.item.future.done()]
        if not batch:
            return
        works = [pending.item.work for pending in batch]
        begun = time.monotonic()
        try:
            results = await slot.call(worker.run, works, self._settings.request_timeout)
        except WorkerDiedError as error:
            log.error("model %s: %s", self.manifest.name, error)
            slot.ready = False
            self._retry(batch, error)
            return
        except Exception as error:  # a bug here must not end the task that serves this slot
            log.exception("model %s: a batch failed", self.manifest.name)
            for pending in batch:
                if not pending.item.future.done():
                    pending.item.future.set_exception(RequestError(500, f"the batch failed: {error}"))
            return
        self._metrics.batch_rows.labels(*self._key).observe(sum(work.rows for work in works))
        answers = [result for result in results if isinstance(result, Answer)]
        if answers:
            self._metrics.inference_seconds.labels(*self._key).observe(answers[0].inference_seconds)
        for pending, result in zip(batch, results, strict=True):
            if pending.item.future.done():
                continue
            if isinstance(result, Answer):
                pending.item.future.set_result(Reply(result, begun - pending.arrived))
            else:
                pending.item.future.set_exception(result)

    def _retry(self, batch: list[Pending[_Ticket]], error: WorkerDiedError) -> None:
        """Queue the requests of a lost batch once more, each alone: a deadly one must take no other along."""
        again = []
        for pending in batch:
            pending.item.attempts += 1
            pending.alone = True
            if pending.item.future.done():
                continue
            if pending.item.attempts < 2:
                again.append(pending)
            else:
                text = (
                    f"the worker ended twice on this request ({error}); check the input and the server's log"
                )
                pending.item.future.set_exception(RequestError(500, text))
        self._queue.put_back(again)
        self._changed.set()

    async def _restart(self, slot: _Slot) -> bool:
        """Start a slot's worker again; returns False if it keeps dying, and then the model is down."""
        slot.ready = False
        now = time.monotonic()
        slot.deaths = [death for death in slot.deaths if now - death < _CALM_SECONDS] + [now]
        self._metrics.restarts.labels(*self._key).inc()
        if len(slot.deaths) > 1:
            await asyncio.sleep(min(2.0, 0.05 * 2 ** len(slot.deaths)))
        if self._closing:
            return True
        try:
            await self._start_worker(slot)
        except (ServerStartError, WorkerDiedError) as error:
            log.error("model %s: worker does not start: %s", self.manifest.name, error)
            if len(slot.deaths) < _MAX_RESTARTS:
                return True
            if not any(other.ready for other in self._slots):
                self._failure = (
                    f"its workers do not start ({error}); check the server's log and register it again"
                )
                self._refuse_all(
                    RequestError(503, f"model {self.manifest.name!r} cannot answer: {self._failure}")
                )
            return False
        log.warning("model %s: worker restarted", self.manifest.name)
        return True

    async def _start_worker(self, slot: _Slot) -> None:
        slot.worker = await slot.call(Worker, self._spec, slot.name)
        seconds = await slot.call(slot.worker.wait_ready, self._settings.start_timeout)
        slot.ready = True
        log.info(
            "model %s: worker %s ready, first run %.1f ms", self.manifest.name, slot.worker.pid, 1e3 * seconds
        )

    def _refuse_all(self, error: RequestError) -> None:
        for pending in itertools.chain.from_iterable(iter(self._queue.take, [])):
            if not pending.item.future.done():
                pending.item.future.set_exception(error)

    @staticmethod
    def _end(slot: _Slot, timeout: float) -> None:
        slot.ready = False
        if slot.worker is not None and slot.busy:
            slot.worker.kill()  # wakes the thread that waits for its answer
        slot.executor.shutdown(wait=True)
        if slot.worker is not None:
            slot.worker.stop(min(timeout, 2.0))
