"""Which library the tests of this folder run on."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["EMULATED", "ROOT"]

ROOT = Path(__file__).parents[2]
EMULATED = "emulated" in os.environ.get("TAEDA_CUDA_LIBRARY", "")
