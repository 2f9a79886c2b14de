"""The parts of `make gpu-test` that need no GPU: what it finds, how it runs steps, and what its page says."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import gpu_machine
import gpu_test


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_steps_end_at_their_limit_with_all_that_they_started(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(gpu_machine, "OUT", tmp_path)
    assert gpu_machine.run(python("print('fine')"), "good") == (True, "fine\n")
    child = f"import subprocess; subprocess.run({[sys.executable, '-c', 'import time; time.sleep(60)']!r})"
    start = time.monotonic()
    good, text = gpu_machine.run(python(f"print('begun', flush=True); {child}"), "slow", limit=1)
    assert (good, text.split("\n")[0]) == (False, "begun")
    assert "killed, because it took longer than 1 seconds" in text
    assert time.monotonic() - start < 20


def test_what_a_log_says_begins_with_its_errors():
    log = "a.cu(3): error: no such thing\n" + "[1/9] compiled\n" * 500
    assert gpu_machine.essence(log).startswith("a.cu(3): error: no such thing\n...\n")
    assert gpu_machine.essence("all went well\n") == "all went well\n"


def test_requirements_are_those_of_the_tests():
    assert gpu_machine.has("numpy")
    assert not gpu_machine.has("no_such_module")
    assert {"numpy", "scipy", "pytest"} <= set(gpu_machine.REQUIREMENTS)
    assert gpu_machine.Machine.found(emulated=True).gpu is None
    assert gpu_machine.builder() in (sys.executable, str(gpu_machine.LIBRARIES / "bin" / "python"))
    assert gpu_machine.Machine(None, None, 1).isa() in ("baseline", "avx2", "avx512")


def test_libraries_of_the_toolkit_are_looked_for(tmp_path: Path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib64").mkdir()
    (tmp_path / "bin" / "nvcc").touch()
    folders = gpu_machine.Machine(None, str(tmp_path / "bin" / "nvcc"), 1).nvidia_folders()
    assert folders[-1] == str(tmp_path.resolve() / "lib64")


def test_outcomes_of_tests_that_did_not_end(tmp_path: Path):
    record = tmp_path / "record.txt"
    assert gpu_test.outcomes(record) == {}
    record.write_text(
        "started\ta\npassed\ta\nstarted\tb\nfailed\tb\nlost\tb\nstarted\tc\nstarted\td\nskipped\td\nfinished\t\n"
    )
    assert gpu_test.outcomes(record) == {
        "a": "passed",
        "b": "took the GPU's context with it",
        "c": "took the process with it",
        "d": "skipped",
    }


@pytest.mark.parametrize("second", ["started\tc\npassed\tc\nfinished\t\n", ""], ids=["ends", "does nothing"])
def test_tests_go_on_after_one_that_crashed(monkeypatch, tmp_path: Path, second: str):
    record = tmp_path / "tests.txt"
    rounds = iter(["started\ta\npassed\ta\nstarted\tb\n", second])

    def run(
        command: list[str], log: str, environment: dict[str, str], limit: float | None
    ) -> tuple[bool, str]:
        assert environment["TAEDA_TEST_RECORD"] == str(record)
        with record.open("a") as out:
            out.write(next(rounds))
        return False, "..."

    monkeypatch.setattr(gpu_test, "OUT", tmp_path)
    monkeypatch.setattr(gpu_test, "run", run)
    options = argparse.Namespace(emulated=True, library=None, minutes=None, all_tests=False)
    session = gpu_test.Session(options)
    session.tests()
    assert "    b: took the process with it" in session.page.lines
    total = "3" if second else "2"
    assert session.page.failures == [
        f"tests: 1 of {total} failed{'' if second else ', and not all were run'}; see build/gpu/tests-*.log"
    ]


def test_tests_that_ran_out_of_time_are_not_started_again(monkeypatch, tmp_path: Path):
    rounds = []

    def run(command: list[str], log: str, environment: dict[str, str], limit: float) -> tuple[bool, str]:
        rounds.append(limit)
        with (tmp_path / "tests.txt").open("a") as out:
            out.write(f"started\ttest_{len(rounds)}\n")
        return False, "killed"

    monkeypatch.setattr(gpu_test, "OUT", tmp_path)
    monkeypatch.setattr(gpu_test, "run", run)
    session = gpu_test.Session(
        argparse.Namespace(emulated=True, library=None, minutes=0.001, all_tests=False)
    )
    session.tests()
    assert rounds == [gpu_test.AT_LEAST]
    assert session.page.failures == ["tests: 1 of 1 failed, and not all were run; see build/gpu/tests-*.log"]


def test_rates():
    copy = {"amount": 2e9, "seconds": 1e-3}
    assert gpu_test.rate({"amount": 1e9, "seconds": 1e-3, "unit": "B"}, copy) == "   1000 GB/s,  50% of copy"
    assert gpu_test.rate({"amount": 1e12, "seconds": 0.5, "unit": "FLOP"}, copy) == "    2.0 TFLOP/s"


@pytest.mark.parametrize("fails", [False, True])
def test_the_page_and_the_exit_status(monkeypatch, tmp_path: Path, capsys, fails: bool):
    monkeypatch.setattr(gpu_test, "OUT", tmp_path)
    steps = "requirements,build,tests,benchmark"
    monkeypatch.setattr(sys, "argv", ["gpu_test.py", "--emulated", "--skip", steps])
    step = (lambda session: session.page.fail("training: why")) if fails else (lambda session: None)
    monkeypatch.setattr(gpu_test.Session, "training", step)
    assert gpu_test.main() == int(fails)
    page = capsys.readouterr().out
    assert page == (tmp_path / "page.txt").read_text()
    assert "NO NVIDIA GPU" in page
    assert "tests: skipped" in page
    assert page.splitlines()[-1] == ("1 FAILED" if fails else "ALL PASSED")
    assert ("  FAILED: training: why" in page) == fails


def test_the_script_explains_itself():
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gpu_test.py", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "--wheels" in done.stdout
