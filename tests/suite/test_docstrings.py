"""The examples in docstrings of all packages are run."""

from __future__ import annotations

import doctest
import importlib

import numpy as np
import pytest
from repository import PACKAGES, module_names

import taeda

# Running it starts the program.
NOT_IMPORTED = {f"{package}.__main__" for package in PACKAGES}
MODULES = [name for package in PACKAGES for name in module_names(package) if name not in NOT_IMPORTED]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, extraglobs={"taeda": taeda, "np": np}, optionflags=OPTIONS)
    assert failed == 0, capsys.readouterr().out
