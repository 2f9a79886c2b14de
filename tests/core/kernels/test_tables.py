"""Embedding tables, losses of classes, folding: what is indexed by whole numbers."""

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn import functional as F

rng = np.random.default_rng(0)


@pytest.mark.parametrize(("rows", "width", "count"), [(5, 3, 7), (1000, 64, 900)])
def test_embedding_adds_up_gradients_of_equal_indices(rows, width, count):
    table, index = rng.standard_normal((rows, width)), rng.integers(0, rows, count)
    weight = taeda.tensor(table).requires_grad_()
    out = F.embedding(taeda.tensor(index), weight, padding_idx=1)
    np.testing.assert_array_equal(out.detach().numpy(), table[index])
    grad = rng.standard_normal((count, width))
    out.backward(taeda.tensor(grad))
    expected = np.zeros_like(table)
    np.add.at(expected, index, grad)
    expected[1] = 0
    np.testing.assert_allclose(weight.grad.numpy(), expected, atol=1e-12)


def test_embedding_by_frequency():
    weight = taeda.ones(3, 2, requires_grad=True)
    F.embedding(taeda.tensor([0, 2, 2, 2]), weight, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), [[1, 1], [0, 0], [1, 1]])


def test_second_gradient_by_frequency_is_that_of_the_first():
    """The gradient is linear in what arrives; torch leaves the division out of its second derivative."""
    grad = taeda.tensor(rng.standard_normal((4, 2))).requires_grad_()
    index = taeda.tensor([0, 2, 2, 2])
    assert gradcheck(lambda g: taeda._C.ops.embedding_backward(g, index, (3, 2), -1, True), (grad,))


def test_embedding_names_the_wrong_index():
    with pytest.raises(
        IndexError, match=r"embedding: index 7 at position 1 is out of range for a table of 5 rows.*\[0, 4\]"
    ):
        F.embedding(taeda.tensor([0, 7]), taeda.ones(5, 2))


@pytest.mark.parametrize("shape", [(5, 7), (3, 7, 4), (2, 7, 3, 2)])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_both_orders(shape, reduction, smoothing):
    logits = taeda.tensor(rng.standard_normal(shape)).requires_grad_()
    classes = rng.integers(0, 7, (shape[0], *shape[2:]))
    classes.flat[0] = -100
    weight = taeda.tensor(rng.uniform(0.5, 1.5, 7))

    def loss(x):
        return F.cross_entropy(
            x, taeda.tensor(classes), weight, reduction=reduction, label_smoothing=smoothing
        )

    x, w = np.moveaxis(logits.detach().numpy(), 1, -1), weight.numpy()
    logs = x - np.log(np.exp(x).sum(-1, keepdims=True))
    kept = classes != -100
    hit = np.take_along_axis(logs, np.where(kept, classes, 0)[..., None], -1)[..., 0]
    own = np.where(kept, w[np.where(kept, classes, 0)], 0)
    each = -(1 - smoothing) * own * hit - smoothing / 7 * np.where(kept, (logs * w).sum(-1), 0)
    expected = {"none": each, "sum": each.sum(), "mean": each.sum() / own.sum()}[reduction]
    np.testing.assert_allclose(loss(logits).detach().numpy(), expected, atol=1e-12)
    assert gradcheck(loss, (logits,))
    if shape == (5, 7):
        assert gradgradcheck(loss, (logits,))


def test_losses_name_the_wrong_class():
    for loss in (F.cross_entropy, F.nll_loss):
        with pytest.raises(IndexError, match="target class 9 is out of range for 3 classes"):
            loss(taeda.ones(2, 3), taeda.tensor([0, 9]))
    with pytest.raises(
        ValueError,
        match=r"Expected input batch_size|expected input batch_size \(2\) to match target batch_size \(3\)",
    ):
        F.cross_entropy(taeda.ones(2, 3), taeda.tensor([0, 1, 2]))


@pytest.mark.parametrize("window", [(2, 1, 0, 1), (3, 1, 1, 2), ((2, 3), (2, 1), (1, 2), (1, 3))])
def test_unfold_and_fold(window):
    x = rng.standard_normal((2, 3, 6, 7))
    columns = F.unfold(taeda.tensor(x), *window).numpy()
    kernel, dilation, padding, stride = (np.broadcast_to(v, 2) for v in window)
    padded = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    counts = [(padded.shape[2 + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1 for i in range(2)]
    expected = np.zeros((2, 3, *kernel, *counts))
    for i, j in np.ndindex(*kernel):
        rows = i * dilation[0] + stride[0] * np.arange(counts[0])
        expected[:, :, i, j] = padded[:, :, rows[:, None], j * dilation[1] + stride[1] * np.arange(counts[1])]
    np.testing.assert_array_equal(columns, expected.reshape(columns.shape))
    # fold is the transposed map: <unfold(x), y> = <x, fold(y)>
    y = rng.standard_normal(columns.shape)
    back = F.fold(taeda.tensor(y), (6, 7), *window).numpy()
    assert (columns * y).sum() == pytest.approx((x * back).sum())


def test_pixel_shuffle_and_back():
    x = np.arange(2 * 8 * 3 * 2).reshape(2, 8, 3, 2)
    out = F.pixel_shuffle(taeda.tensor(x), 2)
    assert out.shape == (2, 2, 6, 4)
    for c, i, j in np.ndindex(2, 2, 2):
        np.testing.assert_array_equal(out.numpy()[:, c, i::2, j::2], x[:, c * 4 + i * 2 + j])
    np.testing.assert_array_equal(F.pixel_unshuffle(out, 2).numpy(), x)
