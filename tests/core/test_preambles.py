"""Lines at the top of programs written for torch: devices, switches and versions, and names that are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import taeda

# Sets the answers apart from the machine's: no library for GPUs, as in the CPU's wheel.
PROGRAM = """
import taeda
from taeda import accelerator, backends, version

assert accelerator.is_available() is False and accelerator.device_count() == 0
assert accelerator.current_accelerator() is None and accelerator.current_accelerator(check_available=True) is None
assert version.cuda is None and version.hip is None and version.git_version is None
assert backends.cudnn.version() is None and not backends.cudnn.is_available() and backends.cudnn.enabled
backends.cudnn.enabled = False
assert not backends.cudnn.enabled
"""


def test_without_a_gpu() -> None:
    environment = {**os.environ, "TAEDA_CUDA_LIBRARY": "/nowhere/at_all.so"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_with_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taeda._C, "_cuda_failure", lambda: "")
    monkeypatch.setattr(taeda._C, "_cuda_device_count", lambda: 2)
    monkeypatch.setattr(taeda._C, "_cuda_versions", lambda: (12080, 13000))
    assert taeda.accelerator.is_available()
    assert taeda.accelerator.device_count() == 2
    assert taeda.accelerator.current_accelerator() == taeda.device("cuda")
    assert taeda.version.cuda == "12.8"
    with pytest.raises(NotImplementedError, match="no switch for convolutions without cuDNN; leave it True"):
        taeda.backends.cudnn.enabled = False
    assert taeda.backends.cudnn.enabled


def test_the_version_of_cudnn_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        """What ctypes gives, with a function that is an object with attributes."""

        def __init__(self) -> None:
            self.cudnnGetVersion = lambda: 91300

    monkeypatch.setattr(taeda._C, "_cuda_failure", lambda: "")
    monkeypatch.setattr(taeda.backends, "_cudnn_libraries", lambda: iter([object(), Library()]))
    assert taeda.backends.cudnn.version() == 91300
    assert taeda.backends.cudnn.is_available()
    monkeypatch.setattr(taeda.backends, "_cudnn_libraries", lambda: iter([]))
    assert taeda.backends.cudnn.version() is None


def test_there_are_no_gpus_of_apple() -> None:
    assert taeda.backends.mps.is_available() is False
    assert taeda.backends.mps.is_built() is False


def test_versions() -> None:
    assert taeda.version.__version__ == taeda.__version__


def test_switches_of_cudnn_are_remembered() -> None:
    cudnn = taeda.backends.cudnn
    assert (cudnn.enabled, cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32) == (
        True,
        False,
        False,
        False,
    )
    try:
        cudnn.benchmark = cudnn.deterministic = True
        assert (cudnn.benchmark, cudnn.deterministic) == (True, True)
    finally:
        cudnn.benchmark = cudnn.deterministic = False


def test_the_deterministic_switch_is_remembered() -> None:
    def switches() -> tuple[bool, bool]:
        return (
            taeda.are_deterministic_algorithms_enabled(),
            taeda.is_deterministic_algorithms_warn_only_enabled(),
        )

    assert switches() == (False, False)
    try:
        taeda.use_deterministic_algorithms(True)
        assert switches() == (True, False)
        taeda.use_deterministic_algorithms(True, warn_only=True)
        assert switches() == (True, True)
    finally:
        taeda.use_deterministic_algorithms(False)
    assert switches() == (False, False)
    with pytest.raises(TypeError, match="expected True or False for mode, got 'yes'"):
        taeda.use_deterministic_algorithms("yes")  # type: ignore[arg-type]


def test_places_of_tensors() -> None:
    assert taeda.get_default_device() == taeda.device("cpu") == taeda.ones(1).device
    assert taeda.ones(1).get_device() == taeda.get_device(taeda.ones(1)) == -1
    assert taeda.ones(1, device="meta").get_device() == -1


MISSING = {
    "FloatTensor": "use taeda.tensor(data, dtype=taeda.float32), or taeda.empty(sizes, dtype=taeda.float32)",
    "LongTensor": "use taeda.tensor(data, dtype=taeda.int64)",
    "distributions": "taeda.normal",
    "profiler": "use cProfile",
    "multiprocessing": "Python's multiprocessing",
    "nested": "pad with taeda.nn.utils.rnn.pad_sequence",
    "quantization": "use float16 or bfloat16",
    "mps": "GPUs of Apple are not supported",
    "vision": "it is a package of its own; import taeda_vision",
    "autograd.set_detect_anomaly": "look for x.isnan().any()",
    "autograd.functional": "taeda.autograd.grad once per output",
    "autograd.grda": "did you mean 'grad'?",
    "hub.load": "code is never downloaded",
    "nn.DataParallel": "use the model itself on one",
    "nn.parallel": "use the model itself on one",
    "nn.Linaer": "did you mean 'Linear'?",
    "nn.utils.prune": "multiply weights by a mask",
    "utils.tensorboard": "taeda_lightning.loggers.TensorBoardLogger writes such files",
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_names_come_with_advice(name: str) -> None:
    *packages, last = name.split(".")
    owner = taeda
    for package in packages:
        owner = getattr(owner, package)
    assert not hasattr(owner, last)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, last)
    assert str(caught.value).startswith(f"module {owner.__name__!r} has no attribute {last!r}")
    assert MISSING[name] in str(caught.value)


def test_advice_names_what_is_there() -> None:
    from taeda._missing import missing_attribute

    assert str(missing_attribute("version", ["version"])) == "module 'taeda' has no attribute 'version'"
    for there in (taeda.nn.utils.rnn.pad_sequence, taeda.hub.load_state_dict_from_url, taeda.multinomial):
        assert callable(there)
