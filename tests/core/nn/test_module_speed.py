"""The direct slots of modules mean the same as the Python methods that they stand for."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

import taeda
from taeda import nn


class Echo(nn.Module):
    def forward(self, x: Any, *more: Any, **named: Any) -> Any:
        return (x, *more, *named.items()) if more or named else x


def test_arguments_arrive() -> None:
    echo = Echo()
    assert echo(1) == 1
    assert echo(x=1) == 1
    assert echo(1, 2, a=3) == (1, 2, ("a", 3))
    assert echo(*range(20)) == tuple(range(20))


def test_forward_of_the_instance_comes_first() -> None:
    echo = Echo()
    echo.forward = lambda x: x + 1
    assert echo(1) == 2


def test_call_can_be_replaced_and_given_back() -> None:
    class Loud(Echo):
        def __call__(self, x: Any) -> Any:
            return "loud", super().__call__(x)

    assert Loud()(1) == ("loud", 1)
    echo = Echo()
    Echo.__call__ = lambda self, x: "replaced"  # type: ignore[method-assign]
    assert echo(1) == "replaced"
    del Echo.__call__
    assert echo(1) == 1


def test_getattr_of_a_subclass() -> None:
    class Open(Echo):
        def __getattr__(self, name: str) -> Any:
            return "made up" if name == "anything" else super().__getattr__(name)

    module = Open()
    module.weight = nn.Parameter(taeda.ones(1))
    assert module.weight is module._parameters["weight"]
    assert module.anything == "made up"
    with pytest.raises(AttributeError, match="'Open' object has no attribute 'other'"):
        _ = module.other


def test_property_that_fails_looks_like_a_missing_attribute() -> None:
    class Failing(Echo):
        @property
        def value(self) -> Any:
            raise AttributeError("inner")

    with pytest.raises(AttributeError, match="'Failing' object has no attribute 'value'"):
        _ = Failing().value


def test_attributes_win_over_tables() -> None:
    module = Echo()
    module.register_buffer("x", taeda.zeros(1))
    module.__dict__["x"] = 5
    assert module.x == 5


def test_hooks_are_seen_after_calls_without_them() -> None:
    echo = Echo()
    assert echo(1) == 1
    handle = echo.register_forward_hook(lambda m, args, out: out + 1)
    assert echo(1) == 2
    handle.remove()
    assert echo(1) == 1


@pytest.mark.parametrize(
    ("missing", "imported"),
    [
        ("_C._speed_up_module_class", "taeda.nn"),
        ("_C._set_module_class", "taeda.nn"),
        ("_C.ops._fused_sgd_", "taeda.optim"),
        ("_C.ops._fused_adam_", "taeda.optim"),
        ("_C.ops._fused_adamw_", "taeda.optim"),
        ("_C.ops._fused_rmsprop_", "taeda.optim"),
        ("_C.ops._fused_adagrad_", "taeda.optim"),
    ],
)
def test_a_core_without_its_native_parts_is_refused(missing: str, imported: str) -> None:
    """A slow substitute would go unnoticed."""
    code = f"from taeda import _C\ndel {missing}\nimport {imported}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert re.search(rf"(ImportError|AttributeError): .*'{missing.split('.')[-1]}'", ended.stderr)
