"""Matrix products and convolutions beside torch, oneDNN called directly, and the machine's arithmetic peak.

`python tests/bench/onednn_direct.py` needs torch, a C++ compiler and the oneDNN that the core is built with. taeda,
torch and the driver `onednn_direct.cpp` live in a process each and take turns, batch by batch, several rounds; the
fastest batch of each counts, because other programs only ever slow one down. float32 and, for products, bfloat16.

Convolutions (ResNet-50's shapes, bias-free; backward is the gradients of input and weight) compare with two figures of
oneDNN: *bare*, on operands that already lie in the layouts oneDNN chose, and *plain*, with the reorders between these
and torch's contiguous layout, which a caller with contiguous tensors has to pay. With `--channels-last`, activations
lie that way on all sides: taeda and torch are given tensors of `channels_last`, and "plain" reorders weights only.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
IDLE_SECONDS = 0.03  # threads that have finished spin for a while before they sleep
# C, H (= W), K, kernel, stride: the distinct convolutions of ResNet-50.
RESNET50 = [
    (3, 224, 64, 7, 2),
    (64, 56, 64, 1, 1), (64, 56, 64, 3, 1), (64, 56, 256, 1, 1), (256, 56, 64, 1, 1),
    (256, 56, 128, 1, 1), (128, 56, 128, 3, 2), (128, 28, 512, 1, 1), (256, 56, 512, 1, 2), (512, 28, 128, 1, 1),
    (128, 28, 128, 3, 1), (512, 28, 256, 1, 1), (256, 28, 256, 3, 2), (256, 14, 1024, 1, 1), (512, 28, 1024, 1, 2),
    (1024, 14, 256, 1, 1), (256, 14, 256, 3, 1), (1024, 14, 512, 1, 1), (512, 14, 512, 3, 2), (512, 7, 2048, 1, 1),
    (1024, 14, 2048, 1, 2), (2048, 7, 512, 1, 1), (512, 7, 512, 3, 1),
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One workload: the driver's words for it, and how many operations it has."""

    name: str
    request: tuple[Any, ...]
    flops: float

    def words(self, variant: str) -> str:
        """The request that the driver understands."""
        words = [variant if word == "VARIANT" else word for word in self.request]
        return " ".join(map(str, words))


def cases(batch: int) -> list[Case]:
    """All workloads; convolutions on `batch` pictures."""
    result = []
    for dtype in ("f32", "bf16"):
        for side in (512, 1024, 2048, 4096)[: 4 if dtype == "f32" else 3]:
            request = ("matmul", dtype, side, side, side)
            result.append(Case(f"matmul {dtype} {side}", request, 2 * side**3))
    for C, H, K, kernel, stride in RESNET50:
        for direction, factor in (("forward", 1), ("backward", 2)):
            padding = kernel // 2
            shape = (batch, C, H, H, K, kernel, stride, padding, 1)
            flops = factor * 2.0 * batch * K * (H // stride) ** 2 * C * kernel**2
            name = f"conv {direction} {C}->{K} {kernel}x{kernel} s{stride} @{H}"
            result.append(Case(name, ("conv", direction, "VARIANT", *shape), flops))
    return result


def prepare(library: Any, words: list[str]) -> Callable[[], object]:
    """What a library runs for the driver's request."""
    kind, first, *rest = words
    if kind == "matmul":
        M, K, N = map(int, rest)
        dtype = library.bfloat16 if first == "bf16" else library.float32
        a, b = library.randn(M, K).to(dtype), library.randn(K, N).to(dtype)
        return lambda: a @ b
    N, C, H, W, K, kernel, stride, padding, groups = map(int, rest[1:])
    layout = library.channels_last if rest[0] == "last" else library.contiguous_format
    x = library.randn(N, C, H, W).contiguous(memory_format=layout)
    w = library.randn(K, C // groups, kernel, kernel)
    conv = library.nn.functional.conv2d
    if first == "forward":
        return lambda: conv(x, w, None, stride, padding, 1, groups)
    x.requires_grad_(), w.requires_grad_()
    out = conv(x, w, None, stride, padding, 1, groups)
    grad = library.randn(*out.shape).contiguous(memory_format=layout)
    return lambda: library.autograd.grad(out, (x, w), grad, retain_graph=True)


def seconds_of(run: Callable[[], object], budget: float) -> float:
    """Seconds of one run, over about `budget` seconds."""
    run()
    start = time.perf_counter()
    run()
    count = max(1, int(budget / max(time.perf_counter() - start, 1e-7)))
    start = time.perf_counter()
    for _ in range(count):
        run()
    return (time.perf_counter() - start) / count


def serve(name: str, threads: int) -> None:
    """Answers the driver's requests with a library of Python."""
    library: Any = importlib.import_module(name)
    library.set_num_threads(threads)
    run: Callable[[], object] = list
    for line in sys.stdin:
        words = line.split()
        if words[0] == "time":
            print(seconds_of(run, float(words[1])), flush=True)
        else:
            run = prepare(library, words)
            print("ok", flush=True)


def build(python: str, folder: str) -> str:
    """Compiles the driver against the oneDNN of the environment that `python` belongs to."""
    locate = [python, str(HERE.parents[1] / "core/cmake/locate.py")]
    output = subprocess.run(locate, check=True, capture_output=True, text=True).stdout
    found = dict(line.split("=", 1) for line in output.split())
    library, program = Path(found["DNNL_LIBRARY"]), f"{folder}/onednn_direct"
    vector_bytes = 64 if "avx512f" in Path("/proc/cpuinfo").read_text() else 32
    flags = ["-std=c++20", "-O2", "-march=native", "-fopenmp", f"-DVECTOR_BYTES={vector_bytes}"]
    inputs = [f"-I{found['DNNL_INCLUDE']}", str(HERE / "onednn_direct.cpp"), str(library)]
    command = ["c++", *flags, *inputs, f"-Wl,-rpath,{library.parent}", "-o", program]
    subprocess.run(command, check=True)
    return program


class Side:
    """A process that answers requests."""

    def __init__(self, command: list[str], threads: int) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )

    def ask(self, request: str) -> str:
        """The answer to one line."""
        assert self.process.stdin
        assert self.process.stdout
        print(request, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer:
            raise SystemExit(f"{self.process.args!r} ended at request {request!r}")
        return answer


def measure(sides: dict[str, Side], requests: dict[str, str], rounds: int, budget: float) -> dict[str, float]:
    """Seconds of the fastest batch of each side."""
    best = dict.fromkeys(requests, math.inf)
    for name, request in requests.items():
        sides[name].ask(request)
    for _ in range(rounds):
        for name in requests:
            time.sleep(IDLE_SECONDS)
            best[name] = min(best[name], float(sides[name].ask(f"time {budget}")))
    return best


def arithmetic_peak(driver: Side, rounds: int) -> float:
    """Multiply-adds of float32 a second, times two."""
    flops = float(driver.ask("peak f32").split()[1])
    return flops / min(float(driver.ask("time 0.05")) for _ in range(rounds))


def line(case: Case, times: dict[str, float], peak: float) -> str:
    """A row of the table."""
    taeda, bare = times["taeda"], times["bare"]
    plain = f"{times['plain'] / taeda:8.2f}" if "plain" in times else f"{'':8}"
    share = f"{case.flops / taeda / peak:7.0%}" if "bf16" not in case.name else f"{'':7}"
    return (
        f"{case.name:<38}{taeda * 1e3:9.3f}{case.flops / taeda / 1e9:9.1f}{share}"
        f"{times['torch'] / taeda:8.2f}{plain}{bare / taeda:8.2f}"
    )


def main() -> None:
    """Measures and prints a table: times over taeda's, so that above 1 taeda is the faster one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--batch", type=int, default=4, help="pictures")
    parser.add_argument(
        "--channels-last", action="store_true", help="the layout of convolutions' activations"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.02, help="of a batch")
    parser.add_argument("--only", default="", metavar="REGEX", help="only workloads whose name matches")
    parser.add_argument(
        "--json",
        metavar="FILE",
        help="write the fastest seconds, of this run and of those that the file holds",
    )
    parser.add_argument(
        "--onednn-python",
        default=sys.executable,
        metavar="PYTHON",
        help="interpreter whose packages have oneDNN",
    )
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.threads)
        return
    file = Path(options.json) if options.json else None
    kept: dict[str, Any] = {"peak": 0.0, "seconds": {}}
    if file and file.exists():
        kept = json.loads(file.read_text())
    with tempfile.TemporaryDirectory(prefix="onednn-direct-") as folder:
        program = build(options.onednn_python, folder)
        itself = [sys.executable, __file__, "--threads", str(options.threads), "--serve"]
        commands = {
            "taeda": [*itself, "taeda"],
            "torch": [*itself, "torch"],
            "bare": [program],
            "plain": [program],
        }
        sides = {name: Side(command, options.threads) for name, command in commands.items()}
        for side in sides.values():  # libraries are imported before anything is measured
            side.ask("matmul f32 8 8 8")
        kept["peak"] = peak = max(kept["peak"], arithmetic_peak(sides["bare"], options.rounds))
        print(
            f"peak {peak / 1e9:.0f} GFLOP/s in float32 on {options.threads} threads; ratios: time over taeda's"
        )
        print(f"{'':<38}{'ms':>9}{'GFLOP/s':>9}{'peak':>7}{'torch':>8}{'plain':>8}{'bare':>8}")
        for case in cases(options.batch):
            if not re.search(options.only, case.name):
                continue
            names = [name for name in sides if name != "plain" or "VARIANT" in case.request]
            variant = "last" if options.channels_last else "plain"
            requests = {name: case.words("bare" if name == "bare" else variant) for name in names}
            times = measure(sides, requests, options.rounds, options.seconds)
            before = kept["seconds"].get(case.name, times)
            kept["seconds"][case.name] = times = {name: min(times[name], before[name]) for name in names}
            print(line(case, times, peak), flush=True)
            if file:
                file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
