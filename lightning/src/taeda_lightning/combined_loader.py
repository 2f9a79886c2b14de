"""`CombinedLoader`: several loaders iterated together or one after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
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
        mode: "min_size" stops with the shortest, "max_size_cycle" restarts shorter ones until the longest
            ends, "max_size" gives None for those that have ended, "sequential" runs one after another.

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
        self._position = 0
        self._active = [True] * len(self._flattened)
        self._open = [False] * len(self._flattened)
        self._is_resumed = False

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
        pick: Callable[[list[int | float]], int | float] = max
        if self._mode in ("min_size", "sequential"):
            pick = min if self._mode == "min_size" else sum
        chosen = pick(lengths)
        if chosen == math.inf:
            raise NotImplementedError("CombinedLoader: a loader without a length decides the length")
        return int(chosen)

    def __iter__(self) -> Iterator[tuple[Any, int, int]]:
        if self._mode == "sequential":
            return self._one_after_another()
        iterators: list[Any] = [None] * len(self._flattened)
        if self._is_resumed:
            # Loaders that go on within their epoch are started now, before the caller restores generators.
            iterators = [
                iter(loader) if is_active or self._mode == "max_size_cycle" else iter(())
                for loader, is_active in zip(self._flattened, self._active)
            ]
        else:
            self._position, self._active = 0, [True] * len(iterators)
        self._open = [iterator is not None for iterator in iterators]
        self._is_resumed = False
        return self._together(iterators)

    def _one_after_another(self) -> Iterator[tuple[Any, int, int]]:
        for dataloader_idx, loader in enumerate(self._flattened):
            for batch_idx, batch in enumerate(loader):
                yield batch, batch_idx, dataloader_idx

    def _together(self, iterators: list[Any]) -> Iterator[tuple[Any, int, int]]:
        while True:
            values = [self._next(iterators, i) for i in range(len(iterators))]
            if not any(self._active) or (self._mode == "min_size" and not all(self._active)):
                self._position = 0
                return
            self._position += 1
            yield _rebuild(self._iterables, iter(values)), self._position - 1, 0

    def _next(self, iterators: list[Any], i: int) -> Any:
        """Next batch of loader `i`, None where it has ended; a cycled loader starts again."""
        if iterators[i] is None:
            # Each loader is started right before its first batch, so that it draws its order in one go.
            iterators[i], self._open[i] = iter(self._flattened[i]), True
        found = next(iterators[i], _ENDED)
        if found is _ENDED and self._open[i]:
            self._active[i] = self._open[i] = False
        if found is _ENDED and self._mode == "max_size_cycle" and any(self._active):
            iterators[i] = iter(self._flattened[i])
            self._open[i] = True
            found = next(iterators[i], _ENDED)
        return None if found is _ENDED else found

    def state_dict(self) -> dict[str, Any]:
        """Position of the combination and of each loader.

        Raises:
            AttributeError: a loader has no `state_dict`.
        """
        return {
            "position": self._position,
            "active": list(self._active),
            "open": list(self._open),
            "loaders": [loader.state_dict() for loader in self._flattened],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration continue where `state_dict` was taken."""
        self._position, self._active = state["position"], list(state["active"])
        self._is_resumed = self._position > 0
        for loader, loader_state, is_open in zip(self._flattened, state["loaders"], state["open"]):
            loader.load_state_dict(loader_state)
            if is_open and not self._is_resumed:
                iter(loader)  # that round is over, although this loader was not at its end


_ENDED = object()
