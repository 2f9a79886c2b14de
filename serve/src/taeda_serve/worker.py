"""A model worker: a process of its own that loads one archive and answers batches over a pipe."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path

import taeda
from taeda_serve.archive import read_archive
from taeda_serve.errors import RequestError, ServeError, ServerStartError, explain
from taeda_serve.model import Answer, ServableModel, Work

__all__ = ["Worker", "WorkerDiedError", "WorkerSpec"]


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
class _Ready:
    warm_up_seconds: float


@dataclass(frozen=True)
class _Failed:
    message: str


@dataclass(frozen=True)
class _Refusal:
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
        if isinstance(answer, _Failed):
            raise ServerStartError(answer.message)
        assert isinstance(answer, _Ready)
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
        return [RequestError(r.status, r.message) if isinstance(r, _Refusal) else r for r in results]

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
    """The process: load, warm up, answer batches until the pipe closes."""
    # The server alone decides when workers end: a Ctrl-C or a service manager signals the whole group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        model = _load(spec)
        warm_up_seconds = model.warm_up()
    except Exception as error:  # sent to the server, which reports it
        connection.send(
            _Failed(str(error) if isinstance(error, ServeError) else f"{type(error).__name__}: {error}")
        )
        return
    connection.send(_Ready(warm_up_seconds))
    while True:
        try:
            works: list[Work] = connection.recv()
        except EOFError:
            return
        results = model.run_batch(works)
        connection.send(
            [_Refusal(r.status, r.message) if isinstance(r, RequestError) else r for r in results]
        )


def _load(spec: WorkerSpec) -> ServableModel:
    taeda.set_num_threads(spec.threads)
    archive = read_archive(spec.path)
    if archive.digest != spec.digest:
        raise ServerStartError(
            explain(
                str(spec.path),
                expected="the archive that was registered",
                got="a file with another manifest",
                fix="register the new archive under a new version",
            )
        )
    return ServableModel(archive, spec.trust, spec.max_pixels)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
