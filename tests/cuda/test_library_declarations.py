"""What we declare of cuBLASLt's, cuDNN's and cuFFT's interfaces is what their headers say, where there are headers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = [
    *filter(None, os.environ.get("TAEDA_NVIDIA_INCLUDES", "").split(":")),
    *map(str, (ROOT / "build").glob("*/**/nvidia/*/include")),
    "/usr/local/cuda/include",
    "/usr/include",
]


def test_declarations_agree_with_the_headers():
    compiler = shutil.which("g++")
    found = {
        name: [p for p in PLACES if Path(p, name).exists()]
        for name in ("cublasLt.h", "cudnn.h", "cufft.h", "cuda_runtime.h")
    }
    absent = [name for name, places in found.items() if not places and name != "cufft.h"]
    if compiler is None or absent:
        pytest.skip(f"needs a C++ compiler and {', '.join(absent or found)} (make cuda-headers)")
    folders = dict.fromkeys(
        [str(ROOT / "core" / "csrc"), *(places[0] for places in found.values() if places)]
    )
    options = ["-std=gnu++20", "-fsyntax-only", "-Wno-deprecated-declarations", *(f"-I{f}" for f in folders)]
    source = Path(__file__).parent / "library_declarations.cpp"
    done = subprocess.run([compiler, *options, source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
