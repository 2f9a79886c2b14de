"""Reading and writing through indices: values, the order in which equal places are combined, and wrong indices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import taeda
from taeda.nn import functional as F

RANDOM = np.random.default_rng(5)


def array(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype(np.float32)


def gpu(x: np.ndarray) -> taeda.Tensor:
    return taeda.tensor(x).cuda()


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(7, 5), (20, 16), (6, 3, 8)], ids=str)
def test_gather_and_selection(shape: tuple[int, ...], dtype: str):
    x = (10 * array(*shape)).astype(dtype)
    for dim in range(len(shape)):
        index = RANDOM.integers(0, shape[dim], shape)
        np.testing.assert_array_equal(
            taeda.gather(gpu(x), dim, gpu(index)).cpu().numpy(), np.take_along_axis(x, index, dim)
        )
        rows = RANDOM.integers(0, shape[dim], 11)
        np.testing.assert_array_equal(
            taeda.index_select(gpu(x), dim, gpu(rows)).cpu().numpy(), np.take(x, rows, dim)
        )
    wide = gpu(x).transpose(0, 1)
    index = RANDOM.integers(0, shape[1], (shape[1], *shape[:1], *shape[2:]))
    np.testing.assert_array_equal(
        taeda.gather(wide, 0, gpu(index)).cpu().numpy(), np.take_along_axis(x.swapaxes(0, 1), index, 0)
    )


def test_advanced_indexing():
    x = array(6, 7, 8)
    on_gpu, i, j = gpu(x), np.array([[0, 5], [-1, 2]]), np.array([[1], [-7]])
    cases = [
        (i,),
        (i, j),
        (slice(None), i, j),
        (i, slice(None), j),
        (slice(1, 5), slice(None), i),
        (i, slice(2, 6)),
    ]
    for case in cases:
        keys = tuple(gpu(k) if isinstance(k, np.ndarray) else k for k in case)
        np.testing.assert_array_equal(on_gpu[keys].cpu().numpy(), x[case])
        changed, wanted = on_gpu.clone(), x.copy()
        values = array(*x[case].shape)
        changed[keys] = gpu(values)
        wanted[case] = values
        np.testing.assert_array_equal(changed.cpu().numpy(), wanted)
    mask = x > 0
    np.testing.assert_array_equal(on_gpu[gpu(mask)].cpu().numpy(), x[mask])


def test_places_that_coincide():
    index = RANDOM.integers(0, 5, 3000)
    values = array(3000)
    wanted = np.zeros(5, np.float64)
    np.add.at(wanted, index, values)
    sums = taeda.zeros(5, device="cuda").index_add(0, gpu(index), gpu(values))
    np.testing.assert_allclose(sums.cpu().numpy(), wanted, rtol=1e-4, atol=1e-4)
    # In index order, bit by bit as on the CPU; the last of several writes stays.
    assert sums.tolist() == taeda.zeros(5).index_add(0, taeda.tensor(index), taeda.tensor(values)).tolist()
    put = taeda.zeros(5, device="cuda").index_put((gpu(index),), gpu(values))
    assert put.tolist() == taeda.zeros(5).index_put((taeda.tensor(index),), taeda.tensor(values)).tolist()
    scattered = taeda.zeros(5, device="cuda").scatter_add(0, gpu(index), gpu(values))
    assert scattered.tolist() == sums.tolist()


@pytest.mark.parametrize("reduce", ["sum", "prod", "amin", "amax", "mean"])
@pytest.mark.parametrize(
    ("shape", "dim"), [((9, 4), 0), ((9, 4), 1), ((3, 5000), 0), ((2, 9, 700), 1), ((9000, 3), 1)]
)
def test_scatter(shape: tuple[int, ...], dim: int, reduce: str):
    index = RANDOM.integers(0, 4, shape)
    size = [4 if d == dim else n for d, n in enumerate(shape)]
    start, values = array(*size), array(*shape)
    args = dim, index, values
    found = gpu(start).scatter_reduce(dim, gpu(index), gpu(values), reduce)
    wanted = taeda.tensor(start).scatter_reduce(dim, taeda.tensor(args[1]), taeda.tensor(args[2]), reduce)
    np.testing.assert_allclose(found.cpu().numpy(), wanted.numpy(), rtol=1e-6)


def test_wrong_indices():
    x, wrong = taeda.zeros(3, 4, device="cuda"), gpu(np.array([[0, 4], [1, 2]]))
    with pytest.raises(RuntimeError, match="gather: index 4 is out of bounds for dimension 1 with size 4"):
        taeda.gather(x, 1, wrong)
    with pytest.raises(RuntimeError, match="scatter: index 4 is out of bounds"):
        x.scatter_(1, wrong, 1.0)
    with pytest.raises(
        IndexError, match="index_select: index -1 is out of bounds for dimension 0 with size 3"
    ):
        taeda.index_select(x, 0, gpu(np.array([1, -1])))
    with pytest.raises(IndexError, match="index: index 3 is out of bounds for dimension 0 with size 3"):
        x[gpu(np.array([0, 3]))]
    with pytest.raises(IndexError, match=r"index_put: index -5 .* must lie in \[-4, 4\)"):
        x[:, gpu(np.array([0, -5]))] = 1.0
    with pytest.raises(IndexError, match="index 9 at position 1 is out of range for a table of 3 rows"):
        F.embedding(gpu(np.array([2, 9])), x)
    assert x.abs().sum().item() == 0  # nothing was written


def test_masks():
    x = array(70, 131)
    mask = x > 0.7
    np.testing.assert_array_equal(taeda.masked_select(gpu(x), gpu(mask)).cpu().numpy(), x[mask])
    np.testing.assert_array_equal(taeda.nonzero(gpu(mask)).cpu().numpy(), np.argwhere(mask))
    source = array(int(mask.sum()))
    wanted = x.copy()
    wanted[mask] = source
    np.testing.assert_array_equal(gpu(x).masked_scatter(gpu(mask), gpu(source)).cpu().numpy(), wanted)
    assert taeda.nonzero(taeda.zeros(5, 3, device="cuda")).shape == (0, 2)
    for diagonal in (-2, 0, 3):
        np.testing.assert_array_equal(taeda.tril(gpu(x), diagonal).cpu().numpy(), np.tril(x, diagonal))
        np.testing.assert_array_equal(taeda.triu(gpu(x), diagonal).cpu().numpy(), np.triu(x, diagonal))


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("width", [1, 6, 64])
def test_embedding(width: int, padding: int | None):
    table, index, grad = array(9, width), RANDOM.integers(0, 9, (30, 7)), array(30, 7, width)
    leaf = gpu(table).requires_grad_()
    found = F.embedding(gpu(index), leaf, padding_idx=padding)
    np.testing.assert_array_equal(found.detach().cpu().numpy(), table[index])
    found.backward(gpu(grad))
    wanted = np.zeros(table.shape)
    np.add.at(wanted, index, grad)
    if padding is not None:
        wanted[padding] = 0
    np.testing.assert_allclose(leaf.grad.cpu().numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_embedding_of_rows_without_columns():
    table = taeda.ones(5, 0).cuda().requires_grad_()
    found = F.embedding(taeda.tensor([0, 4, 2]).cuda(), table)
    assert found.shape == (3, 0)
    found.sum().backward()
    assert table.grad.shape == (5, 0)
    with pytest.raises(IndexError, match="embedding: index 5 at position 1"):
        F.embedding(taeda.tensor([0, 5]).cuda(), table)


@pytest.mark.parametrize("frequency", [False, True])
@pytest.mark.parametrize("mode", ["sum", "mean", "max", "weighted"])
def test_embedding_bag(mode: str, frequency: bool):
    table, index = array(9, 6).astype(np.float64), RANDOM.integers(0, 9, 40)
    offsets, grad, weights = np.array([0, 3, 3, 20, 36]), array(4, 6).astype(np.float64), RANDOM.random(40)

    def run(device: str) -> list[np.ndarray]:
        leaf = taeda.tensor(table).to(device).requires_grad_()
        factors = taeda.tensor(weights).to(device).requires_grad_() if mode == "weighted" else None
        found = F.embedding_bag(
            taeda.tensor(index).to(device),
            leaf,
            taeda.tensor(offsets).to(device),
            mode="sum" if mode == "weighted" else mode,
            scale_grad_by_freq=frequency and mode != "max",
            per_sample_weights=factors,
            include_last_offset=True,
            padding_idx=1,
        )
        found.backward(taeda.tensor(grad).to(device))
        results = [found.detach(), leaf.grad, *([factors.grad] if factors is not None else [])]
        return [t.cpu().numpy() for t in results]

    for one, other in zip(run("cuda"), run("cpu"), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_wrong_bags_are_named():
    table, index = taeda.ones(5, 3).cuda(), taeda.tensor([1, 2, 3]).cuda()
    for offsets, text in [([1, 2], "0. is 1"), ([0, 2, 1], "2. is 1"), ([0, 5], "1. is 5")]:
        with pytest.raises(RuntimeError, match=rf"offsets.{text}"):
            F.embedding_bag(index, table, taeda.tensor(offsets).cuda())
    with pytest.raises(IndexError, match="embedding_bag: index 3 at position 2"):
        F.embedding_bag(index, table[:3], taeda.tensor([0]).cuda())


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "complex128"])
def test_joins(dtype: str):
    for shape in ((5,), (4, 6), (2, 3, 8)):
        for dim in range(len(shape)):
            parts = [
                (9 * array(*(n if d == dim else size for d, size in enumerate(shape)))) for n in (1, 4, 3, 8)
            ]
            parts = [part.astype(dtype) for part in parts]
            joined = taeda.cat([gpu(part) for part in parts], dim)
            np.testing.assert_array_equal(joined.cpu().numpy(), np.concatenate(parts, dim))


@pytest.mark.parametrize("weighted", [False, True])
def test_counts(weighted: bool):
    x, weights = RANDOM.integers(0, 30, 500), RANDOM.random(500)
    got = taeda.bincount(gpu(x), gpu(weights) if weighted else None, 40)
    assert got.is_cuda
    np.testing.assert_allclose(got.cpu().numpy(), np.bincount(x, weights if weighted else None, 40))


@pytest.mark.parametrize("weighted", [False, True])
def test_histograms(weighted: bool):
    x, weights = RANDOM.random((200, 2)), RANDOM.random(200)
    limits = [(0.0, 1.0), (0.0, 0.5)]
    got = taeda.histogramdd(
        gpu(x), [4, 5], range=[0.0, 1.0, 0.0, 0.5], weight=gpu(weights) if weighted else None
    )
    want, edges = np.histogramdd(x, [4, 5], limits, weights=weights if weighted else None)
    assert got.hist.is_cuda
    np.testing.assert_allclose(got.hist.cpu().numpy(), want)
    for mine, theirs in zip(got.bin_edges, edges, strict=True):
        np.testing.assert_allclose(mine.cpu().numpy(), theirs)


@pytest.mark.parametrize("repeated", [False, True])
def test_combinations(repeated: bool):
    choose = itertools.combinations_with_replacement if repeated else itertools.combinations
    got = taeda.combinations(gpu(np.arange(5) * 10), 3, repeated)
    assert got.is_cuda
    assert got.tolist() == [list(row) for row in choose(range(0, 50, 10), 3)]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_flips_and_borders(mode: str):
    x = array(2, 4, 5)
    np.testing.assert_array_equal(gpu(x).flip((0, 2)).cpu().numpy(), np.flip(x, (0, 2)))
    want = F.pad(taeda.tensor(x), [2, 1], mode).numpy()
    np.testing.assert_array_equal(F.pad(gpu(x), [2, 1], mode).cpu().numpy(), want)
