"""cublaslt.cpp, cudnn.cpp and cufft.cpp, of which emulated devices have twins, over stand-ins for the real libraries.

The stand-ins (core/csrc/kernels/cuda/emulated/stand_ins) do what the documentation of each call says, and refuse calls
that do not agree with each other. Products, convolutions and transforms must come out of them as they do of the twins.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cuda_library import EMULATED, ROOT

FILES = ["products_on_device", "convolutions_on_device", "fourier_transforms_on_device"]


@pytest.fixture
def environment() -> dict[str, str]:
    folder = Path(os.environ.get("TAEDA_CUDA_LIBRARY", "")).parent
    library = folder / "libtaeda_cuda_on_stand_ins.so"
    if not EMULATED or not library.exists():
        pytest.skip("needs the emulated GPU and what `ninja taeda_stand_ins` builds beside it")
    kept = {name: value for name, value in os.environ.items() if name != "TAEDA_TEST_RECORD"}
    return kept | {
        "TAEDA_CUDA_LIBRARY": str(library),
        "TAEDA_NVIDIA_LIBRARIES": str(folder / "stand_ins"),
    }


@pytest.mark.parametrize("name", FILES)
def test_results(environment: dict[str, str], name: str):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/cuda/test_{name}.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


CODE = """
import taeda
from taeda.nn import functional as F
{0}
"""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        # Float32 that may be rounded takes another plan than float32 that may not.
        (
            "a = taeda.randn(40, 50, device='cuda'); b = taeda.randn(50, 30, device='cuda'); c = a @ b\n"
            "taeda.backends.cuda.matmul.allow_tf32 = True; d = a @ b; print((c == d).all().item())",
            "True",
        ),
        # A second stream, and a plan that is used again with another bias.
        (
            "x, w = taeda.ones(9, 16, device='cuda'), taeda.ones(20, 16, device='cuda')\n"
            "side = taeda.cuda.Stream(); side.wait_stream(taeda.cuda.current_stream())\n"
            "with taeda.cuda.stream(side):\n"
            "    print([F.linear(x, w, taeda.full((20,), v, device='cuda'))[0, 0].item() for v in (1.0, 2.0)])",
            "[17.0, 18.0]",
        ),
    ],
    ids=["tf32", "plans"],
)
def test_switches(environment: dict[str, str], code: str, text: str):
    environment = {**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == (text, "")
