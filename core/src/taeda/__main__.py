"""`python -m taeda`: the `taeda` command."""

import sys

from taeda.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
