"""Small helpers of the writers."""

from __future__ import annotations

import re
from pathlib import Path

HEADER = "// Generated from the operator catalogue; do not edit.\n"


def write_if_changed(path: Path, content: str) -> None:
    """Leaves the file's time alone when nothing changed, so that only what depends on a change is built again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != content:
        path.write_text(content)


def camel(name: str) -> str:
    """'log_softmax' -> 'LogSoftmax'"""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


def words(expression: str) -> set[str]:
    """The identifiers of a C++ expression, members excepted."""
    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", expression))


def quoted(text: str) -> str:
    """A C string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def literal(default: str, cpp: str) -> str:
    """The C++ form of a schema's default value."""
    if default == "None":
        return "Tensor()" if "Tensor" in cpp else "Generator()" if "Generator" in cpp else "std::nullopt"
    if default in ("True", "False"):
        value = default.lower()
        return f"Scalar({value})" if "Scalar" in cpp else value
    if default.startswith("'"):
        return f'std::string("{default[1:-1]}")'
    if "Ints" in cpp and default.lstrip("-").isdigit():
        return f"Ints{{{default}}}"
    if default.startswith("["):
        return (
            f"{'Floats' if 'Floats' in cpp else 'Ints'}{{{default[1:-1]}}}" if default != "[]" else f"{cpp}()"
        )
    if default == "inf":
        default = "std::numeric_limits<double>::infinity()"
    if default == "-inf":
        default = "-std::numeric_limits<double>::infinity()"
    if "Scalar" in cpp:
        return (
            f"Scalar({default})"
            if "." in default or "(" in default or "e" in default
            else f"Scalar(int64_t({default}))"
        )
    return default
