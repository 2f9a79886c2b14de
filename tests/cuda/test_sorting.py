"""Sorting, selection and searching, against NumPy: slices of all lengths, ties, NaN, and each dtype."""

from __future__ import annotations

import numpy as np
import pytest

import taeda

RANDOM = np.random.default_rng(6)


def gpu(x: np.ndarray) -> taeda.Tensor:
    return taeda.tensor(x).cuda()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("shape", "dim"),
    [((1,), 0), ((40, 3), 1), ((5, 64), 1), ((3, 1000), 1), ((300, 4), 0), ((3, 2000), 1), ((5000,), 0)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8"])
def test_sort(shape: tuple[int, ...], dim: int, dtype: str, descending: bool):
    x = RANDOM.integers(0, 50, shape).astype(dtype)
    values, indices = gpu(x).sort(dim, descending)
    keys = -x.astype(np.float64) if descending else x
    order = np.argsort(keys, dim, kind="stable")
    np.testing.assert_array_equal(indices.cpu().numpy(), order)
    np.testing.assert_array_equal(values.cpu().numpy(), np.take_along_axis(x, order, dim))


@pytest.mark.parametrize("length", [9, 1500])
def test_special_values(length: int):
    x = RANDOM.standard_normal(length).astype(np.float32)
    x[[0, 3, 5]] = np.nan, -np.inf, np.inf
    values, indices = gpu(x).sort()
    np.testing.assert_array_equal(values.cpu().numpy(), np.sort(x))
    assert indices[-1].item() == 0
    assert gpu(x).topk(2).indices.tolist() == [0, 5]
    narrow = taeda.tensor(x).to(taeda.bfloat16)
    assert narrow.cuda().sort().indices.tolist() == narrow.sort().indices.tolist()
    assert gpu(-np.arange(length, dtype=np.int8)).sort().values.tolist() == sorted(
        (-np.arange(length, dtype=np.int8)).tolist()
    )


@pytest.mark.parametrize(
    ("shape", "k"), [((4, 30), 5), ((3, 3000), 1), ((3, 3000), 40), ((2, 3000), 1100), ((2, 1025), 1000)]
)
@pytest.mark.parametrize("largest", [False, True])
def test_topk_and_kthvalue(shape: tuple[int, int], k: int, largest: bool):
    x = RANDOM.integers(0, 500, shape).astype(np.float32)
    order = np.argsort(-x if largest else x, 1, kind="stable")[:, :k]
    values, indices = gpu(x).topk(k, 1, largest)
    np.testing.assert_array_equal(indices.cpu().numpy(), order)
    np.testing.assert_array_equal(values.cpu().numpy(), np.take_along_axis(x, order, 1))
    if not largest:
        value, index = gpu(x).kthvalue(k, 1)
        np.testing.assert_array_equal(index.cpu().numpy(), order[:, k - 1])
        np.testing.assert_array_equal(value.cpu().numpy(), np.sort(x, 1)[:, k - 1])
        transposed = gpu(np.ascontiguousarray(x.T)).kthvalue(k, 0)
        np.testing.assert_array_equal(transposed.indices.cpu().numpy(), order[:, k - 1])


def test_searchsorted_and_histogram():
    table, x = np.sort(RANDOM.integers(0, 40, 100)), RANDOM.integers(-2, 44, (5, 6))
    for side in ("left", "right"):
        found = taeda.searchsorted(gpu(table), gpu(x), side=side)
        np.testing.assert_array_equal(found.cpu().numpy(), np.searchsorted(table, x, side))
    rows = np.sort(RANDOM.standard_normal((5, 30)), 1)
    values = RANDOM.standard_normal((5, 4))
    wanted = [np.searchsorted(row, value) for row, value in zip(rows, values)]
    np.testing.assert_array_equal(taeda.searchsorted(gpu(rows), gpu(values)).cpu().numpy(), wanted)
    x = RANDOM.standard_normal(20000)
    for bins in (10, 5000):
        counts, _ = np.histogram(x, bins, (-2.0, 2.0))
        np.testing.assert_array_equal(taeda.histc(gpu(x), bins, -2, 2).cpu().numpy(), counts)
