"""The main process's side of worker processes: starting, talking, noticing deaths, stopping."""

from __future__ import annotations

import pickle
import select
import signal
import time
import warnings
import weakref
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import wait as wait_for_any
from typing import Any

from taeda.utils.data._transport import BatchReader
from taeda.utils.data.worker import WorkerPlan, worker_main

__all__ = ["WorkerPool"]

# A worker that says nothing is checked for being alive this often.
CHECK_INTERVAL_SECONDS = 5.0
# Workers that are asked to stop get this long before they are terminated.
STOP_SECONDS = 5.0


class _Handle:
    """One worker process and the two ends of talking to it."""

    def __init__(self, context: Any, plan: WorkerPlan, others: list[Any]) -> None:
        self.connection, remote = context.Pipe(duplex=True)
        # A forked child inherits the main process's ends; while it holds them, nobody sees its siblings'
        # sockets close. A spawned child inherits nothing.
        inherited = [*others, self.connection] if context.get_start_method() == "fork" else []
        self.process = context.Process(target=worker_main, args=(remote, inherited, plan), daemon=True)
        with warnings.catch_warnings():
            # Python 3.12+ warns when a process that has threads forks. The native thread pool restarts after
            # a fork, and the child runs nothing else before it.
            warnings.filterwarnings(
                "ignore", message=".*use of fork\\(\\) may lead to deadlocks", category=DeprecationWarning
            )
            try:
                self.process.start()
            except (AttributeError, TypeError, pickle.PicklingError) as error:
                raise type(error)(
                    f"DataLoader: what its workers need cannot be sent to processes that are started by "
                    f"{context.get_start_method()!r}: {error}; define the classes and functions of the dataset at "
                    "the top "
                    "level of a module (no lambdas), or use num_workers=0"
                ) from error
        remote.close()
        self.reader = BatchReader(self.connection)
        self._poll = select.poll()
        self._poll.register(self.connection.fileno(), select.POLLIN)

    def wait(self, seconds: float) -> bool:
        """Is there a message (or the end of the connection) within that time?"""
        return bool(self._poll.poll(seconds * 1000))


class WorkerPool:
    """The worker processes of a loader.

    Args:
        context: a multiprocessing context.
        plan: what the workers do; `worker_id` is filled in here.
    """

    def __init__(self, context: Any, plan: WorkerPlan) -> None:
        self._handles: list[_Handle] = []
        self.epoch = 0
        self._stop = weakref.finalize(self, _stop_all, self._handles)
        for worker in range(plan.num_workers):
            ends = [end for handle in self._handles for end in (handle.connection, handle.reader)]
            self._handles.append(_Handle(context, replace(plan, worker_id=worker), ends))

    @property
    def is_running(self) -> bool:
        """Have the workers not been stopped?"""
        return self._stop.alive

    def begin_epoch(self) -> int:
        """The number of a new epoch, which is the current one from now on."""
        self.epoch += 1
        return self.epoch

    def released(self, worker: int) -> list[int]:
        """Shared segments of a worker that are not used any more."""
        return self._handles[worker].reader.released()

    def send(self, worker: int, order: Any) -> None:
        """Gives an order to a worker."""
        handle = self._handles[worker]
        try:
            handle.connection.send(order)
        except (BrokenPipeError, ConnectionResetError):
            self._raise_dead(handle)

    def receive(self, worker: int | None, timeout: float) -> tuple[int, Any, Callable[[], Any]]:
        """The next message of a worker, or of any worker when None: (worker, header, function that rebuilds).

        Raises:
            RuntimeError: nothing came within `timeout` seconds (0: wait without end), or a worker died.
        """
        deadline = time.monotonic() + timeout if timeout > 0 else None
        while True:
            patience = CHECK_INTERVAL_SECONDS
            if deadline is not None:
                patience = min(patience, max(deadline - time.monotonic(), 0))
            ready = self._wait(worker, patience)
            if ready is not None:
                handle = self._handles[ready]
                try:
                    return ready, *handle.reader.receive()
                except (EOFError, ConnectionResetError):
                    self._raise_dead(handle)
            for handle in self._handles if worker is None else [self._handles[worker]]:
                if not handle.process.is_alive() and not handle.wait(0):
                    self._raise_dead(handle)
            if deadline is not None and time.monotonic() >= deadline:
                raise RuntimeError(
                    f"DataLoader timed out after {timeout} seconds: no batch came from "
                    f"{'any worker' if worker is None else f'worker {worker}'}; "
                    "raise timeout= or look for what blocks in the dataset"
                )

    def _wait(self, worker: int | None, seconds: float) -> int | None:
        if worker is not None:
            return worker if self._handles[worker].wait(seconds) else None
        connections = [handle.connection for handle in self._handles]
        ready = wait_for_any(connections, seconds)
        return connections.index(ready[0]) if ready else None

    def _raise_dead(self, handle: _Handle) -> None:
        handle.process.join(1.0)
        pid, code = handle.process.pid, handle.process.exitcode
        self.shut_down()
        reason = f"exit code {code}"
        if code is not None and code < 0:
            reason = f"killed by signal {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                reason += "; often that is the system running out of memory"
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pid}) exited unexpectedly ({reason}); "
            "run with num_workers=0 to see an error inside the dataset"
        )

    def shut_down(self) -> None:
        """Stops all workers; may be called again."""
        self._stop()


def _stop_all(handles: list[_Handle]) -> None:
    for handle in handles:
        try:
            handle.connection.send(None)
        except (BrokenPipeError, ConnectionResetError, OSError):
            # It is gone already.
            continue
        finally:
            handle.connection.close()
            handle.reader.close()
    deadline = time.monotonic() + STOP_SECONDS
    for handle in handles:
        handle.process.join(max(deadline - time.monotonic(), 0))
    for handle in handles:
        if handle.process.is_alive():
            handle.process.terminate()
            handle.process.join(1.0)
        if handle.process.is_alive():
            handle.process.kill()
            handle.process.join()
        handle.process.close()
    handles.clear()
