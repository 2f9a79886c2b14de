"""Normalisation against NumPy, its gradients of both orders, and its errors."""

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn import functional as F

rng = np.random.default_rng(0)
SHAPES = [(4, 6, 5, 7), (9, 6), (3, 6, 33), (1, 6, 2, 3, 4)]


def t(value, grad=True):
    return taeda.tensor(value).requires_grad_(grad)


def standard(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def per_channel(v, x):
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-5), ("bfloat16", 0.05), ("float16", 0.01)]
)
def test_batch_norm(shape, dtype, tolerance):
    x, w, b = rng.standard_normal(shape) + 3, rng.standard_normal(6), rng.standard_normal(6)
    wide = taeda.float64 if dtype == "float64" else taeda.float32
    mean, var, weight, bias = (taeda.tensor(v, dtype=wide) for v in (np.zeros(6), np.ones(6), w, b))
    axes = (0, *range(2, len(shape)))
    out = F.batch_norm(taeda.tensor(x).to(getattr(taeda, dtype)), mean, var, weight, bias, True)
    np.testing.assert_allclose(
        out.double().numpy(), standard(x, axes) * per_channel(w, x) + per_channel(b, x), atol=tolerance * 10
    )
    if dtype == "float32":
        count = x.size / 6
        np.testing.assert_allclose(mean.numpy(), 0.1 * x.mean(axes), rtol=1e-4)
        np.testing.assert_allclose(var.numpy(), 0.9 + 0.1 * x.var(axes) * count / (count - 1), rtol=1e-4)


def test_batch_norm_by_running_statistics():
    x, mean, var = rng.standard_normal((3, 6, 4)), rng.standard_normal(6), rng.uniform(0.5, 2, 6)
    out = F.batch_norm(t(x), t(mean, False), t(var, False))
    np.testing.assert_allclose(
        out.detach().numpy(), (x - per_channel(mean, x)) / np.sqrt(per_channel(var, x) + 1e-5), atol=1e-12
    )


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_channels_last(training):
    x, mean, var, w = rng.standard_normal((3, 6, 4, 5)), *rng.uniform(0.5, 2, (3, 6))
    last = t(x).detach().contiguous(memory_format=taeda.channels_last).requires_grad_()
    results = []
    for given in (last, t(x)):
        out = F.batch_norm(given, t(mean, False), t(var, False), t(w), training=training)
        (grad,) = taeda.autograd.grad((out * taeda.tensor(x)).sum(), given)
        results.append((out.detach().numpy(), grad.numpy()))
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    if not training:
        wanted = (x - per_channel(mean, x)) / np.sqrt(per_channel(var, x) + 1e-5) * per_channel(w, x)
        np.testing.assert_allclose(results[0][0], wanted, atol=1e-12)
        assert F.batch_norm(last, t(mean, False), t(var, False)).is_contiguous(
            memory_format=taeda.channels_last
        )


@pytest.mark.parametrize("width", [1, 7, 130, 1500])
def test_layer_and_rms_norm(width):
    x, w, b = rng.standard_normal((3, 4, width)), rng.standard_normal(width), rng.standard_normal(width)
    out = F.layer_norm(t(x), (width,), t(w), t(b)).detach().numpy()
    np.testing.assert_allclose(out, standard(x, -1) * w + b, atol=1e-10)
    out = F.rms_norm(t(x), (width,), t(w), 1e-5).detach().numpy()
    np.testing.assert_allclose(out, x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * w, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm(shape, groups):
    x, w, b = rng.standard_normal(shape), rng.standard_normal(6), rng.standard_normal(6)
    out = F.group_norm(t(x), groups, t(w), t(b)).detach().numpy()
    grouped = standard(x.reshape(shape[0], groups, -1), -1).reshape(shape)
    np.testing.assert_allclose(out, grouped * per_channel(w, x) + per_channel(b, x), atol=1e-10)


def running(x, w, b):
    return F.batch_norm(x, taeda.zeros(4, dtype=x.dtype), taeda.ones(4, dtype=x.dtype), w, b)


FUNCTIONS = {
    "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
    "batch_norm, running": running,
    "instance_norm": lambda x, w, b: F.instance_norm(x, None, None, w, b),
    "group_norm": lambda x, w, b: F.group_norm(x, 2, w, b),
    "layer_norm": lambda x, w, b: F.layer_norm(x.transpose(1, 2), (4,), w, b),
    "rms_norm": lambda x, w, b: F.rms_norm(x.transpose(1, 2), (4,), w, 1e-5) + b,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name):
    inputs = (t(rng.standard_normal((3, 4, 5))), t(rng.standard_normal(4)), t(rng.standard_normal(4)))
    assert gradcheck(FUNCTIONS[name], inputs)
    assert gradgradcheck(FUNCTIONS[name], inputs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_threads_change_no_bit(name):
    x = t(rng.standard_normal((8, 4, 6000)).astype("float32"))
    w, b = t(rng.standard_normal(4).astype("float32")), t(rng.standard_normal(4).astype("float32"))
    before = taeda.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        taeda.set_num_threads(threads)
        out = FUNCTIONS[name](x, w, b)
        every = (out, *taeda.autograd.grad(out, (x, w, b), out.detach()))
        results.append([v.detach().contiguous().numpy().tobytes() for v in every])
    taeda.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda x: F.layer_norm(x, (5,)),
            r"layer_norm: given normalized_shape=\[5\], expected input whose last .* got shape \[2, 6\]",
        ),
        (
            lambda x: F.layer_norm(x, (6,), taeda.ones(5)),
            r"layer_norm: expected weight to be of same shape as .* \[6\], got shape \[5\]",
        ),
        (
            lambda x: F.batch_norm(x, None, None, taeda.ones(5), None, True),
            r"batch_norm: weight should contain 6 elements, not 5; the input has 6 channels",
        ),
        (
            lambda x: F.batch_norm(x, None, None),
            "batch_norm: running_mean and running_var must be defined in evaluation mode",
        ),
    ],
)
def test_errors(call, text):
    with pytest.raises(RuntimeError, match=text):
        call(taeda.ones(2, 6))


@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_nothing_without_channels(training: bool) -> None:
    x = taeda.ones(0, requires_grad=True)
    out = F.batch_norm(x, taeda.zeros(0), taeda.ones(0), training=training)
    assert out.shape == (0,)
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0,)
    with pytest.raises(RuntimeError, match=r"running_mean should contain 0 elements, not 3"):
        F.batch_norm(x, taeda.zeros(3), taeda.ones(3), training=training)
    with pytest.raises(
        RuntimeError, match=r"batch_norm: expected input of shape \(N, C, ...\), got shape \[3\]"
    ):
        F.batch_norm(taeda.ones(3), None, None, training=True)
