"""Wrong calls and what must be said of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["Case", "check"]

Case = tuple[Callable[[], Any], type[Exception], str]


def check(case: Case) -> None:
    """The call raises this type, and the text with its notes has all parts (between |)."""
    call, kind, text = case
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    said = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    for part in text.split("|"):
        assert re.search(re.escape(part), said), f"{part!r} is not in {said}"
    assert ".;" not in said, f"sentences run together: {said}"
