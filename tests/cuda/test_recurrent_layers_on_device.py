"""LSTM and GRU on the GPU: states and gradients as on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import taeda
from taeda import nn


def states_and_gradients(kind, both_ways, dtype, device):
    rng = np.random.default_rng(1)
    layer = kind(5, 7, num_layers=2, bidirectional=both_ways).to(dtype)
    with taeda.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(taeda.tensor(0.3 * rng.standard_normal(parameter.shape)))
    layer = layer.to(device)
    x = taeda.tensor(rng.standard_normal((6, 4, 5))).to(dtype).to(device).requires_grad_()
    output, last = layer(x)
    last = last if isinstance(last, tuple) else (last,)
    (output.sum() + sum((state * state).sum() for state in last)).backward()
    tensors = [output, *last, x.grad, *(p.grad for p in layer.parameters())]
    return [t.detach().cpu().to(taeda.float64).numpy() for t in tensors]


@pytest.mark.parametrize(("dtype", "bound"), [(taeda.float32, 1e-5), (taeda.float64, 1e-12)])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_layers(kind, both_ways, dtype, bound):
    expected = states_and_gradients(kind, both_ways, dtype, "cpu")
    for one, other in zip(expected, states_and_gradients(kind, both_ways, dtype, "cuda"), strict=True):
        np.testing.assert_allclose(one, other, rtol=bound, atol=bound)
