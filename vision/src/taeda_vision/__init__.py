"""Models, transforms and data sets for images on taeda, with torchvision's API."""

from . import datasets, io, models, ops, transforms, utils

__version__ = "0.1.0"

__all__ = ["__version__", "datasets", "io", "models", "ops", "transforms", "utils"]
