"""What conftest.py notes for tools/gpu_test.py, so that tests can go on in a new process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cuda_library import ROOT

FILE = "tests/cuda/test_coverage_page.py"


def test_what_was_started_is_not_run_again(tmp_path: Path):
    record = tmp_path / "record.txt"
    record.write_text(f"started\t{FILE}::test_every_pointwise_operator_runs\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", FILE]
    environment = {**os.environ, "TAEDA_TEST_RECORD": str(record)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    lines = record.read_text().splitlines()[1:]
    assert "1 deselected" in done.stdout
    assert lines[0] == f"started\t{FILE}::test_the_page_is_up_to_date"
    assert lines[-1] == "finished\t"
    assert [line.partition("\t")[0] for line in lines[:-1:2]] == ["started", "started"]
