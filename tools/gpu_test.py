#!/usr/bin/env python3
"""Builds for the GPU of this machine, tests and times it, and prints one page; exits with 1 if anything failed.

    python3 tools/gpu_test.py [--wheels FOLDER] [--emulated] [--library FILE] [--skip build,tests,...]

Needs Python 3.10 to 3.13, nvcc 12.6 to 13, a C++20 compiler, and the packages of REQUIREMENTS: those that are not
installed come from the folder of wheels, or from the network without one. torch is timed beside, where it is installed.

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
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "gpu"
PACKAGES = ["core", "vision", "lightning", "serve", "text", "audio"]
# Module and distribution: what testing and training take, and what building takes.
REQUIREMENTS = {"numpy": "numpy", "pytest": "pytest", "PIL": "pillow"}
TO_BUILD = {
    "cmake": "cmake>=3.26",
    "ninja": "ninja",
    "onednn": "onednn-devel-cpu-gomp>=2023.2",
    "openblas": "scipy-openblas32>=0.3.27",
}
MINUTES = 9


@dataclass
class Page:
    """The lines that are printed at the end, and whether all went well."""

    lines: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def add(self, *lines: str) -> None:
        """More lines."""
        self.lines += lines

    def fail(self, what: str) -> None:
        """A failure, which becomes the exit status."""
        self.failures.append(what)
        self.add(f"  FAILED: {what}")


@dataclass
class Machine:
    """Where this runs."""

    gpu: str | None
    nvcc: str | None
    cores: int

    @classmethod
    def found(cls, emulated: bool) -> Machine:
        """What is here; no GPU if the emulated one is asked for."""
        gpu = None
        if not emulated and shutil.which("nvidia-smi"):
            query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
            done = subprocess.run(query, capture_output=True, text=True, check=False)
            gpu = done.stdout.splitlines()[0] if done.returncode == 0 and done.stdout.strip() else None
        nvcc = shutil.which("nvcc") or next(map(str, Path("/usr/local").glob("cuda*/bin/nvcc")), None)
        return cls(gpu, nvcc, len(os.sched_getaffinity(0)))

    def isa(self) -> str:
        """The level of CPU kernels that `taeda` will choose here: the only one that is built."""
        path = Path("/proc/cpuinfo")
        flags = set(path.read_text().split()) if path.exists() else set()
        if platform.machine() not in ("x86_64", "AMD64"):
            return "baseline"
        if not {"avx2", "fma"} <= flags:
            return "baseline"
        return "avx512" if {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16"} <= flags else "avx2"


def run(command: list[str], log: str, environment: dict[str, str] | None = None) -> tuple[bool, str]:
    """Whether the command ended well, and the end of what it wrote; all of it goes to build/gpu/LOG.log."""
    path = OUT / f"{log}.log"
    with path.open("w") as out:
        done = subprocess.run(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            check=False,
            cwd=ROOT,
        )
    return done.returncode == 0, path.read_text(errors="replace")[-3000:]


def python_with_requirements(wheels: Path | None, build: bool) -> str:
    """This Python, or one of a virtual environment over it with what it lacks."""
    needed = REQUIREMENTS | (TO_BUILD if build else {})
    if all(map(has, needed)):
        return sys.executable
    environment = OUT / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    subprocess.run([python, "-m", "pip", "install", "--quiet", *source, *needed.values()], check=True)
    return python


def has(module: str) -> bool:
    """Whether a requirement is there: a module, a program, or a library with headers."""
    from importlib import metadata

    if module in ("cmake", "ninja"):
        return shutil.which(module) is not None
    if module in ("onednn", "openblas"):
        try:
            return bool(
                metadata.version("onednn-devel-cpu-gomp" if module == "onednn" else "scipy-openblas32")
            )
        except metadata.PackageNotFoundError:
            return False
    return importlib.util.find_spec(module) is not None


class Session:
    """One run of all steps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.machine = Machine.found(options.emulated)
        self.page = Page()
        self.real = self.machine.gpu is not None
        self.library = options.library or OUT / "core" / (
            "" if self.real else "emulated/libtaeda_cuda_emulated.so"
        )
        self.python = python_with_requirements(options.wheels, options.library is None)

    def environment(self) -> dict[str, str]:
        """Of everything that runs taeda."""
        folders = [str(ROOT / name / "src") for name in PACKAGES]
        result = {"PYTHONPATH": ":".join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])}
        if not self.real:
            result["TAEDA_CUDA_LIBRARY"] = str(self.library)
            result["TAEDA_EMULATED_BYTES"] = str(1 << 30)
        nvidia = importlib.util.find_spec("nvidia")
        if nvidia and nvidia.submodule_search_locations:
            # taeda runs from the source tree, not from beside the nvidia wheels.
            places = [p for s in nvidia.submodule_search_locations for p in sorted(Path(s).glob("*/lib"))]
            result["TAEDA_NVIDIA_LIBRARIES"] = ":".join(map(str, places))
        return result

    def build(self) -> None:
        """The core, its CPU kernels of one level, and the library for the GPU (or its emulation)."""
        switch = (
            ["-DTAEDA_CUDA=ON", "-DTAEDA_CUDA_ARCHITECTURES=native"]
            if self.real
            else ["-DTAEDA_CUDA_EMULATED=ON"]
        )
        if self.real:
            if self.machine.nvcc is None:
                return self.page.fail(
                    "build: there is a GPU but no nvcc; install the CUDA toolkit 12.6 or later"
                )
            switch.append(f"-DCMAKE_CUDA_COMPILER={self.machine.nvcc}")
        configure = [
            "cmake",
            "-S",
            "core",
            "-B",
            str(OUT / "core"),
            "-G",
            "Ninja",
            "-DTAEDA_IN_PLACE=ON",
            *switch,
        ]
        configure += ["-DCMAKE_BUILD_TYPE=Release", f"-DPython_EXECUTABLE={self.python}"]
        path = {"PATH": f"{Path(self.python).parent}:{os.environ['PATH']}"}
        targets = ["taeda", "_C", f"taeda_cpu_{self.machine.isa()}", "taeda_onednn", "taeda_openblas"]
        targets.append("taeda_cuda" if self.real else "taeda_cuda_emulated")
        for name, command in [
            ("configure", configure),
            ("build", ["ninja", "-C", str(OUT / "core"), f"-j{self.machine.cores}", *targets]),
        ]:
            good, tail = run(command, name, path)
            if not good:
                self.page.fail(f"{name}: see build/gpu/{name}.log, which ends:\n{tail}")
                return None
        return self.page.add(f"  targets: {' '.join(targets)}")

    def tests(self) -> None:
        """tests/cuda: every operator with samples against the CPU, and the rest of the folder."""
        report = OUT / "tests.xml"
        report.unlink(missing_ok=True)
        everything = self.real or self.options.all_tests
        options = ["-q", "--no-header", "--tb=short", f"--junitxml={report}"]
        options += [] if everything else ["-k", REDUCED_TESTS]
        good, tail = run([self.python, "-m", "pytest", *options, "tests/cuda"], "tests", self.environment())
        if not report.exists():
            return self.page.fail(f"tests: they did not run; build/gpu/tests.log ends:\n{tail}")
        counts, failed = counted(report)
        self.page.add("  " + ", ".join(f"{number} {what}" for what, number in counts.items() if number))
        self.page.add(*(f"    {name}" for name in failed[:15]), *(["    ..."] if len(failed) > 15 else []))
        if not good:
            self.page.fail(f"tests: {len(failed)} of {sum(counts.values())} failed; see build/gpu/tests.log")
        return None

    def training(self) -> None:
        """The digits network, one epoch (a few steps in the reduced form) on both devices."""
        figures = OUT / "digits.json"
        figures.unlink(missing_ok=True)
        command = [self.python, "tests/gpu/digits.py", "--json", str(figures)]
        command += [] if self.real else ["--steps=3", "--batch=4"]
        good, tail = run(command, "training", self.environment())
        if not figures.exists():
            return self.page.fail(f"training: it did not end; build/gpu/training.log ends:\n{tail}")
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
        theirs = self.timed("torch") if self.real and importlib.util.find_spec("torch") else {}
        if not self.real:
            self.page.add(f"  {len(mine)} workloads ran in small sizes; their times say nothing about a GPU")
            return
        if not theirs:
            self.page.add("  torch is not installed: times of taeda alone")
        self.page.add(f"  {'':58s} {'taeda':>10s} {'torch':>10s} {'torch/taeda':>11s}   rate")
        copy = mine.get("copy 1 GiB")
        for name, result in mine.items():
            other = theirs.get(name)
            mine_ms, torch = result["seconds"] * 1e3, ""
            if other:
                torch = f"{other['seconds'] * 1e3:8.2f}ms {other['seconds'] * 1e3 / mine_ms:10.2f}x"
            self.page.add(f"  {name:58s} {mine_ms:8.2f}ms {torch:22s}   {rate(result, copy)}")

    def timed(self, library: str) -> dict[str, Any]:
        """Results of tests/gpu/benchmark.py by name."""
        figures = OUT / f"benchmark-{library}.json"
        figures.unlink(missing_ok=True)
        command = [self.python, "tests/gpu/benchmark.py", "--library", library, "--json", str(figures)]
        command += [] if self.real else ["--small"]
        good, tail = run(command, f"benchmark-{library}", self.environment())
        if not good:
            self.page.fail(f"benchmark of {library}; build/gpu/benchmark-{library}.log ends:\n{tail}")
        return {r["name"]: r for r in json.loads(figures.read_text())} if figures.exists() else {}


# What tests/cuda is reduced to where every kernel is emulated; `make cuda-test` runs all of it.
REDUCED_TESTS = "random or attention or products or native or poolings"


def counted(report: Path) -> tuple[dict[str, int], list[str]]:
    """How many tests ended how, and the names of those that failed, from pytest's XML."""
    counts, failed = dict.fromkeys(["passed", "failed", "skipped"], 0), []
    for case in ElementTree.parse(report).iter("testcase"):
        bad = case.find("failure") is not None or case.find("error") is not None
        outcome = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        counts[outcome] += 1
        if bad:
            failed.append(f"{case.get('classname')}::{case.get('name')}")
    return counts, failed


def rate(result: dict[str, Any], copy: dict[str, Any] | None) -> str:
    """Bytes or operations per second; bytes also as a share of a copy's."""
    per_second = result["amount"] / result["seconds"]
    if result["unit"] == "B":
        share = per_second / (copy["amount"] / copy["seconds"]) if copy else 0
        return f"{per_second / 1e9:7.0f} GB/s, {share:4.0%} of copy"
    return f"{per_second / 1e12:7.1f} TFLOP/s" if result["unit"] == "FLOP" else ""


def header(session: Session) -> list[str]:
    """Device, versions, commit and date."""
    machine = session.machine
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT, check=False
    )
    device = (
        machine.gpu or "NO NVIDIA GPU: the emulated library, reduced; nothing here is a measurement of a GPU"
    )
    return [
        "taeda on a GPU",
        f"  device  {device}",
        f"  host    {machine.cores} cores, Python {platform.python_version()}, nvcc {machine.nvcc or 'not found'}",
        f"  commit  {commit.stdout.strip() or 'unknown'}, {datetime.date.today()}",
    ]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheels", type=Path, help="folder of wheels, where there is no network")
    parser.add_argument("--emulated", action="store_true", help="the reduced form, even if there is a GPU")
    parser.add_argument(
        "--library", type=Path, help="an emulated library that is built already; skips the build"
    )
    parser.add_argument("--skip", default="", help="steps to leave out: build, tests, training, benchmark")
    parser.add_argument("--all-tests", action="store_true", help="all of tests/cuda in the reduced form too")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    session = Session(options)
    page = session.page
    page.add(*header(session))
    skipped = set(options.skip.split(",")) | ({"build"} if options.library else set())
    for name in ("build", "tests", "training", "benchmark"):
        if name in skipped or (
            name != "build" and any(f.startswith(("build", "configure")) for f in page.failures)
        ):
            page.add(f"{name}: skipped")
            continue
        began, at = time.monotonic(), len(page.lines)
        print(f"== {name}", flush=True)
        getattr(session, name)()
        page.lines.insert(at, f"{name}: {time.monotonic() - began:.0f} s")
    minutes = (time.monotonic() - start) / 60
    page.add(f"total: {minutes:.1f} min (at most {MINUTES} wanted on 16 cores)")
    page.add("ALL PASSED" if not page.failures else f"{len(page.failures)} FAILED")
    text = "\n".join(page.lines)
    (OUT / "page.txt").write_text(text + "\n")
    print(text)
    return 1 if page.failures else 0


if __name__ == "__main__":
    sys.exit(main())
