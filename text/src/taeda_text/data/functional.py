"""Generators over token streams."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from taeda.utils.data import Dataset

from ..vocab import Vocab

__all__ = [
    "custom_replace",
    "numericalize_tokens_from_iterator",
    "simple_space_split",
    "to_map_style_dataset",
]

Sample = TypeVar("Sample")


def simple_space_split(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Split each text on white space.

    Example:
        >>> list(simple_space_split(["a b", "c"]))
        [['a', 'b'], ['c']]
    """
    for line in iterator:
        yield line.split()


def custom_replace(replace_pattern: Sequence[tuple[str, str]]) -> Callable[[Iterable[str]], Iterator[str]]:
    """A function that applies (pattern, replacement) pairs in turn to each text.

    Example:
        >>> list(custom_replace([(r"S", "s"), (r"\\s+", " ")])(["Sentence   one"]))
        ['sentence one']
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in replace_pattern]

    def replace(iterator: Iterable[str]) -> Iterator[str]:
        for line in iterator:
            for pattern, replacement in compiled:
                line = pattern.sub(replacement, line)
            yield line

    return replace


def numericalize_tokens_from_iterator(
    vocab: Mapping[str, int] | Vocab,
    iterator: Iterable[Sequence[str]],
    removed_tokens: Sequence[str] | None = None,
) -> Iterator[Iterator[int]]:
    """For each token list an iterator of indices, without the tokens to remove.

    Example:
        >>> stream = numericalize_tokens_from_iterator({"a": 0, "b": 1}, [["a", "b"], ["b"]], ["a"])
        >>> [list(indices) for indices in stream]
        [[1], [1]]
    """
    removed = set(removed_tokens or ())
    for tokens in iterator:
        yield iter([vocab[token] for token in tokens if token not in removed])


class _Listed(Dataset[Sample], Generic[Sample]):
    """A list as a map-style data set."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        return self._samples[index]


def to_map_style_dataset(iter_data: Iterable[Sample]) -> Dataset[Sample]:
    """Read an iterable to its end and give it as a map-style data set.

    Example:
        >>> samples = to_map_style_dataset(x * x for x in range(4))
        >>> len(samples), samples[3]
        (4, 9)
    """
    return _Listed(list(iter_data))
