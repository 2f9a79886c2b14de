"""Matrix products against NumPy: every dtype, layout and size class that has its own kernel."""

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F

rng = np.random.default_rng(0)
SIZES = [
    (1, 1, 1),
    (8, 8, 8),
    (5, 40, 9),
    (1, 300, 70),
    (300, 1, 70),
    (70, 40, 50),
    (9, 11, 2100),
    (130, 140, 64),
    (2, 3, 0),
]
DTYPES = {
    "float32": 1e-4, "float64": 1e-10, "bfloat16": 0.2, "float16": 0.03, "complex64": 1e-3, "complex128": 1e-10,
    "int64": 0, "int8": 0, "uint8": 0,
}  # fmt: skip


def matrix(rows, columns, dtype, layout):
    """A tensor and the same numbers as a NumPy array."""
    wide = "float32" if dtype in ("bfloat16", "float16") else dtype
    values = rng.integers(-3, 4, (rows, columns)).astype(wide)
    if dtype.startswith("complex"):
        values = values + 1j * rng.integers(-3, 4, (rows, columns)).astype(wide)
    if layout == "columns":
        stored = taeda.tensor(np.ascontiguousarray(values.T)).t()
    elif layout == "gaps":
        padded = np.zeros((rows, 2 * columns), values.dtype)
        padded[:, ::2] = values
        stored = taeda.tensor(padded)[:, ::2]
    else:
        stored = taeda.tensor(values)
    return stored.to(getattr(taeda, dtype)), values


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "layouts", [("rows", "rows"), ("columns", "rows"), ("rows", "columns"), ("columns", "gaps")]
)
def test_product(dtype, size, layouts):
    m, n, k = size
    (a, x), (b, y) = matrix(m, k, dtype, layouts[0]), matrix(k, n, dtype, layouts[1])
    result = (a @ b).to(taeda.complex128 if dtype.startswith("complex") else taeda.float64).numpy()
    expected = x.astype("complex128" if dtype.startswith("complex") else "float64") @ y
    if dtype in ("int8", "uint8"):
        expected = expected.astype("int64").astype(dtype).astype("float64")  # sums wrap
    np.testing.assert_allclose(
        result, expected, rtol=0.01 if dtype == "bfloat16" else 1e-3, atol=DTYPES[dtype]
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("size", [(3, 4, 5), (1, 6, 200), (64, 33, 100)])
def test_linear_adds_the_bias(dtype, size):
    m, n, k = size
    (x, a), (w, b), (bias, c) = (
        matrix(m, k, dtype, "rows"),
        matrix(n, k, dtype, "rows"),
        matrix(1, n, dtype, "rows"),
    )
    result = F.linear(x, w, bias[0]).double().numpy()
    np.testing.assert_allclose(result, a.astype("float64") @ b.T + c[0], rtol=0.01, atol=1e-4)


@pytest.mark.parametrize("size", [(64, 64, 3000), (200, 300, 70), (16, 16, 4100), (1, 500, 2000)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_threads_change_no_bit(size, dtype):
    m, n, k = size
    a = taeda.tensor(rng.standard_normal((k, m))).to(getattr(taeda, dtype)).t()
    b = taeda.tensor(rng.standard_normal((k, n))).to(getattr(taeda, dtype))
    before = taeda.get_num_threads()
    results = []
    for threads in (1, 2, 5):
        taeda.set_num_threads(threads)
        results.append((a @ b).float().numpy().tobytes())
    taeda.set_num_threads(before)
    assert results[0] == results[1] == results[2]
