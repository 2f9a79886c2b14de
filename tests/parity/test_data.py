"""Data loading, testing helpers and their signatures beside torch's."""

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.utils.checkpoint as torch_checkpoint  # noqa: E402
import torch.utils.data as torch_data  # noqa: E402
from torch import hub as torch_hub  # noqa: E402
from torch import random as torch_random  # noqa: E402
from torch import testing as torch_testing  # noqa: E402
from torch.autograd import gradcheck as torch_gradcheck  # noqa: E402
from torch.autograd import gradgradcheck as torch_gradgradcheck  # noqa: E402

import taeda  # noqa: E402
import taeda.utils.checkpoint as our_checkpoint  # noqa: E402
import taeda.utils.data as our_data  # noqa: E402
from taeda import hub as our_hub  # noqa: E402
from taeda import random as our_random  # noqa: E402
from taeda import testing as our_testing  # noqa: E402
from taeda.autograd.gradcheck import gradcheck, gradgradcheck  # noqa: E402

CLASSES = [
    *("BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "DistributedSampler", "RandomSampler"),
    *("SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset"),
    *("WeightedRandomSampler", "default_collate", "default_convert", "get_worker_info", "random_split"),
]
PAIRS = [
    *((getattr(our_data, name), getattr(torch_data, name)) for name in CLASSES),
    *((getattr(our_testing, name), getattr(torch_testing, name)) for name in ("assert_close", "make_tensor")),
    (gradcheck, torch_gradcheck),
    (gradgradcheck, torch_gradgradcheck),
    *(
        (getattr(our_random, name), getattr(torch_random, name))
        for name in torch_random.__all__
        if "thread" not in name
    ),
    *(
        (getattr(our_hub, name), getattr(torch_hub, name))
        for name in ("download_url_to_file", "load_state_dict_from_url")
    ),
    (our_checkpoint.checkpoint, torch_checkpoint.checkpoint),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda function: function.__name__)
def test_parameters_have_the_same_names_kinds_and_order(ours, theirs):
    """Ours may have further keyword-only ones."""
    kinds = [
        {name: parameter.kind for name, parameter in inspect.signature(function).parameters.items()}
        for function in (ours, theirs)
    ]
    extra = [name for name in kinds[0] if name not in kinds[1]]
    assert all(kinds[0][name] is inspect.Parameter.KEYWORD_ONLY for name in extra)
    assert [item for item in kinds[0].items() if item[0] not in extra] == list(kinds[1].items())


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=lambda function: function.__name__)
def test_simple_defaults_are_the_same(ours, theirs):
    defaults = [
        {
            name: parameter.default
            for name, parameter in inspect.signature(function).parameters.items()
            if isinstance(parameter.default, (bool, int, float, str))
            and name not in ("weights_only", "check_grad_dtypes")
        }
        for function in (ours, theirs)
    ]
    assert {name: value for name, value in defaults[0].items() if name in defaults[1]} == defaults[1]


def as_lists(batch):
    if hasattr(batch, "tolist"):
        return [str(batch.dtype).rpartition(".")[2], batch.tolist()]
    if isinstance(batch, dict):
        return {key: as_lists(value) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(as_lists(value) for value in batch)
    return batch


SAMPLES = [
    lambda library, i: i,
    lambda library, i: float(i),
    lambda library, i: i % 2 == 0,
    lambda library, i: str(i),
    lambda library, i: (i, str(i)),
    lambda library, i: [i, {"x": float(i)}],
    lambda library, i: {"t": library.full((2,), i), "n": np.full(3, i, np.float32), "s": np.int16(i)},
]


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize(
    "options", [{"batch_size": 3}, {"batch_size": 4, "drop_last": True}, {"batch_size": None}]
)
def test_batches(sample, options):
    found = [
        [as_lists(batch) for batch in data.DataLoader([sample(library, i) for i in range(10)], **options)]
        for data, library in ((our_data, taeda), (torch_data, torch))
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("size", "replicas"), [(10, 3), (3, 7), (12, 4)])
def test_distributed_shares_have_the_same_lengths(size, replicas, drop_last, shuffle):
    for rank in range(replicas):
        ours, theirs = (
            list(data.DistributedSampler(range(size), replicas, rank, shuffle=shuffle, drop_last=drop_last))
            for data in (our_data, torch_data)
        )
        assert len(ours) == len(theirs)
        if not shuffle:
            assert ours == theirs


@pytest.mark.parametrize(
    "make",
    [
        lambda data: data.DataLoader([1], batch_size=0),
        lambda data: data.DataLoader([1], num_workers=-1),
        lambda data: data.DataLoader([1], shuffle=True, sampler=[0]),
        lambda data: data.RandomSampler([1], num_samples=0),
        lambda data: data.ConcatDataset([]),
        lambda data: data.default_collate([object()]),
        lambda data: data.random_split([1, 2], [1, 3]),
        lambda data: data.DistributedSampler([1], 2, 5),
        lambda data: data.StackDataset(),
    ],
)
def test_the_same_errors(make):
    errors = []
    for data in (our_data, torch_data):
        with pytest.raises((ValueError, AssertionError, TypeError)) as caught:
            make(data)
        errors.append(type(caught.value))
    assert errors[0] is errors[1]
