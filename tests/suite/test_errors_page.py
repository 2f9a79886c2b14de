"""The tests that docs/errors.md names exist, and no kind of mistake is without a row."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "::" in line]

# The kinds of mistakes, each by words of its rows' first column.
FAMILIES = {
    "shapes of pointwise operators": "do not broadcast",
    "shapes of reductions": "dimensions: reductions",
    "shapes of views": "views that do not fit",
    "shapes of joins": "cannot be joined",
    "shapes of indices": "index or mask of a wrong shape",
    "shapes of matrix products": "products of matrices that do not fit",
    "shapes of convolutions": "convolution: dims",
    "shapes of pooling": "pooling and resizing",
    "shapes of normalisation": "normalisation: dims",
    "shapes of attention": "attention: heads",
    "shapes of recurrent layers": "recurrent layers: input size",
    "shapes of losses": "losses of classes: batch",
    "shapes of linear algebra": "no square matrix",
    "wrong dtype": "wrong dtype",
    "index out of range": "index out of range: indexing",
    "missing state-dict keys": "missing, unexpected and differently shaped keys of a state dict",
    "missing and unexpected keys in files": "missing, unexpected or differently shaped keys",
    "corrupt weight files": "damaged safetensors",
    "truncated weight files": "truncated `.pt` archive",
    "hostile pickles": "hostile pickle",
    "missing data set files": "missing data set files",
    "unreadable images": "unreadable image",
    "unreadable audio": "unreadable recording",
    "unknown labels": "unknown label",
    "bad configuration keys": "unknown trainer argument",
    "bad configuration values": "`config.json` of another model",
    "port in use": "port in use",
}


def test_the_catalogue_has_at_least_forty_entries():
    assert len(NAMED) >= 40


@pytest.mark.parametrize(("file", "function"), NAMED)
def test_named_tests_exist(file, function):
    assert re.search(rf"^def {function}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_row(family):
    assert any(FAMILIES[family] in row.split("|")[1] for row in ROWS), f"no row for {family}"


def test_rows_are_complete():
    """What went wrong, the exception, what the message says, and the test."""
    assert [row for row in ROWS if len([cell for cell in row.split("|") if cell.strip()]) != 4] == []
