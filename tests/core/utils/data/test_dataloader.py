import pytest

import taeda
from taeda.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)


class Stream(IterableDataset):
    def __init__(self, count, length=None):
        self.count = count
        self.length = count if length is None else length

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        return self.length


class Plain(Dataset):
    """The rows of a tensor, without the short cuts of TensorDataset."""

    def __init__(self, *tensors):
        self.tensors = tensors

    def __len__(self):
        return len(self.tensors[0])

    def __getitem__(self, index):
        return tuple(tensor[index] for tensor in self.tensors)


def columns(count=23):
    return taeda.arange(count * 6).reshape(count, 2, 3).to(taeda.float32), taeda.arange(count)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 23, 100])
def test_tensor_dataset_gives_the_batches_of_single_samples(batch_size, shuffle, drop_last):
    fast, slow = (
        list(
            DataLoader(
                data(*columns()),
                batch_size,
                shuffle,
                drop_last=drop_last,
                generator=taeda.Generator().manual_seed(2),
            )
        )
        for data in (TensorDataset, Plain)
    )
    assert len(fast) == len(slow)
    for left, right in zip(fast, slow):
        assert type(left) is type(right) is list
        assert all(taeda.equal(a, b) for a, b in zip(left, right))


def test_batches_do_not_share_memory_with_the_dataset():
    images, labels = columns()
    for batch, _ in DataLoader(TensorDataset(images, labels), 4):
        batch.zero_()
    assert float(images.sum()) == sum(range(23 * 6))


def test_subset_of_a_tensor_dataset():
    loader = DataLoader(Subset(TensorDataset(*columns()), [5, 3, -1, 8]), 3)
    assert [batch[1].tolist() for batch in loader] == [[5, 3, 22], [8]]


def test_overridden_getitem_is_respected():
    class Negated(TensorDataset):
        def __getitem__(self, index):
            return tuple(-part for part in super().__getitem__(index))

    assert next(iter(DataLoader(Negated(taeda.tensor([1, 2])), 2)))[0].tolist() == [-1, -2]


def test_own_collate_gets_samples():
    loader = DataLoader(
        TensorDataset(*columns(4)), 2, collate_fn=lambda samples: [int(label) for _, label in samples]
    )
    assert list(loader) == [[0, 1], [2, 3]]


def test_batching_switched_off():
    assert [int(sample) for sample in DataLoader(range(3), batch_size=None)] == [0, 1, 2]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert list(DataLoader("abc", batch_size=None, sampler=[2, 0])) == ["c", "a"]


def test_batch_sampler():
    loader = DataLoader("abcd", batch_sampler=[[0, 3], [2]])
    assert list(loader) == [["a", "d"], ["c"]]
    assert loader.batch_size is None
    assert len(DataLoader("abcde", batch_sampler=BatchSampler(SequentialSampler("abcde"), 2, True))) == 2


@pytest.mark.parametrize(
    ("batch_size", "drop_last", "expected"), [(2, False, 3), (2, True, 2), (None, False, 5)]
)
def test_lengths(batch_size, drop_last, expected):
    assert len(DataLoader(range(5), batch_size, drop_last=drop_last)) == expected
    assert len(DataLoader(Stream(5), batch_size, drop_last=drop_last)) == expected


def test_streams():
    assert [batch.tolist() for batch in DataLoader(Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in DataLoader(Stream(5), 2, drop_last=True)] == [[0, 1], [2, 3]]


def test_a_stream_longer_than_it_says_warns():
    loader = DataLoader(Stream(5, length=1), 1)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="Length of IterableDataset Stream was reported to be 1"):
        list(loader)


def test_epochs_are_shuffled_differently_and_repeat_with_the_seed():
    def epochs():
        taeda.manual_seed(11)
        loader = DataLoader(range(30), 10, shuffle=True)
        return [[batch.tolist() for batch in loader] for _ in range(2)]

    first = epochs()
    assert first[0] != first[1]
    assert epochs() == first


def test_pin_memory_is_accepted():
    assert [batch.tolist() for batch in DataLoader([1], pin_memory=True)] == [[1]]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative, got -1"),
        ({"timeout": -1}, "timeout option should be non-negative, got -1"),
        ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing"),
        ({"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor option should be positive, got 0"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        (
            {"batch_sampler": [[0]], "batch_size": 2},
            "batch_sampler option is mutually exclusive with batch_size",
        ),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
        ({"shuffle": 3}, "expected shuffle to be a bool or None, but got shuffle=3"),
        (
            {"multiprocessing_context": "fork"},
            r"can only be used with multi-process loading \(num_workers > 0\)",
        ),
        ({"multiprocessing_context": "spoon", "num_workers": 1}, "should specify a valid start method"),
    ],
)
def test_options_that_do_not_go_together(options, text):
    with pytest.raises(ValueError, match=text):
        DataLoader(range(3), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_streams_decide_their_own_order(options):
    with pytest.raises(ValueError, match="DataLoader with IterableDataset: expected unspecified"):
        DataLoader(Stream(3), **options)


def test_context_must_be_a_context():
    with pytest.raises(TypeError, match="should be a valid context object"):
        DataLoader(range(3), num_workers=1, multiprocessing_context=object())


@pytest.mark.parametrize(
    "name", ["batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_structure_is_fixed(name):
    loader = DataLoader(range(3))
    with pytest.raises(
        ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"
    ):
        setattr(loader, name, None)


def test_too_many_workers_warn():
    with pytest.warns(UserWarning, match="This DataLoader will create 1000 worker processes in total"):
        DataLoader(range(3), num_workers=1000)


def test_extended_collation_map_turns_the_short_cut_off(monkeypatch):
    from taeda.utils.data import collate

    monkeypatch.setitem(
        collate.default_collate_fn_map, taeda.Tensor, lambda batch, *, collate_fn_map: len(batch)
    )
    assert next(iter(DataLoader(TensorDataset(*columns(4)), 4, collate_fn=default_collate))) == [4, 4]
