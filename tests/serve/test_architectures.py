import sys
import types

import pytest
import tiny_models

import taeda
import taeda_serve.architectures as architectures
from taeda_serve.architectures import build, resolve
from taeda_serve.errors import ArchiveError
from taeda_serve.manifest import Architecture


@pytest.fixture
def zoo(monkeypatch):
    """A module on the allow-list with one of everything."""
    module = types.ModuleType("taeda_zoo")

    class Net(taeda.nn.Linear):
        pass

    def net(weights=None, **kwargs) -> Net:
        return Net(2, 2, **kwargs)

    def helper(path):
        raise AssertionError("must never be called")

    for value in (Net, net, helper):
        setattr(module, value.__name__, value)
    module._Hidden, module.os, module.number = Net, sys, 3
    monkeypatch.setitem(sys.modules, "taeda_zoo", module)
    monkeypatch.setattr(architectures, "ALLOWED_MODULES", ("taeda_zoo",))
    return module


@pytest.mark.parametrize("name", ["Net", "net"])
def test_models_of_the_list_resolve(zoo, name):
    assert resolve(f"taeda_zoo:{name}") is getattr(zoo, name)


@pytest.mark.parametrize("name", ["helper", "_Hidden", "os", "number"])
def test_other_names_of_the_list_do_not(zoo, name):
    with pytest.raises(ArchiveError, match="expected a model class, or a builder annotated to return one"):
        resolve(f"taeda_zoo:{name}")


@pytest.mark.parametrize(
    "reference", ["os:system", "subprocess:Popen", "tiny_models:Doubler", "taeda_vision:io"]
)
def test_modules_off_the_list_are_not_even_imported(reference, monkeypatch):
    monkeypatch.setattr(architectures, "import_module", lambda name: pytest.fail(f"imported {name}"))
    with pytest.raises(
        ArchiveError, match=f"not on this list; if you trust this code, pass --trust {reference}"
    ):
        resolve(reference)


def test_trust_opens_exactly_one_reference():
    assert resolve("tiny_models:Doubler", ["tiny_models:Doubler"]) is tiny_models.Doubler
    with pytest.raises(ArchiveError, match="not on this list"):
        resolve("tiny_models:MeanColour", ["tiny_models:Doubler"])


def test_entry_points_of_installed_packages_resolve(monkeypatch):
    point = types.SimpleNamespace(value="tiny_models:Doubler")
    monkeypatch.setattr(
        architectures, "entry_points", lambda group: [point] if group == "taeda.models" else []
    )
    assert resolve("tiny_models:Doubler") is tiny_models.Doubler


def test_missing_modules_and_names(zoo):
    with pytest.raises(ArchiveError, match="no attribute 'Nothing'; install the version"):
        resolve("taeda_zoo:Nothing")
    with pytest.raises(ArchiveError, match=r"ImportError: .*; install the package .*pip install no-such"):
        resolve("no_such:Net", ["no_such:Net"])


def test_building_gives_a_module_in_evaluation_mode(zoo):
    module = build(Architecture("taeda_zoo:net", {"bias": False}))
    assert not module.training
    assert [name for name, _ in module.named_parameters()] == ["weight"]


def test_what_cannot_be_built(zoo):
    with pytest.raises(
        ArchiveError, match=r"expected no 'weights' argument, .* got weights='IMAGENET1K_V1'; leave it out"
    ):
        build(Architecture("taeda_zoo:net", {"weights": "IMAGENET1K_V1"}))
    with pytest.raises(ArchiveError, match=r"fails with TypeError: .*'depth'"):
        build(Architecture("taeda_zoo:net", {"depth": 3}))
    with pytest.raises(ArchiveError, match=r"expected a taeda\.nn\.Module, got a str"):
        build(Architecture("tiny_models:not_a_model", {"path": "x"}), ["tiny_models:not_a_model"])
