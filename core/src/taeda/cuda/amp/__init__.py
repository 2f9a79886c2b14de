"""taeda.amp for NVIDIA GPUs, under torch's older names."""

from __future__ import annotations

from typing import Any

from taeda import _C
from taeda import amp as _amp

__all__ = ["GradScaler", "autocast"]


class autocast(_amp.autocast):  # noqa: N801 (torch's name)
    """taeda.amp.autocast("cuda", ...); float16 unless told otherwise."""

    def __init__(
        self, enabled: bool = True, dtype: _C.dtype = _C.float16, cache_enabled: bool | None = None
    ) -> None:
        super().__init__("cuda", dtype=dtype, enabled=enabled, cache_enabled=cache_enabled)


class GradScaler(_amp.GradScaler):
    """taeda.amp.GradScaler("cuda", ...)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("cuda", *args, **kwargs)
