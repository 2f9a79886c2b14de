"""Examples in docstrings run, and public names are the ones in ``__all__``."""

import doctest
import importlib
import pkgutil

import pytest

import taeda_vision

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(taeda_vision.__path__, "taeda_vision.")
    if "weights" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failures, _ = doctest.testmod(importlib.import_module(name), verbose=False)
    assert failures == 0


@pytest.mark.parametrize("name", ["taeda_vision", *MODULES])
def test_exported_names_exist(name):
    module = importlib.import_module(name)
    assert all(hasattr(module, exported) for exported in module.__all__)


def test_nothing_of_torch_is_imported():
    sources = "".join(importlib.import_module(name).__loader__.get_source(name) for name in MODULES)
    assert "import torch" not in sources
    assert "from torch" not in sources
