"""Exact resume: an interrupted epoch goes on with exactly the remaining samples and random numbers."""

import io
import random

import numpy as np
import pytest

import taeda
from taeda.serialization import load, save
from taeda.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

SIZE = 23


class Augmented(Dataset):
    """Samples with random numbers from all three generators."""

    def __len__(self):
        return SIZE

    def __getitem__(self, index):
        return index, float(taeda.rand(())), random.random(), float(np.random.rand())


class Stream(IterableDataset):
    """Each worker (or the only process) yields its own numbers, with random ones beside them."""

    def __iter__(self):
        info = get_worker_info()
        first = 0 if info is None else 100 * (info.id + 1)
        for number in range(first, first + (9 if first == 100 else 13)):
            yield (number, random.random()) if info is not None else (number, 0.0)


class StatefulStream(IterableDataset):
    """A stream that knows where it is, and refuses to be replayed."""

    def __init__(self):
        self.position = 0
        self.made = 0

    def __iter__(self):
        while self.position < 12:
            self.position += 1
            self.made += 1
            yield self.position * 10

    def state_dict(self):
        return {"position": self.position}

    def load_state_dict(self, state):
        self.position = state["position"]


def rows(batches):
    return [
        [column.tolist() if isinstance(column, taeda.Tensor) else column for column in batch]
        for batch in batches
    ]


def through_a_file(state):
    file = io.BytesIO()
    save(state, file)
    file.seek(0)
    return load(file)


MAKERS = {
    "in order": lambda **options: DataLoader(Augmented(), 4, **options),
    "shuffled": lambda **options: DataLoader(Augmented(), 4, shuffle=True, **options),
    "generator": lambda **options: DataLoader(
        Augmented(), 4, shuffle=True, generator=taeda.Generator().manual_seed(3), **options
    ),
    "native": lambda **options: DataLoader(TensorDataset(taeda.arange(SIZE)), 4, shuffle=True, **options),
    "replacement": lambda **options: DataLoader(
        Augmented(), 4, sampler=RandomSampler(range(SIZE), replacement=True, num_samples=70), **options
    ),
    "subset": lambda **options: DataLoader(
        Augmented(), 4, sampler=SubsetRandomSampler(range(3, 20)), **options
    ),
    "weighted": lambda **options: DataLoader(
        Augmented(),
        4,
        sampler=WeightedRandomSampler([1.0] * SIZE, 30, generator=taeda.Generator().manual_seed(1)),
        **options,
    ),
    "distributed": lambda **options: DataLoader(
        Augmented(), 4, sampler=DistributedSampler(range(SIZE), 2, 1), **options
    ),
    "stream": lambda **options: DataLoader(Stream(), 4, **options),
    "single samples": lambda **options: DataLoader(Augmented(), None, shuffle=True, **options),
}


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("kind", MAKERS)
def test_the_rest_of_the_epoch_is_the_same(kind, num_workers):
    options = {"num_workers": num_workers}
    if num_workers:
        options["multiprocessing_context"] = "fork"
    taeda.manual_seed(7)
    loader = MAKERS[kind](**options)
    list(loader)
    iterator = iter(loader)
    states = [loader.state_dict()]
    batches, generators = [], []
    for batch in iterator:
        batches.append(batch)
        states.append(loader.state_dict())
        generators.append((taeda.get_rng_state(), random.getstate(), np.random.get_state()))
    whole = rows(batches)
    for done in {0, 1, 3, len(batches)}:
        fresh = MAKERS[kind](**options)
        taeda.manual_seed(12345)
        fresh.load_state_dict(through_a_file(states[done]))
        assert fresh.state_dict()["epoch"]["done"] == done
        rest = iter(fresh)
        if num_workers == 0 and done:
            # Without workers samples draw from the global generators, which a training checkpoint holds
            # itself.
            taeda.set_rng_state(generators[done - 1][0])
            random.setstate(generators[done - 1][1])
            np.random.set_state(generators[done - 1][2])
        elif num_workers == 0:
            continue
        assert rows(rest) == whole[done:], (kind, done)


@pytest.mark.parametrize("num_workers", [0, 2])
def test_the_epochs_after_a_resumed_one_are_the_same_too(num_workers):
    def make():
        return DataLoader(
            range(20), 3, shuffle=True, generator=taeda.Generator().manual_seed(5), num_workers=num_workers
        )

    loader = make()
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    rest = [batch.tolist() for batch in iterator]
    following = [batch.tolist() for batch in loader]
    fresh = make()
    fresh.load_state_dict(state)
    assert [batch.tolist() for batch in fresh] == rest
    assert [batch.tolist() for batch in fresh] == following


def test_a_state_from_between_epochs_starts_the_next_one():
    def make():
        return DataLoader(range(20), 3, shuffle=True, generator=taeda.Generator().manual_seed(5))

    loader = make()
    list(loader)
    state = loader.state_dict()
    assert state["epoch"] is None
    following = [batch.tolist() for batch in loader]
    fresh = make()
    fresh.load_state_dict(state)
    assert [batch.tolist() for batch in fresh] == following


def test_resuming_leaves_the_global_generators_alone():
    loader = DataLoader(range(20), 3, shuffle=True)
    next(iter(loader))
    state = loader.state_dict()
    taeda.manual_seed(99)
    random.seed(99)
    before = taeda.get_rng_state(), random.getstate()
    loader.load_state_dict(state)
    next(iter(loader))
    assert taeda.equal(taeda.get_rng_state(), before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_stateful_streams_are_not_replayed(num_workers):
    options = {"num_workers": num_workers, "multiprocessing_context": "fork" if num_workers else None}
    loader = DataLoader(StatefulStream(), 2, **options)
    iterator = iter(loader)
    assert [next(iterator).tolist() for _ in range(2)] == [[10, 20], [30, 40]]
    state = loader.state_dict()
    fresh = DataLoader(StatefulStream(), 2, **options)
    fresh.load_state_dict(through_a_file(state))
    assert [batch.tolist() for batch in fresh] == [[50, 60], [70, 80], [90, 100], [110, 120]]
    assert fresh.dataset.made == (8 if num_workers == 0 else 0)


def test_out_of_order_batches_are_neither_lost_nor_repeated():
    options = {"num_workers": 2, "in_order": False, "multiprocessing_context": "fork"}
    loader = DataLoader(range(40), 2, shuffle=True, **options)
    iterator = iter(loader)
    seen = [sample for _ in range(7) for sample in next(iterator).tolist()]
    state = loader.state_dict()
    fresh = DataLoader(range(40), 2, shuffle=True, **options)
    fresh.load_state_dict(state)
    rest = [sample for batch in fresh for sample in batch.tolist()]
    assert sorted(seen + rest) == list(range(40))


def test_another_number_of_workers_keeps_the_samples_and_warns():
    loader = DataLoader(Augmented(), 4, shuffle=True, num_workers=2)
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    rest = [batch[0].tolist() for batch in iterator]
    fresh = DataLoader(Augmented(), 4, shuffle=True, num_workers=1)
    fresh.load_state_dict(state)
    with pytest.warns(
        UserWarning, match="saved with num_workers=2, this loader has 1: the remaining samples are the same"
    ):
        found = [batch[0].tolist() for batch in fresh]
    assert found == rest


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DataLoader(range(19), 2), "dataset_length=20, this loader has dataset_length=19"),
        (lambda: DataLoader(range(20), 4), "batch_size=2, this loader has batch_size=4"),
    ],
)
def test_states_of_other_loaders_are_refused(make, text):
    loader = DataLoader(range(20), 2)
    next(iter(loader))
    with pytest.raises(ValueError, match=text):
        make().load_state_dict(loader.state_dict())


@pytest.mark.parametrize("state", [None, {}, {"epoch": None}, [1]])
def test_what_is_no_state_is_refused(state):
    with pytest.raises(ValueError, match=r"expected what DataLoader.state_dict\(\) returned"):
        DataLoader(range(3)).load_state_dict(state)


def test_states_of_other_versions_are_refused():
    state = DataLoader(range(3)).state_dict()
    state["version"] = 99
    with pytest.raises(ValueError, match="format version 99"):
        DataLoader(range(3)).load_state_dict(state)
