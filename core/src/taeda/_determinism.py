"""The switch that asks for operators whose results can be repeated."""

from __future__ import annotations

__all__ = [
    "are_deterministic_algorithms_enabled",
    "is_deterministic_algorithms_warn_only_enabled",
    "use_deterministic_algorithms",
]

_is_enabled = False
_is_warn_only = False


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms; remembered, and nothing else, as there are no others to switch off.

    On the CPU results are the same bits for any number of threads. Kernels for GPUs combine in a fixed order too, and
    of cuDNN's algorithms only those are used that it calls deterministic. So no operator warns or raises because of
    this switch. It does not set a seed: call `manual_seed`.

    Args:
        mode: True to ask for them.
        warn_only: in torch, warn instead of raising; remembered.

    Raises:
        TypeError: mode or warn_only is no bool.

    Example:
        >>> use_deterministic_algorithms(True)
        >>> are_deterministic_algorithms_enabled()
        True
        >>> use_deterministic_algorithms(False)
    """
    for name, value in (("mode", mode), ("warn_only", warn_only)):
        if not isinstance(value, bool):
            raise TypeError(
                f"use_deterministic_algorithms: expected True or False for {name}, got {value!r} "
                f"({type(value).__name__})"
            )
    global _is_enabled, _is_warn_only
    _is_enabled, _is_warn_only = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was last given; False at first."""
    return _is_enabled


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was last given True with warn_only."""
    return _is_enabled and _is_warn_only
