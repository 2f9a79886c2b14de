"""Changes of a tensor's own sizes and strides, and in-place forms of operators that save their input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import taeda

X = np.arange(6.0).reshape(2, 1, 3)

CHANGES: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "unsqueeze_": (lambda t: t.unsqueeze_(1), np.expand_dims(X, 1)),
    "squeeze_": (lambda t: t.squeeze_(), X.squeeze()),
    "squeeze_ of one": (lambda t: t.squeeze_(1), X.squeeze(1)),
    "squeeze_ of several": (lambda t: t.squeeze_((0, 1)), X.squeeze(1)),
    "transpose_": (lambda t: t.transpose_(0, 2), X.swapaxes(0, 2)),
    "swapaxes_": (lambda t: t.swapaxes_(0, 1), X.swapaxes(0, 1)),
    "swapdims_": (lambda t: t.swapdims_(0, 1), X.swapaxes(0, 1)),
    "as_strided_": (lambda t: t.as_strided_((2, 2), (1, 3), 1), np.array([[1.0, 4.0], [2.0, 5.0]])),
}


@pytest.mark.parametrize("name", CHANGES)
def test_values(name: str) -> None:
    change, expected = CHANGES[name]
    x = taeda.tensor(X)
    memory = x.data_ptr()
    before = x._version
    assert change(x) is x
    assert x._version > before
    np.testing.assert_array_equal(x.numpy(), expected)
    assert x.storage_offset() * 8 + memory == x.data_ptr()


@pytest.mark.parametrize("name", CHANGES)
def test_gradients(name: str) -> None:
    change, expected = CHANGES[name]
    leaf = taeda.tensor(X, requires_grad=True)
    x = leaf * 2
    change(x)
    weights = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    (x * taeda.tensor(weights)).sum().backward()
    positions = taeda.tensor(np.arange(6).reshape(2, 1, 3))
    change(positions)
    wanted = np.zeros(6)
    np.add.at(wanted, positions.numpy().reshape(-1), 2 * weights.reshape(-1))
    np.testing.assert_array_equal(leaf.grad.numpy().reshape(-1), wanted)


def test_a_matrix_is_transposed() -> None:
    x = taeda.tensor([[1, 2, 3], [4, 5, 6]])
    assert x.t_().tolist() == [[1, 4], [2, 5], [3, 6]]


def test_a_view_keeps_its_base() -> None:
    leaf = taeda.tensor(X, requires_grad=True)
    base = leaf * 1
    row = base[0]
    row.transpose_(0, 1)
    row.mul_(taeda.tensor([[1.0], [2.0], [3.0]]))
    assert base[0].tolist() == [[0.0, 2.0, 6.0]]
    base.sum().backward()
    assert leaf.grad.tolist() == [[[1, 2, 3]], [[1, 1, 1]]]


def test_a_saved_tensor_whose_geometry_changed_is_noticed() -> None:
    x = taeda.ones(2, 3, requires_grad=True) * 1
    y = x.sin()
    x.t_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_leaves_are_protected() -> None:
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation: t_"
    ):
        taeda.ones(2, 2, requires_grad=True).t_()


IN_PLACE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "clamp_": (lambda t: t.clamp_(min=taeda.tensor(0.5)), lambda t: t.clamp(min=taeda.tensor(0.5))),
    "clamp_min_": (lambda t: t.clamp_min_(taeda.tensor(0.5)), lambda t: t.clamp_min(taeda.tensor(0.5))),
    "clamp_max_": (lambda t: t.clamp_max_(taeda.tensor(0.5)), lambda t: t.clamp_max(taeda.tensor(0.5))),
    "cumprod_": (lambda t: t.cumprod_(0), lambda t: t.cumprod(0)),
    "div_": (lambda t: t.div_(taeda.tensor(2.0, requires_grad=True)), lambda t: t.div(2.0)),
    "logit_": (lambda t: t.logit_(), lambda t: t.logit()),
    "renorm_": (lambda t: t.renorm_(2, 0, 0.3), lambda t: t.renorm(2, 0, 0.3)),
    "polygamma_": (lambda t: t.polygamma_(1), lambda t: t.polygamma(1)),
    "mvlgamma_": (lambda t: t.add_(2).mvlgamma_(2), lambda t: t.add(2).mvlgamma(2)),
    "mish_": (lambda t: taeda.nn.functional.mish(t, inplace=True), lambda t: taeda.nn.functional.mish(t)),
    "celu_": (lambda t: taeda.nn.functional.celu(t, inplace=True), lambda t: taeda.nn.functional.celu(t)),
    "selu_": (lambda t: taeda.nn.functional.selu(t, inplace=True), lambda t: taeda.nn.functional.selu(t)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_forms_have_the_gradients_of_the_others(name: str) -> None:
    changed, plain = IN_PLACE[name]
    values = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4))
    gradients = []
    for form in (changed, plain):
        leaf = taeda.tensor(values, requires_grad=True)
        x = leaf.clone()
        out = form(x)
        assert (out is x) == (form is changed)
        (out * out).sum().backward()
        gradients.append(leaf.grad.numpy())
    np.testing.assert_allclose(*gradients)


def test_float_power_in_place_needs_double_precision() -> None:
    assert taeda.tensor([2.0], dtype=taeda.float64).float_power_(3).tolist() == [8.0]
    with pytest.raises(
        RuntimeError, match=r"the base given to float_power_ has dtype Float but .* requires dtype Double"
    ):
        taeda.tensor([2.0]).float_power_(3)


def test_conj_physical_in_place() -> None:
    assert taeda.tensor([1 + 2j]).conj_physical_().tolist() == [1 - 2j]
    x = taeda.ones(2)
    assert x.conj_physical_() is x


@pytest.mark.parametrize(
    "call",
    [
        lambda out: taeda.cat([taeda.ones(2), taeda.ones(1)], out=out),
        lambda out: taeda.gather(taeda.ones(3), 0, taeda.zeros(3, dtype=taeda.int64), out=out),
        lambda out: taeda.add(taeda.ones(3), 1, out=out),
        lambda out: out.add_(1),
    ],
)
def test_expanded_memory_is_not_written_to(call: Callable[[Any], Any]) -> None:
    with pytest.raises(
        RuntimeError, match=r"more than one element of the written-to tensor .*Please clone\(\)"
    ):
        call(taeda.zeros(1).expand(3))
