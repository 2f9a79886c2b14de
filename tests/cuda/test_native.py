"""Native code that needs no GPU: launch geometry, divisors, and the emulator itself."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from cuda_library import ROOT

COMPILER = shutil.which("g++") or shutil.which("c++")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    made = tmp_path_factory.mktemp("native") / "checks"
    csrc = ROOT / "core" / "csrc"
    emulated = csrc / "kernels" / "cuda" / "emulated"
    sources = [Path(__file__).parent / "native" / "checks.cpp"]
    sources += [emulated / f"{name}.cpp" for name in ("fibers", "arena", "runtime", "streams")]
    options = ["-std=gnu++20", "-O1", "-DTAEDA_CUDA_EMULATED", "-Wall", "-Wextra", "-Werror", "-I", str(csrc)]
    subprocess.run([COMPILER, *options, *map(str, sources), "-o", str(made)], check=True)
    return made


def test_checks(program: Path):
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_host_code_cannot_read_device_memory(program: Path):
    done = subprocess.run([program, "read"], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGSEGV
