"""Threads: how they wait, and that their number changes no result."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import taeda


def spin_count(**settings: str) -> str:
    """What OpenMP says that it was told, in a new process."""
    kept = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    run = subprocess.run(
        [sys.executable, "-c", "import os, taeda; print('GOMP_SPINCOUNT' in os.environ)"],
        env={**kept, "OMP_DISPLAY_ENV": "VERBOSE", **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == str("GOMP_SPINCOUNT" in settings)
    line = next(line for line in run.stderr.splitlines() if "GOMP_SPINCOUNT" in line)
    return line.split("'")[1]


def test_waiting_threads_soon_leave_their_cores() -> None:
    assert spin_count() == "4000"


def test_settings_of_the_user_are_kept() -> None:
    assert spin_count(GOMP_SPINCOUNT="77") == "77"


def test_wait_policy_of_the_user_is_kept() -> None:
    assert int(spin_count(OMP_WAIT_POLICY="PASSIVE")) == 0


@pytest.fixture
def threads():
    before = taeda.get_num_threads()
    yield
    taeda.set_num_threads(before)


def test_the_number_of_threads_changes_no_result(threads: None) -> None:
    x = taeda.from_numpy(np.random.default_rng(0).standard_normal((301, 1777)).astype(np.float32))
    square, rows = x[:, :301].contiguous(), x[:, :1000].contiguous()
    steps = {
        "sum": lambda: x.sum(),
        "bfloat16 sum": lambda: x.bfloat16().sum(1).float(),
        "cumsum": lambda: x.cumsum(1),
        "softmax": lambda: x.softmax(0),
        "softmax of long rows": lambda: x.softmax(1),
        "softmax of rows": lambda: rows.softmax(1),
        "log_softmax of rows": lambda: rows.log_softmax(1),
        "inv": lambda: taeda.linalg.inv(square),
        "qr": lambda: taeda.linalg.qr(square)[0],
        "triangular": lambda: taeda.linalg.solve_triangular(square, x, upper=True),
        "border": lambda: taeda.nn.functional.pad(x.reshape(301, 1, 1777), (3, 2), mode="reflect"),
        "column": lambda: x * x[:, :1],
        "outer": lambda: x[:, :1] + x[:1],
        "mask": lambda: x[x > 0.3],
        "cat": lambda: taeda.cat([x, x[:, :5].contiguous()], 1),
        "randn": lambda: (taeda.manual_seed(1), taeda.randn(100_000))[1],
        "randperm": lambda: (taeda.manual_seed(1), taeda.randperm(100_000))[1],
    }
    results = []
    for count in (1, 2, 3):
        taeda.set_num_threads(count)
        results.append({name: step().numpy() for name, step in steps.items()})
    for other in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_array_equal(other[name], value, err_msg=name)


def test_an_error_in_a_piece_reaches_the_caller(threads: None) -> None:
    taeda.set_num_threads(2)
    index = taeda.zeros(400, 400, dtype=taeda.int64)
    index[399, 399] = 400
    with pytest.raises(RuntimeError, match="gather: index 400 is out of bounds"):
        taeda.zeros(400, 400).gather(0, index)
