"""AdamW, under the module name of torch."""

from .adam import AdamW

__all__ = ["AdamW"]
