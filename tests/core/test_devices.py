"""Devices that do not match, and tensors without values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import taeda

CPU = taeda.ones(3, 4)
META = taeda.ones(3, 4, device="meta")
PLACES = taeda.ones(2, 2, dtype=taeda.int64, device="meta")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("add", lambda: CPU + META),
        ("mm", lambda: CPU @ META.T),
        ("cat", lambda: taeda.cat([CPU, META])),
        ("index", lambda: CPU[PLACES]),
        ("gather", lambda: CPU.gather(0, PLACES)),
        ("index_select", lambda: CPU.index_select(0, PLACES[0])),
        ("embedding", lambda: taeda.embedding(CPU, PLACES)),
        ("linear", lambda: taeda.nn.functional.linear(CPU, META)),
        ("convolution", lambda: taeda.conv1d(CPU[None], taeda.ones(2, 3, 2, device="meta"))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_different_devices(name: str, call: Callable[[], taeda.Tensor]):
    message = rf"{name}: Expected all tensors to be on the same device.*, (cpu and meta|meta and cpu)"
    with pytest.raises(RuntimeError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: META.nonzero(),
        lambda: META[META > 0],
        lambda: META.unique(),
        lambda: META.equal(META),
        lambda: META.allclose(META),
        lambda: PLACES[0].bincount(),
        lambda: taeda.nn.functional.one_hot(PLACES),
        lambda: META.repeat_interleave(PLACES[0], 0),
        lambda: META.sum().item(),
        lambda: META.tolist(),
        lambda: META.numpy(),
    ],
)
def test_values_of_meta_tensors(call: Callable[[], object]):
    with pytest.raises((NotImplementedError, RuntimeError, TypeError), match="meta"):
        call()


def test_initialisation_of_meta_tensors_is_nothing():
    for fill in ("uniform_", "normal_", "zero_", "random_"):
        assert getattr(taeda.empty(2, 3, device="meta"), fill)().shape == (2, 3)


def test_gradients_of_meta_tensors():
    x = taeda.ones(3, 4, device="meta", requires_grad=True)
    (x * x).sum().backward()
    assert (x.grad.device.type, tuple(x.grad.shape)) == ("meta", (3, 4))
