"""`python -m taeda_serve`: the sub-commands of this package."""

import sys

from taeda_serve.commands import main

if __name__ == "__main__":
    sys.exit(main())
