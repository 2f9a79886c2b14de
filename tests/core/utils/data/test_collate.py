from collections import OrderedDict, namedtuple

import numpy as np
import pytest

import taeda
from taeda.utils.data import default_collate, default_convert
from taeda.utils.data.collate import collate, default_collate_fn_map

Pair = namedtuple("Pair", ["a", "b"])


def test_leaves():
    assert default_collate([1, 2]).dtype == taeda.int64
    assert default_collate([1.0, 2.0]).dtype == taeda.float64
    assert default_collate([True, False]).dtype == taeda.bool
    assert default_collate(["x", "y"]) == ["x", "y"]
    assert default_collate([b"x", b"y"]) == [b"x", b"y"]
    assert default_collate([taeda.ones(2), taeda.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    stacked = default_collate([np.arange(3, dtype=np.int16), np.zeros(3, np.int16)])
    assert (stacked.dtype, stacked.tolist()) == (taeda.int16, [[0, 1, 2], [0, 0, 0]])
    scalars = default_collate([np.float32(1.5), np.float32(2)])
    assert (scalars.dtype, scalars.tolist()) == (taeda.float32, [1.5, 2.0])


def test_containers_keep_their_kind():
    assert default_collate([(1, "a"), (2, "b")])[1] == ("a", "b")
    assert isinstance(default_collate([(1,), (2,)]), list)
    mapping = default_collate([OrderedDict(x=1, y="a"), OrderedDict(x=2, y="b")])
    assert type(mapping) is OrderedDict
    assert mapping["x"].tolist() == [1, 2]
    pair = default_collate([Pair(1, 2.0), Pair(3, 4.0)])
    assert type(pair) is Pair
    assert pair.b.tolist() == [2.0, 4.0]
    nested = default_collate([{"k": [1, (2, 3)]}, {"k": [4, (5, 6)]}])
    assert [nested["k"][0].tolist(), nested["k"][1][1].tolist()] == [[1, 4], [3, 6]]


def test_samples_of_different_shapes_are_named():
    with pytest.raises(
        RuntimeError, match=r"equal size, but got \[2\] at entry 0 and \[3\] at entry 1; resize or pad"
    ):
        default_collate([taeda.zeros(2), taeda.zeros(3)])
    with pytest.raises(RuntimeError, match=r"of equal size: default_collate got samples with \[1, 2\] items"):
        default_collate([[1], [1, 2]])


@pytest.mark.parametrize("sample", [object(), None, np.array(["a"])])
def test_what_cannot_be_collated_is_named(sample):
    with pytest.raises(
        TypeError, match="batch must contain tensors, numpy arrays, numbers, dicts or lists; found"
    ):
        default_collate([sample, sample])


def test_own_types():
    class Box:
        def __init__(self, value):
            self.value = value

    table = {**default_collate_fn_map, Box: lambda batch, *, collate_fn_map: [box.value for box in batch]}
    assert collate([(Box(1), 2), (Box(3), 4)], collate_fn_map=table)[0] == [1, 3]


def test_convert():
    converted = default_convert({"a": np.ones(2), "b": ["x", 3, np.float64(2)], "c": (np.zeros(1),)})
    assert converted["a"].dtype == taeda.float64
    assert converted["b"][:2] == ["x", 3]
    assert isinstance(converted["b"][2], taeda.Tensor)
    assert isinstance(converted["c"], list)
    assert default_convert(np.array(["text"]))[0] == "text"
    assert type(default_convert(Pair(np.ones(1), 2))) is Pair
