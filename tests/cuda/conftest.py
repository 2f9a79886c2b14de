"""These tests run on a GPU, or on the emulated library that `make cuda-test` leaves in build/core/emulated:
`make cuda-test` names it in TAEDA_CUDA_LIBRARY."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Two small devices, so that moves between them and full memory can be tried.
os.environ.setdefault("TAEDA_EMULATED_DEVICES", "2")
os.environ.setdefault("TAEDA_EMULATED_BYTES", str(1 << 30))

import taeda

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "core"), str(ROOT / "tests" / "core"), str(Path(__file__).parent)]


# tools/gpu_test.py names a file here: what is started and how it ends is noted in it, and not run again.
RECORD = os.environ.get("TAEDA_TEST_RECORD")


def note(word: str, test: str = "") -> None:
    if RECORD:
        with open(RECORD, "a") as record:
            record.write(f"{word}\t{test}\n")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not RECORD or not Path(RECORD).exists():
        return
    done = {line.partition("\t")[2] for line in Path(RECORD).read_text().splitlines()}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in done])
    items[:] = [item for item in items if item.nodeid not in done]


def pytest_runtest_logstart(nodeid: str) -> None:
    note("started", nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        note(report.outcome, report.nodeid)
    if RECORD and report.failed:
        try:
            taeda.cuda.synchronize()
        except RuntimeError as error:  # whatever runs next in this process would fail as well
            note("lost", report.nodeid)
            pytest.exit(f"the GPU's context is lost since {report.nodeid}: {error}", returncode=2)


def pytest_sessionfinish(exitstatus: int) -> None:
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        note("finished")


def pytest_configure(config: pytest.Config) -> None:
    why = taeda._C._cuda_failure()
    if why:
        raise pytest.UsageError(f"tests/cuda: no CUDA here: {why}; run them with `make cuda-test`")
