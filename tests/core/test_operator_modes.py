"""Modes see every operator call in its boxed form."""

import re

import pytest

import taeda
from taeda import _C
from taeda.overrides import OperatorMode


class _Log(OperatorMode):
    def __init__(self):
        self.calls = []

    def operator(self, name, arguments, run):
        self.calls.append((name, arguments))
        return run()


def test_calls_are_seen_by_name_with_arguments():
    x = taeda.tensor([1.0, 2.0])
    with _Log() as log:
        y = x.add(3, alpha=2)
        x.clamp(min=1.5)
    assert y.tolist() == [7.0, 8.0]
    name, arguments = log.calls[0]
    assert name == "add"
    assert arguments[0] is x
    assert arguments[1].item() == 3
    assert arguments[2] == 2
    assert any(name.startswith("clamp") for name, _ in log.calls)
    before = len(log.calls)
    x.add(1)
    assert len(log.calls) == before


def test_results_can_be_replaced():
    class Zero(OperatorMode):
        def operator(self, name, arguments, run):
            results = run()
            return (taeda.zeros_like(results[0]),) if name == "exp" else results

    with Zero():
        assert taeda.tensor([1.0]).exp().tolist() == [0.0]
        assert taeda.tensor([1.0]).neg().tolist() == [-1.0]


def test_modes_nest_and_the_inner_one_is_first():
    order = []

    class Named(OperatorMode):
        def __init__(self, label):
            self.label = label

        def operator(self, name, arguments, run):
            order.append(self.label)
            return run()

    with Named("outer"), Named("inner"):
        taeda.tensor([1.0]).exp()
    assert order == ["inner", "outer"]


def test_autograd_runs_below_a_mode():
    x = taeda.tensor([2.0], requires_grad=True)
    with _Log():
        y = x * x
    y.backward()
    assert x.grad.tolist() == [4.0]


def test_errors_of_handlers_arrive():
    class Fails(OperatorMode):
        def operator(self, name, arguments, run):
            raise KeyError(name)

    class Lazy(OperatorMode):
        def operator(self, name, arguments, run):
            return None

    with pytest.raises(KeyError, match="exp"), Fails():
        taeda.tensor([1.0]).exp()
    with pytest.raises(RuntimeError, match=r"must call proceed\(\) for exp"), Lazy():
        taeda.tensor([1.0]).exp()
    assert taeda.tensor([0.0]).exp().tolist() == [1.0]


def test_every_operator_has_a_boxed_form_with_a_schema():
    schemas = _C._op_schemas()
    assert len(schemas) > 300
    form = re.compile(r"[\w.]+\((.*)\) -> (Tensor|Tensor\[\]|bool|int|float|Scalar|\(.*\))")
    for name, text in schemas.items():
        match = form.fullmatch(" ".join(text.split()))
        assert match, text
        assert text.startswith(name + "(")


def test_a_mode_ends_itself_and_nobody_else():
    outer, inner, other = _Log(), _Log(), _Log()
    with pytest.raises(RuntimeError, match="is not active on this thread; leave its block once"):
        other.__exit__()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(RuntimeError, match="ends before 1 mode that began inside it"):
        outer.__exit__()
    taeda.ones(1).exp()
    assert (
        [name for name, _ in inner.calls].count("exp"),
        [name for name, _ in outer.calls].count("exp"),
    ) == (1, 0)
    inner.__exit__()
    before = len(inner.calls)
    taeda.ones(1).exp()
    assert len(inner.calls) == before
    with pytest.raises(RuntimeError, match="is not active on this thread"):
        inner.__exit__()


def test_autocast_does_not_end_what_it_did_not_begin():
    log, cast = _Log(), taeda.autocast("cpu")
    with cast, cast:  # the same one twice
        assert (taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype == taeda.bfloat16
    with log, pytest.raises(RuntimeError, match="is not active on this thread"):
        cast.__exit__()
    cast.__enter__()
    log.__enter__()
    with pytest.raises(RuntimeError, match="ends before 1 mode"):
        cast.__exit__()
    log.__exit__()
    assert (taeda.ones(2, 2) @ taeda.ones(2, 2)).dtype == taeda.float32
