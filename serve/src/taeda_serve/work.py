"""What passes between the server and its workers: the work of one request, and its answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Answer", "Work", "top_classes"]


@dataclass(frozen=True)
class Work:
    """What one request asks: encoded images (one row each), or tensors whose first dimension is the batch."""

    images: tuple[bytes, ...] = ()
    tensors: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows of a batch it takes."""
        return len(self.images) if self.images else int(next(iter(self.tensors.values())).shape[0])


@dataclass(frozen=True)
class Answer:
    """Outputs of one request, batch first, the seconds spent, and the rows of the batch it was part of."""

    outputs: dict[str, NDArray[Any]]
    preprocess_seconds: float
    inference_seconds: float
    batch_rows: int


def top_classes(scores: NDArray[Any], labels: Sequence[str] | None, top: int) -> dict[str, float]:
    """Return the `top` largest scores of a row (K,) by label, or by index where there are no labels.

    >>> top_classes(np.array([0.1, 0.7, 0.2]), ["a", "b", "c"], 2)
    {'b': 0.7, 'c': 0.2}
    """
    flat = scores.reshape(-1)
    order = np.argsort(-flat, kind="stable")[:top]
    return {labels[i] if labels else str(i): float(flat[i]) for i in order}
