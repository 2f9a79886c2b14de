"""Host code beside the kernels: keys of plans, their cache, and where NVIDIA's libraries are looked for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_host_code(tmp_path: Path):
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        pytest.skip("no C++ compiler")
    csrc = ROOT / "core" / "csrc"
    sources = [Path(__file__).parent / "host_checks.cpp", csrc / "kernels" / "cuda" / "shared_library.cpp"]
    # Whatever of a tensor the keys do not touch stays undefined.
    options = [
        "-std=gnu++20",
        "-O2",
        "-Wno-init-list-lifetime",
        f"-I{csrc}",
        "-Wl,--unresolved-symbols=ignore-all",
    ]
    program = tmp_path / "checks"
    subprocess.run([compiler, *options, *sources, "-ldl", "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
