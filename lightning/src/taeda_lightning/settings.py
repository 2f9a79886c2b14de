"""Checks of the trainer's arguments: each returns the value to use or says what is wrong with it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from typing import Any

import taeda

from .errors import MisconfigurationException

__all__ = ["check_limit", "check_precision", "check_single_device", "parse_duration", "pick_device"]

_PRECISIONS = {
    "32-true": "32-true", "32": "32-true", "64-true": "64-true", "64": "64-true", "bf16-true": "bf16-true",
    "16-true": "16-true",
}  # fmt: skip
_DTYPES = {
    "32-true": None, "64-true": "float64", "bf16-true": "bfloat16", "16-true": "float16",
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
    if text in ("16", "16-mixed", "bf16", "bf16-mixed"):
        raise MisconfigurationException(
            f"Trainer(precision={precision!r}): mixed precision needs automatic casting of operators "
            "(autocast), which "
            "this version of taeda does not have; use '32-true', 'bf16-true' or '64-true'"
        )
    raise MisconfigurationException(
        f"Trainer(precision={precision!r}): expected one of '32-true', '64-true', 'bf16-true', '16-true'"
    )


def pick_device(accelerator: Any) -> taeda.device:
    """The device for "auto", "cpu", "gpu" or "cuda".

    Raises:
        MisconfigurationException: there is no such device here.
    """
    if accelerator == "cpu":
        return taeda.device("cpu")
    has_gpu = taeda.cuda.is_available()
    if accelerator == "auto":
        return taeda.device("cuda", 0) if has_gpu else taeda.device("cpu")
    if accelerator in ("gpu", "cuda"):
        if has_gpu:
            return taeda.device("cuda", 0)
        raise MisconfigurationException(
            f"Trainer(accelerator={accelerator!r}): taeda finds no CUDA device; use accelerator='cpu' or "
            "'auto', or "
            "install taeda[cuda] on a machine with an NVIDIA driver"
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
            "devices is not "
            "built yet"
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
        "from 0.0 "
        "to 1.0)"
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
            "dict such "
            "as {'hours': 2}"
        )
    days, hours, minutes, seconds = map(int, match.groups())
    return datetime.timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
