"""taeda.amp for the CPU, under torch's older names."""

from __future__ import annotations

from typing import Any

from taeda import _C
from taeda import amp as _amp

__all__ = ["GradScaler", "autocast"]


class autocast(_amp.autocast):  # noqa: N801 (torch's name)
    """taeda.amp.autocast("cpu", ...)."""

    def __init__(
        self, enabled: bool = True, dtype: _C.dtype | None = None, cache_enabled: bool | None = None
    ) -> None:
        super().__init__("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


class GradScaler(_amp.GradScaler):
    """taeda.amp.GradScaler("cpu", ...)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cpu", *args, **kwargs)
