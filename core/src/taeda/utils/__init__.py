"""Tools around training: data loading and activation checkpointing. Loaded when first used."""

from __future__ import annotations

import importlib
from types import ModuleType

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> ModuleType:
    if name not in __all__:
        from taeda._missing import missing_attribute

        raise missing_attribute(name, __all__, "utils")
    return importlib.import_module(f"{__name__}.{name}")
