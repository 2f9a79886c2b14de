"""What new memory costs: relu of 131 MB into a given buffer, into a fresh tensor, and into tensors that all stay.

python tests/bench/fresh_memory.py
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import taeda

ELEMENTS, RUNS = 32_768_000, 7


def seconds(work: Callable[[], object]) -> float:
    """Median time; each result is dropped before the next run."""
    work()
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
        del result
    return statistics.median(times)


def main() -> None:
    """Prints the times and their ratios to the first one."""
    x = taeda.randn(ELEMENTS)
    buffer = taeda.empty_like(x)
    kept: list[taeda.Tensor] = []
    given = seconds(lambda: taeda.clamp_min(x, 0, out=buffer))
    fresh = seconds(lambda: taeda.relu(x))
    new = seconds(lambda: kept.append(taeda.relu(x)))
    for name, value in (("a given buffer", given), ("a fresh tensor", fresh), ("tensors that stay", new)):
        print(f"relu of 131 MB into {name:18} {value * 1e3:7.1f} ms  {value / given:5.2f}")


if __name__ == "__main__":
    main()
