"""How tensors are shown."""

from __future__ import annotations

import pytest

import taeda

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (1, "tensor(1)"),
        (1.5, "tensor(1.5000)"),
        (True, "tensor(True)"),
        ([], "tensor([])"),
        ([1.0, 2.0], "tensor([1., 2.])"),
        ([1.0, 2.5], "tensor([1.0000, 2.5000])"),
        ([1, -20, 300], "tensor([  1, -20, 300])"),
        ([True, False], "tensor([ True, False])"),
        ([1.0, NAN, INF, -INF], "tensor([1., nan, inf, -inf])"),
        ([1e-8, 1.0], "tensor([1.0000e-08, 1.0000e+00])"),
        ([1e10, 1.0], "tensor([1.0000e+10, 1.0000e+00])"),
        ([[1, 2], [3, 4]], "tensor([[1, 2],\n        [3, 4]])"),
        ([[[1], [2]], [[3], [4]]], "tensor([[[1],\n         [2]],\n\n        [[3],\n         [4]]])"),
        ([1 + 2j], "tensor([1.+2.j])"),
    ],
    ids=str,
)  # fmt: skip
def test_values(data: object, text: str):
    assert repr(taeda.tensor(data)).replace(" ", "") == text.replace(" ", "")
    assert str(taeda.tensor(data)) == repr(taeda.tensor(data))


def test_columns_are_aligned():
    lines = repr(taeda.tensor([[1.5, -20.25], [300.0, 4.0]])).splitlines()
    assert lines == ["tensor([[  1.5000, -20.2500],", "        [300.0000,   4.0000]])"]


def test_what_is_not_the_default_is_said():
    assert repr(taeda.zeros(1, dtype=taeda.float64)) == "tensor([0.], dtype=taeda.float64)"
    assert repr(taeda.zeros(1, dtype=taeda.int32)) == "tensor([0], dtype=taeda.int32)"
    assert repr(taeda.zeros(1, requires_grad=True)) == "tensor([0.], requires_grad=True)"
    assert "grad_fn=<MulBackward0>" in repr(taeda.ones(1, requires_grad=True) * 2)
    assert repr(taeda.zeros(0, 3)) == "tensor([], size=(0, 3))"
    assert repr(taeda.empty(2, 3, device="meta")) == "tensor(..., device='meta', size=(2, 3))"


def test_long_tensors_are_summarised():
    text = repr(taeda.arange(10_000))
    assert text.replace(" ", "") == "tensor([0,1,2,...,9997,9998,9999])"
    rows = repr(taeda.zeros(200, 200)).splitlines()
    assert len(rows) == 7
    assert all("..." in row for row in rows)


def test_lines_are_short():
    assert max(len(line) for line in repr(taeda.rand(40)).splitlines()) <= 80


def test_formats():
    assert f"{taeda.tensor(1.23456):.2f}" == "1.23"
    assert f"{taeda.tensor([1.0])}" == "tensor([1.])"


def test_small_types():
    assert repr(taeda.float32) == "taeda.float32"
    assert repr(taeda.zeros(2, 3).shape) == "taeda.Size([2, 3])"
    assert repr(taeda.device("cpu")) == "device(type='cpu')"
