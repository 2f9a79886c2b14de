"""Tracked files name no machine, no registry and no secret, and hold no large or binary surprises."""

from __future__ import annotations

import re

import pytest
from repository import ROOT, relative, tracked

LARGEST = 1_000_000
BINARY = {".safetensors", ".png", ".wav", ".flac", ".ogg", ".ttf", ".gz"}
# Written with character classes, so that this file does not contain what it looks for.
FORBIDDEN = {
    "a package registry's host": r"pypi[.]org|pythonhosted[.]org|npmjs[.]|deb[.]debian",
    "a path of one machine": r"(?<![\w.])/(?:[w]ork|[r]oot|[o]pt/pypi|[o]pt/wheels|[h]ome)/\w",
    "an index option": "--(?:extra-)?[i]ndex-url|--[t]rusted-host",
}


def texts() -> list[tuple[str, str]]:
    return [
        (relative(path), path.read_text(encoding="utf-8"))
        for path in tracked()
        if path.suffix not in BINARY and path.name != ".gitignore"
    ]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_names(what):
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(FORBIDDEN[what], line)
    ]
    assert not found


def test_no_file_is_large():
    large = {relative(path): path.stat().st_size for path in tracked() if path.stat().st_size > LARGEST}
    assert not large


def test_texts_end_with_one_newline_and_use_no_tabs():
    odd = [
        name
        for name, text in texts()
        if text
        and (
            not text.endswith("\n") or "\r" in text or ("\t" in text and name.endswith((".py", ".h", ".cpp")))
        )
    ]
    assert not odd


def test_generated_files_are_not_tracked():
    names = {relative(path) for path in tracked()}
    assert not {"core/src/taeda/_C.pyi", "core/src/taeda/_functions.py"} & names
    assert not [
        name for name in names if name.startswith((".venv/", "build/", "dist/", "runs/")) or ".so" in name
    ]
    assert (ROOT / ".gitignore").is_file()
