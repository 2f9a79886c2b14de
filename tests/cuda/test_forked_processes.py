"""A process that is forked from one that has used a GPU cannot use it, and is told so instead of waiting for ever."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

import taeda
from taeda import cuda

# Python 3.12 and later warn of threads in the process that is forked, and a GPU's driver has some.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

CALLS: dict[str, Any] = {
    "new tensor": lambda x: taeda.ones(2, device="cuda"),
    "kernel": lambda x: x.add_(1),
    "read": lambda x: x.cpu(),
    "copy": lambda x: x.copy_(taeda.ones(2)),
    "synchronize": lambda x: cuda.synchronize(),
    "set_device": lambda x: cuda.set_device(0),
    "stream": lambda x: cuda.Stream(),
    "query": lambda x: cuda.current_stream().query(),
    "event": lambda x: cuda.Event().record(),
    "pinned memory": lambda x: taeda.ones(2).pin_memory(),
    "memory": lambda x: cuda.mem_get_info(),
    "empty_cache": lambda x: cuda.empty_cache(),
}  # fmt: skip


def _in_child(run: Any) -> str:
    """What `run` returns in a forked process; a child that hangs is ended after ten seconds."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        import signal

        signal.alarm(10)
        try:
            text = run()
        except BaseException as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writer, text.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.parametrize("name", CALLS)
def test_children_are_told(name: str) -> None:
    x = taeda.ones(2, device="cuda")
    told = _in_child(lambda: str(CALLS[name](x)))
    assert told.startswith("RuntimeError: Cannot re-initialize CUDA in forked subprocess."), told
    assert "you must use the 'spawn' start method" in told
    assert x.cpu().tolist() == [1.0, 1.0]  # the parent goes on


def test_what_children_may_still_do() -> None:
    """Seeds, workers of loaders, and letting go of tensors that were there before."""
    event = cuda.Event()
    event.record()
    held = {"x": taeda.ones(2, device="cuda"), "pinned": taeda.ones(2).pin_memory(), "event": event}
    del event

    def run() -> str:
        taeda.manual_seed(3)
        cuda.manual_seed_all(4)
        held.clear()
        return f"{cuda.is_available()} {(taeda.ones(3) * 2).sum().item()}"

    assert _in_child(run) == "True 6.0"
    loader = taeda.utils.data.DataLoader(list(range(6)), batch_size=2, num_workers=1)
    assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4, 5]]


PROGRAM = """
import os
import taeda
child = os.fork()
if child == 0:
    os._exit(0 if taeda.ones(2, device="cuda").sum().item() == 2 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert taeda.ones(2, device="cuda").sum().item() == 2
"""


def test_a_child_of_a_process_that_used_no_gpu_can() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
