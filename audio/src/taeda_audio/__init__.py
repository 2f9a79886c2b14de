"""Audio for taeda: files, spectrograms, features, resampling, data sets and models."""

from . import datasets, functional, models, transforms
from ._files import AudioMetaData, info, load, save

__version__ = "0.1.0"

__all__ = [
    "AudioMetaData",
    "__version__",
    "datasets",
    "functional",
    "info",
    "load",
    "models",
    "save",
    "transforms",
]
