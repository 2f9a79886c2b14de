"""Data sets of recordings."""

from .librispeech import LIBRISPEECH
from .ljspeech import LJSPEECH
from .speechcommands import SPEECHCOMMANDS
from .yesno import YESNO

__all__ = ["LIBRISPEECH", "LJSPEECH", "SPEECHCOMMANDS", "YESNO"]
