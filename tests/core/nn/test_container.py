"""Sequential, lists and dictionaries of modules and parameters."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import taeda
from taeda import nn


def test_sequential_by_name_and_slices() -> None:
    net = nn.Sequential(OrderedDict([("a", nn.Linear(1, 2)), ("b", nn.ReLU())]))
    assert net.a is net[0]
    assert list(net[1:].state_dict()) == []
    assert isinstance(net[-1], nn.ReLU)
    with pytest.raises(IndexError, match="index 2 is out of range"):
        net[2]


def test_sequential_edits() -> None:
    net = nn.Sequential(nn.ReLU())
    net.append(nn.Tanh()).insert(0, nn.Sigmoid())
    assert [type(m).__name__ for m in net] == ["Sigmoid", "ReLU", "Tanh"]
    assert list(net._modules) == ["0", "1", "2"]
    del net[1]
    assert list(net._modules) == ["0", "1"]
    assert isinstance(net.pop(0), nn.Sigmoid)
    assert len(net + net) == 2
    assert len(net * 3) == 3
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class"):
        net + nn.ReLU()


def test_module_list() -> None:
    modules = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU()])
    assert repr(modules) == (
        "ModuleList(\n  (0-1): 2 x Linear(in_features=1, out_features=1, bias=True)\n  (2): ReLU()\n)"
    )
    modules.insert(1, nn.Tanh())
    modules.extend([nn.ReLU()])
    assert len(modules) == 5
    assert [name for name, _ in modules.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    with pytest.raises(TypeError, match=r"ModuleList\.extend should be called with an iterable, but got int"):
        modules.extend(3)


def test_module_dict() -> None:
    modules = nn.ModuleDict({"a": nn.ReLU()})
    modules.update([("b", nn.Linear(1, 1))])
    assert list(modules) == ["a", "b"]
    assert "b" in modules
    assert isinstance(modules.pop("a"), nn.ReLU)
    assert [name for name, _ in modules.named_parameters()] == ["b.weight", "b.bias"]
    with pytest.raises(ValueError, match="has length 3; 2 is required"):
        modules.update([("a", "b", "c")])


def test_parameter_list_and_dict() -> None:
    listed = nn.ParameterList([taeda.ones(2), nn.Parameter(taeda.zeros(1))])
    assert all(isinstance(p, nn.Parameter) for p in listed)
    assert list(listed.state_dict()) == ["0", "1"]
    assert len(listed[:1]) == 1
    named = nn.ParameterDict({"a": taeda.ones(2)})
    named["b"] = taeda.zeros(1)
    assert list(named.state_dict()) == ["a", "b"]
    assert named.get("c") is None
    assert list((named | nn.ParameterDict({"c": taeda.ones(1)})).keys()) == ["a", "b", "c"]
    key, value = named.popitem()
    assert (key, value.tolist()) == ("b", [0.0])
    with pytest.raises(TypeError, match="is not a string"):
        named[3]
