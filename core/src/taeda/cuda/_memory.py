"""What the caching allocator of GPU memory holds."""

from __future__ import annotations

from taeda import _C
from taeda.cuda._device import Device, device_index, init

__all__ = [
    "empty_cache",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
]


def memory_stats(device: Device = None) -> dict[str, int]:
    """Counters of the allocator: `allocated_bytes.all.current` and such, as torch names them.

    The families are allocated_bytes (held by tensors), requested_bytes (the same before rounding), reserved_bytes
    (taken from the driver), allocation (blocks) and segment; each has current, peak, allocated and freed.
    `num_alloc_retries` and `num_ooms` count how often memory ran out, at first and in the end.
    """
    init()
    return dict(_C._cuda_memory_stats(device_index(device)))


def memory_allocated(device: Device = None) -> int:
    """Bytes that tensors hold."""
    return memory_stats(device)["allocated_bytes.all.current"]


def max_memory_allocated(device: Device = None) -> int:
    """The most bytes that tensors have held since the start, or since `reset_peak_memory_stats`."""
    return memory_stats(device)["allocated_bytes.all.peak"]


def memory_reserved(device: Device = None) -> int:
    """Bytes that the allocator has from the driver, cached ones included."""
    return memory_stats(device)["reserved_bytes.all.current"]


def max_memory_reserved(device: Device = None) -> int:
    """The most bytes that the allocator has had from the driver."""
    return memory_stats(device)["reserved_bytes.all.peak"]


def reset_peak_memory_stats(device: Device = None) -> None:
    """The peaks start again at what is held now."""
    init()
    _C._cuda_reset_peak_stats(device_index(device))


def reset_max_memory_allocated(device: Device = None) -> None:
    """As `reset_peak_memory_stats`."""
    reset_peak_memory_stats(device)


def empty_cache() -> None:
    """Gives memory that no tensor holds back to the driver. Does nothing where no GPU was used."""
    if _C._cuda_loaded():
        _C._cuda_empty_cache()


def mem_get_info(device: Device = None) -> tuple[int, int]:
    """Bytes of the GPU that no process has, and all of them, as the driver says."""
    init()
    return _C._cuda_free_and_total(device_index(device))


def memory_summary(device: Device = None, abbreviated: bool = False) -> str:
    """A table of `memory_stats` to read; `abbreviated` leaves out the counts of blocks."""
    stats = memory_stats(device)
    rows = [
        ("held by tensors", "allocated_bytes"),
        ("asked for", "requested_bytes"),
        ("reserved", "reserved_bytes"),
    ]
    counts = [] if abbreviated else [("blocks", "allocation"), ("segments", "segment")]
    lines = [f"{f'cuda:{device_index(device)}':<16} {'now':>14} {'peak':>14} {'in all':>14}"]
    for title, family in rows:
        numbers = (stats[f"{family}.all.{column}"] / 2**20 for column in ("current", "peak", "allocated"))
        lines.append(f"{title:<16} " + " ".join(f"{number:>10.1f} MiB" for number in numbers))
    for title, family in counts:
        numbers = (stats[f"{family}.all.{column}"] for column in ("current", "peak", "allocated"))
        lines.append(f"{title:<16} " + " ".join(f"{number:>14}" for number in numbers))
    lines.append(
        f"{'ran out':<16} {stats['num_alloc_retries']:>14} {stats['num_ooms']:>14} (at first, in the end)"
    )
    return "\n".join(lines)
