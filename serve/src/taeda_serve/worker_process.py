"""The code of a worker process: load, warm up, answer batches until the pipe closes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import Connection, wait

import taeda
from taeda_serve.archive import read_archive
from taeda_serve.errors import RequestError, ServeError, ServerStartError, explain
from taeda_serve.model import ServableModel
from taeda_serve.work import Work
from taeda_serve.worker import Failed, Ready, Refusal, WorkerSpec

__all__ = ["run"]


def run(connection: Connection, spec: WorkerSpec) -> None:
    """The process: load, warm up, answer batches until the pipe closes."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        model = _load(spec)
        warm_up_seconds = model.warm_up()
    except Exception as error:  # sent to the server, which reports it
        connection.send(
            Failed(str(error) if isinstance(error, ServeError) else f"{type(error).__name__}: {error}")
        )
        return
    connection.send(Ready(warm_up_seconds))
    while True:
        try:
            works: list[Work] = connection.recv()
        except EOFError:
            os._exit(0)  # nothing is left to flush; tearing down the interpreter would only take time
        results = model.run_batch(works)
        connection.send([Refusal(r.status, r.message) if isinstance(r, RequestError) else r for r in results])


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
