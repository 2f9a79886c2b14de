"""The tests that docs/errors.md names exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs" / "errors.md").read_text(encoding="utf-8"))


def test_the_catalogue_has_at_least_forty_entries():
    assert len(NAMED) >= 40


@pytest.mark.parametrize(("file", "function"), NAMED)
def test_named_tests_exist(file, function):
    assert re.search(rf"^def {function}\(", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE)
