"""Padding against NumPy, forwards and backwards."""

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F

MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
SHAPES = [
    ((2, 3, 5), [1, 2]),
    ((3, 5), [2, 0]),
    ((2, 3, 5, 6), [1, 2, 3, 4]),
    ((1, 2, 4, 5, 6), [1, 2, 3, 2, 1, 3]),
]


def widths(shape, pad):
    pairs = [tuple(pad[k : k + 2]) for k in range(0, len(pad), 2)]
    return [(0, 0)] * (len(shape) - len(pairs)) + pairs[::-1]


@pytest.mark.parametrize(("shape", "pad"), SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_values(mode, shape, pad):
    x = np.random.default_rng(0).standard_normal(shape)
    expected = np.pad(x, widths(shape, pad), mode=MODES[mode])
    assert np.array_equal(F.pad(taeda.from_numpy(x), pad, mode).numpy(), expected)


@pytest.mark.parametrize(("shape", "pad"), SHAPES)
def test_constant(shape, pad):
    x = np.random.default_rng(0).standard_normal(shape)
    expected = np.pad(x, widths(shape, pad), constant_values=2.5)
    assert np.array_equal(F.pad(taeda.from_numpy(x), pad, value=2.5).numpy(), expected)


@pytest.mark.parametrize("mode", ["constant", *MODES])
def test_gradient_counts_the_copies(mode):
    x = taeda.arange(12.0).view(1, 3, 4)
    x.requires_grad_(True)
    F.pad(x, [2, 1], mode).sum().backward()
    options = {"constant_values": -1} if mode == "constant" else {}
    copies = np.pad(
        np.arange(12).reshape(1, 3, 4), widths((1, 3, 4), [2, 1]), mode=MODES.get(mode, mode), **options
    )
    expected = np.bincount(copies[copies >= 0], minlength=12).reshape(1, 3, 4)
    assert np.array_equal(x.grad.numpy(), expected)


@pytest.mark.parametrize("mode", ["constant", "replicate"])
def test_negative_padding_crops(mode):
    x = np.arange(24.0).reshape(1, 4, 6)
    result = F.pad(taeda.from_numpy(x), [-1, 2], mode).numpy()
    assert np.array_equal(result[..., :5], x[..., 1:])
    assert (result[..., 5:] == (x[..., 5:] if mode == "replicate" else 0)).all()


def test_integers_and_bools():
    assert F.pad(taeda.tensor([[1, 2]]), [1, 1], value=7).tolist() == [[7, 1, 2, 7]]
    assert F.pad(taeda.tensor([True]), [0, 1]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("pad", "mode", "error", "text"),
    [
        ([1], "constant", RuntimeError, "must be divisible by 2, got 1 values"),
        ([1] * 8, "constant", RuntimeError, "padding length 8 and input of dimension 3"),
        ([-3, -3], "constant", RuntimeError, "resulted in a negative output size"),
        ([4, 0], "reflect", RuntimeError, r"padding \(4, 0\) at dimension 2 of input \[1, 3, 4\]"),
        ([5, 0], "circular", RuntimeError, "wrapping around more than once"),
        ([1, 1], "mirror", NotImplementedError, "Unrecognised padding mode mirror"),
        ([1, 1, 1, 1, 1, 1], "reflect", NotImplementedError, "Only 2D, 3D, 4D, 5D padding"),
    ],
)
def test_errors_say_what_was_passed(pad, mode, error, text):
    with pytest.raises(error, match=text):
        F.pad(taeda.zeros(1, 3, 4), pad, mode)
