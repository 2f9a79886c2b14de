"""The three random states that sample code draws from: taeda's, Python's and NumPy's."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import taeda

if TYPE_CHECKING:
    from taeda import Generator

__all__ = ["capture", "draw_seed", "preserved", "restore", "seed_all"]

NUMPY_SEED_RANGE = 2**32


def draw_seed(generator: Generator | None) -> int:
    """A random 63-bit seed from `generator` (the default generator when None)."""
    return int(taeda.empty((), dtype=taeda.int64).random_(generator=generator).item())


def capture() -> dict[str, Any]:
    """The present states, made of bytes, numbers and tuples only, so that they can be saved anywhere.

    NumPy's state is included when NumPy's random module is loaded.
    """
    state: dict[str, Any] = {
        "taeda": bytes(taeda.get_rng_state().numpy()),
        "python": random.getstate(),
        "numpy": None,
    }
    if "numpy.random" in sys.modules:
        kind, keys, position, has_gauss, gauss = sys.modules["numpy.random"].get_state()
        state["numpy"] = (str(kind), tuple(keys.tolist()), int(position), int(has_gauss), float(gauss))
    return state


def restore(state: dict[str, Any]) -> None:
    """Goes back to a state that `capture` returned."""
    taeda.set_rng_state(taeda.frombuffer(bytearray(state["taeda"]), dtype=taeda.uint8))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    if state["numpy"] is not None:
        import numpy.random

        numpy.random.set_state(tuple(state["numpy"]))


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """Whatever is drawn inside the block, the states afterwards are those from before."""
    before = capture()
    try:
        yield
    finally:
        restore(before)


def seed_all(seed: int) -> None:
    """Seeds the three generators."""
    import numpy.random

    taeda.manual_seed(seed)
    random.seed(seed)
    numpy.random.seed(seed % NUMPY_SEED_RANGE)
