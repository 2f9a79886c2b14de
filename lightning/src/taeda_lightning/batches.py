"""Batches: any nesting of lists, tuples, dicts and data classes that holds tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import taeda

from .messages import warn_once

__all__ = ["cast_floating_point", "extract_batch_size", "map_tensors", "move_data_to_device"]


def map_tensors(data: Any, function: Callable[[taeda.Tensor], Any]) -> Any:
    """Rebuild `data` with `function` applied to each tensor (and each object that has a `.to` method).

    Example:
        >>> map_tensors({"x": [taeda.zeros(2)], "name": "a"}, lambda tensor: tensor.shape[0])
        {'x': [2], 'name': 'a'}
    """
    if isinstance(data, taeda.Tensor):
        return function(data)
    if isinstance(data, tuple):
        items = [map_tensors(item, function) for item in data]
        return type(data)(*items) if hasattr(data, "_fields") else tuple(items)
    if isinstance(data, list):
        return [map_tensors(item, function) for item in data]
    if isinstance(data, Mapping):
        mapped = {key: map_tensors(value, function) for key, value in data.items()}
        return mapped if type(data) is dict else type(data)(mapped)  # type: ignore[call-arg]
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        fields = {field.name: getattr(data, field.name) for field in dataclasses.fields(data) if field.init}
        return dataclasses.replace(
            data, **{name: map_tensors(value, function) for name, value in fields.items()}
        )
    return data


def move_data_to_device(batch: Any, device: Any) -> Any:
    """Move every tensor of a batch to `device`.

    Args:
        batch: tensors in lists, tuples, dicts, named tuples or data classes; other values stay as they are.
        device: a device or its name.

    Example:
        >>> move_data_to_device((taeda.zeros(1), "label"), "meta")[0].device.type
        'meta'
    """
    return map_tensors(batch, lambda tensor: tensor.to(device))


def cast_floating_point(batch: Any, dtype: taeda.dtype) -> Any:
    """Convert the floating-point tensors of a batch to `dtype`; integers, booleans and complex values
    stay."""
    return map_tensors(batch, lambda tensor: tensor.to(dtype) if tensor.is_floating_point() else tensor)


def extract_batch_size(batch: Any) -> int:
    """Size of the first dimension of the tensors in a batch (1 for tensors without dimensions).

    Raises:
        ValueError: there is no tensor in the batch.

    Example:
        >>> extract_batch_size([taeda.zeros(4, 3), taeda.zeros(4)])
        4
    """
    if isinstance(batch, (tuple, list)) and batch and isinstance(batch[0], taeda.Tensor) and batch[0].ndim:
        first = int(batch[0].shape[0])
        if all(isinstance(item, taeda.Tensor) and item.ndim and item.shape[0] == first for item in batch):
            return first
    sizes = list(_sizes(batch))
    if not sizes:
        raise ValueError(
            f"self.log: cannot tell the batch size of a {type(batch).__name__} without tensors; pass "
            "self.log(..., batch_size=...)"
        )
    if len(set(sizes)) > 1:
        warn_once(
            f"self.log: the tensors of the batch have different first dimensions {sorted(set(sizes))}; "
            f"taking {sizes[0]} as batch size. Pass self.log(..., batch_size=...) if that is wrong."
        )
    return sizes[0]


def _sizes(batch: Any) -> Iterator[int]:
    if isinstance(batch, taeda.Tensor):
        yield int(batch.shape[0]) if batch.ndim else 1
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from _sizes(value)
    elif isinstance(batch, (list, tuple)):
        for item in batch:
            yield from _sizes(item)
    elif dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        for field in dataclasses.fields(batch):
            yield from _sizes(getattr(batch, field.name))
