"""The device that is faster than the CPU, whatever its name; here NVIDIA GPUs or nothing.

Example:
    >>> import taeda
    >>> device = current_accelerator() or taeda.device("cpu")
    >>> taeda.ones(2, device=device).sum().item()
    2.0
"""

from __future__ import annotations

from taeda import _C, cuda

__all__ = ["current_accelerator", "device_count", "is_available"]


def is_available() -> bool:
    """Whether there is an accelerator that can be used: the same as `taeda.cuda.is_available()`. Never raises."""
    return cuda.is_available()


def current_accelerator(check_available: bool = False) -> _C.device | None:
    """The kind of accelerator, `device("cuda")` without a number, or None where none can be used.

    Args:
        check_available: changes nothing here: what cannot be used is never returned. Without it, torch returns the kind
            that it was built for.
    """
    return _C.device("cuda") if is_available() else None


def device_count() -> int:
    """How many accelerators this process sees; 0 where none can be used."""
    return cuda.device_count()
