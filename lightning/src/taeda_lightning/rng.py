"""Random number state of the process: seed it, take it, put it back."""

from __future__ import annotations

import contextlib
import os
import random
import sys
from collections.abc import Iterator
from typing import Any

import taeda

from .errors import MisconfigurationException
from .messages import info
from .settings import cuda_is_available

__all__ = ["capture_rng", "isolate_rng", "restore_rng", "seed_everything"]

_MAX_SEED = 2**32 - 1


def seed_everything(seed: int | None = None, workers: bool = False, verbose: bool = True) -> int:
    """Seed Python's, NumPy's and taeda's random number generators.

    Args:
        seed: 0 to 2**32 - 1. `None` takes the environment variable `PL_GLOBAL_SEED`, or 0.
        workers: kept for Lightning's signature and recorded in `PL_SEED_WORKERS`; taeda's `DataLoader` always
            derives the seeds of its worker processes from the main generator.
        verbose: say which seed was set.

    Returns:
        The seed that was set.

    Raises:
        ValueError: the seed is no integer of that range.

    Example:
        >>> seed_everything(7, verbose=False)
        7
    """
    chosen: Any = os.environ.get("PL_GLOBAL_SEED", 0) if seed is None else seed
    try:
        value = int(chosen)
    except ValueError as error:
        raise ValueError(
            f"seed_everything: got seed {chosen!r}; expected an integer from 0 to {_MAX_SEED}"
        ) from error
    if not 0 <= value <= _MAX_SEED:
        raise ValueError(f"seed_everything: got seed {value}; expected an integer from 0 to {_MAX_SEED}")
    if verbose:
        info(f"Seed set to {value}")
    os.environ["PL_GLOBAL_SEED"] = str(value)
    os.environ["PL_SEED_WORKERS"] = str(int(workers))
    random.seed(value)
    taeda.manual_seed(value)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(value)
    return value


def capture_rng() -> dict[str, Any]:
    """Take the state of every generator as plain lists, numbers and tensors (fit for a checkpoint)."""
    version, internal, gauss_next = random.getstate()
    state: dict[str, Any] = {
        "python": [version, list(internal), gauss_next],
        "taeda": taeda.get_rng_state(),
    }
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, position, has_gauss, cached = numpy.random.get_state()
        state["numpy"] = [kind, keys.tolist(), int(position), int(has_gauss), float(cached)]
    if cuda_is_available():
        state["cuda"] = list(taeda.cuda.get_rng_state_all())
    return state


def restore_rng(state: dict[str, Any]) -> None:
    """Put back a state that `capture_rng` took.

    Raises:
        MisconfigurationException: the state lacks Python's or taeda's generator.
    """
    missing = {"python", "taeda"} - state.keys()
    if missing:
        raise MisconfigurationException(
            f"restore_rng: the random number state lacks {sorted(missing)}; expected what capture_rng() "
            "returns"
        )
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))
    taeda.set_rng_state(state["taeda"])
    if "numpy" in state:
        import numpy

        kind, keys, position, has_gauss, cached = state["numpy"]
        numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), position, has_gauss, cached))
    if "cuda" in state and cuda_is_available():
        taeda.cuda.set_rng_state_all(state["cuda"])


@contextlib.contextmanager
def isolate_rng() -> Iterator[None]:
    """Run a block whose random draws leave no trace in the generators.

    Example:
        >>> seed_everything(1, verbose=False)
        1
        >>> with isolate_rng():
        ...     first = random.random()
        >>> first == random.random()
        True
    """
    state = capture_rng()
    try:
        yield
    finally:
        restore_rng(state)
