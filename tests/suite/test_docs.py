"""What the documentation names is there: links, files, make targets, commands; and its Python runs."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from repository import ROOT, relative, tracked_with

PAGES = {relative(path): path.read_text(encoding="utf-8") for path in tracked_with(".md")}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<body>.*?)^```", re.MULTILINE | re.DOTALL)
# Python in these pages runs by itself, block after block. Other pages show fragments: those must compile.
EXECUTED = [
    "README.md",
    "core/README.md",
    *sorted(page for page in PAGES if page.startswith("docs/tutorials/")),
]
TOP_FOLDERS = ["core", "vision", "text", "audio", "lightning", "serve", "tests", "docs", "tools", "examples"]


def blocks(page: str, *kinds: str) -> list[str]:
    return [found["body"] for found in FENCE.finditer(PAGES[page]) if found["kind"].strip() in kinds]


def prose(page: str) -> str:
    return FENCE.sub("", PAGES[page])


def anchors(text: str) -> set[str]:
    """Names of the headings, as they appear in links."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    dead = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / page).parent / file if file else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            dead.append(target)
    assert not dead


@pytest.mark.parametrize("page", PAGES)
def test_named_files_exist(page):
    """Paths in backticks that begin with one of the top folders; `...NAME...` in capitals stands for anything."""
    named = re.findall(rf"`((?:{'|'.join(TOP_FOLDERS)})/[\w./*-]+)`", prose(page))
    base = ROOT / Path(page).parts[0] if len(Path(page).parts) > 1 else ROOT
    missing = [name for name in named if not [*ROOT.glob(name.rstrip("/")), *base.glob(name.rstrip("/"))]]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    lines = re.findall(r"`make ([a-z -]+)`", PAGES[page])
    for body in blocks(page, "", "bash", "sh", "console"):
        lines += re.findall(r"^make ([a-z -]+)", body, re.MULTILINE)
    named = {word for line in lines for word in line.split()}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_options_exist(page):
    """Every `taeda COMMAND --option` of a command block is one that the command knows."""
    known = {"info", *metadata.entry_points(group="taeda.commands").names}
    for body in blocks(page, "", "bash", "sh", "console"):
        for line in body.replace("\\\n", " ").splitlines():
            found = re.match(r"^(?:\$ )?taeda ([a-z]\S*)(.*)", line)
            if not found:
                continue
            command, rest = found.groups()
            assert command in known
            text = help_of(command)
            options = re.findall(r"(?<=\s)(--[a-z][\w-]*)", rest.partition("#")[0])
            assert [option for option in options if option not in text] == [], line


_help: dict[str, str] = {}


def help_of(command: str) -> str:
    if command not in _help:
        done = subprocess.run(
            [sys.executable, "-m", "taeda", command, "--help"], capture_output=True, text=True, check=True
        )
        _help[command] = done.stdout
    return _help[command]


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_compile(page):
    for body in blocks(page, "python", "py"):
        compile(body, page, "exec")


@pytest.mark.parametrize("page", EXECUTED)
def test_python_blocks_run(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    bodies = blocks(page, "python")
    assert bodies
    for body in bodies:
        exec(compile(body, page, "exec"), names)
    if page == "README.md":
        accuracy = names["accuracy"]
        assert isinstance(accuracy, float)
        assert accuracy > 0.95
        assert f"{accuracy:.1%}" in capsys.readouterr().out


def test_the_training_example_has_twenty_lines():
    (example,) = blocks("README.md", "python")
    assert len([line for line in example.splitlines() if line.strip()]) <= 20
