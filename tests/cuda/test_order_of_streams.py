"""What streams do in which order. The emulated streams do their work as late as they may (TAEDA_EMULATED_STREAMS), so a
wait that somebody forgets shows as wrong values here; on a GPU these tests can pass by luck."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cuda_library import EMULATED

import taeda
from taeda import cuda

N = 4096
DEFERRED = EMULATED and os.environ.get("TAEDA_EMULATED_STREAMS", "deferred") != "at-once"
two_devices = pytest.mark.skipif(cuda.device_count() < 2, reason="there is one device")
deferred = pytest.mark.skipif(
    not DEFERRED, reason="what is wrong without a wait shows in the emulation alone"
)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    cuda.synchronize()
    gc.collect()
    cuda.empty_cache()
    yield
    cuda.set_device(0)


def _on(stream: cuda.Stream, make: Callable[[], Any]) -> Any:
    with cuda.stream(stream):
        return make()


@deferred
def test_the_emulation_shows_a_missing_wait() -> None:
    """The other tests mean something only if this one passes."""
    x, side = taeda.zeros(N, device="cuda"), cuda.Stream()
    cuda.synchronize()
    x.fill_(3.0)
    early = _on(side, x.clone)
    side.synchronize()
    np.testing.assert_array_equal(_on(side, early.cpu), np.zeros(N))
    np.testing.assert_array_equal(x.cpu(), np.full(N, 3.0))


def test_wait_stream() -> None:
    x, side = taeda.zeros(N, device="cuda"), cuda.Stream()
    x.fill_(3.0)
    side.wait_stream(cuda.current_stream())
    copy = _on(side, x.clone)
    side.synchronize()
    np.testing.assert_array_equal(_on(side, copy.cpu), np.full(N, 3.0))


def test_wait_event() -> None:
    """An event stands for what its stream had when it was recorded: nothing less."""
    x, first, second = taeda.zeros(N, device="cuda"), cuda.Stream(), cuda.Stream()
    cuda.synchronize()
    event = cuda.Event()
    with cuda.stream(first):
        x.add_(1.0)
        event.record()
    second.wait_event(event)
    with cuda.stream(second):
        x.mul_(10.0)
    second.synchronize()
    np.testing.assert_array_equal(x.cpu(), np.full(N, 10.0))


def test_events_end_and_are_polled() -> None:
    x, side = taeda.ones(N, device="cuda"), cuda.Stream()
    cuda.synchronize()
    with cuda.stream(side):
        x.mul_(2.0)
        event = side.record_event()
    if DEFERRED:
        assert not event.query()
        assert not side.query()
    while not event.query():
        time.sleep(0)
    assert x.cpu().sum().item() == 2.0 * N
    with cuda.stream(side):
        x.mul_(2.0)
        event.record()  # a new place: what it stood for before counts no more
    event.synchronize()
    assert event.query()
    assert x.cpu().sum().item() == 4.0 * N


def test_times_are_those_of_the_work() -> None:
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    x = taeda.ones(1 << 16, device="cuda")
    start.record()
    for _ in range(4):
        x.mul_(1.5)
    end.record()
    if DEFERRED:
        with pytest.raises(RuntimeError, match="cudaErrorNotReady"):
            start.elapsed_time(end)
    end.synchronize()
    assert start.elapsed_time(end) > 0
    untimed = cuda.Event()
    untimed.record()
    with pytest.raises(ValueError, match="enable_timing=True"):
        start.elapsed_time(untimed)


def _released_after_use_by(side: cuda.Stream, noted: bool) -> np.ndarray[Any, Any]:
    """What `side` reads of a tensor that the default stream releases and fills anew."""
    x = taeda.full((N,), 7.0, device="cuda")
    side.wait_stream(cuda.current_stream())
    copy = _on(side, x.clone)
    if noted:
        x.record_stream(side)
    del x
    again = taeda.full((N,), -1.0, device="cuda")
    cuda.current_stream().synchronize()
    side.synchronize()
    assert again.cpu().sum().item() == -N
    return np.asarray(_on(side, copy.cpu))


def test_record_stream_keeps_memory_until_the_stream_is_done() -> None:
    np.testing.assert_array_equal(_released_after_use_by(cuda.Stream(), noted=True), np.full(N, 7.0))


@deferred
def test_memory_is_handed_out_too_early_without_record_stream() -> None:
    np.testing.assert_array_equal(_released_after_use_by(cuda.Stream(), noted=False), np.full(N, -1.0))


def test_memory_that_a_stream_used_is_handed_out_again_in_the_end() -> None:
    side, x = cuda.Stream(), taeda.full((N,), 7.0, device="cuda")
    side.wait_stream(cuda.current_stream())
    copy = _on(side, x.clone)
    x.record_stream(side)
    address = x.data_ptr()
    del x
    held = [taeda.empty(N, device="cuda")]
    if DEFERRED:
        assert held[0].data_ptr() != address
    side.synchronize()
    held += [taeda.empty(N, device="cuda") for _ in range(3)]
    assert address in {t.data_ptr() for t in held}
    del copy


@two_devices
def test_memory_that_a_stream_of_another_device_used() -> None:
    """Its default stream has the same handle as ours, and its events belong to that device."""
    for side in (cuda.default_stream(1), cuda.Stream(1)):
        x = taeda.full((N,), 7.0, device="cuda:0")
        address = x.data_ptr()
        with cuda.stream(side):
            taeda.ones(N, device="cuda:1").mul_(2.0)
            x.record_stream(side)
            del x
        assert cuda.current_device() == 0
        held = taeda.empty(N, device="cuda:0")
        if DEFERRED:
            assert held.data_ptr() != address
        side.synchronize()
        again = [held, *(taeda.empty(N, device="cuda:0") for _ in range(3))]
        assert address in {t.data_ptr() for t in again}


def test_copies_from_pinned_memory_read_it_late_and_keep_it() -> None:
    pinned = taeda.full((N,), 5.0).pin_memory()
    address = pinned.data_ptr()
    there = pinned.to("cuda", non_blocking=True)
    del pinned
    again = taeda.full((N,), -1.0).pin_memory()  # not the same memory before the copy has read it
    assert not DEFERRED or again.data_ptr() != address
    np.testing.assert_array_equal(there.cpu(), np.full(N, 5.0))
    del again
    held = [taeda.full((N,), float(i)).pin_memory() for i in range(8)]
    assert address in {t.data_ptr() for t in held}


@deferred
def test_copies_to_pinned_memory_are_asynchronous() -> None:
    x = taeda.full((N,), 5.0, device="cuda")
    pinned = taeda.zeros(N).pin_memory()
    pinned.copy_(x, non_blocking=True)
    np.testing.assert_array_equal(pinned.numpy(), np.zeros(N))
    cuda.current_stream().synchronize()
    np.testing.assert_array_equal(pinned.numpy(), np.full(N, 5.0))
    pageable = taeda.zeros(N)
    pageable.copy_(x * 2, non_blocking=True)  # such memory cannot be written to later
    np.testing.assert_array_equal(pageable.numpy(), np.full(N, 10.0))


def test_what_a_copy_reads_may_change_behind_it() -> None:
    source = taeda.full((N,), 5.0)
    there = source.to("cuda", non_blocking=True)
    source.zero_()
    converted = taeda.full((N,), 2.0).pin_memory().to("cuda", taeda.float64, non_blocking=True)
    np.testing.assert_array_equal(there.cpu(), np.full(N, 5.0))
    np.testing.assert_array_equal(converted.cpu(), np.full(N, 2.0))


def test_a_stream_that_brings_batches() -> None:
    """Loading beside computing, as it is done: a stream for copies, a wait before use, record_stream for the memory."""
    copies, weight = cuda.Stream(), taeda.full((N,), 2.0, device="cuda")
    total = taeda.zeros((), device="cuda")
    for i in range(5):
        with cuda.stream(copies):
            batch = taeda.full((N,), float(i)).pin_memory().to("cuda", non_blocking=True)
        cuda.current_stream().wait_stream(copies)
        batch.record_stream(cuda.current_stream())
        total += (batch * weight).sum()
    assert total.item() == 2.0 * N * sum(range(5))


@two_devices
def test_copies_between_devices_wait_on_both_sides() -> None:
    x = taeda.zeros(N, device="cuda:0")
    cuda.synchronize(0)
    x.fill_(3.0)
    there = x.to("cuda:1")
    x.fill_(-1.0)  # comes after the copy
    cuda.synchronize(0)
    np.testing.assert_array_equal(there.cpu(), np.full(N, 3.0))
    target = taeda.zeros(N, device="cuda:1")
    target.fill_(9.0)
    target.copy_(taeda.full((N,), 4.0, device="cuda:0"))  # after the fill
    cuda.synchronize(1)
    np.testing.assert_array_equal(target.cpu(), np.full(N, 4.0))
    for _ in range(3):  # memory of the source that is released at once is not handed out before the copy
        there = taeda.full((N,), 6.0, device="cuda:0").to("cuda:1")
        taeda.full((N,), -1.0, device="cuda:0")
        cuda.synchronize(0)
        np.testing.assert_array_equal(there.cpu(), np.full(N, 6.0))


@two_devices
def test_gradients_across_devices_and_streams() -> None:
    w = taeda.full((N,), 2.0, device="cuda:0", requires_grad=True)
    side = cuda.Stream(0)
    side.wait_stream(cuda.current_stream(0))
    with cuda.stream(side):
        y = ((w * 3.0).to("cuda:1") ** 2).sum()
        y.backward()
    side.synchronize()
    np.testing.assert_array_equal(w.grad.cpu(), np.full(N, 36.0))


def _beside(wait: Callable[[], Any]) -> int:
    """How often another thread gets to run during a call."""
    steps, ended, begun = 0, threading.Event(), threading.Event()

    def count() -> None:
        nonlocal steps
        begun.set()
        while not ended.is_set():
            steps += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    thread.start()
    begun.wait()
    before = steps
    wait()
    during = steps - before
    ended.set()
    thread.join()
    return during


def _queue_work() -> taeda.Tensor:
    """Some tenths of a second of work for the current stream, on the emulation."""
    x = (
        taeda.full((256, 256), 0.5, device="cuda")
        if EMULATED
        else taeda.full((8192, 8192), 1e-4, device="cuda")
    )
    for _ in range(8 if EMULATED else 20):
        x = x @ x
    return x


WAITS: dict[str, Callable[[taeda.Tensor], Any]] = {
    "synchronize": lambda x: cuda.synchronize(),
    "stream": lambda x: cuda.current_stream().synchronize(),
    "event": lambda x: cuda.current_stream().record_event().synchronize(),
    "cpu": lambda x: x.cpu(),
    "item": lambda x: x[0, 0].item(),
    "copy": lambda x: taeda.empty(x.shape).copy_(x),
    "index check": lambda x: taeda.nn.functional.embedding(taeda.zeros(2, dtype=taeda.long, device="cuda"), x),
    "empty_cache": lambda x: cuda.empty_cache(),
}  # fmt: skip


@pytest.mark.skipif(EMULATED and not DEFERRED, reason="there is nothing to wait for")
@pytest.mark.parametrize("name", WAITS)
def test_other_threads_run_during_waits(name: str) -> None:
    """With the lock held, another thread gets a turn between two calls at most."""

    def steps() -> int:
        x = _queue_work()
        return _beside(lambda: WAITS[name](x))

    assert max(steps() for _ in range(3)) > 20


@pytest.mark.skipif(not EMULATED, reason="runs the emulation anew")
@pytest.mark.parametrize("order", ["at-once", "deferred-oldest-first"])
def test_other_orders_of_the_emulation(order: str) -> None:
    """Values that are right in one order of streams are right in all."""
    environment = os.environ | {"TAEDA_EMULATED_STREAMS": order, "TAEDA_INNER_TESTS": "1"}
    environment.pop("TAEDA_TEST_RECORD", None)
    if "TAEDA_INNER_TESTS" in os.environ:
        pytest.skip("runs inside itself")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", __file__],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
