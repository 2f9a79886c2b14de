"""What taeda.cuda says where there is no library for GPUs."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import taeda
from taeda import cuda

assert not cuda.is_available() and not cuda.is_initialized() and cuda.device_count() == 0
assert cuda.get_rng_state_all() == [] and cuda.get_arch_list() == [] and not cuda.is_bf16_supported()
taeda.manual_seed(1), cuda.manual_seed(2), cuda.manual_seed_all(3), cuda.empty_cache(), cuda.seed()
assert not taeda.ones(1).is_pinned()
calls = [
    lambda: taeda.ones(2, device="cuda"),
    lambda: taeda.ones(2).cuda(),
    lambda: taeda.nn.Linear(2, 2).to("cuda"),
    lambda: taeda.tensor([1], device="cuda:0"),
    lambda: taeda.rand(2, device="cuda"),
    lambda: taeda.Generator("cuda"),
    lambda: taeda.ones(2).pin_memory(),
    lambda: cuda.current_device(),
    lambda: cuda.synchronize(),
    lambda: cuda.Stream(),
    lambda: cuda.get_device_name(0),
    lambda: cuda.memory_allocated(),
]
for call in calls:
    try:
        call()
    except RuntimeError as error:
        text = str(error)
        assert "cuda is not available: /nowhere/at_all.so does not exist: this taeda was built without CUDA" in text
        assert "TAEDA_CUDA=ON" in text
    else:
        raise AssertionError("nothing was raised")
loader = taeda.utils.data.DataLoader([1.0, 2.0], pin_memory=True)
assert [batch.item() for batch in loader] == [1.0, 2.0]
"""


def test_every_use_says_what_is_missing():
    environment = {**os.environ, "TAEDA_CUDA_LIBRARY": "/nowhere/at_all.so"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_broken_library_is_no_gpu(tmp_path):
    broken = tmp_path / "libtaeda_cuda.so"
    broken.write_text("not a library")
    program = "import taeda; print(taeda.cuda.is_available()); taeda.cuda.init()"
    environment = {**os.environ, "TAEDA_CUDA_LIBRARY": str(broken)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "False\n"
    assert f"RuntimeError: cuda is not available: cannot load {broken}: " in done.stderr
