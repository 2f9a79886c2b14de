"""The package as a whole: exported names, and the examples of the docstrings."""

import doctest
import importlib
import pkgutil

import pytest

import taeda_audio

MODULES = sorted(
    ["taeda_audio", *(m.name for m in pkgutil.walk_packages(taeda_audio.__path__, "taeda_audio."))]
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_and_exports(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).failed == 0
    assert [entry for entry in module.__all__ if not hasattr(module, entry)] == []


def test_public_names():
    assert taeda_audio.__all__ == [
        "AudioMetaData",
        "__version__",
        "datasets",
        "functional",
        "info",
        "load",
        "models",
        "save",
        "transforms",
    ]
