"""Times the workloads of one library on the GPU.

`python tests/gpu/benchmark.py --library taeda|torch [--small] [--json FILE]`: best of several rounds, in seconds, by
the clock of the CPU around work that is waited for.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workloads import Workload, workloads

ROUNDS = 5


def resnet18_of(name: str) -> Callable[[], Any] | None:
    """The library's ResNet-18; none where its vision package is missing."""
    try:
        return importlib.import_module("torchvision" if name == "torch" else "taeda_vision").models.resnet18
    except ImportError:
        return None


def seconds(library: Any, work: Workload, rounds: int) -> float:
    """The best round's time of one run, after one round to warm up."""
    best = float("inf")
    for round_ in range(rounds + 1):
        library.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(work.repeat):
            work.run()
        library.cuda.synchronize()
        if round_:
            best = min(best, (time.perf_counter() - start) / work.repeat)
    return best


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", choices=["taeda", "torch"], default="taeda")
    parser.add_argument("--small", action="store_true", help="sizes that try the code and measure nothing")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    library = importlib.import_module(options.library)
    results = []
    for work in workloads(library, options.small, resnet18_of(options.library)):
        time_ = seconds(library, work, 1 if options.small else ROUNDS)
        results.append({"name": work.name, "seconds": time_, "amount": work.amount, "unit": work.unit})
        print(f"{work.name:60s} {time_ * 1e3:10.3f} ms", flush=True)
        if options.json:
            options.json.write_text(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
