"""Checks of the trainer's arguments: each returns the value to use or says what is wrong with it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import taeda

from .errors import MisconfigurationException
from .messages import info

__all__ = [
    "check_count",
    "check_ends",
    "check_limit",
    "check_precision",
    "check_sanity_steps",
    "check_single_device",
    "check_val_interval",
    "cuda_is_available",
    "parse_duration",
    "pick_device",
    "refuse",
]

_PRECISIONS = {
    "32-true": "32-true", "32": "32-true", "64-true": "64-true", "64": "64-true", "bf16-true": "bf16-true",
    "16-true": "16-true", "bf16-mixed": "bf16-mixed", "bf16": "bf16-mixed",
}  # fmt: skip
_DTYPES = {
    "32-true": None, "64-true": "float64", "bf16-true": "bfloat16", "16-true": "float16", "bf16-mixed": None,
}  # fmt: skip


def check_precision(precision: Any) -> tuple[str, taeda.dtype | None]:
    """The precision's full name and the type of weights and inputs (None for float32, where nothing is cast).

    Raises:
        MisconfigurationException: the precision is unknown or needs parts that taeda lacks.

    Example:
        >>> check_precision(None)
        ('32-true', None)
    """
    text = "32-true" if precision is None else str(precision)
    if text in _PRECISIONS:
        name = _PRECISIONS[text]
        dtype_name = _DTYPES[name]
        return name, None if dtype_name is None else getattr(taeda, dtype_name)
    if text in ("16", "16-mixed"):
        raise MisconfigurationException(
            f"Trainer(precision={precision!r}): float16 needs losses that are scaled, which the trainer does not do; "
            "use 'bf16-mixed', which needs none, or '32-true'"
        )
    raise MisconfigurationException(
        f"Trainer(precision={precision!r}): expected one of '32-true', 'bf16-mixed', '64-true', 'bf16-true', '16-true'"
    )


def cuda_is_available() -> bool:
    """Whether taeda was built with CUDA support and finds a device."""
    return bool(taeda.cuda.is_available())


def pick_device(accelerator: Any) -> taeda.device:
    """The device for "auto", "cpu", "gpu" or "cuda".

    Raises:
        MisconfigurationException: there is no such device here.
    """
    if accelerator == "cpu":
        return taeda.device("cpu")
    has_gpu = cuda_is_available()
    if accelerator == "auto":
        return taeda.device("cuda", 0) if has_gpu else taeda.device("cpu")
    if accelerator in ("gpu", "cuda"):
        if has_gpu:
            return taeda.device("cuda", 0)
        raise MisconfigurationException(
            f"Trainer(accelerator={accelerator!r}): taeda finds no CUDA device; use accelerator='cpu' or "
            "'auto', or install taeda[cuda] on a machine with an NVIDIA driver"
        )
    raise MisconfigurationException(f"Trainer(accelerator={accelerator!r}): expected 'auto', 'cpu' or 'gpu'")


def check_single_device(devices: Any, num_nodes: Any, strategy: Any) -> None:
    """Refuse settings that mean more than one device.

    Raises:
        MisconfigurationException: more than one device or node, or a distributed strategy, is asked for.
    """
    if devices not in ("auto", 1, "1", [0], "0,", (0,), -1, "-1"):
        raise MisconfigurationException(
            f"Trainer(devices={devices!r}): training runs on one device; pass devices=1 or 'auto'"
        )
    if num_nodes != 1:
        raise MisconfigurationException(
            f"Trainer(num_nodes={num_nodes!r}): training runs on one machine; pass num_nodes=1"
        )
    if strategy not in ("auto", "single_device"):
        raise MisconfigurationException(
            f"Trainer(strategy={strategy!r}): expected 'auto' or 'single_device'; training on several "
            "devices is not built yet"
        )


def check_limit(name: str, value: int | float | None, allows_more_than_all: bool = True) -> int | float:
    """A number of batches (int) or a fraction of them (float from 0 to 1); None means all.

    Raises:
        MisconfigurationException: the value is neither.

    Example:
        >>> check_limit("limit_val_batches", None), check_limit("limit_val_batches", 5)
        (1.0, 5)
    """
    if value is None:
        return 1.0
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and (
        (isinstance(value, int) and value >= 0) or (isinstance(value, float) and 0 <= value <= 1)
    ):
        return value
    raise MisconfigurationException(
        f"Trainer({name}={value!r}): expected a number of batches (int >= 0) or a fraction of them (float "
        "from 0.0 to 1.0)"
    )


def parse_duration(name: str, value: Any) -> datetime.timedelta:
    """A duration from "DD:HH:MM:SS", a `timedelta` or a dict of its arguments.

    Raises:
        MisconfigurationException: the value has none of these forms.

    Example:
        >>> parse_duration("max_time", "00:01:30:00")
        datetime.timedelta(seconds=5400)
    """
    if isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, Mapping):
        return datetime.timedelta(**value)
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if match is None:
        raise MisconfigurationException(
            f"{name}={value!r}: expected 'DD:HH:MM:SS' (days, hours, minutes, seconds), a timedelta, or a "
            "dict such as {'hours': 2}"
        )
    days, hours, minutes, seconds = map(int, match.groups())
    return datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def check_ends(max_epochs: Any, max_steps: Any, max_time: Any) -> tuple[int, int]:
    """Limits of a fit as (epochs, steps), -1 for none; 1000 epochs if nothing is given.

    Raises:
        MisconfigurationException: a limit is no whole number from -1.

    Example:
        >>> check_ends(None, 10, None), check_ends(3, -1, None)
        ((-1, 10), (3, -1))
    """
    for name, value in (("max_epochs", max_epochs), ("max_steps", max_steps)):
        is_ok = isinstance(value, int) and not isinstance(value, bool) and value >= -1
        if not is_ok and not (name == "max_epochs" and value is None):
            raise MisconfigurationException(
                f"Trainer({name}={value!r}): expected a number from 0, or -1 for no limit"
            )
    if max_epochs is None and max_steps == -1 and max_time is None:
        info("`Trainer` runs at most 1000 epochs; pass max_epochs, max_steps or max_time to choose")
        return 1000, -1
    return -1 if max_epochs is None else max_epochs, max_steps


def check_val_interval(interval: Any, every_n_epochs: int | None) -> tuple[int | float, float | None]:
    """When to validate: as batches (int) or share of an epoch (float), and as seconds or None.

    Raises:
        MisconfigurationException: the interval has another form, or cannot be counted over epochs.

    Example:
        >>> check_val_interval(0.5, 1), check_val_interval({"minutes": 2}, 1)
        ((0.5, None), (1.0, 120.0))
    """
    if interval is None or isinstance(interval, bool) or not isinstance(interval, (int, float)):
        if interval is None and every_n_epochs is None:
            raise MisconfigurationException(
                "Trainer(check_val_every_n_epoch=None): counting over epochs needs val_check_interval as a "
                "number of batches (int) or a duration"
            )
        return 1.0, None if interval is None else parse_duration(
            "val_check_interval", interval
        ).total_seconds()
    if not (interval >= 1 if isinstance(interval, int) else 0 < interval <= 1):
        raise MisconfigurationException(
            f"Trainer(val_check_interval={interval!r}): expected a number of batches (int >= 1), a fraction "
            "of an epoch (float above 0.0 and up to 1.0), or a duration"
        )
    return interval, None


def check_sanity_steps(steps: int | None, is_barebones: bool) -> int | float:
    """Validation batches before training: 2 by default, infinity for -1.

    Raises:
        MisconfigurationException: the number is below -1.
    """
    if steps is None:
        return 0 if is_barebones else 2
    if steps < -1:
        raise MisconfigurationException(
            f"Trainer(num_sanity_val_steps={steps}): expected a number of batches from 0, or -1 for all"
        )
    return float("inf") if steps == -1 else steps


def check_count(name: str, default: int, value: int | None, least: int = 1) -> int:
    """A whole number from `least`; `default` for None.

    Raises:
        MisconfigurationException: it is none.
    """
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise MisconfigurationException(f"Trainer({name}={value!r}): expected a whole number from {least}")
    return value


def refuse(**settings: Any) -> None:
    """Refuse settings that are not built; None is no setting.

    Raises:
        MisconfigurationException: one has a value.
    """
    for name, value in settings.items():
        if value is not None:
            raise MisconfigurationException(
                f"Trainer({name}={value!r}): this version has no {name.replace('_', ' ')}; leave it out"
            )
