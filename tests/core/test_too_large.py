"""Sizes that no memory holds are refused before any of it is touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import taeda
from taeda.nn import functional as F

CASES: dict[str, Callable[[], object]] = {
    "empty": lambda: taeda.empty(2**61, dtype=taeda.float64),
    "zeros": lambda: taeda.zeros(2**31, 2**31),
    "arange": lambda: taeda.arange(2**61),
    "repeat": lambda: taeda.ones(1).repeat(2**62),
    "expand": lambda: taeda.ones(1, 1).expand(2**32, 2**32),
    "pad": lambda: F.pad(taeda.ones(1), (0, 2**62 - 1)),
    "resize_": lambda: taeda.ones(4).resize_(2**61),
    "no elements, but strides": lambda: taeda.empty(0, 2**40, 2**40),
}


@pytest.mark.parametrize("case", CASES)
def test_shapes(case: str) -> None:
    with pytest.raises(RuntimeError, match=r"the shape \[.*\] has more elements than memory can address"):
        CASES[case]()


def test_strides() -> None:
    with pytest.raises(RuntimeError, match=r"strides \[4\] reach further than memory"):
        taeda.ones(4).as_strided((2**62,), (4,))
    with pytest.raises(RuntimeError, match="reach further than memory"):
        taeda.empty_strided((2**40,), (2**40,))


@pytest.mark.parametrize("value", [2**63 - 1, 2**61 - 1, 2**48])
def test_bins(value: int) -> None:
    with pytest.raises(RuntimeError, match=f"bincount: the value {value} at index 1"):
        taeda.bincount(taeda.tensor([3, value]))
