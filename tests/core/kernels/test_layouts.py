"""Copies, casts and loops over operands of any strides give what NumPy gives."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import taeda

Array = NDArray[np.generic]
DTYPES = [
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
    "bool",
]


def _random_view(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A float32 array of this shape: permuted, with gaps, or with repeated dimensions."""
    order = rng.permutation(len(shape))
    step = int(rng.integers(1, 3))
    memory = rng.integers(0, 1000, [shape[d] for d in order[:-1]] + [shape[order[-1]] * step]).astype(
        np.float32
    )
    view = memory[..., ::step].transpose(np.argsort(order))
    repeated = [d for d in range(len(shape)) if rng.random() < 0.2]
    return np.broadcast_to(
        view[tuple(slice(0, 1) if d in repeated else slice(None) for d in range(len(shape)))], shape
    )


def _tensor(array: Array) -> taeda.Tensor:
    """The same memory with the same strides; broadcast dimensions are expanded again."""
    base = array[tuple(slice(0, 1) if s == 0 else slice(None) for s in array.strides)]
    return taeda.from_numpy(np.require(base, requirements="W")).expand(array.shape)


@pytest.mark.parametrize("seed", range(40))
def test_operands_of_any_strides(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = tuple(int(n) for n in rng.choice([1, 2, 3, 5, 17, 40, 300], size=rng.integers(1, 4)))
    a, b = _random_view(rng, shape), _random_view(rng, shape)
    np.testing.assert_array_equal((_tensor(a) + _tensor(b)).numpy(), a + b)
    np.testing.assert_array_equal((_tensor(a) < _tensor(b)).numpy(), a < b)
    np.testing.assert_array_equal(_tensor(a).contiguous().numpy(), a)
    np.testing.assert_array_equal(
        taeda.where(_tensor(a) > 500, _tensor(b), 0.0).numpy(), np.where(a > 500, b, 0)
    )


@pytest.mark.parametrize("shape", [(512, 512), (100, 3), (3, 100), (33, 65, 2), (1, 70_000)])
def test_transposed_copies_of_every_element_size(shape: tuple[int, ...]) -> None:
    for dtype in ("uint8", "int16", "float32", "float64", "complex128"):
        x = np.random.randint(0, 100, shape).astype(dtype)
        np.testing.assert_array_equal(
            taeda.from_numpy(x).transpose(0, 1).contiguous().numpy(), x.swapaxes(0, 1)
        )


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_casts_are_numpys(source: str, target: str) -> None:
    x = np.random.randint(0, 100, 1500).astype(source)
    if target in ("bool",):
        want = x != 0
    else:
        want = (x.real if np.iscomplexobj(x) and "complex" not in target else x).astype(target)
    got = taeda.from_numpy(x).to(getattr(taeda, target))
    np.testing.assert_array_equal(got.numpy(), want)


def test_a_large_result_is_written_past_the_caches_correctly() -> None:
    x = np.random.randint(0, 100, 5_000_001).astype(np.float32)
    np.testing.assert_array_equal((taeda.from_numpy(x)[1:] + 1).numpy(), x[1:] + 1)


def test_in_place_on_overlapping_views_uses_the_old_values() -> None:
    x = taeda.arange(100.0)
    x[1:].add_(x[:-1])
    np.testing.assert_array_equal(x.numpy()[1:], np.arange(1.0, 100) + np.arange(99.0))
