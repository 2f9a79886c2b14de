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


def pytest_configure(config: pytest.Config) -> None:
    why = taeda._C._cuda_failure()
    if why:
        raise pytest.UsageError(f"tests/cuda: no CUDA here: {why}; run them with `make cuda-test`")
