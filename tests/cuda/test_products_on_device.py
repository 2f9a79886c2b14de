"""Matrix products on the GPU against NumPy: every path that a shape, a dtype or strides can take."""

from __future__ import annotations

import numpy as np
import pytest
from samples.product import activated

import taeda
import taeda.nn.functional as F

DTYPES = {
    taeda.float32: 1e-4,
    taeda.float64: 1e-11,
    taeda.float16: 4e-2,
    taeda.bfloat16: 3e-1,
    taeda.int64: 0,
    taeda.int8: 0,
}


def matrix(*shape, dtype=taeda.float32):
    """The same numbers as NumPy and on the device; small integers, which every dtype holds, where it is integral."""
    rng = np.random.default_rng(sum(shape))
    values = rng.integers(-3, 4, shape) if not dtype.is_floating_point else rng.standard_normal(shape)
    on_device = taeda.tensor(values).to(dtype).cuda()
    return on_device.cpu().to(taeda.float64).numpy(), on_device


def assert_close(result, expected, dtype):
    bound = DTYPES[dtype]
    assert result.device.type == "cuda"
    if dtype == taeda.int8:
        expected = (expected.astype(np.int64) + 128) % 256 - 128  # sums wrap
    np.testing.assert_allclose(result.cpu().to(taeda.float64).numpy(), expected, rtol=bound, atol=bound)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "sizes", [(40, 50, 33), (4, 5, 3), (1, 300, 70), (100, 300, 1), (64, 1, 64)], ids=str
)
def test_products_in_all_orders(dtype, sizes):
    m, k, n = sizes
    (a, on_a), (b, on_b) = matrix(m, k, dtype=dtype), matrix(k, n, dtype=dtype)
    assert_close(on_a @ on_b, a @ b, dtype)
    assert_close(on_b.T @ on_a.T, (a @ b).T, dtype)
    column_a, column_b = on_a.T.contiguous().T, on_b.T.contiguous().T
    assert_close(column_a @ on_b, a @ b, dtype)
    assert_close(on_a @ column_b, a @ b, dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_batches_with_factors(dtype):
    (a, on_a), (b, on_b), (c, on_c) = (
        matrix(*s, dtype=dtype) for s in [(3, 20, 30), (3, 30, 25), (3, 20, 25)]
    )
    assert_close(on_a @ on_b, a @ b, dtype)
    out = taeda.baddbmm(on_c, on_a, on_b, beta=2, alpha=3)
    expected = 2 * c + 3 * (a @ b)
    scale = 1 if not dtype.is_floating_point else np.abs(expected).max()
    assert_close(out / scale if scale != 1 else out, expected / scale, dtype)


@pytest.mark.parametrize("dtype", [taeda.float32, taeda.bfloat16, taeda.float16, taeda.float64], ids=str)
def test_linear_adds_its_bias(dtype):
    (x, on_x), (w, on_w), (b, on_b) = (matrix(*s, dtype=dtype) for s in [(20, 30), (11, 30), (11,)])
    assert_close(F.linear(on_x, on_w, on_b), x @ w.T + b, dtype)
    assert_close(F.linear(on_x, on_w), x @ w.T, dtype)


@pytest.mark.parametrize("dtype", [taeda.float32, taeda.bfloat16, taeda.float16, taeda.float64], ids=str)
@pytest.mark.parametrize("use_gelu", [False, True])
def test_products_end_with_an_activation(dtype, use_gelu):
    (a, on_a), (b, on_b), (c, on_c) = (matrix(*s, dtype=dtype) for s in [(20, 30), (30, 11), (11,)])
    wanted = activated(a @ b + c, use_gelu)
    assert_close(taeda._addmm_activation(on_c, on_a, on_b, use_gelu=use_gelu), wanted, dtype)
    # The plan of one ending does not serve the other.
    assert_close(
        taeda._addmm_activation(on_c, on_a, on_b, use_gelu=not use_gelu),
        activated(a @ b + c, not use_gelu),
        dtype,
    )
    shifted = taeda.cat([on_c[:1], on_c])[1:]  # off the 16 bytes that the library reads at a time
    assert_close(taeda._addmm_activation(shifted, on_a, on_b, use_gelu=use_gelu), wanted, dtype)


def test_complex_products():
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((2, 20, 20)) for _ in range(2))
    a, b = a[0] + 1j * a[1], b[0] + 1j * b[1]
    result = taeda.tensor(a).cuda() @ taeda.tensor(b).cuda()
    np.testing.assert_allclose(result.cpu().numpy(), a @ b, rtol=1e-12)


def test_operands_without_a_unit_stride_are_copied():
    a, on_a = matrix(40, 100)
    b, on_b = matrix(50, 66)
    assert_close(on_a[:, ::2] @ on_b[:, ::2], a[:, ::2] @ b[:, ::2], taeda.float32)


def test_an_empty_sum_is_zero_and_keeps_beta():
    out = taeda.addmm(taeda.ones(2, 3).cuda(), taeda.ones(2, 0).cuda(), taeda.ones(0, 3).cuda(), beta=4)
    np.testing.assert_array_equal(out.cpu().numpy(), np.full((2, 3), 4.0))
