"""Which GPUs there are, and which one is current."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from taeda import _C

__all__ = [
    "Device",
    "DeviceProperties",
    "can_device_access_peer",
    "current_device",
    "device",
    "device_count",
    "device_index",
    "device_of",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "init",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "set_device",
    "synchronize",
]

Device: TypeAlias = "_C.device | str | int | None"


@dataclass(frozen=True)
class DeviceProperties:
    """What the driver says of a GPU; sizes in bytes."""

    name: str
    uuid: str
    major: int
    minor: int
    multi_processor_count: int
    warp_size: int
    max_threads_per_multi_processor: int
    total_memory: int
    shared_memory_per_block: int
    L2_cache_size: int


def is_available() -> bool:
    """Whether a GPU can be used: library, driver and device are there. Never raises, and is cheap."""
    return not _C._cuda_failure()


def init() -> None:
    """Loads the library for GPUs, which otherwise happens on first use.

    Raises:
        RuntimeError: GPUs cannot be used here; the message says what is missing.
    """
    why = _C._cuda_failure()
    if why:
        raise RuntimeError(f"cuda is not available: {why}")


def is_initialized() -> bool:
    """Whether the library for GPUs is loaded."""
    return _C._cuda_loaded()


def device_count() -> int:
    """How many GPUs this process sees; 0 where CUDA is not available."""
    return _C._cuda_device_count() if is_available() else 0


def device_index(device: Device) -> int:
    """The number of a GPU given as number, name or device; None and "cuda" are the current one.

    Raises:
        ValueError: the device is no GPU.
    """
    if device is None:
        return current_device()
    if isinstance(device, int):
        return device if device >= 0 else current_device()
    named = _C.device(device)
    if named.type != "cuda":
        raise ValueError(f"expected a cuda device, but got {named}; pass a number or 'cuda:N'")
    return current_device() if named.index is None else named.index


def current_device() -> int:
    """The number of this thread's current GPU: where "cuda" without a number is."""
    init()
    return _C._cuda_current_device()


def set_device(device: Device) -> None:
    """Makes a GPU this thread's current one. A negative number changes nothing."""
    init()
    if not (isinstance(device, int) and device < 0):
        _C._cuda_set_device(device_index(device))


def get_device_properties(device: Device = None) -> DeviceProperties:
    """What the driver says of a GPU."""
    init()
    return DeviceProperties(**_C._cuda_properties(device_index(device)))


def get_device_name(device: Device = None) -> str:
    """The name of a GPU, such as "NVIDIA H200"."""
    return get_device_properties(device).name


def get_device_capability(device: Device = None) -> tuple[int, int]:
    """The compute capability of a GPU, such as (9, 0)."""
    properties = get_device_properties(device)
    return properties.major, properties.minor


def get_arch_list() -> list[str]:
    """The architecture of the current GPU, for which code is present; empty without a GPU."""
    if not is_available():
        return []
    major, minor = get_device_capability()
    return [f"sm_{major}{minor}"]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether bfloat16 can be computed with; in hardware from compute capability 8.0."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def can_device_access_peer(device: Device, peer_device: Device) -> bool:
    """Whether kernels of one GPU read the other's memory: never; tensors are copied between devices."""
    for each in (device, peer_device):
        if not 0 <= device_index(each) < device_count():
            raise AssertionError(f"invalid device {each!r}: {device_count()} devices are visible")
    return False


def synchronize(device: Device = None) -> None:
    """Waits until a GPU has done all that was asked of it."""
    init()
    _C._cuda_synchronize(device_index(device))


class device:
    """A `with` block in which a GPU is the current one.

    Args:
        device: number, name or device; None or a negative number change nothing.
    """

    def __init__(self, device: Any) -> None:
        ignored = device is None or (isinstance(device, int) and device < 0)
        self.idx = -1 if ignored else device_index(device)
        self.prev_idx = -1

    def __enter__(self) -> device:
        if self.idx >= 0:
            self.prev_idx = current_device()
            set_device(self.idx)
        return self

    def __exit__(self, *error: object) -> None:
        if self.prev_idx >= 0:
            set_device(self.prev_idx)
            self.prev_idx = -1


class device_of(device):
    """As `device`, with the GPU of a tensor; a tensor elsewhere changes nothing."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.device if obj.is_cuda else None)
