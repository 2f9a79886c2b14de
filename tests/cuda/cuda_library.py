"""Which library the tests of this folder run on, and what it lacks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from taeda import _C

__all__ = ["EMULATED", "ROOT", "skipped_where_listed"]

ROOT = Path(__file__).parents[2]
EMULATED = "emulated" in os.environ.get("TAEDA_CUDA_LIBRARY", "")


@contextmanager
def skipped_where_listed() -> Iterator[None]:
    """An operator is skipped if the kernel that it wants is one that docs/cuda-coverage.md lists as missing."""
    missing = None
    try:
        yield
    except NotImplementedError as error:
        missing = error
    if missing is not None:
        kernel = str(missing).partition(":")[0]
        assert _C._kernels("cuda").get(kernel) is False, f"{kernel} is not known to be missing: {missing}"
        pytest.skip(f"no CUDA kernel {kernel}")
