"""Datasets: what a `DataLoader` reads samples from."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import taeda

if TYPE_CHECKING:
    from taeda import Generator, Tensor

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Dataset(Generic[T_co]):
    """A map from keys (usually 0 .. len-1) to samples.

    Subclasses define `__getitem__` and, for the default samplers, `__len__`. A subclass may define
    `__getitems__(indices) -> list of samples`; a loader then asks for a whole batch at once.
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(
            f"{type(self).__name__}: a map-style dataset must define __getitem__(index); "
            "for streams derive from IterableDataset and define __iter__"
        )

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """A stream of samples. Subclasses define `__iter__`.

    With several workers every worker iterates its own copy: split the work inside `__iter__` by
    `get_worker_info()`. When the dataset (or the iterator it returns) has `state_dict` and
    `load_state_dict`, a loader resumes through them; otherwise it replays the stream.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__}: an IterableDataset must define __iter__()")

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple["Tensor", ...]]):
    """Samples are the rows of tensors whose first sizes agree.

    Args:
        *tensors: tensors of shape (N, ...).

    Raises:
        AssertionError: the first sizes differ.

    Example:
        >>> data = TensorDataset(taeda.arange(6).reshape(3, 2), taeda.tensor([7, 8, 9]))
        >>> [value.tolist() for value in data[1]]
        [[2, 3], 8]
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensors[0].size(0) != tensor.size(0) for tensor in tensors):
            raise AssertionError(
                "TensorDataset: Size mismatch between tensors: expected the same first size, got shapes "
                + ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
            )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].size(0))


class StackDataset(Dataset[Any]):
    """Puts samples of several datasets of one length side by side, as a tuple or (keywords) as a dict.

    Example:
        >>> stacked = StackDataset(image=["a", "b"], label=[0, 1])
        >>> stacked[1]
        {'image': 'b', 'label': 1}
    """

    datasets: tuple[Dataset[Any], ...] | dict[str, Dataset[Any]]

    def __init__(self, *args: Dataset[Any], **kwargs: Dataset[Any]) -> None:
        if args and kwargs:
            raise ValueError(
                "StackDataset: supported either tuple- (via args) or dict- (via kwargs) like input, got "
                "both; "
                "use one of them"
            )
        if not args and not kwargs:
            raise ValueError("StackDataset: at least one dataset should be passed, got none")
        parts = args or tuple(kwargs.values())
        lengths = [len(cast(Any, part)) for part in parts]
        if len(set(lengths)) != 1:
            raise ValueError(
                f"StackDataset: Size mismatch between datasets: lengths {lengths}; they must agree"
            )
        self._length = lengths[0]
        self.datasets = args or kwargs

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: list[int]) -> list[Any]:
        if isinstance(self.datasets, dict):
            columns = [_items(dataset, indices) for dataset in self.datasets.values()]
            return [dict(zip(self.datasets, row)) for row in zip(*columns)]
        return list(zip(*(_items(dataset, indices) for dataset in self.datasets)))

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other.

    Raises:
        AssertionError: no dataset, or one of them is an `IterableDataset`.

    Example:
        >>> joined = ConcatDataset([[1, 2], [3]])
        >>> len(joined), joined[2], joined[-3]
        (3, 3, 1)
    """

    datasets: list[Dataset[T_co]]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Running totals of the lengths."""
        return list(itertools.accumulate(len(item) for item in sequence))

    def __init__(self, datasets: Iterable[Dataset[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("ConcatDataset: datasets should not be an empty iterable")
        for position, dataset in enumerate(self.datasets):
            if isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ConcatDataset does not support IterableDataset, got one at position {position}; "
                    "use ChainDataset for streams"
                )
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        position = index + len(self) if index < 0 else index
        if position < 0:
            raise ValueError(
                f"ConcatDataset: absolute value of index should not exceed dataset length: "
                f"index {index}, length {len(self)}"
            )
        which = bisect.bisect_right(self.cumulative_sizes, position)
        if which == len(self.datasets):
            raise IndexError(f"ConcatDataset: index {index} is out of range for length {len(self)}")
        before = self.cumulative_sizes[which - 1] if which else 0
        return self.datasets[which][position - before]

    @property
    def cummulative_sizes(self) -> list[int]:
        """The misspelt name of `cumulative_sizes`, kept because it is part of the API."""
        warnings.warn(
            "cummulative_sizes attribute is renamed to cumulative_sizes", DeprecationWarning, stacklevel=2
        )
        return self.cumulative_sizes


class ChainDataset(IterableDataset[Any]):
    """Streams one after the other."""

    def __init__(self, datasets: Iterable[Dataset[Any]]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            _require_stream(dataset)
            yield from cast(Any, dataset)

    def __len__(self) -> int:
        total = 0
        for dataset in self.datasets:
            _require_stream(dataset)
            total += len(cast(Any, dataset))
        return total


class Subset(Dataset[T_co]):
    """The samples of a dataset at given indices.

    Example:
        >>> list(Subset(["a", "b", "c"], [2, 0]))
        ['c', 'a']
    """

    dataset: Dataset[T_co]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[T_co], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T_co:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        return _items(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def random_split(
    dataset: Dataset[T], lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[T]]:
    """Splits a dataset at random into non-overlapping subsets.

    Args:
        dataset: what to split; has a length.
        lengths: sample counts that sum to the dataset's length, or fractions that sum to 1 (what rounding
            leaves over goes one by one to the first subsets).
        generator: source of the permutation; the default generator when None.

    Raises:
        ValueError: the lengths do not fit.

    Example:
        >>> parts = random_split(range(10), [0.7, 0.3], generator=taeda.Generator().manual_seed(1))
        >>> [len(part) for part in parts], sorted([*parts[0], *parts[1]]) == list(range(10))
        ([7, 3], True)
    """
    size = len(cast(Any, dataset))
    counts = _split_counts(lengths, size)
    order = taeda.randperm(size, generator=generator).tolist()
    ends = list(itertools.accumulate(counts))
    return [Subset(dataset, order[end - count : end]) for count, end in zip(counts, ends)]


def _split_counts(lengths: Sequence[int | float], size: int) -> list[int]:
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for position, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(
                    f"random_split: Fraction at index {position} is not between 0 and 1: {fraction}"
                )
        counts = [math.floor(size * fraction) for fraction in lengths]
        for left_over in range(size - sum(counts)):
            counts[left_over % len(counts)] += 1
        for position, count in enumerate(counts):
            if count == 0:
                warnings.warn(
                    f"Length of split at index {position} is 0. This might result in an empty dataset.",
                    stacklevel=3,
                )
        return counts
    if sum(lengths) != size:
        raise ValueError(
            "random_split: Sum of input lengths does not equal the length of the input dataset! "
            f"lengths {list(lengths)} sum to {sum(lengths)}, the dataset has {size} samples; "
            "pass counts that sum to that, or fractions that sum to 1"
        )
    return [int(length) for length in lengths]


def _items(dataset: Any, indices: list[int]) -> list[Any]:
    """The samples at `indices`, in one call where the dataset offers it."""
    fetch_many = getattr(dataset, "__getitems__", None)
    if not callable(fetch_many):
        return [dataset[index] for index in indices]
    samples = cast("list[Any]", fetch_many(indices))
    if len(samples) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ must return one sample per index: "
            f"got {len(samples)} samples for {len(indices)} indices"
        )
    return samples


def _require_stream(dataset: object) -> None:
    if not isinstance(dataset, IterableDataset):
        raise AssertionError(
            f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}; "
            "use ConcatDataset for map-style datasets"
        )
