"""Imports point one way: vision, text, audio, lightning and serve use the core, and the core none of them.

Lightning and serve may use a domain package through an optional extra: inside a function, never when imported.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib import metadata

import pytest
from repository import PACKAGES, parsed, relative

MAY_USE_AN_EXTRA = {"taeda_lightning", "taeda_serve"}
FOREIGN = {
    "torch",
    "torchvision",
    "torchaudio",
    "torchtext",
    "lightning",
    "pytorch_lightning",
    "transformers",
}


def imported(tree: ast.AST, at_import: bool) -> Iterator[tuple[str, int]]:
    """Top-level names of imported packages with their lines; those inside functions only when not `at_import`."""
    for node in ast.iter_child_nodes(tree):
        if at_import and (
            isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _is_for_types_alone(node)
        ):
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0], node.lineno
        yield from imported(node, at_import)


def _is_for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports_of(package: str, at_import: bool) -> dict[str, str]:
    """Imported package -> a place that imports it."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGES[package].rglob("*.py")):
        for name, line in imported(parsed(path), at_import):
            found.setdefault(name, f"{relative(path)}:{line}")
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_know_the_core_alone(package):
    others = set(PACKAGES) - {package, "taeda"}
    wrong = {
        name: place
        for name, place in imports_of(package, at_import=package in MAY_USE_AN_EXTRA).items()
        if name in others
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_uses_torch_or_its_relatives(package):
    assert not {name: place for name, place in imports_of(package, False).items() if name in FOREIGN}


@pytest.mark.parametrize("package", PACKAGES)
def test_what_is_imported_at_once_is_required(package):
    """Third-party packages imported at module level stand in the package's requirements."""
    lines = [line for line in metadata.requires(package) or [] if "extra ==" not in line]
    required = {re.split(r"[^\w.-]", line)[0].replace("-", "_").lower() for line in lines}
    names = {"pillow": "PIL", "pyyaml": "yaml", "python_multipart": "multipart"}
    allowed = {names.get(name, name) for name in required} | set(sys.stdlib_module_names) | {package}
    wrong = {name: place for name, place in imports_of(package, True).items() if name not in allowed}
    assert not wrong
