"""Choice between implementations of attention: there is one, so the choice is only checked."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """Implementations that torch knows."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[None]:
    """Accepts a choice of implementations; the native one is used whatever is chosen.

    Raises:
        AssertionError: it is neither an SDPBackend nor a list of them.
    """
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    ok = isinstance(chosen, (list, tuple)) and all(isinstance(b, SDPBackend) for b in chosen)
    assert ok, (
        f"Backend must be an instance of SDPBackend or a list of SDPBackend instances, got {backends!r}"
    )
    yield
