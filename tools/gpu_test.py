#!/usr/bin/env python3
"""Builds for the GPU of this machine, tests and times it, and prints one page; exits with 1 if anything failed.

    python3 tools/gpu_test.py [--wheels FOLDER] [--emulated] [--library FILE] [--skip build,tests,...] [--minutes N]

Needs Python 3.10 to 3.13, nvcc 12.6 to 13, a C++20 compiler, and the packages that gpu_machine.py names: those not
installed come from the folder of wheels, or without one from the network. torch is timed beside, where it is installed.

Without a GPU the same steps run in a reduced form on the emulated library, to try them; the page then says so, and
holds no measurement.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_machine import OUT, ROOT, Machine, builder, install, run

PACKAGES = ["core", "vision", "lightning", "serve", "text", "audio"]
MINUTES = 9
# Seconds that are kept back from the tests, and from the training, for what follows them.
FOR_BENCHMARK, FOR_TRAINING = 120, 60
# What a step gets, however late it is.
AT_LEAST = 5.0
# How often tests are started again after one that took the process or the GPU with it.
ROUNDS = 8


@dataclass
class Page:
    """The lines that are printed, and whether all went well."""

    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    shown: int = 0

    def add(self, *lines: str) -> None:
        """More lines."""
        self.lines += lines

    def show(self) -> None:
        """Prints what is new, and writes all of it to build/gpu/page.txt: a run that is ended leaves what it has."""
        print("\n".join(self.lines[self.shown :]), flush=True)
        self.shown = len(self.lines)
        (OUT / "page.txt").write_text("\n".join(self.lines) + "\n")

    def fail(self, what: str) -> None:
        """A failure, which becomes the exit status."""
        self.failures.append(what)
        self.add(f"  FAILED: {what}")


class Session:
    """One run of all steps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.machine = Machine.found(options.emulated)
        self.page = Page()
        self.real = self.machine.gpu is not None
        self.emulation = options.library or OUT / "core" / "emulated" / "libtaeda_cuda_emulated.so"
        minutes = options.minutes or (MINUTES if self.real else None)
        self.deadline = time.monotonic() + 60 * minutes if minutes else None

    def seconds_left(self, kept_back: float = 0) -> float | None:
        """Until the end that the command line or the kind of run sets, at least a few; None without one."""
        return None if self.deadline is None else max(AT_LEAST, self.deadline - kept_back - time.monotonic())

    def environment(self) -> dict[str, str]:
        """Of everything that runs taeda."""
        folders = [str(ROOT / name / "src") for name in PACKAGES]
        result = {"PYTHONPATH": ":".join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])}
        if not self.real:
            result["TAEDA_CUDA_LIBRARY"] = str(self.emulation)
            result["TAEDA_EMULATED_BYTES"] = str(1 << 30)
        result["TAEDA_NVIDIA_LIBRARIES"] = ":".join(self.machine.nvidia_folders())
        return result

    def requirements(self) -> None:
        """What building, testing and training take and is not installed."""
        try:
            installed = install(self.options.wheels, "build" not in self.options.skip)
        except RuntimeError as error:
            return self.page.fail(f"requirements: {error}")
        return self.page.add(
            f"  installed into build/gpu/site: {' '.join(installed) or 'nothing, all was there'}"
        )

    def build(self) -> None:
        """The core, its CPU kernels of one level, and the library for the GPU (or its emulation)."""
        switch = ["-DTAEDA_CUDA_EMULATED=ON"]
        if self.real:
            if self.machine.nvcc is None:
                return self.page.fail(
                    "build: there is a GPU but no nvcc; install the CUDA toolkit 12.6 or later"
                )
            switch = ["-DTAEDA_CUDA=ON", f"-DTAEDA_CUDA_ARCHITECTURES={self.machine.architecture}"]
            switch.append(f"-DCMAKE_CUDA_COMPILER={self.machine.nvcc}")
        # Warnings of a compiler that nobody has tried yet are no reason to stop.
        switch += ["-DTAEDA_IN_PLACE=ON", "-DTAEDA_WERROR=OFF", "-DCMAKE_BUILD_TYPE=Release"]
        configure = ["cmake", "-S", "core", "-B", str(OUT / "core"), "-G", "Ninja", *switch]
        targets = ["taeda", "_C", f"taeda_cpu_{self.machine.isa()}", "taeda_onednn", "taeda_openblas"]
        targets.append("taeda_cuda" if self.real else "taeda_cuda_emulated")
        for name, command in [
            ("configure", [*configure, f"-DPython_EXECUTABLE={builder()}"]),
            ("build", ["ninja", "-C", str(OUT / "core"), "-k", "0", f"-j{self.machine.cores}", *targets]),
        ]:
            good, text = run(command, name, limit=self.seconds_left())
            if not good:
                return self.page.fail(f"{name}: see build/gpu/{name}.log, which says:\n{text}")
        return self.page.add(f"  targets: {' '.join(targets)}")

    def tests(self) -> None:
        """tests/cuda: every operator with samples against the CPU, and the rest of the folder.

        A test that takes the process or the GPU's context with it is one failure: the others run in a new process.
        """
        record = OUT / "tests.txt"
        record.unlink(missing_ok=True)
        # Warnings of versions that nobody has tried yet are shown, not raised.
        options = ["-q", "--no-header", "--tb=short", "-p", "no:cacheprovider", "-W", "default"]
        if not self.real and not self.options.all_tests:
            options += ["-k", REDUCED_TESTS]
        command = [sys.executable, "-m", "pytest", *options, "tests/cuda"]
        environment = {
            **self.environment(),
            "TAEDA_TEST_RECORD": str(record),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        }
        text, ended = "", False
        for round_ in range(ROUNDS):
            before = len(lines_of(record))
            limit = self.seconds_left(FOR_BENCHMARK + FOR_TRAINING)
            text = run(command, f"tests-{round_}", environment, limit)[1]
            ended = any(word == "finished" for word, _ in lines_of(record))
            out_of_time = self.seconds_left(FOR_BENCHMARK + FOR_TRAINING) == AT_LEAST
            if ended or out_of_time or len(lines_of(record)) == before:
                break
        results = outcomes(record)
        if not results:
            return self.page.fail(f"tests: they did not run; build/gpu/tests-0.log says:\n{text}")
        counts = Counter(results.values())
        self.page.add("  " + ", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
        bad = [f"{test}: {what}" for test, what in results.items() if what not in ("passed", "skipped")]
        self.page.add(*(f"    {line}" for line in bad[:20]), *(["    ..."] if len(bad) > 20 else []))
        if bad or not ended:
            what = f"{len(bad)} of {len(results)} failed" + ("" if ended else ", and not all were run")
            self.page.fail(f"tests: {what}; see build/gpu/tests-*.log")
        return None

    def training(self) -> None:
        """The digits network, one epoch (a few steps in the reduced form) on both devices."""
        figures = OUT / "digits.json"
        figures.unlink(missing_ok=True)
        command = [sys.executable, "tests/gpu/digits.py", "--json", str(figures)]
        command += [] if self.real else ["--steps=3", "--batch=4"]
        good, text = run(command, "training", self.environment(), self.seconds_left(FOR_BENCHMARK))
        if not figures.exists():
            return self.page.fail(f"training: it did not end; build/gpu/training.log says:\n{text}")
        r = json.loads(figures.read_text())
        self.page.add(
            f"  {r['data']}: {r['steps']} steps of {r['batch']} images, loss from {r['first_loss']:.4f}"
            f" to {r['last_loss']:.4f}",
            f"  CPU and GPU differ by at most {r['largest_difference']:.1e} (bound {r['bound']:.0e});"
            f" {r['cpu_seconds']:.1f} s on the CPU, {r['cuda_seconds']:.1f} s on the GPU",
        )
        return None if good else self.page.fail("training: the loss curves differ by more than the bound")

    def benchmark(self) -> None:
        """The workloads in taeda, and in torch where it is installed with CUDA."""
        mine = self.timed("taeda")
        theirs = self.timed("torch") if self.real and self.torch_has_gpu() else {}
        if not self.real:
            self.page.add(f"  {len(mine)} workloads ran in small sizes; their times say nothing about a GPU")
            return
        if not theirs:
            self.page.add("  torch is not installed with CUDA: times of taeda alone")
        self.page.add(f"  {'':58s} {'taeda':>10s} {'torch':>10s} {'torch/taeda':>11s}   rate")
        copy = mine.get("copy 1 GiB")
        for name, result in mine.items():
            other = theirs.get(name)
            mine_ms, torch = result["seconds"] * 1e3, ""
            if other:
                torch = f"{other['seconds'] * 1e3:8.2f}ms {other['seconds'] * 1e3 / mine_ms:10.2f}x"
            self.page.add(f"  {name:58s} {mine_ms:8.2f}ms {torch:22s}   {rate(result, copy)}")

    def torch_has_gpu(self) -> bool:
        """Whether there is a torch here that can use the GPU."""
        if importlib.util.find_spec("torch") is None:
            return False
        code = "import sys, torch; sys.exit(not torch.cuda.is_available())"
        return run([sys.executable, "-c", code], "torch", limit=self.seconds_left())[0]

    def timed(self, library: str) -> dict[str, Any]:
        """Results of tests/gpu/benchmark.py by name."""
        figures = OUT / f"benchmark-{library}.json"
        figures.unlink(missing_ok=True)
        command = [sys.executable, "tests/gpu/benchmark.py", "--library", library, "--json", str(figures)]
        command += [] if self.real else ["--small"]
        good, text = run(command, f"benchmark-{library}", self.environment(), self.seconds_left())
        if not good:
            self.page.fail(f"benchmark of {library}; build/gpu/benchmark-{library}.log says:\n{text}")
        return {r["name"]: r for r in json.loads(figures.read_text())} if figures.exists() else {}


# What tests/cuda is reduced to where every kernel is emulated; `make cuda-test` runs all of it.
REDUCED_TESTS = "random or attention or products or native or poolings"


def lines_of(record: Path) -> list[tuple[str, str]]:
    """What tests/cuda/conftest.py notes as it goes: words, and the tests that they are about."""
    if not record.exists():
        return []
    pairs = (line.partition("\t") for line in record.read_text().splitlines())
    return [(word, test) for word, _, test in pairs]


def outcomes(record: Path) -> dict[str, str]:
    """How each test that was started has ended."""
    last = {test: word for word, test in lines_of(record) if test}
    words = {"started": "took the process with it", "lost": "took the GPU's context with it"}
    return {test: words.get(word, word) for test, word in last.items()}


def rate(result: dict[str, Any], copy: dict[str, Any] | None) -> str:
    """Bytes or operations per second; bytes also as a share of a copy's."""
    per_second = result["amount"] / result["seconds"]
    if result["unit"] == "B":
        share = per_second / (copy["amount"] / copy["seconds"]) if copy else 0
        return f"{per_second / 1e9:7.0f} GB/s, {share:4.0%} of copy"
    return f"{per_second / 1e12:7.1f} TFLOP/s" if result["unit"] == "FLOP" else ""


def header(session: Session) -> list[str]:
    """Device, versions, commit and date."""
    machine, commit = session.machine, "unknown"
    if shutil.which("git"):
        command = ["git", "rev-parse", "--short", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        commit = done.stdout.strip() or commit
    device = (
        machine.gpu or "NO NVIDIA GPU: the emulated library, reduced; nothing here is a measurement of a GPU"
    )
    return [
        "taeda on a GPU",
        f"  device  {device}",
        f"  host    {machine.cores} cores, Python {platform.python_version()}, nvcc {machine.nvcc or 'not found'}",
        f"  commit  {commit}, {datetime.date.today()}",
    ]


# In this order; without the first two nothing else can run.
STEPS = ("requirements", "build", "tests", "training", "benchmark")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, help="folder of wheels, where there is no network")
    parser.add_argument("--emulated", action="store_true", help="the reduced form, even if there is a GPU")
    parser.add_argument(
        "--library", type=Path, help="an emulated library that is built already; skips the build"
    )
    parser.add_argument("--skip", default="", help=f"steps to leave out: {', '.join(STEPS)}")
    parser.add_argument("--all-tests", action="store_true", help="all of tests/cuda in the reduced form too")
    parser.add_argument(
        "--minutes", type=float, help=f"what runs longer is ended; {MINUTES} on a GPU, else no limit"
    )
    options = parser.parse_args()
    options.skip = set(options.skip.split(",")) | ({"build"} if options.library else set())
    OUT.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    session = Session(options)
    page = session.page
    page.add(*header(session))
    page.show()
    for name in STEPS:
        if name in options.skip or any(
            f.startswith(("requirements", "build", "configure")) for f in page.failures
        ):
            page.add(f"{name}: skipped")
        else:
            began, at = time.monotonic(), len(page.lines)
            getattr(session, name)()
            page.lines.insert(at, f"{name}: {time.monotonic() - began:.0f} s")
        page.show()
    minutes = (time.monotonic() - start) / 60
    page.add(f"total: {minutes:.1f} min (at most {MINUTES} wanted on 16 cores)")
    page.add("ALL PASSED" if not page.failures else f"{len(page.failures)} FAILED")
    page.show()
    return 1 if page.failures else 0


if __name__ == "__main__":
    sys.exit(main())
