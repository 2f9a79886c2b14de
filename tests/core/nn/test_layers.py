"""Layers against NumPy and hand-worked values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import taeda
from taeda import nn


def array(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(actual.detach().numpy(), expected, rtol=tolerance, atol=tolerance)


def set_parameters(module: nn.Module, **values: Any) -> None:
    with taeda.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(taeda.tensor(np.asarray(value, dtype=np.float32)))


def test_linear_and_bilinear() -> None:
    x, w, b = array(0, 4, 3), array(1, 2, 3), array(2, 2)
    layer = nn.Linear(3, 2)
    set_parameters(layer, weight=w, bias=b)
    close(layer(taeda.tensor(x)), x @ w.T + b)
    y, a = array(3, 4, 5), array(4, 2, 3, 5)
    layer2 = nn.Bilinear(3, 5, 2, bias=False)
    set_parameters(layer2, weight=a)
    close(layer2(taeda.tensor(x), taeda.tensor(y)), np.einsum("ni,oij,nj->no", x, a, y))


def correlate(x: Any, w: Any, stride: int, dilation: int) -> Any:
    """(C, H, W) with (O, C, k, k), one output at a time."""
    k = (w.shape[2] - 1) * dilation + 1
    rows, columns = (x.shape[1] - k) // stride + 1, (x.shape[2] - k) // stride + 1
    out = np.zeros((w.shape[0], rows, columns))
    for i in range(rows):
        for j in range(columns):
            window = x[:, i * stride : i * stride + k : dilation, j * stride : j * stride + k : dilation]
            out[:, i, j] = (window[None] * w).sum((1, 2, 3))
    return out


@pytest.mark.parametrize(
    ("mode", "numpy_mode"),
    [("zeros", "constant"), ("reflect", "reflect"), ("circular", "wrap"), ("replicate", "edge")],
)
def test_conv2d_padding_modes(mode: str, numpy_mode: Any) -> None:
    x, w = array(0, 2, 6, 7), array(1, 3, 2, 3, 3)
    layer = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False, padding_mode=mode)
    set_parameters(layer, weight=w)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode=numpy_mode)
    close(layer(taeda.tensor(x[None]))[0], correlate(padded, w, 2, 1), 1e-4)


@pytest.mark.parametrize("kernel", [2, 3])
def test_conv2d_same_keeps_the_size(kernel: int) -> None:
    x, w = array(0, 1, 5, 5), array(1, 1, 1, kernel, kernel)
    layer = nn.Conv2d(1, 1, kernel, padding="same", bias=False)
    set_parameters(layer, weight=w)
    total = kernel - 1
    sides = (total // 2, total - total // 2)
    close(layer(taeda.tensor(x[None]))[0], correlate(np.pad(x, ((0, 0), sides, sides)), w, 1, 1), 1e-4)


def test_conv_transpose_is_the_gradient_of_conv() -> None:
    x, w = array(0, 1, 3, 4, 4), array(1, 3, 2, 3, 3)
    layer = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1, bias=False)
    set_parameters(layer, weight=w)
    result = layer(taeda.tensor(x))
    assert result.shape == (1, 2, 8, 8)
    image = taeda.zeros(1, 2, 8, 8, requires_grad=True)
    taeda.nn.functional.conv2d(image, taeda.tensor(w), None, 2, 1).backward(taeda.tensor(x))
    close(result, image.grad.numpy(), 1e-4)
    assert layer(taeda.tensor(x), output_size=[7, 7]).shape == (1, 2, 7, 7)
    with pytest.raises(ValueError, match=r"valid sizes range from \[7, 7\] to \[8, 8\]"):
        layer(taeda.tensor(x), output_size=[9, 9])


def test_conv_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="padding='same' is not supported for strided convolutions"):
        nn.Conv1d(1, 1, 3, stride=2, padding="same")
    with pytest.raises(ValueError, match="padding_mode must be one of"):
        nn.Conv1d(1, 1, 3, padding_mode="mirror")
    with pytest.raises(ValueError, match='Only "zeros" padding mode is supported for ConvTranspose1d'):
        nn.ConvTranspose1d(1, 1, 3, padding_mode="reflect")


def test_batch_norm_trains_and_evaluates() -> None:
    x = array(0, 5, 3, 4)
    norm = nn.BatchNorm1d(3, momentum=0.3)
    mean, var = x.mean((0, 2)), x.var((0, 2))
    close(norm(taeda.tensor(x)), (x - mean[:, None]) / np.sqrt(var[:, None] + 1e-5), 1e-4)
    close(norm.running_mean, 0.3 * mean)
    close(norm.running_var, 0.7 + 0.3 * x.var((0, 2), ddof=1))
    assert int(norm.num_batches_tracked) == 1
    norm.eval()
    running = norm.running_mean.numpy(), norm.running_var.numpy()
    close(norm(taeda.tensor(x)), (x - running[0][:, None]) / np.sqrt(running[1][:, None] + 1e-5), 1e-4)
    with pytest.raises(
        ValueError, match=r"BatchNorm1d: expected 2D or 3D input \(got 4D input of shape \[1, 3, 1, 1\]\)"
    ):
        norm(taeda.ones(1, 3, 1, 1))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        nn.BatchNorm1d(3)(taeda.ones(1, 3))


def test_batch_norm_without_momentum_is_the_mean_of_all_batches() -> None:
    norm = nn.BatchNorm1d(2, momentum=None)
    batches = [array(i, 4, 2) for i in range(3)]
    for batch in batches:
        norm(taeda.tensor(batch))
    close(norm.running_mean, np.mean([b.mean(0) for b in batches], 0))


def test_per_sample_norms() -> None:
    x = array(0, 2, 4, 3)
    t = taeda.tensor(x)

    def normalised(axes: Any, shape: Any = None) -> Any:
        y = x.reshape(shape or x.shape)
        return ((y - y.mean(axes, keepdims=True)) / np.sqrt(y.var(axes, keepdims=True) + 1e-5)).reshape(
            x.shape
        )

    close(nn.LayerNorm(3)(t), normalised(-1), 1e-4)
    close(nn.LayerNorm((4, 3))(t), normalised((1, 2)), 1e-4)
    close(nn.GroupNorm(2, 4)(t), normalised((2, 3), (2, 2, 2, 3)), 1e-4)
    close(nn.InstanceNorm1d(4)(t), normalised(2), 1e-4)
    close(nn.RMSNorm(3, eps=1e-3)(t), x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3), 1e-4)


def test_local_response_norm() -> None:
    x = array(0, 1, 5, 2, 2)
    sums = np.zeros_like(x)
    for c in range(5):
        sums[:, c] = (x[:, max(0, c - 1) : c + 2] ** 2).sum(1)
    expected = x / (2.0 + 0.5 * sums / 3) ** 0.75
    close(nn.LocalResponseNorm(3, alpha=0.5, k=2.0)(taeda.tensor(x)), expected)
    close(nn.CrossMapLRN2d(3, alpha=0.5, k=2.0)(taeda.tensor(x)), expected)


def test_pooling_by_windows() -> None:
    x = array(0, 1, 1, 4, 6)
    t = taeda.tensor(x)
    windows = x.reshape(1, 1, 2, 2, 3, 2)
    close(nn.MaxPool2d(2)(t), windows.max((3, 5)))
    close(nn.AvgPool2d(2)(t), windows.mean((3, 5)))
    close(nn.AdaptiveAvgPool2d((2, 3))(t), windows.mean((3, 5)))
    close(nn.AdaptiveMaxPool2d((2, 3))(t), windows.max((3, 5)))
    assert nn.AdaptiveAvgPool2d((None, 2))(t).shape == (1, 1, 4, 2)
    positive = np.abs(x)
    close(
        nn.LPPool2d(3, 2)(taeda.tensor(positive)),
        (positive.reshape(windows.shape) ** 3).sum((3, 5)) ** (1 / 3),
        1e-4,
    )


def test_unpooling_puts_maxima_back() -> None:
    x = array(0, 1, 2, 4, 4)
    values, indices = nn.MaxPool2d(2, return_indices=True)(taeda.tensor(x))
    back = nn.MaxUnpool2d(2)(values, indices).numpy()
    kept = back != 0
    assert kept.sum() == 8
    np.testing.assert_array_equal(back[kept], x[kept])
    with pytest.raises(ValueError, match="invalid output_size"):
        nn.MaxUnpool2d(2)(values, indices, output_size=(9, 9))


def test_fractional_pooling_covers_the_plane() -> None:
    x = taeda.arange(36.0).reshape(1, 1, 6, 6)
    samples = taeda.zeros(1, 1, 2)
    out = nn.FractionalMaxPool2d(2, output_size=3, _random_samples=samples)(x)
    # u = 0 and alpha = (6 - 2) / 2: windows begin at 0, 2 and 4.
    assert out.tolist() == [[[[7.0, 9.0, 11.0], [19.0, 21.0, 23.0], [31.0, 33.0, 35.0]]]]
    with pytest.raises(ValueError, match="only one of output_size and output_ratio may be specified"):
        nn.FractionalMaxPool2d(2, output_size=3, output_ratio=0.5)


@pytest.mark.parametrize(
    ("layer", "function"),
    [
        (nn.ReLU(), lambda x: np.maximum(x, 0)),
        (nn.ReLU6(), lambda x: np.clip(x, 0, 6)),
        (nn.Hardtanh(-0.5, 0.7), lambda x: np.clip(x, -0.5, 0.7)),
        (nn.ELU(0.7), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
        (nn.CELU(0.7), lambda x: np.maximum(x, 0) + np.minimum(0, 0.7 * np.expm1(x / 0.7))),
        (nn.SELU(), lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
        (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
        (nn.PReLU(init=0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
        (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
        (nn.Mish(), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        (nn.GELU(), lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
        (nn.GELU("tanh"), lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))),
        (nn.Hardsigmoid(), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
        (nn.Hardswish(), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
        (nn.Softplus(2.0), lambda x: np.log1p(np.exp(2 * x)) / 2),
        (nn.Softshrink(0.3), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.3, 0)),
        (nn.Hardshrink(0.3), lambda x: np.where(np.abs(x) > 0.3, x, 0)),
        (nn.Softsign(), lambda x: x / (1 + np.abs(x))),
        (nn.Tanhshrink(), lambda x: x - np.tanh(x)),
        (nn.Threshold(0.1, 9.0), lambda x: np.where(x > 0.1, x, 9.0)),
        (nn.LogSigmoid(), lambda x: -np.log1p(np.exp(-x))),
        (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
        (nn.Tanh(), np.tanh),
        (nn.Softmax(1), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
        (nn.Softmin(1), lambda x: np.exp(-x) / np.exp(-x).sum(1, keepdims=True)),
        (nn.LogSoftmax(1), lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
        (nn.GLU(), lambda x: x[:, :2] / (1 + np.exp(-x[:, 2:]))),
        (nn.RReLU(0.1, 0.3).eval(), lambda x: np.where(x > 0, x, 0.2 * x)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)  # fmt: skip
def test_activation(layer: nn.Module, function: Any) -> None:
    x = 2 * array(0, 5, 4)
    close(layer(taeda.tensor(x)), function(x), 1e-5)


def test_in_place_activation_changes_its_input() -> None:
    x = taeda.tensor([-1.0, 2.0])
    assert nn.ReLU(inplace=True)(x) is x
    assert x.tolist() == [0.0, 2.0]


def test_embedding() -> None:
    table = nn.Embedding(4, 3, padding_idx=-1)
    assert table.padding_idx == 3
    assert table.weight[3].tolist() == [0.0, 0.0, 0.0]
    table(taeda.tensor([[0, 3], [0, 1]])).sum().backward()
    assert table.weight.grad[:, 0].tolist() == [2.0, 1.0, 0.0, 0.0]
    fixed = nn.Embedding.from_pretrained(taeda.ones(2, 2) * 3, max_norm=1.0)
    assert not fixed.weight.requires_grad
    close(fixed(taeda.tensor([1])), np.full((1, 2), 1 / math.sqrt(2)), 1e-5)
    with pytest.raises(AssertionError, match="padding_idx must be within num_embeddings: 9, 3"):
        nn.Embedding(3, 4, padding_idx=9)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bag(mode: str) -> None:
    table = array(0, 5, 3)
    bag = nn.EmbeddingBag.from_pretrained(taeda.tensor(table), mode=mode)
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    flat, offsets = [4, 1, 1, 0], [0, 1, 1]
    expected = [reduce(table[[4]], 0), np.zeros(3), reduce(table[[1, 1, 0]], 0)]
    close(bag(taeda.tensor(flat), taeda.tensor(offsets)), expected)
    close(bag(taeda.tensor([[0, 1], [2, 3]])), [reduce(table[[0, 1]], 0), reduce(table[[2, 3]], 0)])
    with pytest.raises(ValueError, match="offsets has to be a 1D Tensor but got None"):
        bag(taeda.tensor(flat))


def test_embedding_bag_options() -> None:
    table, weights = array(0, 5, 3).astype(np.float64), array(1, 4).astype(np.float64)
    leaf, factors = taeda.tensor(table).requires_grad_(), taeda.tensor(weights).requires_grad_()
    index, offsets = taeda.tensor([4, 1, 1, 0]), taeda.tensor([0, 3, 4])
    bags = nn.functional.embedding_bag(
        index, leaf, offsets, mode="sum", per_sample_weights=factors, include_last_offset=True, padding_idx=-1
    )
    close(bags, [weights[1:3].sum() * table[1], weights[3] * table[0]])
    bags.sum().backward()
    close(leaf.grad.sum(1) / 3, [weights[3], weights[1:3].sum(), 0, 0, 0])
    close(factors.grad, [0, table[1].sum(), table[1].sum(), table[0].sum()])
    # A gradient of a row is divided by how often it occurs, besides by the length of its bag.
    leaf = taeda.tensor(table).requires_grad_()
    nn.functional.embedding_bag(index, leaf, taeda.tensor([0, 3]), scale_grad_by_freq=True).sum().backward()
    close(leaf.grad[:, 0], [1, 1 / 3, 0, 0, 1 / 3])


def test_embedding_bag_errors() -> None:
    table, index = taeda.ones(5, 3), taeda.tensor([1, 2, 3])
    for offsets, text in [
        ([1, 2], r"offsets\[0\] is 1"),
        ([0, 2, 1], r"offsets\[2\] is 1"),
        ([0, 5], r"offsets\[1\] is 5"),
    ]:
        with pytest.raises(RuntimeError, match=text):
            nn.functional.embedding_bag(index, table, taeda.tensor(offsets))
    with pytest.raises(IndexError, match="embedding_bag: index 9 at position 1"):
        nn.functional.embedding_bag(taeda.tensor([1, 9]), table, taeda.tensor([0]))
    with pytest.raises(RuntimeError, match="padding_idx must be within"):
        nn.functional.embedding_bag(index, table, taeda.tensor([0]), padding_idx=7)
    with pytest.raises(ValueError, match="max mode does not support scaling"):
        nn.functional.embedding_bag(index, table, taeda.tensor([0]), mode="max", scale_grad_by_freq=True)


def test_dropout_keeps_the_mean_and_rests_in_evaluation() -> None:
    x = taeda.ones(10000)
    y = nn.Dropout(0.25)(x)
    assert y.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert float(y.mean()) == pytest.approx(1, abs=0.03)
    assert nn.Dropout(0.25).eval()(x).tolist() == x.tolist()
    planes = nn.Dropout2d(0.5)(taeda.ones(50, 8, 2, 2)).flatten(2)
    assert (planes == planes[..., :1]).all()
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
        nn.Dropout(2)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    x = taeda.randn(200000)
    y = nn.AlphaDropout(0.3)(x)
    assert float(y.mean()) == pytest.approx(0, abs=0.02)
    assert float(y.var()) == pytest.approx(1, abs=0.03)


def test_shape_layers() -> None:
    x = taeda.arange(48.0).reshape(1, 12, 2, 2)
    assert nn.Flatten()(x).shape == (1, 48)
    assert nn.Unflatten(1, (3, 4))(x).shape == (1, 3, 4, 2, 2)
    shuffled = nn.PixelShuffle(2)(x)
    assert shuffled.shape == (1, 3, 4, 4)
    assert shuffled[0, 0, 0].tolist() == [0.0, 4.0, 1.0, 5.0]
    assert nn.PixelUnshuffle(2)(shuffled).tolist() == x.tolist()
    assert nn.ChannelShuffle(3)(x)[0, :, 0, 0].tolist() == [
        4.0 * c for c in (0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11)
    ]
    columns = nn.Unfold(2)(taeda.arange(9.0).reshape(1, 1, 3, 3))
    assert columns[0, :, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
    counts = nn.Fold((3, 3), 2)(taeda.ones(1, 4, 4))
    assert counts[0, 0].tolist() == [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]


@pytest.mark.parametrize(
    ("layer", "mode"),
    [
        (nn.ReflectionPad1d((1, 2)), "reflect"),
        (nn.ReplicationPad1d((1, 2)), "edge"),
        (nn.CircularPad1d((1, 2)), "wrap"),
        (nn.ZeroPad1d((1, 2)), "constant"),
    ],
)
def test_padding(layer: nn.Module, mode: Any) -> None:
    x = array(0, 2, 3, 4)
    close(layer(taeda.tensor(x)), np.pad(x, ((0, 0), (0, 0), (1, 2)), mode=mode))


def test_constant_padding() -> None:
    padded = nn.ConstantPad2d((0, 1, 1, 0), 5.0)(taeda.zeros(1, 1, 1, 1))
    assert padded.tolist() == [[[[5.0, 5.0], [0.0, 5.0]]]]


def test_upsampling() -> None:
    x = taeda.tensor([[[[0.0, 2.0]]]])
    assert nn.UpsamplingNearest2d(scale_factor=2)(x).tolist() == [[[[0.0, 0.0, 2.0, 2.0]] * 2]]
    assert nn.Upsample(size=(1, 3), mode="bilinear", align_corners=True)(x).tolist() == [[[[0.0, 1.0, 2.0]]]]
    assert nn.Upsample(scale_factor=(1, 2), mode="bilinear")(x).tolist() == [[[[0.0, 0.5, 1.5, 2.0]]]]
    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        taeda.nn.functional.interpolate(x)


def test_distances() -> None:
    a, b = array(0, 4, 3), array(1, 4, 3)
    t, u = taeda.tensor(a), taeda.tensor(b)
    close(nn.PairwiseDistance(3.0)(t, u), (np.abs(a - b + 1e-6) ** 3).sum(1) ** (1 / 3))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    close(nn.CosineSimilarity()(t, u), cosine)


def test_adaptive_softmax_is_a_distribution() -> None:
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10])
    x, target = taeda.tensor(array(0, 5, 8)), taeda.tensor([0, 3, 5, 12, 19])
    everything = layer.log_prob(x)
    close(everything.exp().sum(1), np.ones(5), 1e-5)
    output, loss = layer(x, target)
    close(output, everything.gather(1, target.unsqueeze(1)).squeeze(1).detach().numpy())
    assert loss.item() == pytest.approx(-output.mean().item())
    assert layer.predict(x).tolist() == everything.argmax(1).tolist()
