"""The CPU as a device: torch.cpu's names, and the allocator that keeps freed memory for the next tensor.

Example:
    >>> import taeda
    >>> taeda.cpu.is_available(), taeda.cpu.device_count(), taeda.cpu.current_device()
    (True, 1, 'cpu')
    >>> before = taeda.cpu.memory_allocated()
    >>> x = taeda.empty(1_000_000)
    >>> taeda.cpu.memory_allocated() - before >= 4_000_000
    True
"""

from __future__ import annotations

import contextlib
from typing import Any

from taeda import _C

from . import amp

__all__ = [
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "device_count",
    "empty_cache",
    "get_capabilities",
    "is_available",
    "is_initialized",
    "max_memory_allocated",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "set_device",
    "stream",
    "synchronize",
]

_LEVELS = {"baseline": (), "avx2": ("avx2", "fma3"), "avx512": ("avx2", "fma3", "avx512_f")}


def is_available() -> bool:
    """Whether there is a CPU: True."""
    return True


def is_initialized() -> bool:
    """Whether it may be used: True."""
    return True


def device_count() -> int:
    """One, whatever the number of cores."""
    return 1


def current_device() -> str:
    """Always "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Does nothing: there is one."""


def synchronize(device: Any = None) -> None:
    """Does nothing: an operator on the CPU has finished when it returns."""


def get_capabilities() -> dict[str, Any]:
    """What the chosen instruction set can do.

    Returns:
        "architecture", "num_threads", and a truth value for each of "avx2", "fma3" and "avx512_f".
    """
    import platform

    build = _C._build_info()
    used = _LEVELS[build["isa"]]
    found: dict[str, Any] = {name: name in used for name in _LEVELS["avx512"]}
    return {"architecture": platform.machine(), "num_threads": _C.get_num_threads(), **found}


# -- memory ----------------------------------------------------------------------------------------------------------


def empty_cache() -> None:
    """Gives memory that no tensor uses back to the system."""
    _C._cpu_empty_cache()


def memory_stats() -> dict[str, int]:
    """Counters of the allocator, over blocks of more than 64 KiB.

    Returns:
        "allocated_bytes" of tensors, "reserved_bytes" from the system, "peak_allocated_bytes" since the start, the
        number of "requests" so far, and how many of them "reused" a block.
    """
    return dict(_C._cpu_memory_stats())


def memory_allocated() -> int:
    """Bytes that tensors hold in blocks of more than 64 KiB."""
    return memory_stats()["allocated_bytes"]


def max_memory_allocated() -> int:
    """The most that `memory_allocated` has been."""
    return memory_stats()["peak_allocated_bytes"]


def memory_reserved() -> int:
    """Bytes that the allocator has from the system: those of tensors and those kept for the next ones."""
    return memory_stats()["reserved_bytes"]


# -- streams ---------------------------------------------------------------------------------------------------------


class Stream:
    """The order of work on the CPU: that of the program. For code that is written for any device."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Stream) -> None:
        """Does nothing: earlier work has finished."""

    def synchronize(self) -> None:
        """Does nothing: earlier work has finished."""


_stream = Stream()


def current_stream(device: Any = None) -> Stream:
    """The only stream."""
    return _stream


class StreamContext(contextlib.AbstractContextManager["StreamContext"]):
    """Entering and leaving it does nothing."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __exit__(self, *exception: object) -> None:
        pass


def stream(stream: Stream | None) -> StreamContext:
    """A context in which work is in this stream, as all work is."""
    return StreamContext(stream)
