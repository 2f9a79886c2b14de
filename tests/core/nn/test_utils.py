"""Initial values, and the tools around modules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import taeda
from taeda import nn
from taeda.nn import init, utils
from taeda.nn.utils import parametrizations, parametrize
from taeda.nn.utils.stateless import functional_call


def test_uniform_initial_values_have_their_variance() -> None:
    w = taeda.empty(200, 300)
    init.kaiming_uniform_(w, nonlinearity="relu")
    assert float(w.abs().max()) <= math.sqrt(6 / 300)
    assert float(w.var()) == pytest.approx(2 / 300, rel=0.05)
    init.xavier_normal_(w)
    assert float(w.var()) == pytest.approx(2 / 500, rel=0.05)
    init.kaiming_normal_(w, mode="fan_out", nonlinearity="linear")
    assert float(w.var()) == pytest.approx(1 / 200, rel=0.05)


def test_structured_initial_values() -> None:
    w = init.orthogonal_(taeda.empty(3, 5), gain=2.0)
    np.testing.assert_allclose((w @ w.t()).numpy(), 4 * np.eye(3), atol=1e-5)
    assert init.eye_(taeda.empty(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    conv = nn.Conv1d(2, 2, 3, padding=1, bias=False)
    init.dirac_(conv.weight)
    x = taeda.randn(1, 2, 5)
    np.testing.assert_allclose(conv(x).detach().numpy(), x.numpy(), atol=1e-6)
    sparse = init.sparse_(taeda.empty(10, 4), 0.25)
    assert ((sparse == 0).sum(0) == 3).all()
    cut = init.trunc_normal_(taeda.empty(10000), std=2.0, a=-1.0, b=1.0)
    assert float(cut.abs().max()) <= 1.0
    assert float(init.constant_(taeda.empty(1), 3.5)) == 3.5


def test_gains_and_their_errors() -> None:
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 0.5) == math.sqrt(2 / 1.25)
    with pytest.raises(ValueError, match="Unsupported nonlinearity x"):
        init.calculate_gain("x")
    with pytest.raises(
        ValueError, match="Fan in and fan out can not be computed for tensor with fewer than 2 dim"
    ):
        init.kaiming_uniform_(taeda.ones(2))


def with_gradients(*gradients: list[float]) -> list[nn.Parameter]:
    parameters = []
    for gradient in gradients:
        parameter = nn.Parameter(taeda.zeros(len(gradient)))
        parameter.grad = taeda.tensor(gradient)
        parameters.append(parameter)
    return parameters


def test_clipping_by_norm() -> None:
    parameters = with_gradients([3.0], [0.0, 4.0])
    assert float(utils.clip_grad_norm_(parameters, 1.0)) == 5.0
    assert parameters[0].grad.tolist() == pytest.approx([0.6], rel=1e-5)
    assert parameters[1].grad.tolist() == pytest.approx([0.0, 0.8], rel=1e-5)
    assert float(utils.clip_grad_norm_(with_gradients([3.0, -4.0]), 9.0, float("inf"))) == 4.0
    with pytest.raises(
        RuntimeError, match=r"The total norm of order 2\.0 for gradients from `parameters` is non-fin"
    ):
        utils.clip_grad_norm_(with_gradients([float("nan")]), 1.0, error_if_nonfinite=True)


def test_clipping_by_value() -> None:
    parameters = with_gradients([3.0, -4.0, 0.5])
    utils.clip_grad_value_(parameters, 1.0)
    assert parameters[0].grad.tolist() == [1.0, -1.0, 0.5]


def test_parameters_as_a_vector() -> None:
    linear = nn.Linear(2, 2)
    vector = utils.parameters_to_vector(linear.parameters())
    assert vector.shape == (6,)
    utils.vector_to_parameters(taeda.arange(6.0), linear.parameters())
    assert linear.weight.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    assert linear.bias.tolist() == [4.0, 5.0]


@pytest.mark.parametrize("transpose", [False, True])
def test_fusion_of_convolution_and_norm(transpose: bool) -> None:
    conv: Any = nn.ConvTranspose2d(2, 3, 3) if transpose else nn.Conv2d(2, 3, 3)
    norm = nn.BatchNorm2d(3)
    norm(taeda.randn(4, 3, 5, 5) * 3 + 1)
    with taeda.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    conv.eval(), norm.eval()
    x = taeda.randn(1, 2, 6, 6)
    fused = utils.fuse_conv_bn_eval(conv, norm, transpose)
    np.testing.assert_allclose(fused(x).detach().numpy(), norm(conv(x)).detach().numpy(), atol=1e-5)
    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        utils.fuse_conv_bn_eval(conv.train(), norm)


def test_weight_norm_the_older_way() -> None:
    linear = nn.Linear(3, 2)
    before = linear.weight.detach().clone()
    utils.weight_norm(linear)
    assert sorted(linear.state_dict()) == ["bias", "weight_g", "weight_v"]
    linear(taeda.ones(1, 3)).sum().backward()
    np.testing.assert_allclose(linear.weight.detach().numpy(), before.numpy(), atol=1e-6)
    np.testing.assert_allclose(
        linear.weight_g.detach().numpy()[:, 0], np.linalg.norm(before.numpy(), axis=1), rtol=1e-5
    )
    assert linear.weight_g.grad.shape == (2, 1)
    utils.remove_weight_norm(linear)
    assert sorted(linear.state_dict()) == ["bias", "weight"]
    with pytest.raises(ValueError, match="weight_norm of 'weight' not found in Linear"):
        utils.remove_weight_norm(linear)


def test_weight_norm_as_a_parametrization() -> None:
    linear = parametrizations.weight_norm(nn.Linear(3, 2))
    assert repr(linear).startswith("ParametrizedLinear(")
    assert sorted(linear.state_dict()) == [
        "bias",
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
    g = linear.parametrizations.weight.original0
    with taeda.no_grad():
        g.fill_(2.0)
    np.testing.assert_allclose(np.linalg.norm(linear.weight.detach().numpy(), axis=1), [2, 2], rtol=1e-5)
    parametrize.remove_parametrizations(linear, "weight")
    assert type(linear) is nn.Linear
    assert sorted(linear.state_dict()) == ["bias", "weight"]


@pytest.mark.parametrize("norm", [utils.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm(norm: Any) -> None:
    linear = norm(nn.Linear(4, 6))
    for _ in range(200):
        linear(taeda.ones(1, 4))
    assert np.linalg.svd(linear.weight.detach().numpy())[1][0] == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("how", ["matrix_exp", "cayley", "householder"])
def test_orthogonal_parametrization(how: str) -> None:
    linear = parametrizations.orthogonal(nn.Linear(3, 3), orthogonal_map=how)
    with taeda.no_grad():
        linear.parametrizations.weight.original.add_(taeda.randn(3, 3))
    w = linear.weight.detach().numpy()
    np.testing.assert_allclose(w @ w.T, np.eye(3), atol=1e-5)


def test_parametrization_of_ones_own() -> None:
    class Symmetric(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.triu() + x.triu(1).t()

        def right_inverse(self, x: Any) -> Any:
            return x.triu()

    linear = nn.Linear(2, 2, bias=False)
    parametrize.register_parametrization(linear, "weight", Symmetric())
    assert linear.weight.tolist() == linear.weight.t().tolist()
    linear.weight = taeda.tensor([[1.0, 2.0], [2.0, 3.0]])
    assert linear.parametrizations.weight.original.tolist() == [[1.0, 2.0], [0.0, 3.0]]
    with parametrize.cached():
        assert linear.weight is linear.weight
    with pytest.raises(
        ValueError, match="does not have a parameter, a buffer, or a parametrized element with name"
    ):
        parametrize.register_parametrization(linear, "nothing", Symmetric())


def test_functional_call_swaps_and_restores() -> None:
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    net[1].weight = net[0].weight
    before = net[0].weight
    tensors = {"0.weight": taeda.full((1, 1), 3.0), "0.bias": taeda.zeros(1), "1.bias": taeda.ones(1)}
    assert functional_call(net, tensors, taeda.ones(1, 1)).tolist() == [[10.0]]
    assert net[0].weight is before
    assert net[1].weight is before
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\): x"):
        functional_call(net, {"x": taeda.ones(1)}, taeda.ones(1, 1), strict=True)


def test_functional_call_is_differentiable() -> None:
    linear = nn.Linear(2, 1, bias=False)
    weight = taeda.ones(1, 2, requires_grad=True)
    functional_call(linear, {"weight": weight}, taeda.tensor([[2.0, 5.0]])).sum().backward()
    assert weight.grad.tolist() == [[2.0, 5.0]]
    assert linear.weight.grad is None


def test_skip_init_gives_memory_only() -> None:
    linear = utils.skip_init(nn.Linear, 2, 3)
    assert linear.weight.shape == (3, 2)
    assert not linear.weight.is_meta
    with pytest.raises(RuntimeError, match="Module must support a 'device' arg to skip initialization"):
        utils.skip_init(nn.ReLU)
