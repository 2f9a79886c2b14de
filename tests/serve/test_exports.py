import doctest
import importlib
import pkgutil

import pytest

import taeda_serve

MODULES = sorted(
    f"taeda_serve.{module.name}"
    for module in pkgutil.iter_modules(taeda_serve.__path__)
    if module.name != "__main__"
)


def test_public_names():
    assert taeda_serve.__all__ == [
        *("Architecture", "Archive", "ArchiveError", "Client", "Manifest", "PortInUseError", "RequestError"),
        *("RunningServer", "ServableModel", "ServeError", "ServerStartError", "TensorSpec", "TransformStep"),
        *("load_archive", "package", "read_archive"),
    ]


@pytest.mark.parametrize("name", MODULES)
def test_modules_list_what_they_export_and_their_examples_run(name):
    module = importlib.import_module(name)
    assert all(hasattr(module, each) for each in module.__all__)
    assert doctest.testmod(module, extraglobs={"np": importlib.import_module("numpy")}).failed == 0
