"""Fetchers: from the indices of one batch to the batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import taeda
from taeda.utils.data import collate as _collate
from taeda.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset, _items

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = ["MapFetcher", "StreamFetcher", "tensor_columns"]

CollateFn = Callable[[Any], Any]


def tensor_columns(dataset: Any) -> tuple[Tensor, ...] | None:
    """The tensors whose rows are the samples, when indexing them is all that `dataset[i]` does."""
    kind = type(dataset)
    if not isinstance(dataset, TensorDataset) or kind.__getitem__ is not TensorDataset.__getitem__:
        return None
    if hasattr(kind, "__getitems__") or not dataset.tensors:
        return None
    plain = all(type(tensor) is taeda.Tensor and tensor.layout == taeda.strided for tensor in dataset.tensors)
    return dataset.tensors if plain else None


class MapFetcher:
    """Fetches from a map-style dataset.

    Batches of a `TensorDataset` (or a `Subset` of one) with the default collation are taken by one native
    `index_select` per tensor; everything else goes sample by sample, or through `__getitems__`.

    Args:
        dataset: the dataset.
        batched: are indices lists (a batch) or single keys?
        collate_fn: from the list of samples (or the single sample) to the result.
    """

    def __init__(self, dataset: Dataset[Any], batched: bool, collate_fn: CollateFn) -> None:
        self._dataset = dataset
        self._batched = batched
        self._collate_fn = collate_fn
        self._columns: tuple[Tensor, ...] | None = None
        self._subset: Subset[Any] | None = None
        if batched and collate_fn is _collate.default_collate and _tensors_stack_as_usual():
            inner = dataset
            if type(dataset) is Subset:
                self._subset = dataset
                inner = dataset.dataset
            self._columns = tensor_columns(inner)

    @property
    def is_native(self) -> bool:
        """Do batches come from tensors without running sample code?"""
        return self._columns is not None

    def fetch(self, indices: Any) -> Any:
        """The batch at a list of indices (native fetchers: also a range or int64 tensor), or at one key."""
        if self._columns is not None:
            return self._select(indices)
        if self._batched:
            return self._collate_fn(_items(self._dataset, indices))
        return self._collate_fn(self._dataset[indices])

    def _select(self, indices: list[int] | range | Tensor) -> list[Tensor]:
        assert self._columns is not None
        if self._subset is not None:
            keys = indices.tolist() if isinstance(indices, taeda.Tensor) else indices
            indices = [self._subset.indices[key] for key in keys]
        if isinstance(indices, range):
            return [_copy_rows(column, indices) for column in self._columns]
        rows = self._as_rows(indices)
        return [_select_rows(column, rows) for column in self._columns]

    def _as_rows(self, indices: list[int] | Tensor) -> Tensor:
        if isinstance(indices, taeda.Tensor):
            return indices
        assert self._columns is not None
        size = len(self._columns[0])
        return taeda.tensor([index + size if index < 0 else index for index in indices], dtype=taeda.int64)


def _tensors_stack_as_usual() -> bool:
    return _collate.default_collate_fn_map.get(taeda.Tensor) is _collate.collate_tensor_fn


def _copy_rows(column: Tensor, rows: range) -> Tensor:
    part = column[rows.start : rows.stop]
    if _collate.shared_output is None or column.requires_grad:
        return part.clone(memory_format=taeda.contiguous_format)
    return _collate.shared_output(part.shape, part.dtype).copy_(part)


def _select_rows(column: Tensor, rows: Tensor) -> Tensor:
    if column.device.type != "cpu":
        rows = rows.to(column.device)
    if _collate.shared_output is None or column.requires_grad:
        return taeda.index_select(column, 0, rows)
    output = _collate.shared_output((len(rows), *column.shape[1:]), column.dtype)
    return taeda.index_select(column, 0, rows, out=output)


class StreamFetcher:
    """Fetches from an `IterableDataset`.

    Args:
        dataset: the stream; iterated once per fetcher.
        batched: are samples grouped (by the length of the indices given to `fetch`)?
        collate_fn: from the list of samples (or the single sample) to the result.
        drop_last: leave out a last group that is not full.
    """

    def __init__(
        self, dataset: IterableDataset[Any], batched: bool, collate_fn: CollateFn, drop_last: bool
    ) -> None:
        self._dataset = dataset
        self._batched = batched
        self._collate_fn = collate_fn
        self._drop_last = drop_last
        self._samples: Iterator[Any] = iter(dataset)
        self._is_over = False

    @property
    def is_native(self) -> bool:
        """Never: a stream runs sample code."""
        return False

    def fetch(self, indices: Any) -> Any:
        """The next batch (as many samples as there are indices) or sample; StopIteration at the end."""
        if not self._batched:
            return self._collate_fn(next(self._samples))
        if self._is_over:
            raise StopIteration
        batch = list(itertools.islice(self._samples, len(indices)))
        if len(batch) < len(indices):
            self._is_over = True
            if not batch or self._drop_last:
                raise StopIteration
        return self._collate_fn(batch)

    def skip(self, indices: Any) -> None:
        """Passes over what `fetch` would return, without collating it."""
        for _ in itertools.islice(self._samples, len(indices) if self._batched else 1):
            pass

    def state_dict(self) -> Any:
        """The stream's own state, from its iterator or the dataset; None when neither offers one."""
        for owner in (self._samples, self._dataset):
            if hasattr(owner, "state_dict") and hasattr(owner, "load_state_dict"):
                return owner.state_dict()
        return None

    def load_state_dict(self, state: Any) -> None:
        """Continues the stream from a state of `state_dict`."""
        if hasattr(self._samples, "load_state_dict"):
            self._samples.load_state_dict(state)
        else:
            self._dataset.load_state_dict(state)  # type: ignore[attr-defined]
            self._samples = iter(self._dataset)
