"""Long kernels let other Python threads run; short ones and errors leave everything as it was."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import taeda

N = 1 << 22  # elements: well above the size from which kernels let go of the lock

# Some milliseconds each, so that a system whose cores are all taken has time to let another thread in.
LONG: dict[str, Callable[[], Any]] = {
    "pointwise": lambda: taeda.full((N,), 0.5).atan().sum(),
    "sort": lambda: taeda.rand(N).sort(),
    "product": lambda: taeda.full((768, 768), 0.5) @ taeda.full((768, 768), 0.5),
    "convolution": lambda: taeda.conv2d(taeda.full((12, 32, 128, 128), 0.5), taeda.full((32, 32, 3, 3), 0.5)),
}  # fmt: skip


def _steps_beside(call: Callable[[], Any]) -> tuple[int, float]:
    """How often another thread gets to run during one call, and how long the call takes."""
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
    before, start = steps, time.perf_counter()
    call()
    during, seconds = steps - before, time.perf_counter() - start
    ended.set()
    thread.join()
    return during, seconds


@pytest.mark.parametrize("name", LONG)
def test_other_threads_run_during_long_kernels(name: str) -> None:
    """With the lock held throughout, another thread gets a turn between kernels at most: a handful of steps."""
    LONG[name]()
    assert max(_steps_beside(LONG[name])[0] for _ in range(5)) > 20


def test_threads_compute_what_one_computes() -> None:
    def work(seed: int) -> np.ndarray:
        generator = taeda.Generator().manual_seed(seed)
        x = taeda.rand(600, 600, generator=generator).requires_grad_()
        for _ in range(3):
            loss = ((x @ x.t()).tanh() * x.exp()).mean()
            (gradient,) = taeda.autograd.grad(loss, x)
            x = (x - gradient).detach().requires_grad_()
        return x.detach().numpy()

    expected = [work(seed) for seed in range(4)]
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda seed=seed: found.__setitem__(seed, work(seed))) for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        np.testing.assert_array_equal(found[seed], expected[seed])


def test_threads_add_to_the_same_gradient() -> None:
    x = taeda.zeros(N, requires_grad=True)

    def work() -> None:
        for _ in range(5):
            (x * 2).sum().backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad is not None
    assert x.grad.min().item() == x.grad.max().item() == 40


def test_errors_of_long_kernels_arrive() -> None:
    index = taeda.zeros(N, dtype=taeda.int64)
    index[N // 2] = 7
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 3"):
        taeda.ones(3)[index]
    assert taeda.ones(2).sum().item() == 2


def test_hooks_run_with_the_lock() -> None:
    seen = []
    x = taeda.full((N,), 0.5, requires_grad=True)
    x.register_hook(lambda gradient: seen.append(gradient.shape))
    x.exp().sum().backward()
    assert seen == [(N,)]


PROGRAM = """
import threading, time, taeda
def compute():
    x = taeda.full((1 << 20,), 0.5)
    begun.set()
    while True:
        x * 2
begun = threading.Event()
threading.Thread(target=compute, daemon=True).start()
begun.wait()
time.sleep(0.3)
"""


def test_a_program_may_end_while_a_thread_computes() -> None:
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
