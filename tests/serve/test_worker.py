import os
import signal
import time

import numpy as np
import pytest
import tiny_models

import taeda_serve
from taeda_serve.errors import RequestError, ServerStartError
from taeda_serve.work import Work
from taeda_serve.worker import Worker, WorkerDiedError, WorkerSpec

from .conftest import TRUST, package_double


@pytest.fixture
def make(store):
    """Makes workers that are ended after the test."""
    made: list[Worker] = []

    def begin(**changes: object) -> Worker:
        archive = taeda_serve.read_archive(store / "double.taeda")
        spec = WorkerSpec(**{"path": archive.path, "digest": archive.digest, "trust": TRUST, **changes})  # type: ignore[arg-type]
        made.append(Worker(spec, "test-worker"))
        return made[-1]

    yield begin
    for worker in made:
        worker.kill()


def row(value: float) -> Work:
    return Work(tensors={"x": np.array([[value]], np.float32)})


def test_a_worker_answers_until_it_is_stopped(make):
    worker = make()
    assert worker.wait_ready(60) >= 0
    good, bad = worker.run([row(3), row(tiny_models.Doubler.RAISE)], 10)
    assert good.outputs["output"].tolist() == [[6.0]]
    assert isinstance(bad, RequestError)
    worker.stop()
    assert not worker.alive


def test_a_crash_is_told_with_the_exit_code(make):
    worker = make()
    worker.wait_ready(60)
    with pytest.raises(
        WorkerDiedError, match=r"worker \d+ ended with exit code 3 during a batch of 1 requests"
    ):
        worker.run([row(tiny_models.Doubler.CRASH)], 10)
    with pytest.raises(WorkerDiedError):
        worker.run([row(1)], 10)


def test_a_worker_that_hangs_is_ended(make):
    worker = make()
    worker.wait_ready(60)
    begun = time.monotonic()
    with pytest.raises(
        WorkerDiedError, match=r"did not finish a batch of 1 requests in 0\.3 s and was ended"
    ):
        worker.run([row(tiny_models.Doubler.SLEEP)], 0.3)
    assert time.monotonic() - begun < 5
    assert not worker.alive


def test_signals_to_the_group_do_not_end_it(make):
    worker = make()
    worker.wait_ready(60)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(worker.pid, number)
    assert worker.run([row(2)], 10)[0].outputs["output"].tolist() == [[4.0]]


def test_a_replaced_archive_is_not_loaded(make, tmp_path):
    path = tmp_path / "x.taeda"
    package_double(path)
    digest = taeda_serve.read_archive(path).digest
    package_double(path, provenance={"accuracy": 0.5})
    with pytest.raises(
        ServerStartError, match="expected the archive that was registered, got a file with another man"
    ):
        make(path=path, digest=digest).wait_ready(60)


def test_what_cannot_be_loaded_is_told(make):
    with pytest.raises(ServerStartError, match="pass --trust tiny_models:Doubler"):
        make(trust=()).wait_ready(60)
