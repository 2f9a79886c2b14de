"""Parameters, buffers, and tensors that wait for their shape."""

from __future__ import annotations

import copy
import pickle

import pytest

import taeda
from taeda import nn


def test_parameter_shares_memory_and_requires_grad() -> None:
    data = taeda.zeros(2)
    parameter = nn.Parameter(data)
    data[0] = 5
    assert parameter.tolist() == [5.0, 0.0]
    assert parameter.requires_grad
    assert parameter.is_leaf
    assert not nn.Parameter(data, requires_grad=False).requires_grad
    assert nn.Parameter().shape == (0,)


def test_results_are_plain_tensors() -> None:
    assert type(nn.Parameter(taeda.ones(2)) * 2) is taeda.Tensor


def test_parameter_repr() -> None:
    text = repr(nn.Parameter(taeda.ones(1)))
    assert text.startswith("Parameter containing:")
    assert "requires_grad=True" in text


def test_copies_keep_class_and_sharing() -> None:
    parameter = nn.Parameter(taeda.ones(2), requires_grad=False)
    pair = copy.deepcopy([parameter, parameter])
    assert pair[0] is pair[1]
    assert isinstance(pair[0], nn.Parameter)
    assert not pair[0].requires_grad
    restored = pickle.loads(pickle.dumps(parameter))
    assert isinstance(restored, nn.Parameter)
    assert restored.tolist() == [1.0, 1.0]


def test_lazy_linear_becomes_linear() -> None:
    layer = nn.LazyLinear(3)
    assert nn.parameter.is_lazy(layer.weight)
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter or buffer"):
        _ = layer.weight.shape
    assert layer(taeda.ones(5, 2)).shape == (5, 3)
    assert type(layer) is nn.Linear
    assert layer.weight.shape == (3, 2)
    assert layer.in_features == 2
    assert not layer._forward_pre_hooks
    assert "_hooked" not in layer.__dict__


def test_lazy_layer_takes_shapes_from_a_state_dict() -> None:
    source = nn.Conv2d(2, 4, 3)
    layer = nn.LazyConv2d(4, 3)
    layer.load_state_dict(source.state_dict())
    assert layer.weight.shape == (4, 2, 3, 3)
    assert layer.weight.tolist() == source.weight.tolist()


def test_lazy_conv_refuses_a_wrong_input() -> None:
    with pytest.raises(
        RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input to LazyConv2d"
    ):
        nn.LazyConv2d(4, 3)(taeda.ones(2))


def test_lazy_batch_norm() -> None:
    norm = nn.LazyBatchNorm1d()
    norm(taeda.ones(4, 3))
    assert type(norm) is nn.BatchNorm1d
    assert list(norm.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert norm.running_var.shape == (3,)
