"""Gathering, scattering, advanced indices, masks and sorting beside plain loops and NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import taeda


def _gather(x: np.ndarray, dim: int, index: np.ndarray) -> np.ndarray:
    result = np.empty(index.shape, x.dtype)
    for at in np.ndindex(*index.shape):
        place = (*at[:dim], index[at], *at[dim + 1 :])
        result[at] = x[place]
    return result


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("permuted", [False, True])
def test_gather_and_scatter(dim: int, permuted: bool) -> None:
    x = np.random.randint(0, 100, (6, 7, 70)).astype(np.float32)
    tensor = taeda.from_numpy(x)
    if permuted:
        x, tensor = x.transpose(1, 0, 2), tensor.transpose(0, 1)
    shape = [5, 4, 66]
    index = np.random.randint(0, x.shape[dim], shape)
    source = np.random.randint(1, 9, shape).astype(np.float32)
    np.testing.assert_array_equal(tensor.gather(dim, taeda.from_numpy(index)).numpy(), _gather(x, dim, index))
    added, last = x.copy(), x.copy()
    for at in np.ndindex(*shape):
        place = (*at[:dim], index[at], *at[dim + 1 :])
        added[place] += source[at]
        last[place] = source[at]
    got = tensor.scatter_add(dim, taeda.from_numpy(index), taeda.from_numpy(source))
    np.testing.assert_array_equal(got.numpy(), added)
    np.testing.assert_array_equal(
        tensor.scatter(dim, taeda.from_numpy(index), taeda.from_numpy(source)).numpy(), last
    )


@pytest.mark.parametrize("dim", [0, 1])
def test_index_select_and_index_add(dim: int) -> None:
    x = np.random.normal(size=(40, 90))
    index = np.random.randint(0, x.shape[dim], 25)
    np.testing.assert_array_equal(
        taeda.from_numpy(x).index_select(dim, taeda.from_numpy(index)).numpy(), np.take(x, index, dim)
    )
    source = np.random.normal(size=[25 if d == dim else n for d, n in enumerate(x.shape)])
    want = x.copy()
    np.add.at(want, (index,) if dim == 0 else (slice(None), index), source)
    got = taeda.from_numpy(x).index_add(dim, taeda.from_numpy(index), taeda.from_numpy(source))
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)


def test_advanced_indices_are_numpys() -> None:
    x = np.arange(2 * 5 * 6 * 7).reshape(2, 5, 6, 7)
    t = taeda.from_numpy(x)
    i, j = np.array([[0, -1, 4], [2, 2, 1]]), np.array([3, -6, 5])
    ti, tj = taeda.from_numpy(i), taeda.from_numpy(j)
    np.testing.assert_array_equal(t[:, ti].numpy(), x[:, i])
    np.testing.assert_array_equal(t[:, ti, tj].numpy(), x[:, i, j])
    np.testing.assert_array_equal(t[:, ti, :, tj].numpy(), x[:, i, :, j])
    np.testing.assert_array_equal(t[1, ti, ..., tj].numpy(), x[1, i, ..., j])
    np.testing.assert_array_equal(t[t % 3 == 0].numpy(), x[x % 3 == 0])
    mask = x[0, :, :, 0] % 2 == 0
    np.testing.assert_array_equal(t[:, taeda.from_numpy(mask)].numpy(), x[:, mask])


def test_writing_through_indices_and_masks() -> None:
    x = np.arange(60.0).reshape(5, 12)
    t = taeda.from_numpy(x.copy())
    rows, columns = np.array([0, 3, 3]), np.array([1, 2, 2])
    t[taeda.from_numpy(rows), taeda.from_numpy(columns)] = taeda.tensor([1.0, 2.0, 3.0], dtype=taeda.float64)
    want = x.copy()
    want[rows, columns] = [1, 2, 3]
    np.testing.assert_array_equal(t.numpy(), want)
    t.index_put_(
        (taeda.from_numpy(rows), taeda.from_numpy(columns)),
        taeda.ones(3, dtype=taeda.float64),
        accumulate=True,
    )
    np.add.at(want, (rows, columns), 1)
    np.testing.assert_array_equal(t.numpy(), want)
    t[t > 30] = -1.0
    want[want > 30] = -1
    np.testing.assert_array_equal(t.numpy(), want)


@pytest.mark.parametrize("shape", [(5000,), (70, 90), (3, 40, 60), (4100, 1), (0, 3)])
def test_masks_and_coordinates(shape: tuple[int, ...]) -> None:
    x = np.random.normal(size=shape)
    mask = x > 0.5
    t, m = taeda.from_numpy(x), taeda.from_numpy(mask)
    np.testing.assert_array_equal(taeda.argwhere(m).numpy(), np.argwhere(mask))
    np.testing.assert_array_equal(t.masked_select(m).numpy(), x[mask])
    np.testing.assert_array_equal(t.masked_fill(m, 7.0).numpy(), np.where(mask, 7, x))


@pytest.mark.parametrize("call", ["gather", "index_select", "index"])
def test_an_index_out_of_range_is_named(call: str) -> None:
    x, bad = taeda.zeros(4, 5), taeda.tensor([0, 9])
    calls = {
        "gather": lambda: x.gather(1, bad[None]),
        "index_select": lambda: x.index_select(1, bad),
        "index": lambda: x[:, bad],
    }
    with pytest.raises(
        (IndexError, RuntimeError), match="index 9 is out of bounds for dimension 1 with size 5"
    ):
        calls[call]()


@pytest.mark.parametrize("length", [1, 5, 300, 5000])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "int32", "uint8", "int16"])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_is_stable_and_puts_nan_last(length: int, dtype: str, descending: bool) -> None:
    x = np.random.randint(0, 100 if length < 1000 else 10_000, (3, length)).astype(dtype)
    if "float" in dtype:
        x -= 50
        x[0, :: max(2, length // 7)] = np.nan
        x[1, 0] = -0.0
    values, indices = taeda.from_numpy(x).sort(dim=1, descending=descending, stable=True)
    keys = np.where(np.isnan(x), np.inf, x.astype(np.float64)) if "float" in dtype else x.astype(np.float64)
    order = np.argsort(-keys if descending else keys, axis=1, kind="stable")
    np.testing.assert_array_equal(indices.numpy(), order)
    np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, order, 1))
    k = max(1, length // 20)
    top = taeda.from_numpy(x).topk(k, 1, largest=descending)
    np.testing.assert_array_equal(top.values.numpy(), values[:, :k].numpy())


def test_triangles_flips_and_rolls() -> None:
    x = np.random.normal(size=(3, 40, 50)).astype(np.float32)
    t = taeda.from_numpy(x)
    for diagonal in (-60, -3, 0, 5, 60):
        np.testing.assert_array_equal(t.tril(diagonal).numpy(), np.tril(x, diagonal))
        np.testing.assert_array_equal(t.triu(diagonal).numpy(), np.triu(x, diagonal))
    for dims in ([0], [1], [2], [0, 2], [0, 1, 2]):
        np.testing.assert_array_equal(t.flip(dims).numpy(), np.flip(x, dims))
    np.testing.assert_array_equal(t.roll((3, -70), (1, 2)).numpy(), np.roll(x, (3, -70), (1, 2)))


def test_searchsorted_is_numpys() -> None:
    table, values = np.sort(np.random.randint(0, 50, 100)), np.random.randint(-5, 60, (20, 30))
    for side in ("left", "right"):
        got = taeda.searchsorted(taeda.from_numpy(table), taeda.from_numpy(values), side=side)
        np.testing.assert_array_equal(got.numpy(), np.searchsorted(table, values, side))
