"""What all tests share: the device to run on, few native threads, and the same random streams for every test."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")

import taeda


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--device", default="cpu", help="device of the tests that take one: cpu or cuda")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> taeda.device:
    """The device given by --device."""
    return taeda.device(request.config.getoption("--device"))


@pytest.fixture(autouse=True)
def _same_state_for_every_test() -> Iterator[None]:
    """Random streams start at the same place; threads, default dtype and gradient mode are put back."""
    random.seed(0)
    np.random.seed(0)
    taeda.manual_seed(0)
    threads, dtype, recording = taeda.get_num_threads(), taeda.get_default_dtype(), taeda.is_grad_enabled()
    yield
    if taeda.get_num_threads() != threads:
        taeda.set_num_threads(threads)
    taeda.set_default_dtype(dtype)
    taeda.set_grad_enabled(recording)
