"""`CombinedLoader`: several loaders iterated together or one after another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import taeda

__all__ = ["CombinedLoader", "flatten_loaders", "holds_loaders", "length_of"]

_MODES = ("min_size", "max_size_cycle", "max_size", "sequential")


def length_of(loader: Any) -> int | float:
    """Number of batches of a loader, infinity if it cannot tell.

    Example:
        >>> length_of([1, 2]), length_of(iter([1]))
        (2, inf)
    """
    try:
        return len(loader)
    except (TypeError, NotImplementedError):
        return math.inf


def holds_loaders(value: Any) -> bool:
    """Whether `value` is a dict, list or tuple of loaders (and not, say, a list of batches).

    Example:
        >>> batch = (taeda.zeros(1), taeda.zeros(1))
        >>> holds_loaders([batch, batch]), holds_loaders([[batch], [batch]])
        (False, True)
    """
    if isinstance(value, Mapping):
        return True
    return isinstance(value, (list, tuple)) and bool(value) and all(_is_loader(item) for item in value)


def _is_loader(item: Any) -> bool:
    if isinstance(item, (list, tuple)):
        return bool(item) and isinstance(item[0], (list, tuple, Mapping))
    return isinstance(item, Iterable) and not isinstance(item, (taeda.Tensor, Mapping, str))


def flatten_loaders(loaders: Any) -> list[Any]:
    """The loaders in a loader, `CombinedLoader`, or any nesting of lists, tuples and dicts of loaders."""
    if isinstance(loaders, CombinedLoader):
        return loaders.flattened
    if not holds_loaders(loaders):
        return [loaders]
    values = loaders.values() if isinstance(loaders, Mapping) else loaders
    return [loader for value in values for loader in flatten_loaders(value)]


def _rebuild(loaders: Any, values: Iterator[Any]) -> Any:
    if not holds_loaders(loaders):
        return next(values)
    if isinstance(loaders, Mapping):
        return {key: _rebuild(value, values) for key, value in loaders.items()}
    rebuilt = [_rebuild(value, values) for value in loaders]
    return tuple(rebuilt) if isinstance(loaders, tuple) else rebuilt


class CombinedLoader:
    """Iterate over several loaders; yields `(batch, batch_idx, dataloader_idx)`.

    Args:
        iterables: a loader, or a list, tuple or dict of loaders; batches come in the same structure.
        mode: "min_size" stops with the shortest, "max_size_cycle" restarts shorter ones until the longest ends,
            "max_size" gives None for those that have ended, "sequential" runs one after another.

    Raises:
        ValueError: the mode is none of these.

    Example:
        >>> list(CombinedLoader({"a": [1, 2, 3], "b": [4]}, "max_size_cycle"))[1]
        ({'a': 2, 'b': 4}, 1, 0)
    """

    def __init__(self, iterables: Any, mode: str = "min_size") -> None:
        if mode not in _MODES:
            raise ValueError(f"CombinedLoader: got mode {mode!r}; expected one of {list(_MODES)}")
        self._iterables = iterables
        self._mode = mode
        self._flattened = flatten_loaders(iterables)
        self._restarts: list[int] = [0] * len(self._flattened)
        self._active: list[bool] = []
        self._resume: dict[str, Any] | None = None

    @property
    def iterables(self) -> Any:
        """The loaders as given."""
        return self._iterables

    @property
    def flattened(self) -> list[Any]:
        """The loaders as a flat list."""
        return self._flattened

    @property
    def mode(self) -> str:
        """How the loaders are combined."""
        return self._mode

    def __len__(self) -> int:
        lengths = [length_of(loader) for loader in self._flattened]
        chosen = {"min_size": min, "sequential": sum}.get(self._mode, max)(lengths)
        if chosen == math.inf:
            raise NotImplementedError("CombinedLoader: a loader without a length decides the length")
        return int(chosen)

    def __iter__(self) -> Iterator[tuple[Any, int, int]]:
        if self._mode == "sequential":
            for dataloader_idx, loader in enumerate(self._flattened):
                for batch_idx, batch in enumerate(loader):
                    yield batch, batch_idx, dataloader_idx
            return
        start = 0
        iterators = [iter(loader) for loader in self._flattened]
        self._active = [True] * len(iterators)
        if self._resume is not None:
            start, self._active = self._resume["position"], list(self._resume["active"])
            self._resume = None
        self._position = start
        while True:
            values: list[Any] = []
            for i, iterator in enumerate(iterators):
                found = next(iterator, _ENDED)
                if found is _ENDED:
                    if self._mode == "min_size":
                        return
                    self._active[i] = False
                    if not any(self._active):
                        return
                    if self._mode == "max_size_cycle":
                        iterators[i] = iter(self._flattened[i])
                        found = next(iterators[i], _ENDED)
                    if found is _ENDED:
                        found = None
                values.append(found)
            self._position += 1
            yield _rebuild(self._iterables, iter(values)), self._position - 1, 0

    def state_dict(self) -> dict[str, Any]:
        """Position of the combination and of each loader.

        Raises:
            AttributeError: a loader has no `state_dict`.
        """
        return {
            "position": getattr(self, "_position", 0),
            "active": list(self._active),
            "loaders": [loader.state_dict() for loader in self._flattened],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration continue where `state_dict` was taken."""
        self._resume = state
        for loader, loader_state in zip(self._flattened, state["loaders"]):
            loader.load_state_dict(loader_state)


_ENDED = object()
