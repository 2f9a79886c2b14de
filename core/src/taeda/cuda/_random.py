"""The random generators of GPUs. One seed gives the same numbers on every device."""

from __future__ import annotations

from collections.abc import Iterable

from taeda import _C, Tensor
from taeda.cuda._device import Device, device_count, device_index, init

__all__ = [
    "get_rng_state",
    "get_rng_state_all",
    "initial_seed",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
]


def _generator(device: Device) -> _C.Generator:
    """The generator of a GPU.

    Raises:
        RuntimeError: there is no such GPU.
    """
    init()
    index, count = device_index(device), device_count()
    if not 0 <= index < count:
        raise RuntimeError(
            f"CUDA error: invalid device ordinal: the generator of cuda:{index} was asked for; devices visible: {count}"
        )
    return _C._cuda_generator(index)


def manual_seed(seed: int) -> None:
    """Seeds the current GPU's generator. Without a GPU it does nothing."""
    if device_count():
        _C._cuda_generator(device_index(None)).manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seeds the generators of all GPUs, also of those that are first used later."""
    _C._cuda_seed_all(int(seed) % 2**64)


def seed() -> None:
    """Seeds the current GPU's generator with a number from the operating system."""
    if device_count():
        _C._cuda_generator(device_index(None)).seed()


def seed_all() -> None:
    """Seeds the generators of all GPUs with one number from the operating system."""
    manual_seed_all(_C.Generator().seed())


def initial_seed() -> int:
    """The seed of the current GPU's generator."""
    init()
    return _C._cuda_generator(device_index(None)).initial_seed()


def get_rng_state(device: Device = "cuda") -> Tensor:
    """The state of a GPU's generator, a 1-D uint8 tensor on the CPU.

    Raises:
        RuntimeError: there is no such GPU.
    """
    return _generator(device).get_state()


def set_rng_state(new_state: Tensor, device: Device = "cuda") -> None:
    """Puts a GPU's generator into a state that `get_rng_state` returned.

    Raises:
        RuntimeError: there is no such GPU.
    """
    _generator(device).set_state(new_state.cpu())


def get_rng_state_all() -> list[Tensor]:
    """The states of all GPUs' generators."""
    return [get_rng_state(index) for index in range(device_count())]


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Puts the generators of GPUs 0, 1, ... into the states given."""
    for index, state in enumerate(new_states):
        set_rng_state(state, index)
