"""The examples in docstrings: data loading, files, testing helpers, gradient checks, the command line."""

import doctest
import importlib
import sys

import pytest

import taeda

MODULES = [
    "_download",
    "_make_tensor",
    "_serialization.atomic_file",
    "autograd.gradcheck",
    "cli",
    "hub",
    "random",
    "serialization",
    "testing",
    "utils.checkpoint",
    "utils.data.collate",
    "utils.data.dataloader",
    "utils.data.dataset",
    "utils.data.sampler",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    importlib.import_module(f"taeda.{name}")
    module = sys.modules[f"taeda.{name}"]
    found = doctest.testmod(module, extraglobs={"taeda": taeda})
    assert found.failed == 0
    assert found.attempted > 0 or name == "cli"
