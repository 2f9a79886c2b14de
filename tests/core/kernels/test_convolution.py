"""Convolution kernels against sums written out, and against themselves on other numbers of threads."""

import itertools

import numpy as np
import pytest

import taeda
from taeda.autograd.gradcheck import gradcheck, gradgradcheck
from taeda.nn import functional as F

rng = np.random.default_rng(0)
# batch, channels in and out, size, kernel, stride, padding, dilation, groups
CASES = [
    (2, 3, 4, 7, 3, 1, 1, 1, 1),
    (1, 4, 6, 8, 3, 2, 1, 1, 2),
    (2, 8, 8, 6, 3, 1, 2, 2, 8),
    (3, 16, 32, 5, 1, 2, 0, 1, 1),
    (2, 5, 7, 9, 5, 3, 2, 1, 1),
    (1, 10, 8, 6, 2, 1, 0, 1, 2),
    (17, 2, 16, 5, 3, 1, 1, 1, 1),
    (2, 16, 32, 6, 3, 1, 1, 1, 1),
    # One point: matrix products, of packed samples (few positions) and of each.
    (3, 8, 12, 5, 1, 1, 0, 1, 1),
    (2, 24, 5, 17, 1, 1, 0, 1, 1),
    (1, 6, 1, 4, 1, 1, 0, 1, 1),
    (2, 6, 9, 8, 1, 2, 0, 1, 1),
    (2, 5, 4, 36, 1, 2, 0, 1, 1),
    (2, 16, 24, 33, 1, 1, 0, 1, 1),
]


def convolve(x, w, stride, padding, dilation, groups):
    """Cross-correlation over the last two dimensions, window by window."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    (N, _, H, W), (K, C, R, S) = x.shape, w.shape
    rows = (H - dilation * (R - 1) - 1) // stride + 1
    columns = (W - dilation * (S - 1) - 1) // stride + 1
    out = np.zeros((N, K, rows, columns))
    for i, j in itertools.product(range(rows), range(columns)):
        top, left = i * stride, j * stride
        window = x[
            :,
            :,
            top : top + dilation * (R - 1) + 1 : dilation,
            left : left + dilation * (S - 1) + 1 : dilation,
        ]
        for g in range(groups):
            part = slice(g * K // groups, (g + 1) * K // groups)
            out[:, part, i, j] = np.einsum("nchw,kchw->nk", window[:, g * C : (g + 1) * C], w[part])
    return out


def operands(case):
    n, c, k, size, kernel, _, _, _, groups = case
    return rng.standard_normal((n, c, size, size + 1)), rng.standard_normal((k, c // groups, kernel, kernel))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-10), ("bfloat16", 0.3), ("float16", 0.05)]
)
def test_forward(case, dtype, tolerance):
    x, w = operands(case)
    bias = rng.standard_normal(case[2])
    a, b, c = (taeda.tensor(v).to(getattr(taeda, dtype)) for v in (x, w, bias))
    result = F.conv2d(a, b, c, *case[5:]).double().numpy()
    np.testing.assert_allclose(result, convolve(x, w, *case[5:]) + bias[:, None, None], atol=tolerance)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_adjoint_maps(case):
    # <g, conv(x, w)> is linear in x and in w: its gradients give the same number back.
    x, w = (taeda.tensor(v, dtype=taeda.float32).requires_grad_() for v in operands(case))
    out = F.conv2d(x, w, None, *case[5:])
    g = taeda.tensor(rng.standard_normal(tuple(out.shape)), dtype=taeda.float32)
    value = float((out * g).sum())
    grad_x, grad_w = taeda.autograd.grad(out, (x, w), g)
    for gradient, operand in ((grad_x, x), (grad_w, w)):
        assert float((gradient * operand).sum()) == pytest.approx(value, rel=1e-3, abs=1e-2)
    moved = operands(case)[0]
    expected = (convolve(moved, w.detach().double().numpy(), *case[5:]) * g.numpy()).sum()
    assert float((grad_x.double() * taeda.tensor(moved)).sum()) == pytest.approx(expected, rel=1e-3, abs=1e-2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "float64"])
@pytest.mark.parametrize("weight_too", [False, True])
def test_channels_last(case, dtype, weight_too):
    tolerance = {"float32": 1e-4, "bfloat16": 0.3, "float16": 0.05, "float64": 1e-10}[dtype]
    x, w = operands(case)
    bias = rng.standard_normal(case[2])
    a, b, c = (taeda.tensor(v).to(getattr(taeda, dtype)).requires_grad_() for v in (x, w, bias))
    last = a.detach().contiguous(memory_format=taeda.channels_last).requires_grad_()
    weight = b.detach().contiguous(memory_format=taeda.channels_last).requires_grad_() if weight_too else b
    out = F.conv2d(last, weight, c, *case[5:])
    np.testing.assert_allclose(
        out.detach().double().numpy(), convolve(x, w, *case[5:]) + bias[:, None, None], atol=tolerance
    )
    if dtype != "float64":
        assert out.is_contiguous(memory_format=taeda.channels_last) or last.is_contiguous()
    grad = taeda.tensor(rng.standard_normal(tuple(out.shape))).to(out.dtype)
    expected = taeda.autograd.grad(F.conv2d(a, b, c, *case[5:]), (a, b, c), grad)
    for layout in (taeda.channels_last, taeda.contiguous_format):  # of the gradient that arrives
        laid = grad.contiguous(memory_format=layout)
        results = taeda.autograd.grad(out, (last, weight, c), laid, retain_graph=True)
        for result, wanted in zip(results, expected, strict=True):
            scale = float(wanted.double().abs().max()) + 1
            np.testing.assert_allclose(
                result.double().numpy(), wanted.double().numpy(), atol=tolerance * scale
            )


def test_channels_last_in_three_dimensions_and_transposed():
    x, w = rng.standard_normal((2, 6, 4, 5, 3)), rng.standard_normal((8, 6, 3, 2, 1))
    a, b = (taeda.tensor(v, dtype=taeda.float32) for v in (x, w))
    last = a.contiguous(memory_format=taeda.channels_last_3d)
    np.testing.assert_allclose(F.conv3d(last, b).numpy(), F.conv3d(a, b).numpy(), atol=1e-4)
    flat, kernel = a[:, :, 0], b[:, :, :, :, 0].transpose(0, 1).contiguous()
    for stride, extra in ((1, 0), (2, 1)):
        wanted = F.conv_transpose2d(flat, kernel, stride=stride, output_padding=extra).numpy()
        result = F.conv_transpose2d(
            flat.contiguous(memory_format=taeda.channels_last), kernel, stride=stride, output_padding=extra
        )
        np.testing.assert_allclose(result.numpy(), wanted, atol=1e-4)


# Sums that are long beside the output, which oneDNN would split by the number of threads.
LONG_SUMS = [(2, 2048, 8, 4, 1, 1, 0, 1, 1), (2, 16, 2048, 5, 1, 1, 0, 1, 1), (2, 16, 24, 48, 1, 1, 0, 1, 1)]


@pytest.mark.parametrize("layout", [taeda.contiguous_format, taeda.channels_last])
@pytest.mark.parametrize("case", CASES + LONG_SUMS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_threads_change_no_bit(case, dtype, layout):
    x, w = (taeda.tensor(v).to(getattr(taeda, dtype)).requires_grad_() for v in operands(case))
    x = x.detach().contiguous(memory_format=layout).requires_grad_()
    bias = taeda.zeros(case[2], dtype=getattr(taeda, dtype), requires_grad=True)
    before = taeda.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        taeda.set_num_threads(threads)
        out = F.conv2d(x, w, bias, *case[5:])
        every = (out, *taeda.autograd.grad(out, (x, w, bias), taeda.ones_like(out)))
        results.append([t.detach().float().numpy().tobytes() for t in every])
    taeda.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("layout", [taeda.contiguous_format, taeda.channels_last])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_weight_gradient_where_a_stride_leaves_one_column(dtype, width, layout):
    x, g = rng.standard_normal((3, 32, 8, width)), rng.standard_normal((3, 16, 8, 1))
    a, b = (taeda.tensor(v).to(getattr(taeda, dtype)) for v in (x, g))
    w = taeda.zeros(16, 32, 3, 3, dtype=a.dtype).requires_grad_()
    for huge in (1e4, 1e4, 1e4, 1.0):  # what the others leave in memory must not count
        out = F.conv2d((a * huge).contiguous(memory_format=layout), w, None, (1, 2), 1)
        gradient = taeda.autograd.grad(out, w, b * huge)[0].double().numpy()
    padded = np.pad(a.double().numpy(), ((0, 0), (0, 0), (1, 1), (1, 2 - width)))
    expected = sum(
        np.einsum("nk,ncrs->kcrs", b.double().numpy()[:, :, i, 0], padded[:, :, i : i + 3, :3])
        for i in range(8)
    )
    np.testing.assert_allclose(gradient, expected, atol=0.05, rtol=0.01)


def test_weight_gradient_of_volumes_in_bfloat16():
    x, g = (taeda.tensor(rng.standard_normal(s)).bfloat16() for s in ((1, 1, 9, 1, 2), (1, 32, 9, 1, 2)))
    gradients = []
    for dtype in (taeda.bfloat16, taeda.float64):
        w = taeda.zeros(32, 1, 1, 3, 3, dtype=dtype).requires_grad_()
        out = F.conv3d(x.to(dtype), w, None, (1, 2, 1), (0, 1, 1))
        gradients.append(taeda.autograd.grad(out, w, g.to(dtype))[0].double().numpy())
    np.testing.assert_allclose(*gradients, atol=0.05, rtol=0.01)


def test_threads_change_no_bit_of_transposed_convolutions_with_channels_last():
    x = taeda.tensor(rng.standard_normal((1, 16, 1, 9))).float().contiguous(memory_format=taeda.channels_last)
    w = taeda.tensor(rng.standard_normal((16, 16, 2, 2))).float()
    before, results = taeda.get_num_threads(), []
    try:
        for threads in (1, 2, 3, 4):
            taeda.set_num_threads(threads)
            results.append(F.conv_transpose2d(x, w))
    finally:
        taeda.set_num_threads(before)
    assert all(taeda.equal(results[0], other) for other in results[1:])


def test_gradients_leave_the_number_of_threads():
    before = taeda.get_num_threads()
    try:
        for threads in (2, 3):
            taeda.set_num_threads(threads)
            x, w = taeda.ones(4, 16, 8, 8), taeda.ones(16, 16, 3, 3, requires_grad=True)
            F.conv2d(x, w).sum().backward()
            assert taeda.get_num_threads() == threads
    finally:
        taeda.set_num_threads(before)


def test_the_number_of_threads_is_positive():
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer, got 0"):
        taeda.set_num_threads(0)


def test_transposed_point_with_output_padding():
    x, w = rng.standard_normal((2, 3, 4, 4)), rng.standard_normal((3, 5, 1, 1))
    a, b = (taeda.tensor(v, dtype=taeda.float32) for v in (x, w))
    result = F.conv_transpose2d(a, b, stride=1, output_padding=1, dilation=2).numpy()
    expected = np.zeros((2, 5, 5, 5))
    expected[:, :, :4, :4] = np.einsum("nchw,ck->nkhw", x, w[:, :, 0, 0])
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"])
def test_gradients_of_complex_convolutions(name):
    dims = int(name[-2])

    def complex_numbers(*shape):
        return taeda.tensor(rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).requires_grad_()

    x, w, b = complex_numbers(1, 2, *[4] * dims), complex_numbers(2, 2, *[2] * dims), complex_numbers(2)
    assert gradcheck(getattr(taeda, name), (x, w, b))
    assert gradgradcheck(getattr(taeda, name), (x, w, b))
