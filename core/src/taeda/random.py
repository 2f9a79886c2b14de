"""The default random generator: seeding, saving and restoring its state.

One counter-based stream (Philox) serves every device: the same seed gives the same numbers everywhere.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from taeda import _C
from taeda._C import Generator, default_generator

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = [
    "Generator",
    "default_generator",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

_SMALLEST_SEED, _LARGEST_SEED = -(2**63), 2**64 - 1


def manual_seed(seed: Any) -> Generator:
    """Seeds the default generators of all devices.

    Args:
        seed: an integer from -2**63 to 2**64 - 1; negative ones count from 2**64 down.

    Returns:
        The default generator of the CPU.

    Raises:
        RuntimeError: the seed is out of range.
        TypeError: the seed is not an integer.

    Example:
        >>> _ = manual_seed(3)
        >>> initial_seed()
        3
    """
    try:
        number = operator.index(seed)
    except TypeError:
        if not isinstance(seed, float) or not seed.is_integer():
            raise TypeError(f"manual_seed: expected an integer seed, got {seed!r}") from None
        number = int(seed)
    if not _SMALLEST_SEED <= number <= _LARGEST_SEED:
        raise RuntimeError(
            "manual_seed: Overflow when unpacking long: the seed must lie in [-2**63, 2**64 - 1], got "
            f"{number}"
        )
    _C._cuda_seed_all(number % 2**64)
    return default_generator.manual_seed(number % 2**64)


def seed() -> int:
    """Seeds the default generator with a number from the operating system and returns that number."""
    number = int(default_generator.seed())
    _C._cuda_seed_all(number)
    return number


def initial_seed() -> int:
    """The number with which the default generator was seeded last."""
    return int(default_generator.initial_seed())


def get_rng_state() -> Tensor:
    """The default generator's state, a 1-D uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Puts the default generator into a state that `get_rng_state` returned.

    Example:
        >>> state = get_rng_state()
        >>> seed_was = initial_seed()
        >>> _ = manual_seed(seed_was + 1)
        >>> set_rng_state(state)
        >>> initial_seed() == seed_was
        True
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str | None = None,
) -> Iterator[None]:
    """Whatever is drawn inside the block, the default generator's state afterwards is the one from before.

    Args:
        devices: accepted for other devices; the one default generator serves all of them.
        enabled: False makes the block do nothing.
        device_type: as `devices`.

    Example:
        >>> state = get_rng_state()
        >>> with fork_rng():
        ...     _ = manual_seed(0)
        >>> bool((get_rng_state() == state).all())
        True
    """
    if not enabled:
        yield
        return
    state = default_generator.get_state()
    try:
        yield
    finally:
        default_generator.set_state(state)
