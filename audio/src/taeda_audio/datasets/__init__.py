"""Data sets of recordings."""

from .speechcommands import SPEECHCOMMANDS
from .yesno import YESNO

__all__ = ["SPEECHCOMMANDS", "YESNO"]
