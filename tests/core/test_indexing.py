"""x[...] and x[...] = v: every combination of index kinds against NumPy."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import taeda

SHAPE = (3, 4, 2)
ARRAY = np.arange(24.0).reshape(SHAPE)
# Index kinds for a dimension of at least 2 elements.
KINDS: dict[str, Any] = {
    "whole": slice(None),
    "int": 1,
    "negative": -1,
    "slice": slice(0, 2),
    "step": slice(None, None, 2),
    "tail": slice(-2, None),
    "none_left": slice(2, 1),
    "list": [1, 0],
    "array": np.array([[0], [-1]]),
}


def as_ours(index: Any) -> Any:
    """An index with tensors in place of arrays."""
    if isinstance(index, tuple):
        return tuple(as_ours(part) for part in index)
    return taeda.tensor(index) if isinstance(index, np.ndarray) else index


def combinations() -> list[Any]:
    cases = []
    for count in (1, 2, 3):
        for names in itertools.product(KINDS, repeat=count):
            cases.append(pytest.param(tuple(KINDS[name] for name in names), id="-".join(names)))
    return cases


def read(array: np.ndarray, index: Any) -> tuple[np.ndarray, Any]:
    """A view of a NumPy array, and what to index it with: integers are taken first, as other views are. (NumPy counts
    them among the arrays, which moves the dimensions of the arrays to the front if a slice is between.)"""
    if (
        not isinstance(index, tuple)
        or not any(isinstance(part, (list, np.ndarray)) for part in index)
        or any(part is ... for part in index)
    ):
        return array, index
    first = tuple(part if type(part) is int else slice(None) for part in index if part is not None)
    return array[first], tuple(part for part in index if type(part) is not int)


EXTRA = [
    ...,
    None,
    (),
    (..., 0),
    (0, ...),
    (..., None),
    (None, 1, ..., slice(1)),
    (slice(None), None, 0),
    ([0, 2], slice(None), [1, 0]),
    (0, slice(None), [1, 0]),
    ([2, 0], ..., [1, 1]),
    ARRAY > 11,
    (ARRAY[:, :, 0] > 5),
    (ARRAY[:, 0, 0] > 5, slice(1, 3)),
    (slice(None), np.array([True, False, True, True])),
    (slice(None), np.array([False] * 4)),
    np.array(1),
    True,
    False,
    (np.array([0, 1]), np.array([[0], [3]])),
    ([0, 1], None, 1),
    (None, [0, 1], 1),
    (np.array([], dtype=np.int64),),
]


@pytest.mark.parametrize("index", [*combinations(), *EXTRA], ids=str)
def test_reading(index: Any):
    found = taeda.tensor(ARRAY)[as_ours(index)]
    view, rest = read(ARRAY, index)
    np.testing.assert_array_equal(found.numpy(), view[rest])


def test_reading_repeatedly():
    x = taeda.tensor(ARRAY)
    rows, columns = np.array([[0, 2], [2, 0]]), np.array([1, 1])
    np.testing.assert_array_equal(x[as_ours(rows), as_ours(columns)].numpy(), ARRAY[rows, columns])
    np.testing.assert_array_equal(x[:, [3, 3, -1]].numpy(), ARRAY[:, [3, 3, -1]])


@pytest.mark.parametrize("index", [*combinations(), *EXTRA], ids=str)
def test_writing(index: Any):
    """A number, and a tensor of the indexed shape."""
    view, rest = read(ARRAY, index)
    shape = view[rest].shape
    for new in (-1.0, -np.arange(1.0, 1.0 + np.prod(shape)).reshape(shape)):
        wanted, tensor = ARRAY.copy(), taeda.tensor(ARRAY)
        view, rest = read(wanted, index)
        view[rest] = new
        tensor[as_ours(index)] = as_ours(new) if np.ndim(new) else new
        np.testing.assert_array_equal(tensor.numpy(), wanted)


def test_basic_indices_are_views_and_advanced_ones_copies():
    x = taeda.zeros(3, 4)
    x[1:, ::2].fill_(1)
    assert x.sum().item() == 4
    x[[0, 1]].fill_(9)
    assert x.max().item() == 1
    assert x[0].data_ptr() == x.data_ptr()


def test_values_are_converted_and_broadcast():
    x = taeda.zeros(2, 3, dtype=taeda.int64)
    x[0] = taeda.tensor([1.7, 2.2, 3.9])
    x[:, 1] = 7
    assert x.tolist() == [[1, 7, 3], [0, 7, 0]]
    with pytest.raises(RuntimeError, match=r"source \[4\] must match"):
        x[0] = taeda.ones(4, dtype=taeda.int64)


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (5, IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
        (-4, IndexError, "index -4 is out of bounds"),
        ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
        ([3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
        (slice(None, None, -1), ValueError, "step must be greater than zero"),
        (np.ones((2, 2), bool), IndexError, "shape of the mask"),
        ("a", IndexError, r"only integers, slices .* are valid indices \(got str\)"),
        (1.5, IndexError, r"valid indices \(got float\)"),
        (taeda.tensor([0.5]), IndexError, "tensors used as indices must be"),
    ],
)
def test_wrong_indices(index: Any, error: Any, message: str):
    with pytest.raises(error, match=message):
        taeda.tensor(ARRAY)[as_ours(index)]


def test_iteration_and_length():
    x = taeda.tensor(ARRAY)
    assert len(x) == 3
    assert [row.shape for row in x] == [taeda.Size([4, 2])] * 3
    with pytest.raises(TypeError, match="0-d tensor"):
        iter(taeda.tensor(1.0))
    with pytest.raises(TypeError, match="0-d tensor"):
        len(taeda.tensor(1.0))


def test_gradients_of_repeated_indices_add_up():
    x = taeda.zeros(3, requires_grad=True)
    x[taeda.tensor([0, 0, 2])].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]
