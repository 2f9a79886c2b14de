"""Every operator of the catalogue is described, has a body, and can be reached from Python."""

from __future__ import annotations

import sys

import pytest
from repository import ROOT

from taeda import _C

sys.path.insert(0, str(ROOT / "core"))

from catalogue import load

OPERATORS = load()


def test_the_catalogue_is_large_enough():
    assert len({op.schema.name for op in OPERATORS}) >= 220


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.schema.text.partition("(")[0])
def test_operator(op):
    assert op.doc.strip(), "no description"
    assert op.doc.strip().endswith("."), f"no whole sentence or formula: {op.doc!r}"
    assert hasattr(_C.ops, op.schema.name)
