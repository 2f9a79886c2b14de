"""Files and functions stay short: the numbers are those of docs/architecture.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from repository import parsed, relative, tracked_with

MOST_LINES, USUAL_LINES = 1000, 500
LONG_FUNCTION, USUAL_FUNCTION = 80, 30
NATIVE = (".h", ".cpp", ".cu", ".cuh")
# A line that opens a function: indented by at most two levels, a parameter list, no keyword of control flow before it.
OPENS_FUNCTION = re.compile(
    r"^(?P<indent> {0,8})(?!(?:if|for|while|switch|else|do|struct|class|enum|union|namespace|extern|return)\b)"
    r"[\w:<>~&*,\[\] ]*?(?P<name>[\w~]+)\(.*\{$"
)


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))]


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def python_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """Name, first line (decorators and all) and length without docstring of every function."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                text = node.body[0]
                assert text.end_lineno is not None
                length -= text.end_lineno - text.lineno + 1
            yield node.name, min([node.lineno, *(d.lineno for d in node.decorator_list)]), length


def native_functions(path: Path) -> Iterator[tuple[str, int, int]]:
    """The same for C++, as far as the layout tells: from the line that opens a function to the brace below it."""
    lines = lines_of(path)
    for start, line in enumerate(lines):
        found = OPENS_FUNCTION.match(line)
        if not found:
            continue
        closing = found["indent"] + "}"
        end = next(
            (i for i in range(start + 1, len(lines)) if lines[i].rstrip(";) ").startswith(closing)), start
        )
        yield found["name"], start + 1, end - start + 1


def test_no_file_is_too_long():
    lengths = {relative(path): len(lines_of(path)) for path in tracked_with(".py", *NATIVE)}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}
    assert percentile(list(lengths.values()), 0.9) <= USUAL_LINES


def test_long_functions_give_a_reason():
    lengths, unexplained = [], []
    for path in tracked_with(".py", *NATIVE):
        functions = python_functions(path) if path.suffix == ".py" else native_functions(path)
        for name, line, length in functions:
            lengths.append(length)
            above = lines_of(path)[line - 2].strip() if line > 1 else ""
            if length > LONG_FUNCTION and not above.startswith(("#", "//", "*")):
                unexplained.append(f"{relative(path)}:{line} {name} ({length} lines)")
    assert not unexplained, "say in a comment above why it is so long, or split it"
    assert percentile(lengths, 0.9) <= USUAL_FUNCTION
