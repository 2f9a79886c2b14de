"""Prints the build requirements of the pyproject.toml files that it is given, each once."""

from __future__ import annotations

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:  # pip carries the same reader
    from pip._vendor import tomli as tomllib


def main() -> None:
    """The command line."""
    found: dict[str, None] = {}
    for path in sys.argv[1:]:
        found.update(dict.fromkeys(tomllib.loads(Path(path).read_text("utf-8"))["build-system"]["requires"]))
    print("\n".join(found))


if __name__ == "__main__":
    main()
