"""Models on waveforms."""

from .m5 import M5

__all__ = ["M5"]
