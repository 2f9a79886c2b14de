"""Which version this is, and of what.

Example:
    >>> import taeda
    >>> __version__ == taeda.__version__
    True
"""

from __future__ import annotations

from typing import Any

from taeda import __version__

__all__ = ["__version__", "cuda", "git_version", "hip"]

cuda: str | None
"""CUDA's version, such as "13.0"; None where GPUs cannot be used."""

hip: str | None = None
"""None: GPUs of AMD are not supported."""

git_version: str | None = None
"""None: the commit is not recorded in builds."""


def __getattr__(name: str) -> Any:
    if name == "cuda":  # looked up late, because it loads the library for GPUs
        return _cuda_version()
    raise AttributeError(f"module 'taeda.version' has no attribute {name!r}")


def _cuda_version() -> str | None:
    from taeda import _C
    from taeda import cuda as gpus

    if not gpus.is_available():
        return None
    runtime, _ = _C._cuda_versions()
    return f"{runtime // 1000}.{runtime % 1000 // 10}"
