"""Every public module says what it exports, and that exists."""

from __future__ import annotations

import importlib

import pytest
from repository import PACKAGES, module_names


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))  # also leaves out __main__


PUBLIC = [name for package in PACKAGES for name in module_names(package) if is_public(name)]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_there_and_true(name):
    module = importlib.import_module(name)
    exported = getattr(module, "__all__", None)
    assert exported is not None, f"{name} has no __all__"
    assert len(set(exported)) == len(exported), f"{name}.__all__ names something twice"
    assert [each for each in exported if not hasattr(module, each)] == []
    assert [each for each in exported if each.startswith("_") and each != "__version__"] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_are_typed(package):
    assert (PACKAGES[package] / "py.typed").is_file()
