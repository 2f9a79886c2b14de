from collections import Counter

import pytest

import taeda
from taeda.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed=0):
    return taeda.Generator().manual_seed(seed)


def test_sampler_without_iter_says_so():
    with pytest.raises(NotImplementedError, match=r"Sampler: a sampler must define __iter__"):
        iter(Sampler())


def test_sequential():
    assert list(SequentialSampler("abcd")) == [0, 1, 2, 3]
    assert len(SequentialSampler("abcd")) == 4


def test_random_is_a_permutation_that_changes_every_epoch():
    sampler = RandomSampler(range(40), generator=seeded())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert first == list(RandomSampler(range(40), generator=seeded()))


def test_random_without_generator_follows_the_global_seed():
    taeda.manual_seed(5)
    first = list(RandomSampler(range(20)))
    taeda.manual_seed(5)
    assert list(RandomSampler(range(20))) == first


def test_more_samples_than_data_are_whole_permutations_first():
    drawn = list(RandomSampler(range(4), num_samples=10, generator=seeded()))
    assert len(drawn) == 10
    assert sorted(drawn[:4]) == sorted(drawn[4:8]) == [0, 1, 2, 3]
    assert len(set(drawn[8:])) == 2


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_replacement_draws_the_asked_number(count):
    drawn = list(RandomSampler(range(3), replacement=True, num_samples=count, generator=seeded()))
    assert len(drawn) == count
    assert set(drawn) <= {0, 1, 2}


def test_replacement_is_uniform():
    counts = Counter(RandomSampler(range(4), replacement=True, num_samples=8000, generator=seeded()))
    # Expected 2000 each, standard deviation sqrt(8000 * 1/4 * 3/4) = 38.7; five of them.
    assert all(abs(count - 2000) < 200 for count in counts.values())


@pytest.mark.parametrize(
    ("options", "error"),
    [({"replacement": 1}, TypeError), ({"num_samples": 0}, ValueError), ({"num_samples": 2.0}, ValueError)],
)
def test_random_refuses(options, error):
    with pytest.raises(error, match="RandomSampler: "):
        RandomSampler(range(3), **options)


def test_drawing_from_nothing():
    assert list(RandomSampler([])) == []
    with pytest.raises(ValueError, match="cannot draw 3 samples from an empty dataset"):
        list(RandomSampler([], num_samples=3))


def test_subset_random():
    drawn = list(SubsetRandomSampler([9, 7, 5, 3], generator=seeded()))
    assert sorted(drawn) == [3, 5, 7, 9]


def test_weights_decide():
    counts = Counter(WeightedRandomSampler([0.0, 1.0, 3.0], 4000, generator=seeded()))
    # Index 2 with probability 3/4: 3000 expected, standard deviation 27.4.
    assert counts[0] == 0
    assert abs(counts[2] - 3000) < 140
    assert sorted(WeightedRandomSampler([1, 1, 1], 3, replacement=False, generator=seeded())) == [0, 1, 2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([1.0], 0), "num_samples should be a positive integer value, but got num_samples=0"),
        (([1.0], True), "num_samples"),
        (([1.0], 1, 1), "replacement should be a boolean value"),
        (([[1.0]], 1), r"weights should be a 1d sequence but given weights have shape \(1, 1\)"),
    ],
)
def test_weighted_refuses(arguments, text):
    with pytest.raises(ValueError, match=text):
        WeightedRandomSampler(*arguments)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5, 6, 7])
def test_batches(size, drop_last):
    batches = list(BatchSampler(range(size), 3, drop_last))
    assert [index for batch in batches for index in batch] == list(
        range(size - size % 3 if drop_last else size)
    )
    assert len(batches) == len(BatchSampler(range(size), 3, drop_last))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        lambda: SequentialSampler(range(11)),
        lambda: RandomSampler(range(11), generator=seeded(3)),
        lambda: RandomSampler(range(11), num_samples=25, generator=seeded(3)),
        lambda: RandomSampler(range(11), replacement=True, num_samples=70, generator=seeded(3)),
        lambda: WeightedRandomSampler([1, 2, 3], 9, generator=seeded(3)),
    ],
)
def test_native_batches_are_the_same_as_lists(make, drop_last):
    native = BatchSampler(make(), 4, drop_last).index_batches()
    lists = [batch.tolist() if isinstance(batch, taeda.Tensor) else list(batch) for batch in native]
    assert lists == list(BatchSampler(make(), 4, drop_last))


def test_foreign_samplers_have_no_native_batches():
    class Reversed(SequentialSampler):
        def __iter__(self):
            return reversed(range(len(self.data_source)))

    assert BatchSampler([1, 2], 2, False).index_batches() is None
    assert BatchSampler(Reversed("abc"), 2, False).index_batches() is None


@pytest.mark.parametrize(("size", "drop_last"), [(0, False), (True, False), (2.0, False), (2, 1)])
def test_batch_sampler_refuses(size, drop_last):
    with pytest.raises(ValueError, match="BatchSampler: "):
        BatchSampler(range(3), size, drop_last)


def test_state_repeats_an_epoch():
    sampler = RandomSampler(range(30), generator=seeded(1))
    list(sampler)
    state = sampler.state_dict()
    second = list(sampler)
    sampler.load_state_dict(state)
    assert list(sampler) == second


@pytest.mark.parametrize(
    ("size", "replicas", "drop_last"), [(10, 3, False), (10, 3, True), (2, 5, False), (9, 3, True)]
)
def test_distributed_shares(size, replicas, drop_last):
    shares = [
        list(DistributedSampler(range(size), replicas, rank, shuffle=True, drop_last=drop_last))
        for rank in range(replicas)
    ]
    assert len({len(share) for share in shares}) == 1
    covered = Counter(index for share in shares for index in share)
    if drop_last:
        assert max(covered.values()) == 1
        assert len(covered) == size - size % replicas
    else:
        assert set(covered) == set(range(size))
        assert sum(covered.values()) == -(-size // replicas) * replicas


def test_distributed_epochs_differ_and_repeat():
    sampler = DistributedSampler(range(20), 2, 0)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert first != second
    sampler.set_epoch(0)
    assert list(sampler) == first


def test_distributed_refuses_a_rank_outside():
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        DistributedSampler(range(4), 2, 2)
