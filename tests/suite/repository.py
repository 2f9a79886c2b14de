"""The checkout: its files and packages."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Import name -> folder of the sources.
PACKAGES = {
    "taeda": ROOT / "core" / "src" / "taeda",
    **{
        f"taeda_{name}": ROOT / name / "src" / f"taeda_{name}"
        for name in ("vision", "text", "audio", "lightning", "serve")
    },
}


@functools.cache
def tracked() -> tuple[Path, ...]:
    """All files under version control that exist."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def tracked_with(*suffixes: str) -> list[Path]:
    """Tracked files with one of these endings."""
    return [path for path in tracked() if path.suffix in suffixes]


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a Python file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def relative(path: Path) -> str:
    """The path from the top of the checkout."""
    return path.relative_to(ROOT).as_posix()


def module_names(package: str) -> list[str]:
    """Dotted names of all modules of a package."""
    folder = PACKAGES[package]
    names = []
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names
