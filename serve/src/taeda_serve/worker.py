"""A model worker: a process of its own that loads one archive and answers batches over a pipe."""

from __future__ import annotations

import atexit
import multiprocessing
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

from taeda_serve.errors import RequestError, ServeError, ServerStartError
from taeda_serve.work import Answer, Work

__all__ = ["Failed", "Ready", "Refusal", "Worker", "WorkerDiedError", "WorkerSpec"]


class WorkerDiedError(ServeError):
    """The process ended, or was ended because it did not answer in time."""


@dataclass(frozen=True)
class WorkerSpec:
    """What a worker loads and how it runs.

    Args:
        path: the archive.
        digest: digest of its manifest; another one means that the file was replaced since.
        trust: architecture references outside the allow-list that may be used.
        threads: threads that one operator may use.
        max_pixels: largest accepted width times height of an image.
    """

    path: Path
    digest: str
    trust: tuple[str, ...] = ()
    threads: int = 1
    max_pixels: int = 40_000_000


@dataclass(frozen=True)
class Ready:
    """The process has loaded and run its model."""

    warm_up_seconds: float


@dataclass(frozen=True)
class Failed:
    """The process could not load its model and ends."""

    message: str


@dataclass(frozen=True)
class Refusal:
    """A `RequestError`, told over the pipe."""

    status: int
    message: str


class Worker:
    """The server's side of one worker process. Its methods block; call them from a thread.

    Args:
        spec: what the process loads.
        name: name of the process.
    """

    def __init__(self, spec: WorkerSpec, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._spec = spec
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_run, args=(theirs, spec), name=name, daemon=True)
        try:
            self._process.start()
        finally:
            theirs.close()
        # Runs before multiprocessing's own exit hook, which would wait for a process that ignores SIGTERM.
        atexit.register(self.kill)

    @property
    def pid(self) -> int | None:
        """Id of the process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.is_alive()

    def wait_ready(self, timeout: float) -> float:
        """Wait until the model is loaded and warm; returns the seconds of the first run.

        Raises:
            ServerStartError: if it cannot be loaded.
            WorkerDiedError: if the process ends or does not get ready in time.
        """
        answer = self._receive(timeout, "loading the model")
        if isinstance(answer, Failed):
            raise ServerStartError(answer.message)
        assert isinstance(answer, Ready)
        return answer.warm_up_seconds

    def run(self, works: Sequence[Work], timeout: float) -> list[Answer | RequestError]:
        """Answer a batch.

        Raises:
            WorkerDiedError: if the process ends meanwhile or does not answer in time.
        """
        try:
            self._connection.send(list(works))
        except (OSError, ValueError) as error:
            self.kill()
            raise WorkerDiedError(f"worker {self.pid} ended before the batch was sent: {error}") from None
        results = self._receive(timeout, f"a batch of {len(works)} requests")
        assert isinstance(results, list)
        return [RequestError(r.status, r.message) if isinstance(r, Refusal) else r for r in results]

    def stop(self, timeout: float = 5.0) -> None:
        """Let the process end, or end it after `timeout` seconds. Not while another thread uses it."""
        self._connection.close()
        self._process.join(timeout)
        self.kill()
        atexit.unregister(self.kill)

    def kill(self) -> None:
        """End the process now."""
        if self._process.is_alive():
            self._process.kill()
        self._process.join()

    def _receive(self, timeout: float, what: str) -> object:
        try:
            ready = wait([self._connection, self._process.sentinel], timeout)
            if self._connection in ready:
                return self._connection.recv()
        except (EOFError, OSError):
            ready = [self._process.sentinel]
        pid = self.pid
        self.kill()
        if ready:
            raise WorkerDiedError(f"worker {pid} ended with exit code {self._process.exitcode} during {what}")
        raise WorkerDiedError(f"worker {pid} did not finish {what} in {timeout:g} s and was ended")


def _run(connection: Connection, spec: WorkerSpec) -> None:
    """The process. Its code, and with it the tensor library, is imported there and not in the server."""
    # The server alone decides when workers end: a Ctrl-C or a service manager signals the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    from taeda_serve.worker_process import run

    run(connection, spec)
