"""Makes the operator catalogue and the samples beside the tests importable."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2] / "core"), str(Path(__file__).parent)]
