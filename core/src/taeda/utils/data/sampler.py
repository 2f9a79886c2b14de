"""Samplers: the order in which a `DataLoader` visits a dataset.

Every sampler here has `state_dict()` / `load_state_dict()`: the state at the start of an epoch, from which
the same order comes out again. `DataLoader.state_dict` builds its exact resume on that.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import taeda

if TYPE_CHECKING:
    from taeda import Generator, Tensor
    from taeda.utils.data.dataset import Dataset

__all__ = [
    "BatchSampler",
    "DistributedSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)

# Drawing with replacement happens in blocks of this many indices, so that endless samplers stay small.
REPLACEMENT_BLOCK = 32


class Sampler(Generic[T_co]):
    """Yields indices, or lists of indices. Subclasses define `__iter__` and, if known, `__len__`."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__}: a sampler must define __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, ... len-1."""

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class _GeneratorState:
    """Resume state of a sampler whose only state is its `generator`."""

    generator: Generator | None

    def state_dict(self) -> dict[str, Any]:
        """The generator's state; None when the sampler draws from the default generator."""
        return {"generator": None if self.generator is None else self.generator.get_state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Puts the generator back where `state_dict()` found it."""
        saved = state_dict["generator"]
        if saved is None:
            return
        if self.generator is None:
            self.generator = taeda.Generator()
        self.generator.set_state(saved)


class RandomSampler(_GeneratorState, Sampler[int]):
    """Indices in random order.

    Args:
        data_source: the dataset; only its length is used.
        replacement: draw with replacement.
        num_samples: how many to draw (default: the dataset's length).
        generator: source of randomness; when None a fresh seed comes from the default generator each epoch.

    Raises:
        TypeError: `replacement` is not a bool.
        ValueError: `num_samples` is not a positive integer.

    Example:
        >>> order = list(RandomSampler(range(5), generator=taeda.Generator().manual_seed(0)))
        >>> sorted(order)
        [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(
                f"RandomSampler: replacement should be a boolean value, but got replacement={replacement}"
            )
        if not isinstance(self.num_samples, int) or self.num_samples < 0 or num_samples == 0:
            raise ValueError(
                "RandomSampler: num_samples should be a positive integer value, but got "
                f"num_samples={num_samples}"
            )

    @property
    def num_samples(self) -> int:
        """How many indices one epoch yields; follows the dataset's length unless it was given."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def index_blocks(self) -> Iterator[Tensor]:
        """The epoch's indices as 1-D int64 tensors, in order."""
        size, count = len(self.data_source), self.num_samples
        if count == 0:
            return
        if size == 0:
            raise ValueError(f"RandomSampler: cannot draw {count} samples from an empty dataset")
        generator = self.generator
        if generator is None:
            generator = taeda.Generator()
            generator.manual_seed(int(taeda.empty((), dtype=taeda.int64).random_().item()))
        if self.replacement:
            for start in range(0, count, REPLACEMENT_BLOCK):
                block = min(REPLACEMENT_BLOCK, count - start)
                yield taeda.randint(high=size, size=(block,), dtype=taeda.int64, generator=generator)
            return
        for start in range(0, count, size):
            yield taeda.randperm(size, generator=generator)[: count - start]

    def __iter__(self) -> Iterator[int]:
        for block in self.index_blocks():
            yield from block.tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(_GeneratorState, Sampler[int]):
    """The given indices in random order, without replacement."""

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in taeda.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[position]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(_GeneratorState, Sampler[int]):
    """Indices 0 .. len(weights)-1 with the given probabilities.

    Args:
        weights: non-negative weights; they need not sum to one.
        num_samples: how many to draw per epoch.
        replacement: draw with replacement (else each index at most once).
        generator: source of randomness; the default generator when None.

    Raises:
        ValueError: a wrong `num_samples` or `replacement`, or weights that are not one-dimensional.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                "WeightedRandomSampler: num_samples should be a positive integer value, "
                f"but got num_samples={num_samples}"
            )
        if not isinstance(replacement, bool):
            raise ValueError(
                "WeightedRandomSampler: replacement should be a boolean value, "
                f"but got replacement={replacement}"
            )
        self.weights = taeda.as_tensor(weights, dtype=taeda.float64)
        if self.weights.dim() != 1:
            raise ValueError(
                "WeightedRandomSampler: weights should be a 1d sequence but given weights have shape "
                f"{tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def index_blocks(self) -> Iterator[Tensor]:
        """The epoch's indices as one 1-D int64 tensor."""
        yield taeda.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)

    def __iter__(self) -> Iterator[int]:
        for block in self.index_blocks():
            yield from block.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Groups the indices of another sampler into lists.

    Args:
        sampler: yields indices.
        batch_size: indices per list.
        drop_last: leave out a last list that is not full.

    Raises:
        ValueError: `batch_size` is not a positive integer, or `drop_last` is not a bool.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                "BatchSampler: batch_size should be a positive integer value, but got "
                f"batch_size={batch_size!r}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(
                f"BatchSampler: drop_last should be a boolean value, but got drop_last={drop_last}"
            )
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def index_batches(self) -> Iterator[Tensor | range] | None:
        """What `__iter__` yields, as ranges or int64 tensors; None when only lists can be had."""
        if type(self) is not BatchSampler:
            return None
        if type(self.sampler) is SequentialSampler:
            return self._range_batches(len(self.sampler))
        if type(self.sampler) in (RandomSampler, WeightedRandomSampler):
            return self._tensor_batches(self.sampler.index_blocks())  # type: ignore[union-attr]
        return None

    def _range_batches(self, size: int) -> Iterator[range]:
        end = size - size % self.batch_size if self.drop_last else size
        for start in range(0, end, self.batch_size):
            yield range(start, min(start + self.batch_size, end))

    def _tensor_batches(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        size = self.batch_size
        rest: Tensor | None = None
        for block in blocks:
            indices = block if rest is None else taeda.cat([rest, block])
            whole = len(indices) - len(indices) % size
            for start in range(0, whole, size):
                yield indices[start : start + size]
            rest = indices[whole:] if whole < len(indices) else None
        if rest is not None and not self.drop_last:
            yield rest

    def state_dict(self) -> dict[str, Any]:
        """The state of the wrapped sampler, when it has one."""
        state_of = getattr(self.sampler, "state_dict", None)
        return {"sampler": None if state_of is None else state_of()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Hands the state back to the wrapped sampler."""
        if state_dict["sampler"] is not None:
            self.sampler.load_state_dict(state_dict["sampler"])  # type: ignore[union-attr]

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


class DistributedSampler(Sampler[int]):
    """The share of a dataset that one of several processes reads.

    All processes see the same permutation (from `seed` and the epoch given to `set_epoch`) and take every
    `num_replicas`-th index of it, beginning at `rank`. The tail is repeated so that shares are equally long,
    or cut when `drop_last`.

    Args:
        dataset: the dataset; only its length is used.
        num_replicas: number of processes (default: from `taeda.distributed`).
        rank: this process, 0 .. num_replicas-1 (default: from `taeda.distributed`).
        shuffle: permute the dataset each epoch.
        seed: the same number in every process.
        drop_last: cut the tail instead of repeating samples.

    Raises:
        RuntimeError: the number of processes is neither given nor known.
        ValueError: `rank` lies outside 0 .. num_replicas-1.

    Example:
        >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            raise RuntimeError(
                "DistributedSampler: Requires distributed package to be available; pass num_replicas= and rank="
            )
        self.num_replicas, self.rank = num_replicas, rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"DistributedSampler: Invalid rank {self.rank}, rank should be in the interval "
                f"[0, {self.num_replicas - 1}]"
            )
        self.dataset = dataset
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        size = len(dataset)  # type: ignore[arg-type]
        if drop_last:
            self.num_samples = size // self.num_replicas
        else:
            self.num_samples = math.ceil(size / self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)  # type: ignore[arg-type]
        order = list(range(size))
        if self.shuffle:
            generator = taeda.Generator()
            generator.manual_seed(self.seed + self.epoch)
            order = taeda.randperm(size, generator=generator).tolist()
        padded = list(itertools.islice(itertools.cycle(order), self.total_size))
        return iter(padded[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Chooses the permutation; call before each epoch, or every epoch has the same order."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, Any]:
        """The epoch number, all that the order depends on besides the constructor's arguments."""
        return {"epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes back to the saved epoch."""
        self.epoch = state_dict["epoch"]
