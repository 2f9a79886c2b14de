"""Transforms made of other transforms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import taeda
from taeda import nn

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder"]

Transform = Callable[[Any], Any]


class Compose:
    """One transform after the other.

    Example:
        >>> Compose([Lambda(lambda x: x + 1), Lambda(lambda x: x * 2)])(3)
        8
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _listing(self)


class Lambda:
    """A function as a transform."""

    def __init__(self, lambd: Transform) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return "Lambda()"


class _RandomTransforms:
    def __init__(self, transforms: Sequence[Transform]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError(
                f"{type(self).__name__}: transforms should be a sequence, got {type(transforms).__name__}"
            )
        self.transforms = transforms

    def __repr__(self) -> str:
        return _listing(self)


class RandomApply(nn.Module):
    """All of ``transforms`` in order, with probability ``p``; none otherwise."""

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        """Transform ``img`` or leave it."""
        if self.p < float(taeda.rand(1)):
            return img
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return _listing(self, f"\n    p={self.p}")


class RandomOrder(_RandomTransforms):
    """All of the transforms in a random order, drawn from Python's ``random``."""

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for index in order:
            img = self.transforms[index](img)
        return img


class RandomChoice(_RandomTransforms):
    """One of the transforms, with probabilities proportional to ``p``, drawn from Python's ``random``."""

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError(f"RandomChoice: p should be a sequence of weights, got {type(p).__name__}")
        self.p = p

    def __call__(self, img: Any) -> Any:
        return random.choices(self.transforms, weights=self.p)[0](img)

    def __repr__(self) -> str:
        return f"{super().__repr__()}(p={self.p})"


def _listing(transform: Any, first: str = "") -> str:
    lines = "".join(f"\n    {inner}" for inner in transform.transforms)
    return f"{type(transform).__name__}({first}{lines}\n)"
