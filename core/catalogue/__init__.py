"""The operator catalogue: `load()` gives every operator of taeda, in the order of the family files."""

from __future__ import annotations

import importlib
import pkgutil

from catalogue.families import OPS, Op

_NOT_FAMILIES = {"families", "schema"}


def load() -> list[Op]:
    """All operator records; each knows the family file that it came from."""
    if not OPS:
        for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
            if module.name in _NOT_FAMILIES:
                continue
            first = len(OPS)
            importlib.import_module(f"{__name__}.{module.name}")
            for record in OPS[first:]:
                record.family = module.name
    return OPS
