"""taeda_lightning: training loops for taeda with Lightning's API.

Example:
    >>> import taeda_lightning as L
    >>> L.Trainer.__name__
    'Trainer'
"""

from . import callbacks, loggers, utilities
from .callbacks import Callback
from .datamodule import LightningDataModule
from .errors import MisconfigurationException
from .module import LightningModule
from .rng import seed_everything
from .trainer import Trainer

__all__ = [
    "Callback",
    "LightningDataModule",
    "LightningModule",
    "MisconfigurationException",
    "Trainer",
    "callbacks",
    "loggers",
    "seed_everything",
    "utilities",
]

__version__ = "0.1.0"
