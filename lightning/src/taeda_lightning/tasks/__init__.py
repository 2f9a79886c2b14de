"""Ready-made modules for common tasks (extra `taeda-lightning[vision]`)."""

from .image_classifier import ImageClassifier
from .image_data import ImageData

__all__ = ["ImageClassifier", "ImageData"]
