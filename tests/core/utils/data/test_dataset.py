import pytest

import taeda
from taeda.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)


class Numbers(IterableDataset):
    def __init__(self, *values):
        self.values = values

    def __iter__(self):
        return iter(self.values)

    def __len__(self):
        return len(self.values)


class Squares(Dataset):
    def __init__(self, size):
        self.size = size
        self.calls = 0

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return index * index

    def __getitems__(self, indices):
        self.calls += 1
        return [index * index for index in indices]


def test_a_dataset_without_getitem_says_so():
    with pytest.raises(NotImplementedError, match=r"Dataset: a map-style dataset must define __getitem__"):
        Dataset()[0]
    with pytest.raises(NotImplementedError, match=r"must define __iter__"):
        iter(IterableDataset())


def test_tensor_dataset_rows():
    data = TensorDataset(taeda.arange(6).reshape(3, 2), taeda.tensor([7, 8, 9]))
    assert len(data) == 3
    assert [part.tolist() for part in data[2]] == [[4, 5], 9]
    assert [part.tolist() for part in data[-1]] == [[4, 5], 9]


def test_tensor_dataset_needs_equal_first_sizes():
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\(3,\), \(2, 5\)"):
        TensorDataset(taeda.zeros(3), taeda.zeros(2, 5))


def test_concat_indexes_across_parts():
    data = ConcatDataset([[10, 11], [], [20], [30, 31, 32]])
    assert [data[index] for index in range(len(data))] == [10, 11, 20, 30, 31, 32]
    assert [data[-1], data[-6]] == [32, 10]
    assert data.cumulative_sizes == [2, 2, 3, 6]
    with pytest.raises(ValueError, match=r"index -7, length 6"):
        data[-7]
    with pytest.raises(IndexError, match=r"index 6 is out of range for length 6"):
        data[6]


def test_adding_datasets_concatenates_them():
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset)
    assert [both[index] for index in range(5)] == [0, 1, 4, 0, 1]
    assert list(Numbers(1, 2) + Numbers(3)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([], "should not be an empty iterable"),
        ([Numbers(1)], "does not support IterableDataset, got one at position 0"),
    ],
)
def test_concat_refuses(parts, text):
    with pytest.raises(AssertionError, match=text):
        ConcatDataset(parts)


def test_chain_reads_streams_in_turn():
    chain = ChainDataset([Numbers(1, 2), Numbers(3)])
    assert list(chain) == [1, 2, 3]
    assert len(chain) == 3
    with pytest.raises(AssertionError, match=r"only supports IterableDataset, got list"):
        list(ChainDataset([[1]]))


def test_stack_puts_samples_side_by_side():
    assert StackDataset([1, 2], "ab")[1] == (2, "b")
    named = StackDataset(x=Squares(4), y="abcd")
    assert len(named) == 4
    assert named[3] == {"x": 9, "y": "d"}
    assert named.__getitems__([1, 2]) == [{"x": 1, "y": "b"}, {"x": 4, "y": "c"}]
    assert named.datasets["x"].calls == 1


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: StackDataset(), "at least one dataset"),
        (lambda: StackDataset([1], x=[1]), "either tuple- .* or dict-"),
        (lambda: StackDataset([1], [1, 2]), r"Size mismatch between datasets: lengths \[1, 2\]"),
    ],
)
def test_stack_refuses(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_subset_maps_indices_once_per_batch():
    squares = Squares(10)
    subset = Subset(squares, [5, 3, 9])
    assert (len(subset), subset[2]) == (3, 81)
    assert subset.__getitems__([0, 1]) == [25, 9]
    assert squares.calls == 1


def test_getitems_must_return_one_sample_per_index():
    class Short(Squares):
        def __getitems__(self, indices):
            return [0]

    with pytest.raises(
        ValueError, match=r"Short.__getitems__ must return one sample per index: got 1 samples for 2"
    ):
        Subset(Short(5), [1, 2, 3]).__getitems__([0, 1])


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([3, 7], [3, 7]),
        ([0.3, 0.7], [3, 7]),
        ([1 / 3, 1 / 3, 1 / 3], [4, 3, 3]),
        ([0.25, 0.25, 0.5], [3, 2, 5]),
    ],
)
def test_random_split_partitions(lengths, sizes):
    parts = random_split(range(10), lengths, generator=taeda.Generator().manual_seed(4))
    assert [len(part) for part in parts] == sizes
    assert sorted(sample for part in parts for sample in part) == list(range(10))


def test_random_split_repeats_with_the_seed():
    first, second = (
        [part.indices for part in random_split(range(50), [20, 30], taeda.Generator().manual_seed(1))]
        for _ in "ab"
    )
    assert first == second
    assert first[0] != list(range(20))


def test_random_split_refuses_lengths_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\[3, 8\] sum to 11, the dataset has 10 samples"):
        random_split(range(10), [3, 8])
    with pytest.raises(ValueError, match=r"Fraction at index 0 is not between 0 and 1"):
        random_split(range(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 2 is 0"):
        random_split(range(2), [0.5, 0.5, 0.0])
