"""Collation: turning a list of samples into one batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

import taeda

if TYPE_CHECKING:
    from taeda import Tensor

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

_NOT_NUMBERS = re.compile(r"[SaUO]")

CollateMap = dict[Any, Callable[..., Any]]

# Set inside worker processes: gives an uninitialised tensor (shape, dtype) that lies in shared memory, so
# that stacking writes the batch where the main process reads it.
shared_output: Callable[[Sequence[int], taeda.dtype], Tensor] | None = None


def default_convert(data: Any) -> Any:
    """Turns NumPy arrays inside `data` into tensors and leaves everything else as it is.

    The default when batching is switched off (`batch_size=None`).

    Example:
        >>> default_convert([1, np.array([2, 3])])
        [1, tensor([2, 3])]
    """
    if isinstance(data, taeda.Tensor):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        if _NOT_NUMBERS.search(data.dtype.str):
            return data
        return taeda.as_tensor(data)
    if isinstance(data, Mapping):
        converted: Any = {key: default_convert(value) for key, value in data.items()}
        return _like_mapping(data, converted)
    if _is_namedtuple(data):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, tuple):
        return [default_convert(value) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(value) for value in data])
    return data


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Combines samples into a batch, walking through mappings and sequences.

    Args:
        batch: samples of one structure.
        collate_fn_map: type (or tuple of types) -> function(batch, *, collate_fn_map) for the leaves.

    Raises:
        TypeError: a leaf's type is not in the map.
        KeyError: a sample lacks a key of the first one.
        RuntimeError: samples are sequences of different lengths.
    """
    element = batch[0]
    if collate_fn_map is not None:
        function = collate_fn_map.get(type(element))
        if function is None:
            function = next(
                (collate_fn_map[kind] for kind in collate_fn_map if isinstance(element, kind)), None
            )
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(element, Mapping):
        for position, row in enumerate(batch):
            if missing := [key for key in element if key not in row]:
                raise KeyError(
                    f"default_collate: sample {position} of the batch has no {missing[0]!r}, which the first one has; "
                    "give all samples the same keys, or pass collate_fn= to the DataLoader"
                )
        columns = {
            key: collate([row[key] for row in batch], collate_fn_map=collate_fn_map) for key in element
        }
        return _like_mapping(element, columns)
    if isinstance(element, Sequence):
        return _collate_sequences(batch, collate_fn_map)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(element)}; convert the sample in the dataset or pass collate_fn= to the DataLoader"
    )


def _collate_sequences(batch: Sequence[Any], collate_fn_map: CollateMap | None) -> Any:
    element = batch[0]
    lengths = {len(row) for row in batch}
    if len(lengths) > 1:
        raise RuntimeError(
            "each element in list of batch should be of equal size: default_collate got samples with "
            f"{sorted(lengths)} items; pad them in the dataset or pass collate_fn= to the DataLoader"
        )
    columns = [collate(column, collate_fn_map=collate_fn_map) for column in zip(*batch)]
    if _is_namedtuple(element):
        return type(element)(*columns)
    if isinstance(element, tuple):
        return columns
    return _like_sequence(element, columns)


def _like_mapping(original: Mapping[Any, Any], items: dict[Any, Any]) -> Any:
    """`items` in a container of the original's type, as far as that type allows."""
    if type(original) is dict:
        return items
    try:
        if isinstance(original, MutableMapping):
            clone: Any = copy(original)
            clone.update(items)
            return clone
        return type(original)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _like_sequence(original: Sequence[Any], items: list[Any]) -> Any:
    """`items` in a container of the original's type, as far as that type allows."""
    if type(original) is list:
        return items
    try:
        if isinstance(original, MutableSequence):
            clone = copy(original)
            for position, item in enumerate(items):
                clone[position] = item
            return clone
        return type(original)(items)  # type: ignore[call-arg]
    except TypeError:
        return items


def _is_namedtuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def collate_tensor_fn(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Stacks tensors of one shape along a new first dimension."""
    first = batch[0]
    for position, tensor in enumerate(batch):
        if tensor.shape != first.shape:
            raise RuntimeError(
                "default_collate: stack expects each tensor to be equal size, but got "
                f"{list(first.shape)} at entry 0 and {list(tensor.shape)} at entry {position}; "
                "resize or pad the samples in the dataset, or pass collate_fn= to the DataLoader"
            )
    if shared_output is None or first.requires_grad or any(item.dtype != first.dtype for item in batch):
        return taeda.stack(batch, 0)
    return taeda.stack(batch, 0, out=shared_output((len(batch), *first.shape), first.dtype))


def collate_numpy_array_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Stacks NumPy arrays (of numbers) into a tensor."""
    if _NOT_NUMBERS.search(batch[0].dtype.str):
        raise TypeError(
            "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
            f"found a numpy array of dtype {batch[0].dtype}; only arrays of numbers can be collated"
        )
    return collate([taeda.as_tensor(item) for item in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """NumPy scalars become a 1-D tensor of their dtype."""
    return taeda.as_tensor(np.asarray(batch))


def collate_float_fn(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Floats become a 1-D float64 tensor."""
    return taeda.tensor(batch, dtype=taeda.float64)


def collate_int_fn(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Ints become a 1-D int64 tensor, bools a bool tensor."""
    return taeda.tensor(batch)


def collate_str_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    """Strings stay as they are, in a list or tuple."""
    return batch


default_collate_fn_map: CollateMap = {
    taeda.Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch: list[Any]) -> Any:
    """Combines samples into a batch with a new first dimension.

    Tensors and arrays are stacked, numbers become a 1-D tensor, strings stay a list; dicts, lists and tuples
    are walked through. `default_collate_fn_map` may be extended with further types.

    Example:
        >>> default_collate([{"x": 1, "name": "a"}, {"x": 2, "name": "b"}])
        {'x': tensor([1, 2]), 'name': ['a', 'b']}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
